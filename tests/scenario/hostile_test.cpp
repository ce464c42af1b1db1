// Whoever has no key changes nothing: in every state of a session, for every kind of datagram.
#include <gtest/gtest.h>

#include "sim/attacker.hpp"
#include "sim/pair.hpp"
#include "tests/scenario/each_cipher.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;

struct Beset {
  Cipher cipher;
  State state;
};
std::vector<Beset> everybody() {
  std::vector<Beset> all;
  for (const Cipher cipher : {Cipher::openssl, Cipher::mbedtls}) {
    for (const State state : {State::gathering, State::pairing, State::paired, State::connecting,
                              State::connected, State::data_connected, State::data_opened}) {
      all.push_back({cipher, state});
    }
  }
  return all;
}

class Hostile : public ::testing::TestWithParam<Beset> {
 protected:
  void TearDown() override {
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
  }
  World world_{4};
};

// Peer::inject_worthless compares the state before and after, and weighs the answers.
// covers: bug 4, bug 12, bug 19, bug 26
TEST_P(Hostile, datagrams_of_a_stranger_change_no_state) {
  PairOptions options{.cipher = GetParam().cipher};
  options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
  Pair pair(world_, options);
  Attacker attacker(Rng(4));
  world_.network.set_tap([&](HostId, const Route& route, std::vector<std::byte>& datagram) {
    attacker.overhear(route, datagram);
    return true;
  });
  pair.connect();
  ASSERT_TRUE(pair.run_until([&] { return pair.left_ear.said(GetParam().state); }));
  const State reached = pair.left->state();
  for (int i = 0; i < 2'000; ++i) {
    attacker.attack(*pair.left);
    attacker.attack(*pair.right);
  }
  EXPECT_EQ(pair.left->state(), reached);
  // And what was going on goes on.
  ASSERT_TRUE(pair.run_until_open());
  EXPECT_TRUE(pair.send(*pair.left, "unharmed"));
  pair.run_for(seconds(1));
  EXPECT_EQ(pair.texts(*pair.right), std::vector<std::string>{"unharmed"});
}
INSTANTIATE_TEST_SUITE_P(In, Hostile, ::testing::ValuesIn(everybody()), [](const auto& tested) {
  return std::string(name_of(tested.param.state)) + "_" + name_of(Ciphers(tested.param.cipher));
});

class HostileNetwork : public ::testing::TestWithParam<Ciphers> {};
INSTANTIATE_TEST_SUITE_P(Over, HostileNetwork, ::testing::ValuesIn(real_ciphers), name_of_ciphers);

// covers: bug 14, must rfc6347#4.1.2.6
TEST_P(HostileNetwork, every_record_sent_twice_is_read_once) {
  World world(5);
  Pair pair(world, {.cipher = GetParam(), .link = {.duplication = 1}});
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(pair.send(*pair.left, std::to_string(i)));
  pair.run_for(seconds(5));
  ASSERT_EQ(pair.right_ear.messages.size(), 50u);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(pair.right_ear.messages[i].body, std::to_string(i));
  }
  EXPECT_TRUE(world.failures.empty());
}

// [rfc8842#5.1] A new association has sockets of its own; what is late, or recorded, finds them.
// covers: bug 18, must rfc8842#5.3
TEST_P(HostileNetwork, everything_of_the_last_connection_again_disturbs_no_state_of_the_next) {
  for (const State when : {State::gathering, State::pairing, State::paired, State::connecting,
                           State::connected, State::data_opened}) {
    World world(9);
    PairOptions options{.cipher = GetParam()};
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
    options.right.session.keep_role = true;
    Pair pair(world, options);
    std::vector<std::pair<Route, std::vector<std::byte>>> recorded;
    world.network.set_tap([&](HostId, const Route& route, std::vector<std::byte>& datagram) {
      recorded.emplace_back(route, datagram);
      return true;
    });
    pair.connect();
    ASSERT_TRUE(pair.run_until_open());
    EXPECT_TRUE(pair.send(*pair.left, "old"));
    pair.run_for(seconds(1));
    EXPECT_TRUE(pair.left->disconnect());
    pair.run_for(seconds(1));
    world.network.set_tap({});
    pair.right_ear = {};
    pair.left_ear = {};
    pair.connect();
    ASSERT_TRUE(pair.run_until([&] { return pair.left_ear.said(when); }));
    for (const auto& [route, datagram] : recorded) {
      for (Peer* victim : {pair.left.get(), pair.right.get()}) {
        if (victim->sockets().empty() || victim->sockets()[0].ip != route.remote.ip) continue;
        victim->inject_worthless({victim->sockets()[0], route.local}, datagram, "a recording");
      }
    }
    ASSERT_TRUE(pair.run_until_open());
    EXPECT_TRUE(pair.send(*pair.left, "new"));
    pair.run_for(seconds(1));
    EXPECT_EQ(pair.texts(*pair.right), std::vector<std::string>{"new"});
    EXPECT_EQ(world.failures, std::vector<std::string>{}) << name_of(when);
  }
}

TEST_P(HostileNetwork, a_peer_that_knows_the_checks_but_not_the_key_never_gets_in) {
  World world(6);
  PairOptions options{.cipher = GetParam()};
  options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
  Pair pair(world, options);
  // Everything behind the checks is exchanged for noise of the same kind.
  Rng noise(7);
  world.network.set_tap([&](HostId, const Route&, std::vector<std::byte>& datagram) {
    if (datagram.size() > 13 && datagram[0] >= std::byte{20}) {
      noise.fill(MutableBytes(datagram).subspan(13));
    }
    return true;
  });
  pair.connect();
  pair.run_for(seconds(60));
  for (const Ear* ear : {&pair.left_ear, &pair.right_ear}) {
    EXPECT_TRUE(ear->said(State::paired));
    EXPECT_FALSE(ear->said(State::connected));
    EXPECT_TRUE(ear->said(State::connect_failed));
  }
  EXPECT_TRUE(world.failures.empty());
}

}  // namespace
}  // namespace esp_peer::sim
