// Who is DTLS client, for every a=setup in an offer and in an answer.
#include "sdp/setup.hpp"

#include <gtest/gtest.h>

namespace esp_peer::sdp {
namespace {

struct Expected {
  Setup remote, ours;
  bool dtls_client;
};

// covers: bug 45, changelog 13, must rfc8842#4
TEST(Setup, of_an_offer_decides_our_answer) {
  constexpr Expected table[] = {
      {Setup::actpass, Setup::active, true},
      {Setup::active, Setup::passive, false},
      {Setup::passive, Setup::active, true},
      {Setup::absent, Setup::passive, false},
  };
  for (const auto& row : table) {
    const auto choice = setup_for_offer(row.remote);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->ours, row.ours);
    EXPECT_EQ(choice->dtls_client, row.dtls_client);
  }
  EXPECT_FALSE(setup_for_offer(Setup::holdconn));
}

// covers: bug 45, changelog 48, must rfc8842#4
TEST(Setup, of_an_answer_leaves_us_the_other_role) {
  constexpr Expected table[] = {
      {Setup::active, Setup::passive, false},
      {Setup::passive, Setup::active, true},
      {Setup::absent, Setup::active, true},
      {Setup::actpass, Setup::passive, false},  // broken peers
  };
  for (const auto& row : table) {
    const auto choice = setup_from_answer(row.remote);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->ours, row.ours);
    EXPECT_EQ(choice->dtls_client, row.dtls_client);
  }
  EXPECT_FALSE(setup_from_answer(Setup::holdconn));
}

TEST(Setup, two_ends_of_ours_never_have_the_same_role) {
  // The offerer says actpass; the answerer's choice comes back as its a=setup.
  const auto answerer = setup_for_offer(Setup::actpass);
  const auto offerer = setup_from_answer(answerer->ours);
  EXPECT_NE(answerer->dtls_client, offerer->dtls_client);
  EXPECT_EQ(answerer->dtls_client, answerer->ours == Setup::active);
}

TEST(OfferOrAnswer, an_answer_is_what_comes_while_an_offer_is_out_and_leaves_no_choice) {
  for (const auto setup :
       {Setup::absent, Setup::actpass, Setup::active, Setup::passive, Setup::holdconn}) {
    EXPECT_FALSE(is_answer(setup, false));
    EXPECT_EQ(is_answer(setup, true), setup != Setup::actpass);
  }
}

}  // namespace
}  // namespace esp_peer::sdp
