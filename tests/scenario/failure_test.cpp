// Why a connection is over, where it takes virtual time or a hostile hand to find out; the other
// reasons are in tests/capi/failure_test.cpp.
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "sim/pair.hpp"
#include "tests/scenario/each_cipher.hpp"

namespace esp_peer::sim {
namespace {

using peer::Failure;
using peer::State;

class Reason : public ::testing::TestWithParam<Ciphers> {
 protected:
  void begin() {
    PairOptions options{.cipher = GetParam()};
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
    pair_ = std::make_unique<Pair>(world_, options);
    pair_->on_event = [this](Peer& peer, const peer::Event& event) {
      const auto* changed = std::get_if<peer::StateChanged>(&event);
      if (!changed ||
          !(changed->state == State::disconnected || changed->state == State::connect_failed)) {
        return;
      }
      (&peer == pair_->left.get() ? left_ : right_) = *changed;
    };
    pair_->connect();
  }
  void TearDown() override {
    pair_.reset();
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
  }
  bool both_over(Duration patience) {
    return pair_->run_until([&] { return left_ && right_; }, patience);
  }
  void expect(const std::optional<peer::StateChanged>& told, State state, Failure why) {
    ASSERT_TRUE(told);
    EXPECT_EQ(told->state, state);
    EXPECT_EQ(told->why, why);
  }

  World world_{41};
  std::unique_ptr<Pair> pair_;
  std::optional<peer::StateChanged> left_, right_;
};

INSTANTIATE_TEST_SUITE_P(Over, Reason, ::testing::ValuesIn(real_ciphers), name_of_ciphers);

TEST_P(Reason, is_a_handshake_that_took_too_long_where_checks_alone_go_through) {
  world_.network.set_tap([](HostId, const Route&, std::vector<std::byte>& datagram) {
    return datagram.empty() || datagram[0] <= std::byte{3};
  });
  begin();
  ASSERT_TRUE(both_over(seconds(60)));
  expect(left_, State::connect_failed, Failure::handshake_timeout);
  expect(right_, State::connect_failed, Failure::handshake_timeout);
}

// One bit of the signature that shows whose the server's key is [rfc8422#5.4].
TEST_P(Reason, is_a_handshake_that_was_refused_where_a_signature_is_wrong) {
  world_.network.set_tap([](HostId, const Route&, std::vector<std::byte>& datagram) {
    constexpr std::size_t header = 13, message = 12;
    for (std::size_t at = 0; at + header + message < datagram.size();) {
      const std::size_t size = std::to_integer<std::size_t>(datagram[at + 11]) << 8 |
                               std::to_integer<std::size_t>(datagram[at + 12]);
      const bool handshake = datagram[at] == std::byte{22} && datagram[at + 4] == std::byte{0};
      if (at + header + size > datagram.size()) break;
      if (handshake && datagram[at + header] == std::byte{12}) {  // ServerKeyExchange
        datagram[at + header + size - 1] ^= std::byte{1};
      }
      at += header + size;
    }
    return true;
  });
  begin();
  ASSERT_TRUE(both_over(seconds(60)));
  expect(left_, State::connect_failed, Failure::handshake_refused);
  expect(right_, State::connect_failed, Failure::handshake_refused);
}

// The path lives, as checks show, and nothing that is sent on it is acknowledged any more.
TEST_P(Reason, is_a_lost_association_where_data_alone_is_swallowed) {
  begin();
  ASSERT_TRUE(pair_->run_until_open());
  world_.network.set_tap([](HostId, const Route&, std::vector<std::byte>& datagram) {
    return datagram.empty() || datagram[0] != std::byte{23};
  });
  EXPECT_TRUE(pair_->send(*pair_->left, "into nowhere"));
  ASSERT_TRUE(pair_->run_until([&] { return left_.has_value(); }, seconds(900)));
  expect(left_, State::disconnected, Failure::association_lost);
}

TEST_P(Reason, is_memory_where_there_is_none) {
  begin();
  pair_->left->memory().fail_at(0, 1'000'000);
  ASSERT_TRUE(pair_->run_until([&] { return left_.has_value(); }, seconds(5)));
  expect(left_, State::connect_failed, Failure::no_memory);
}

// The association has ended behind a message that nobody reads; closing the channel drops that, and
// with it the connection stands for nothing: its end is dealt with as any other.
TEST(End, that_a_command_brings_to_light_is_followed_by_a_reconnect) {
  World world(12);
  PairOptions options;
  options.right.session.keep_role = true;
  Pair pair(world, options);
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  pair.right->set_reading(false);
  EXPECT_TRUE(pair.send(*pair.left, "unread"));
  pair.run_for(seconds(1));
  // Of what the left one says at its end the ABORT alone comes through, and no close_notify.
  int records = 0;
  world.network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& datagram) {
    const bool record = !datagram.empty() && datagram[0] > std::byte{3};
    return from != pair.left->host() || !record || ++records == 1;
  });
  EXPECT_TRUE(pair.left->disconnect());
  pair.run_for(milliseconds(200));
  EXPECT_EQ(pair.right->state(), State::connected);
  EXPECT_FALSE(pair.right_ear.said(State::data_disconnected));
  EXPECT_TRUE(pair.right->command(
      [](auto& session, Instant now) { return session.close_channel(now, "esp_channel"); }));
  EXPECT_EQ(pair.right->state(), State::disconnected);
  EXPECT_TRUE(pair.right->sockets().empty());
  pair.run_for(seconds(60));
  EXPECT_GE(pair.right->attempts(), 2);
}

}  // namespace
}  // namespace esp_peer::sim
