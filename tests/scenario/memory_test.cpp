// Memory that runs out, and memory that comes back.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/pair.hpp"

namespace esp_peer::sim {
namespace {

// The laws that hold even then: nothing leaks, nothing spins, nothing comes back wrong.
void expect_no_grave_failure(const World& world, std::uint64_t k) {
  for (const std::string& failure : world.failures) {
    for (const char* grave : {"memory", "spins", "deadline"}) {
      EXPECT_EQ(failure.find(grave), std::string::npos) << failure << " at allocation " << k;
    }
  }
}

// covers: bug 85, fault 18
TEST(Memory, any_allocation_may_fail_and_nothing_leaks_or_hangs) {
  std::uint64_t k = 0, last = 1;
  int survived = 0;
  for (; k < last && k < 2'000; ++k) {
    World world(8);
    {
      PairOptions options;
      options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
      Pair pair(world, options);
      pair.left->memory().fail_at(k);
      pair.connect();
      if (pair.run_until_open(seconds(90))) {
        ++survived;
        static_cast<void>(pair.send(*pair.left, std::string(5'000, 'x')));
        static_cast<void>(pair.send(*pair.right, std::string(5'000, 'y')));
        pair.run_for(seconds(2));
      }
      last = std::max(last, pair.left->memory().allocations());
      pair.left->kill();
      pair.right->kill();
    }
    expect_no_grave_failure(world, k);
    if (HasFailure()) break;
  }
  EXPECT_GE(k, 25u) << "a session allocates more often than that";
  EXPECT_GE(survived, 1);
}

// A hundred channels close first, and there is no room to keep what that says.
TEST(Memory, the_end_is_told_even_where_no_memory_is_left_to_keep_it) {
  World world(10);
  Pair pair(world, {});
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  pair.left->command([&](auto& session, Instant now) {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(static_cast<bool>(session.create_channel(now, {})));
    return 0;
  });
  pair.run_for(seconds(1));
  ASSERT_EQ(pair.left_ear.opened.size(), 101u);
  pair.left->memory().fail_at(0, 1'000'000);
  EXPECT_TRUE(pair.left->disconnect());
  EXPECT_EQ(pair.left_ear.states.back(), peer::State::disconnected);
}

// The window is open, the queues have their size: a message of 17 packets takes two or three blocks
// at either end, and no packet takes one.
TEST(Memory, a_steady_transfer_takes_a_few_blocks_for_a_message_and_none_for_a_packet) {
  World world(12);
  Pair pair(world, {.link = {.delay = milliseconds(5)}, .keep_messages = false});
  int arrived = 0, packets = 0;
  pair.on_message = [&](Peer&, const datachannel::Message&) { ++arrived; };
  world.network.set_tap([&](HostId, const Route&, std::vector<std::byte>&) {
    ++packets;
    return true;
  });
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  const std::string text(20'000, 'x');
  const auto transfer = [&](int count) {
    for (int i = 0; i < count; ++i) {
      for (Peer* from : {pair.left.get(), pair.right.get()}) {
        ASSERT_TRUE(pair.run_until([&] { return static_cast<bool>(pair.send(*from, text)); }));
      }
    }
    pair.run_for(seconds(2));
  };
  transfer(100);
  arrived = packets = 0;
  const std::uint64_t left = pair.left->memory().allocations(),
                      right = pair.right->memory().allocations();
  transfer(300);
  EXPECT_EQ(arrived, 600);
  EXPECT_GT(packets, 600 * 16);
  const std::uint64_t most = 3 * (300 + 300);  // of each, sent and received
  EXPECT_LE(pair.left->memory().allocations() - left, most);
  EXPECT_LE(pair.right->memory().allocations() - right, most);
}

// Whatever is lost while channels open: the connection goes on, and is not told again.
TEST(Memory, no_state_is_told_twice_because_another_event_was_lost) {
  for (std::uint64_t k = 0; k < 60; ++k) {
    World world(10);
    PairOptions options;
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
    Pair pair(world, options);
    pair.connect();
    ASSERT_TRUE(pair.run_until_open());
    pair.left->command([](auto& session, Instant now) {
      for (int i = 0; i < 30; ++i) EXPECT_TRUE(static_cast<bool>(session.create_channel(now, {})));
      return 0;
    });
    pair.left->memory().fail_at(k, 3);
    pair.run_for(seconds(1));
    const auto& states = pair.left_ear.states;
    EXPECT_EQ(std::count(states.begin(), states.end(), peer::State::connected), 1) << k;
  }
}

// covers: bug 79
TEST(Memory, fifty_connections_leave_a_peer_as_large_as_the_first) {
  World world(9);
  PairOptions options;
  options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
  options.right.session.keep_role = true;
  Pair pair(world, options);
  std::size_t after_first = 0;
  for (int round = 0; round < 50; ++round) {
    pair.connect();
    ASSERT_TRUE(pair.run_until_open()) << round;
    EXPECT_TRUE(pair.send(*pair.left, "round"));
    pair.run_for(seconds(1));
    static_cast<void>(pair.left->disconnect());
    pair.run_for(seconds(1));
    static_cast<void>(pair.right->disconnect());
    pair.run_for(seconds(1));
    if (round == 0) after_first = pair.left->memory().live();
    EXPECT_LE(pair.left->memory().live(), after_first) << round;
  }
  EXPECT_TRUE(world.failures.empty());
}

// The peer's description is kept for the attempt, which cannot begin: that is no reason to hurry.
TEST(Memory, an_attempt_without_memory_waits_also_when_the_peer_has_described_itself) {
  World world(11);
  Pair pair(world, {});
  pair.on_signal = [](Peer&, std::string&) { return false; };
  EXPECT_TRUE(pair.left->connect());
  ASSERT_TRUE(pair.run_until([&] { return !pair.left_ear.description.empty(); }, seconds(5)));

  EXPECT_TRUE(pair.right->connect());
  EXPECT_TRUE(pair.right->hear_description(pair.left_ear.description));
  pair.right->memory().fail_at(0, 1'000'000);
  pair.run_for(seconds(20));
  EXPECT_TRUE(pair.right_ear.description.empty());
  expect_no_grave_failure(world, 0);

  pair.right->memory().fail_at(0, 0);
  ASSERT_TRUE(pair.run_until([&] { return !pair.right_ear.description.empty(); }, seconds(40)));
  EXPECT_NE(pair.right_ear.description.find("a=setup:active"), std::string::npos)
      << "it was kept: this is the answer";
}

TEST(Memory, an_idle_connected_session_stays_small) {
  World world(10);
  Pair pair(world, {});
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  pair.run_for(seconds(10));
  RecordProperty("bytes", static_cast<int>(pair.left->memory().live()));
  EXPECT_LE(pair.left->memory().live(), 24'000u) << "without the DTLS library";
}

}  // namespace
}  // namespace esp_peer::sim
