// Connect, talk, part, for ever: what a cycle took is given back to the last byte, also where it is
// cut short. Weighed is the heap of the whole program, its libraries too, after ten cycles and
// after the last. ESP_PEER_CYCLES says how many (2,000), and ESP_PEER_REAL_CYCLES how many of real
// handshakes, which take their time: a few of these, where it says nothing.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "sim/pair.hpp"
#include "tests/scenario/each_cipher.hpp"
#include "tests/support/heap/heap_in_use.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;
using test::heap_in_use;

constexpr int warm_up = 10;  // libraries make tables for themselves

int wanted(const char* variable, int otherwise) {
  const char* const value = std::getenv(variable);
  return value ? std::atoi(value) : otherwise;
}

int cycles(const Ciphers& cipher) {
  int count = wanted("ESP_PEER_CYCLES", 2'000);
  if (cipher != Cipher::plain) {
    const int few = cipher == Cipher::openssl ? count * 3 / 20 : count / 25;
    count = wanted("ESP_PEER_REAL_CYCLES", few);
  }
  return std::max(count, 3 * warm_up);
}

class Cycles : public ::testing::TestWithParam<Ciphers> {
 protected:
  // Heap that `cycle` keeps, all together; it is told which one it is.
  template <class Cycle>
  static void expect_constant_heap(Cycle cycle) {
    long before = 0;
    const int count = cycles(GetParam());
    for (int i = 0; i < count && !HasFailure(); ++i) {
      cycle(i);
      if (i == warm_up - 1) before = heap_in_use();
    }
    EXPECT_EQ(heap_in_use() - before, 0) << count << " cycles";
    std::printf("cycles: %d\n", count);
  }
  static void expect_no_failure(const World& world, int cycle) {
    for (const std::string& failure : world.failures) ADD_FAILURE() << failure << ", " << cycle;
  }
  static PairOptions options(bool reconnect = false) {
    PairOptions options{.cipher = GetParam()};
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = reconnect;
    options.right.session.keep_role = true;
    return options;
  }
};

// covers: bug 21, bug 79, changelog 6, changelog 16
TEST_P(Cycles, of_peers_that_connect_talk_and_part_leave_nothing) {
  expect_constant_heap([](int i) {
    World world(static_cast<std::uint64_t>(i));
    {
      Pair pair(world, options());
      pair.connect();
      ASSERT_TRUE(pair.run_until_open()) << i;
      EXPECT_TRUE(pair.send(*pair.left, std::string(static_cast<std::size_t>(i % 5'000), 'a')));
      EXPECT_TRUE(pair.send(*pair.right, "well met"));
      ASSERT_TRUE(pair.run_until(
          [&] { return pair.left_ear.messages.size() + pair.right_ear.messages.size() == 2; }));
      Peer& leaves = i % 2 == 0 ? *pair.left : *pair.right;
      EXPECT_TRUE(leaves.disconnect());
      EXPECT_TRUE(
          pair.run_until([&] { return pair.other(leaves).state() == State::disconnected; }));
      pair.left->kill();
      pair.right->kill();
      EXPECT_EQ(pair.plain_dtls().live_endpoints(), 0);
      EXPECT_EQ(pair.plain_dtls().live_identities(), 0);
    }
    expect_no_failure(world, i);
  });
}

// Fifty connections of the same two, and what they held after the first they hold after the last.
// covers: bug 21, bug 79, changelog 6, changelog 16
TEST_P(Cycles, of_the_same_peers_again_and_again_leave_nothing) {
  constexpr int rounds = 50;
  expect_constant_heap([](int i) {
    if (i % rounds != 0) return;
    World world(static_cast<std::uint64_t>(i));
    {
      Pair pair(world, options());
      std::size_t left_held = 0, right_held = 0;
      for (int round = 0; round < rounds; ++round) {
        pair.left_ear = pair.right_ear = {};
        pair.connect();
        ASSERT_TRUE(pair.run_until_open()) << i << ", round " << round;
        EXPECT_TRUE(pair.send(*pair.left, "hello"));
        ASSERT_TRUE(pair.run_until([&] { return pair.right_ear.messages.size() == 1; }));
        EXPECT_TRUE(pair.left->disconnect());
        pair.run_for(seconds(1));
        if (round == 0) {
          left_held = pair.left->memory().live();
          right_held = pair.right->memory().live();
        }
        EXPECT_EQ(pair.left->memory().live(), left_held) << i << ", round " << round;
        EXPECT_EQ(pair.right->memory().live(), right_held) << i << ", round " << round;
      }
    }
    expect_no_failure(world, i);
  });
}

// Somewhere between nothing and talking: one of them leaves, is killed, is told to leave twice, or
// begins anew; and what was on its way is lost, or comes late.
// covers: bug 21, bug 79, bug 83, fault 24, changelog 55
TEST_P(Cycles, that_are_cut_short_anywhere_leave_nothing) {
  int connected = 0, unconnected = 0;
  expect_constant_heap([&](int i) {
    World world(static_cast<std::uint64_t>(i) + 1'000'000);
    {
      Rng& chance = world.workload;
      PairOptions chosen = options(chance.chance(0.3));
      chosen.link.loss = chance.chance(0.3) ? 0.2 : 0;
      Pair pair(world, chosen);
      pair.connect();
      pair.run_for(chance.up_to(milliseconds(250)));
      (pair.left_ear.said(State::connected) ? connected : unconnected) += 1;
      if (pair.left->data_open()) {
        EXPECT_TRUE(pair.send(*pair.left, std::string(50'000, 'x')));
        pair.run_for(chance.up_to(milliseconds(40)));
      }
      for (int cut = 0; cut < 3; ++cut) {
        Peer& which = chance.chance(0.5) ? *pair.left : *pair.right;
        if (!which.alive()) continue;
        switch (chance.below(4)) {
          case 0:
            which.kill();
            break;
          case 1:
            EXPECT_TRUE(which.disconnect());
            EXPECT_TRUE(which.disconnect());
            break;
          case 2:
            static_cast<void>(which.connect());
            break;
          default:
            static_cast<void>(which.hear_description("v=0\r\nnonsense"));
        }
        pair.run_for(chance.up_to(milliseconds(100)));
      }
    }
    expect_no_failure(world, i);
  });
  EXPECT_GT(connected, cycles(GetParam()) / 20);
  EXPECT_GT(unconnected, cycles(GetParam()) / 20);
}

// Attempts that cannot succeed: the wrong fingerprint, or nobody there.
// covers: bug 79
TEST_P(Cycles, that_fail_leave_nothing) {
  expect_constant_heap([](int i) {
    World world(static_cast<std::uint64_t>(i) + 2'000'000);
    {
      PairOptions chosen = options();
      if (i % 2 == 0) chosen.link.loss = 1;
      Pair pair(world, chosen);
      pair.on_signal = [&](Peer&, std::string& sdp) {
        const std::size_t at = sdp.find("a=fingerprint:sha-256 ") + 22;
        sdp[at] = sdp[at] == '0' ? '1' : '0';
        return true;
      };
      pair.connect();
      EXPECT_TRUE(pair.run_until([&] { return pair.left_ear.said(State::connect_failed); }));
    }
    expect_no_failure(world, i);
  });
}

INSTANTIATE_TEST_SUITE_P(Over, Cycles,
                         ::testing::Values(Cipher::plain, Cipher::openssl, Cipher::mbedtls),
                         name_of_ciphers);

}  // namespace
}  // namespace esp_peer::sim
