#include "peer/negotiation.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "backends/openssl/provider.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::peer {
namespace {

using Incoming = Negotiation::Incoming;

// One end, with the path that it describes.
struct End {
  explicit End(std::uint64_t session_id, const Negotiation::Ours& ours = {})
      : negotiation(session_id, ours, openssl::provider(), env.env) {
    credentials.ufrag.assign("ufra");
    credentials.password.assign("passwordpasswordpassword");
    fingerprint.size = 32;
  }
  std::string describe() {
    EXPECT_TRUE(negotiation.describe({credentials, fingerprint, {}, true}));
    return std::string(negotiation.text());
  }
  Incoming hear(const std::string& text) {
    sdp::Remote remote;
    auto incoming = negotiation.on_description(text, remote);
    EXPECT_TRUE(incoming);
    return incoming ? *incoming : Incoming::ignored;
  }
  test::TestEnv env;
  ice::Credentials credentials;
  dtls::Fingerprint fingerprint;
  Negotiation negotiation;
};

// What an end that has answered writes when it offers: its answer with a=setup:actpass.
std::string reoffer_of(End& end) {
  std::string text = end.describe();
  const std::string role = "a=setup:active";
  return text.replace(text.find(role), role.size(), "a=setup:actpass");
}

class Glare : public ::testing::Test {
 protected:
  End larger_{20}, smaller_{10};
};

TEST(Negotiation, an_offer_is_answered_and_the_answer_ends_it) {
  End offerer(1), answerer(2);
  EXPECT_EQ(answerer.hear(offerer.describe()), Incoming::offer);
  EXPECT_TRUE(answerer.negotiation.answer_owed());
  EXPECT_EQ(offerer.hear(answerer.describe()), Incoming::answer);
  EXPECT_FALSE(offerer.negotiation.answer_owed());
  EXPECT_FALSE(answerer.negotiation.answer_owed());
  EXPECT_NE(offerer.negotiation.dtls_role(), answerer.negotiation.dtls_role());
}

// The pair may work, and DTLS be through, before our candidates are complete.
TEST(Negotiation, an_answer_that_is_still_owed_when_the_connection_stands_has_the_offers_sections) {
  End offerer(1), answerer(2);
  std::string offer = offerer.describe();
  offer.replace(offer.find("a=mid:0"), 7, "a=mid:x");
  offer.replace(offer.find("BUNDLE 0"), 8, "BUNDLE x");
  EXPECT_EQ(answerer.hear(offer), Incoming::offer);
  answerer.negotiation.settle();
  const std::string answer = answerer.describe();
  EXPECT_NE(answer.find("a=mid:x\r\n"), answer.npos) << answer;
  EXPECT_NE(answer.find("a=setup:active\r\n"), answer.npos);
}

TEST(Negotiation, what_comes_twice_is_taken_once) {
  End offerer(1), answerer(2);
  const std::string offer = offerer.describe();
  EXPECT_EQ(answerer.hear(offer), Incoming::offer);
  EXPECT_EQ(answerer.hear(offer), Incoming::ignored);
  const std::string answer = answerer.describe();
  EXPECT_EQ(offerer.hear(answer), Incoming::answer);
  EXPECT_EQ(offerer.hear(answer), Incoming::ignored);
}

TEST(Negotiation, what_was_rejected_may_come_again) {
  End offerer(1), answerer(2);
  const std::string offer = offerer.describe();
  EXPECT_EQ(answerer.hear(offer), Incoming::offer);
  answerer.negotiation.reject();
  EXPECT_FALSE(answerer.negotiation.answer_owed());
  EXPECT_EQ(answerer.hear(offer), Incoming::offer);
}

TEST(Negotiation, what_was_rejected_changes_nothing) {
  End offerer(1), answerer(2), stranger(3);
  const std::string offer = offerer.describe();
  EXPECT_EQ(answerer.hear(offer), Incoming::offer);
  EXPECT_EQ(answerer.hear(stranger.describe()), Incoming::offer);
  answerer.negotiation.reject();
  EXPECT_TRUE(answerer.negotiation.answer_owed()) << "to the first one";
  EXPECT_EQ(answerer.hear(offer), Incoming::ignored) << "it is known";
  const std::string answer = answerer.describe();
  EXPECT_EQ(offerer.hear(answer), Incoming::answer);
  offerer.negotiation.reject();
  EXPECT_EQ(offerer.hear(answer), Incoming::answer) << "our offer is still out";
}

TEST(Negotiation, our_own_words_sent_back_by_the_signalling_are_ignored) {
  End offerer(1), answerer(2);
  const std::string offer = offerer.describe();
  EXPECT_EQ(offerer.hear(offer), Incoming::ignored);
  EXPECT_EQ(answerer.hear(offer), Incoming::offer);
  const std::string answer = answerer.describe();
  EXPECT_EQ(answerer.hear(answer), Incoming::ignored);
  EXPECT_FALSE(answerer.negotiation.answer_owed());
  EXPECT_EQ(offerer.hear(answer), Incoming::answer);
}

// GStreamer's webrtcbin copies the origin of the offer into its answer.
TEST(Negotiation, an_answer_with_the_number_of_our_session_is_not_our_own_word) {
  End offerer(1), answerer(1);
  answerer.fingerprint.digest[0] = std::byte{1};
  const std::string offer = offerer.describe();
  EXPECT_EQ(answerer.hear(offer), Incoming::offer);
  EXPECT_EQ(offerer.hear(offer), Incoming::ignored);
  EXPECT_EQ(offerer.hear(answerer.describe()), Incoming::answer);
}

// covers: bug 45
TEST(Negotiation, a_hundred_offers_and_answers_later_the_dtls_roles_are_the_same) {
  End left(1), right(2);
  EXPECT_EQ(right.hear(left.describe()), Incoming::offer);
  EXPECT_EQ(left.hear(right.describe()), Incoming::answer);
  ASSERT_EQ(left.negotiation.dtls_role(), dtls::Role::server);
  for (int i = 0; i < 100; ++i) {
    // The other side offers now: who was the server stays it.
    const std::string offer = reoffer_of(right);
    EXPECT_EQ(left.hear(offer), Incoming::offer);
    const std::string answer = left.describe();
    EXPECT_NE(answer.find("a=setup:passive\r\n"), answer.npos) << answer;
    EXPECT_NE(answer.find("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"), answer.npos);
    EXPECT_EQ(left.negotiation.dtls_role(), dtls::Role::server);
  }
}

TEST(Negotiation, an_answer_told_anew_is_no_offer) {
  End offerer(1), answerer(2);
  EXPECT_EQ(answerer.hear(offerer.describe()), Incoming::offer);
  EXPECT_EQ(offerer.hear(answerer.describe()), Incoming::answer);
  EXPECT_EQ(offerer.hear(answerer.describe()), Incoming::answer);
  EXPECT_FALSE(offerer.negotiation.answer_owed());
}

TEST(Negotiation, another_session_may_offer_with_a_fixed_role) {
  End offerer(1), answerer(2), stranger(3), other(4);
  EXPECT_EQ(answerer.hear(offerer.describe()), Incoming::offer);
  EXPECT_EQ(offerer.hear(answerer.describe()), Incoming::answer);
  EXPECT_EQ(stranger.hear(other.describe()), Incoming::offer);
  EXPECT_EQ(offerer.hear(stranger.describe()), Incoming::offer) << "it has rebuilt";
}

TEST_F(Glare, the_larger_session_id_stands) {
  const std::string ours = larger_.describe(), theirs = smaller_.describe();
  EXPECT_EQ(larger_.hear(theirs), Incoming::ignored);
  EXPECT_EQ(smaller_.hear(ours), Incoming::offer);
  EXPECT_EQ(larger_.hear(smaller_.describe()), Incoming::answer);
}

// Two ends that answered each other's answers for ever: a seed of the simulator found them.
TEST_F(Glare, the_offer_that_lost_is_not_answered_when_it_comes_late) {
  const std::string ours = larger_.describe(), theirs = smaller_.describe();
  EXPECT_EQ(smaller_.hear(ours), Incoming::offer);
  EXPECT_EQ(larger_.hear(smaller_.describe()), Incoming::answer);
  EXPECT_EQ(larger_.hear(theirs), Incoming::ignored);
  EXPECT_FALSE(larger_.negotiation.answer_owed());
}

// Two ends whose signalling overtakes itself, says things twice, and sends one's own words back.
class BadSignalling {
 public:
  explicit BadSignalling(std::uint64_t seed)
      : random_(seed), ends_{{End(1 + random_() % 1000), End(1001 + random_() % 1000)}} {
    if (seed % 2 == 0) std::swap(offerer_, other_);
    say(offerer_);
    if (random_() % 2 == 0) say(other_);
  }
  void run() {
    while (!in_flight_.empty()) deliver(random_() % in_flight_.size());
  }
  std::size_t said() const { return said_; }
  bool agreed() const {
    const Negotiation &a = ends_[0].negotiation, &b = ends_[1].negotiation;
    return !a.answer_owed() && !b.answer_owed() && a.dtls_role() != b.dtls_role();
  }

 private:
  void say(std::size_t from) {
    in_flight_.push_back({1 - from, ends_[from].describe()});
    if (random_() % 3 == 0) in_flight_.push_back({from, in_flight_.back().text});
    ++said_;
  }
  void deliver(std::size_t i) {
    const Message m = in_flight_[i];
    if (random_() % 4 != 0) in_flight_.erase(in_flight_.begin() + static_cast<std::ptrdiff_t>(i));
    ends_[m.to].hear(m.text);
    if (ends_[m.to].negotiation.answer_owed()) say(m.to);
  }
  struct Message {
    std::size_t to;
    std::string text;
  };
  std::mt19937_64 random_;
  std::array<End, 2> ends_;
  std::size_t offerer_ = 0, other_ = 1, said_ = 0;
  std::vector<Message> in_flight_;
};

// covers: bug 47
TEST(Negotiation, ends_in_opposite_roles_whatever_the_signalling_does) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    BadSignalling signalling(seed);
    signalling.run();
    ASSERT_TRUE(signalling.agreed()) << seed;
    ASSERT_LE(signalling.said(), 3u) << seed << ": two offers at most, and one answer";
  }
}

// ---------------------------------------------------------------- formats of media

Negotiation::Ours media(std::uint32_t width = 640, std::uint32_t height = 480) {
  Negotiation::Ours ours;
  ours.audio = {sdp::AudioCodec::opus, sdp::Direction::sendrecv, 48'000, 1};
  ours.video = {sdp::VideoCodec::h264, sdp::Direction::sendrecv, width, height, 30};
  return ours;
}
std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}
// As another peer calls the same.
std::string renumbered(const std::string& text) {
  return replaced(replaced(replaced(text, "111", "96"), "102", "126"), "103", "127");
}
std::vector<int> accepted_audio(const End& end) {
  const auto& types = end.negotiation.audio()->accepted_payload_types;
  return {types.begin(), types.end()};
}
std::vector<int> accepted_video(const End& end) {
  std::vector<int> types;
  for (const auto& format : end.negotiation.video()->accepted) types.push_back(format.payload_type);
  return types;
}

// [rfc3264#6.1] And with no others: audio under one of them would be taken for video.
TEST(Negotiation, the_peer_sends_with_its_own_numbers_or_those_that_we_offered) {
  End left(1, media()), right(2, media());
  EXPECT_EQ(right.hear(renumbered(left.describe())), Incoming::offer);
  EXPECT_EQ(accepted_audio(right), (std::vector<int>{96}));
  EXPECT_EQ(accepted_video(right), (std::vector<int>{126}));
  EXPECT_EQ(left.hear(right.describe()), Incoming::answer);
  EXPECT_EQ(accepted_audio(left), (std::vector<int>{96, 111}));
  EXPECT_EQ(accepted_video(left), (std::vector<int>{126, 102}));

  // The other one offers now: it goes on with the numbers of its answer.
  right.negotiation.offer_again();
  EXPECT_EQ(left.hear(right.describe()), Incoming::offer);
  EXPECT_EQ(right.hear(left.describe()), Incoming::answer);
  EXPECT_EQ(accepted_audio(right), (std::vector<int>{96}));
  EXPECT_EQ(accepted_video(right), (std::vector<int>{126}));
}

// [rfc6184#8.2.2] "An answer MUST NOT contain the payload type number used in the offer unless the
// configuration is exactly the same".
TEST(Negotiation, an_answer_that_keeps_our_number_and_names_no_mode_has_the_mode_that_we_offered) {
  const std::string mode = ";packetization-mode=1";
  const auto fragments_after = [](const auto& change) {
    End left(1, media()), right(2, media());
    right.hear(left.describe());
    EXPECT_EQ(left.hear(change(right.describe())), Incoming::answer);
    return left.negotiation.video()->format.fragments;
  };
  EXPECT_TRUE(fragments_after([&](const auto& answer) { return replaced(answer, mode, ""); }));
  EXPECT_FALSE(fragments_after(
      [&](const auto& answer) { return replaced(answer, mode, ";packetization-mode=0"); }));
  EXPECT_FALSE(fragments_after([&](const auto& answer) {
    return renumbered(replaced(answer, mode, ""));
  })) << "a format of its own";
  End left(1, media()), right(2, media());
  EXPECT_EQ(right.hear(replaced(left.describe(), mode, "")), Incoming::offer);
  EXPECT_FALSE(right.negotiation.video()->format.fragments) << "an offer means what it says";
}

// [rfc6184#8.1]
TEST(Negotiation, the_level_of_an_offer_has_room_for_the_pictures) {
  End small(1, media()), large(2, media(1920, 1080));
  EXPECT_NE(small.describe().find("profile-level-id=42e01f\r\n"), std::string::npos);
  EXPECT_NE(large.describe().find("profile-level-id=42e028\r\n"), std::string::npos);
}

}  // namespace
}  // namespace esp_peer::peer
