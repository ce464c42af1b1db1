// The laws of the simulator can be broken: each wrong is done once, and noticed.
#include "sim/ledger.hpp"

#include <gtest/gtest.h>

#include "tests/support/test_env.hpp"

namespace esp_peer::sim {
namespace {

using datachannel::Kind;

class LedgerLaws : public ::testing::Test {
 protected:
  std::vector<std::byte> say(const Line& line, Promise promise = {}, std::size_t size = 100) {
    auto body = ledger_.compose(line, size, Kind::binary);
    ledger_.accepted(line, promise, size, Kind::binary);
    return body;
  }
  // What the ledger has to say about a message from peer 0; empty when all is well.
  std::string hear(const std::vector<std::byte>& body, Kind kind = Kind::binary,
                   std::uint16_t stream = 4) {
    datachannel::Message message;
    message.stream = datachannel::StreamId{stream};
    message.kind = kind;
    message.body = Buffer::copy_of(env_.memory, body);
    return ledger_.received(0, message).value_or("");
  }

  test::TestEnv env_;
  Ledger ledger_;
  const Line line_{0, 1, 4};
};

TEST_F(LedgerLaws, all_is_well_when_everything_comes_once_and_in_order) {
  const auto first = say(line_), second = say(line_);
  EXPECT_FALSE(ledger_.all_delivered());
  EXPECT_EQ(hear(first), "");
  EXPECT_NE(ledger_.missing(), "");
  EXPECT_EQ(hear(second), "");
  EXPECT_TRUE(ledger_.all_delivered());
  EXPECT_EQ(ledger_.messages(), 2u);
}

TEST_F(LedgerLaws, a_message_that_comes_twice) {
  const auto body = say(line_);
  EXPECT_EQ(hear(body), "");
  EXPECT_NE(hear(body), "");
  const Line unordered{0, 1, 6};
  const auto other = say(unordered, {.ordered = false});
  EXPECT_EQ(hear(other, Kind::binary, 6), "");
  EXPECT_NE(hear(other, Kind::binary, 6).find("came twice"), std::string::npos);
}

TEST_F(LedgerLaws, a_message_that_overtakes_another) {
  const auto first = say(line_), second = say(line_);
  EXPECT_NE(hear(second).find("was next"), std::string::npos);
  const Line unordered{0, 1, 6};
  const auto third = say(unordered, {.ordered = false}),
             fourth = say(unordered, {.ordered = false});
  EXPECT_EQ(hear(fourth, Kind::binary, 6), "") << "which may happen without order";
  EXPECT_EQ(hear(third, Kind::binary, 6), "");
}

TEST_F(LedgerLaws, a_message_that_never_comes) {
  say(line_);
  EXPECT_FALSE(ledger_.all_delivered());
  ledger_.forgive(1, 0);
  EXPECT_TRUE(ledger_.all_delivered());
}

TEST_F(LedgerLaws, where_loss_was_allowed_a_message_that_comes_twice_or_overtakes) {
  const Promise partial{.reliable = false};
  const auto first = say(line_, partial), second = say(line_, partial), third = say(line_, partial);
  EXPECT_TRUE(ledger_.all_delivered()) << "none of them need come";
  EXPECT_EQ(hear(second), "");
  EXPECT_NE(hear(second), "");
  EXPECT_NE(hear(first).find("was next"), std::string::npos);
  EXPECT_EQ(hear(third), "");
  EXPECT_EQ(ledger_.messages_lost(), 1u);
  const Line loose{0, 1, 6};
  const Promise neither{.ordered = false, .reliable = false};
  const auto fourth = say(loose, neither), fifth = say(loose, neither);
  EXPECT_EQ(hear(fifth, Kind::binary, 6), "");
  EXPECT_EQ(hear(fourth, Kind::binary, 6), "");
  EXPECT_NE(hear(fifth, Kind::binary, 6).find("came twice"), std::string::npos);
}

TEST_F(LedgerLaws, a_message_with_one_bit_flipped_in_each_of_its_bytes) {
  const auto body = say(line_);
  for (std::size_t i = 0; i < body.size(); ++i) {
    auto flipped = body;
    flipped[i] ^= std::byte{1};
    Ledger fresh = ledger_;
    std::swap(fresh, ledger_);
    EXPECT_NE(hear(flipped), "") << i;
    std::swap(fresh, ledger_);
  }
  EXPECT_EQ(hear(body), "");
}

TEST_F(LedgerLaws, a_message_that_is_shorter_longer_of_another_kind_or_stream) {
  auto body = say(line_);
  EXPECT_NE(Ledger(ledger_).received(0, {}).value_or(""), "") << "an empty one that nobody sent";
  const Ledger before = ledger_;
  for (const auto& wrong : {std::vector(body.begin(), body.end() - 1), std::vector(body)}) {
    ledger_ = before;
    if (wrong.size() == body.size()) {
      EXPECT_NE(hear(wrong, Kind::string), "");
      ledger_ = before;
      EXPECT_NE(hear(wrong, Kind::binary, 8), "");
    } else {
      EXPECT_NE(hear(wrong), "");
    }
  }
  ledger_ = before;
  body.push_back({});
  EXPECT_NE(hear(body), "");
}

TEST_F(LedgerLaws, a_message_of_an_attempt_that_is_over) {
  const auto old = say(line_);
  const auto fresh = say({0, 2, 4});
  EXPECT_EQ(hear(fresh), "");
  EXPECT_EQ(hear(old), "") << "it was sent, and may still be read";
  EXPECT_NE(hear(old), "");
}

}  // namespace
}  // namespace esp_peer::sim
