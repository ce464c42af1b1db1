// The other one is gone, or the path is: it is noticed in time, and healed where it can be.
#include <gtest/gtest.h>

#include "sim/pair.hpp"
#include "tests/scenario/each_cipher.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;

class Loss : public ::testing::TestWithParam<Ciphers> {
 protected:
  void begin(bool reconnect) {
    PairOptions options{.cipher = GetParam()};
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = reconnect;
    pair_ = std::make_unique<Pair>(world_, options);
    pair_->connect();
    ASSERT_TRUE(pair_->run_until_open());
  }
  void TearDown() override {
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
  }
  // When the left one says so, counted from now.
  Duration time_until(State state) {
    const Instant begin = world_.time.now();
    EXPECT_TRUE(pair_->run_until([&] { return pair_->left->state() == state; }, seconds(100)));
    return world_.time.now() - begin;
  }
  void cut(bool both_ways) {
    for (const bool there : {true, false}) {
      if (!there && !both_ways) continue;
      Peer &from = there ? *pair_->right : *pair_->left, &to = pair_->other(from);
      world_.network.link(from.host(), to.host()).options().loss = 1;
    }
  }

  World world_{2};
  std::unique_ptr<Pair> pair_;
};

INSTANTIATE_TEST_SUITE_P(Over, Loss, ::testing::ValuesIn(every_cipher), name_of_ciphers);

// Whatever is lost of checks and flights is said again, and what follows goes through.
// covers: bug 16, must rfc6347#4.2.4, fault 11
TEST_P(Loss, of_a_quarter_doubling_and_overtaking_delays_a_handshake_and_no_more) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    World world(seed);
    PairOptions options{.cipher = GetParam()};
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
    options.link = {.delay = milliseconds(20), .jitter = milliseconds(30)};
    options.link.reorder = true;
    options.link.loss = 0.25;
    options.link.duplication = 0.2;
    Pair pair(world, options);
    pair.connect();
    ASSERT_TRUE(pair.run_until_open()) << seed;
    EXPECT_TRUE(pair.send(*pair.left, std::string(5'000, 'x')));
    EXPECT_TRUE(pair.send(*pair.right, std::string(5'000, 'y')));
    EXPECT_TRUE(pair.run_until([&] {
      return pair.left_ear.messages.size() == 1 && pair.right_ear.messages.size() == 1;
    })) << seed;
    EXPECT_EQ(world.failures, std::vector<std::string>{}) << seed;
  }
}

TEST_P(Loss, a_peer_that_leaves_is_noticed_within_a_round_trip) {
  begin(false);
  EXPECT_TRUE(pair_->right->disconnect());
  EXPECT_LE(time_until(State::disconnected), milliseconds(20));
}

// covers: fault 1, bug 34, changelog 63
TEST_P(Loss, a_peer_that_dies_is_noticed_by_its_missing_consent) {
  begin(false);
  pair_->right->kill();
  const Duration noticed = time_until(State::disconnected);
  EXPECT_GE(noticed, seconds(20));
  EXPECT_LE(noticed, seconds(36));
}

// Consent is what the other one gives [rfc7675]: hearing it, but not its answers, is not enough.
// covers: fault 13, bug 34
TEST_P(Loss, a_path_that_works_one_way_is_a_path_lost) {
  begin(false);
  cut(false);
  EXPECT_LE(time_until(State::disconnected), seconds(36));
}

// covers: must rfc7675#5.1a, bug 34
TEST_P(Loss, nothing_is_sent_after_consent_was_lost) {
  begin(false);
  pair_->right->kill();
  time_until(State::disconnected);
  pair_->run_for(seconds(1));
  std::uint64_t sent = 0;
  world_.network.set_tap([&](HostId, const Route&, auto&) { return ++sent != 0; });
  pair_->run_for(seconds(300));
  EXPECT_EQ(sent, 0u);
}

// covers: fault 14
TEST_P(Loss, twenty_dark_seconds_are_sat_out_and_nothing_is_lost) {
  begin(false);
  const Instant now = world_.time.now();
  for (const bool there : {true, false}) {
    Peer& from = there ? *pair_->left : *pair_->right;
    world_.network.link(from.host(), pair_->other(from).host()).options().outages = {
        {now, now + seconds(20)}};
  }
  EXPECT_TRUE(pair_->send(*pair_->left, "through the dark"));
  pair_->run_for(seconds(60));
  EXPECT_EQ(pair_->texts(*pair_->right), std::vector<std::string>{"through the dark"});
  EXPECT_FALSE(pair_->left_ear.said(State::disconnected));
}

TEST_P(Loss, after_two_dark_minutes_both_come_back_by_themselves) {
  begin(true);
  cut(true);
  time_until(State::disconnected);
  pair_->run_for(seconds(90));
  world_.network.for_each_link([](LinkOptions& link) { link.loss = 0; });
  ASSERT_TRUE(pair_->run_until_open(seconds(120)));
  EXPECT_TRUE(pair_->send(*pair_->right, "again"));
  pair_->run_for(seconds(1));
  EXPECT_EQ(pair_->texts(*pair_->left), std::vector<std::string>{"again"});
}

// One side noticed, rebuilt and offered while the other still thought that it was connected.
// covers: fault 27, changelog 14
TEST_P(Loss, a_peer_that_comes_back_before_it_was_missed_is_taken_back) {
  begin(true);
  const int attempts = pair_->left->attempts();
  // No ABORT and no alert of it arrive: the right one has vanished and returns at once.
  world_.network.set_tap([](HostId, const Route&, std::vector<std::byte>& datagram) {
    return datagram.empty() || datagram[0] <= std::byte{3};
  });
  EXPECT_TRUE(pair_->right->disconnect());
  pair_->run_for(seconds(1));
  world_.network.set_tap({});
  EXPECT_EQ(pair_->left->state(), State::connected);
  EXPECT_TRUE(pair_->right->connect());
  const Instant begin = world_.time.now();
  ASSERT_TRUE(pair_->run_until([&] {
    return pair_->left->attempts() > attempts && pair_->left->data_open() &&
           pair_->right->data_open();
  }));
  EXPECT_LE(world_.time.now() - begin, seconds(2));
}

TEST_P(Loss, attempts_that_fail_come_ever_later_up_to_half_a_minute) {
  PairOptions options{.cipher = GetParam()};
  options.left.session.keep_role = true;
  options.right.session.auto_reconnect = false;
  options.link.loss = 1;
  pair_ = std::make_unique<Pair>(world_, options);
  // The right one answers once; the signalling gives that answer to every offer.
  std::string answer;
  pair_->on_signal = [&](Peer& from, std::string& sdp) {
    if (&from == pair_->right.get()) answer = sdp;
    if (&from == pair_->right.get() || answer.empty()) return true;
    world_.time.after(milliseconds(30),
                      [&] { static_cast<void>(pair_->left->hear_description(answer)); });
    return false;
  };
  std::vector<Duration> waits;
  Instant failed{};
  pair_->on_event = [&](Peer& peer, const peer::Event& event) {
    const auto* changed = std::get_if<peer::StateChanged>(&event);
    if (&peer != pair_->left.get() || !changed) return;
    if (changed->state == State::connect_failed) failed = world_.time.now();
    if (changed->state == State::new_connection && failed != Instant{}) {
      waits.push_back(world_.time.now() - failed);
    }
  };
  pair_->connect();
  ASSERT_TRUE(pair_->run_until([&] { return waits.size() == 7; }, seconds(600)));
  const int expected[] = {1, 2, 4, 8, 16, 30, 30};
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_GE(waits[i], milliseconds(expected[i] * 800)) << i;
    EXPECT_LE(waits[i], milliseconds(expected[i] * 1200)) << i;
  }
}

}  // namespace
}  // namespace esp_peer::sim
