// How two peers come together, and how they notice that they cannot.
#include <gtest/gtest.h>

#include "sim/default_address.hpp"
#include "sim/pair.hpp"
#include "sim/stun_server.hpp"
#include "stun/message.hpp"
#include "tests/scenario/each_cipher.hpp"
#include "tests/scenario/role_conflicts.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;

class Connect : public ::testing::Test {
 protected:
  // What the laws have to say about a run is said at its end.
  void TearDown() override {
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
  }
  Duration since_the_beginning() const { return world_.time.now() - Timeline::beginning; }
  World world_{1};
};

// Pion and werift end a connection whose handshake has agreed on none.
TEST_F(Connect, the_handshake_agrees_on_an_srtp_profile_for_data_alone_too) {
  Pair pair(world_, {});
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  EXPECT_FALSE(pair.plain_dtls().options().srtp_profiles.empty());
}

class WithEachCipher : public ::testing::TestWithParam<Ciphers> {};

// covers: changelog 64
TEST_P(WithEachCipher, two_peers_meet_talk_and_part) {
  World world(1);
  {
    PairOptions options{.cipher = GetParam()};
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
    Pair pair(world, options);
    pair.connect();
    ASSERT_TRUE(pair.run_until_open());
    EXPECT_TRUE(pair.send(*pair.left, "hello"));
    EXPECT_TRUE(pair.send(*pair.right, "well met"));
    pair.run_for(seconds(1));
    EXPECT_EQ(pair.texts(*pair.right), std::vector<std::string>{"hello"});
    EXPECT_EQ(pair.texts(*pair.left), std::vector<std::string>{"well met"});
    EXPECT_TRUE(pair.left->disconnect());
    pair.run_for(seconds(1));
    EXPECT_EQ(pair.left->state(), State::disconnected);
    EXPECT_EQ(pair.right->state(), State::disconnected);
  }
  for (const std::string& failure : world.failures) ADD_FAILURE() << failure;
}
// covers: bug 63
TEST_P(WithEachCipher, the_same_seed_is_the_same_run_to_the_last_byte) {
  const auto trace_of = [](std::uint64_t seed) {
    World world(seed);
    Pair pair(world, {.cipher = GetParam(), .link = {.loss = 0.1}});
    pair.connect();
    EXPECT_TRUE(pair.run_until_open());
    EXPECT_TRUE(pair.send(*pair.left, "hello"));
    pair.run_for(seconds(1));
    return world.trace.hash();
  };
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    EXPECT_EQ(trace_of(seed), trace_of(seed)) << seed;
    EXPECT_NE(trace_of(seed), trace_of(seed + 1)) << seed;
  }
}
INSTANTIATE_TEST_SUITE_P(Over, WithEachCipher, ::testing::ValuesIn(every_cipher), name_of_ciphers);

class ConnectOver : public Connect, public ::testing::WithParamInterface<Ciphers> {};
INSTANTIATE_TEST_SUITE_P(Over, ConnectOver, ::testing::ValuesIn(real_ciphers), name_of_ciphers);

// Round trips: check and answer, two flights each of DTLS and SCTP; descriptions took one.
TEST_P(ConnectOver, on_a_good_path_takes_few_round_trips) {
  Pair pair(world_, {.cipher = GetParam(), .link = {.delay = milliseconds(50)}});
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  EXPECT_LE(since_the_beginning(), milliseconds(60 + 7 * 100));
}

// The handshake that has begun goes on in its roles, and so does all that follows from them.
TEST_P(ConnectOver, a_second_answer_with_another_role_during_the_handshake_changes_no_role) {
  Pair pair(world_, {.cipher = GetParam(), .link = {.delay = milliseconds(50)}});
  int said_twice = 0;
  pair.on_event = [&](Peer& peer, const peer::Event& event) {
    const auto* changed = std::get_if<peer::StateChanged>(&event);
    if (&peer != pair.left.get() || !changed || changed->state != State::connecting) return;
    ++said_twice;
    std::string again = pair.right_ear.description;
    const auto role = again.find("a=setup:active");
    ASSERT_NE(role, again.npos);
    again.replace(role, 14, "a=setup:passive");
    again.insert(again.find(" IN IP4"), "9");  // a later version
    EXPECT_TRUE(peer.hear_description(again));
  };
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  pair.run_for(seconds(1));
  EXPECT_EQ(said_twice, 1);
  EXPECT_EQ(pair.left_ear.opened, std::vector{datachannel::StreamId{0}}) << "of the DTLS client";
  EXPECT_EQ(pair.right_ear.opened, std::vector{datachannel::StreamId{0}});
  EXPECT_TRUE(pair.send(*pair.left, "hello"));
  pair.run_for(seconds(1));
  EXPECT_EQ(pair.texts(*pair.right), std::vector<std::string>{"hello"});
}

// covers: must rfc8445#7.2.5.3.1
TEST_F(Connect, from_behind_two_boxes_through_what_a_stun_server_said) {
  Nat left_box({}, Address::v4(198, 51, 100, 101, 0));
  Nat right_box({}, Address::v4(198, 51, 100, 102, 0));
  const StunServer server(world_.network,
                          world_.network.add_host("server", {Address::v4(198, 51, 100, 1, 0)}));
  PairOptions options;
  options.left_nat = &left_box;
  options.right_nat = &right_box;
  options.left_addresses = options.right_addresses = {Address::v4(10, 0, 0, 5, 0)};
  world_.names["stun.example"] = {Address::v4(198, 51, 100, 1, 0)};
  peer::Server stun;
  stun.host.assign("stun.example");
  options.left.servers = options.right.servers = {stun};
  Pair pair(world_, options);
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  EXPECT_GE(server.questions(), 2u);
  EXPECT_NE(pair.left_ear.description.find("198.51.100.101"), std::string::npos);
  EXPECT_NE(pair.left_ear.description.find("typ srflx"), std::string::npos);
}

// covers: fault 7
TEST_F(Connect, a_silent_stun_server_delays_nothing_but_the_gathering) {
  PairOptions options;
  peer::Server silent;
  silent.host.assign("198.51.100.9");
  options.left.servers = {silent};
  Pair pair(world_, options);
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  EXPECT_LE(since_the_beginning(), milliseconds(500 + 300));
}

// covers: changelog 40
TEST_F(Connect, over_ipv6_alone) {
  PairOptions options;
  options.left_addresses = {*parse_ip("2001:db8::1", 0)};
  options.right_addresses = {*parse_ip("2001:db8::2", 0)};
  Pair pair(world_, options);
  pair.connect();
  EXPECT_TRUE(pair.run_until_open());
}

// covers: bug 29, fault 23
TEST_F(Connect, two_that_both_offer_agree_on_one_offer_and_one_role_each) {
  PairOptions options;
  options.left.name = "left";
  options.right.name = "right";
  Pair pair(world_, options);
  RoleConflicts conflicts(world_);
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  EXPECT_LE(since_the_beginning(), seconds(2));
  EXPECT_LE(conflicts.answers(), 3);
  EXPECT_EQ(conflicts.nominating(), 1u) << "one controls";
  conflicts.stop();
  EXPECT_TRUE(pair.send(*pair.left, "after all"));
  pair.run_for(seconds(1));
  EXPECT_EQ(pair.texts(*pair.right), std::vector<std::string>{"after all"});
}

// Every native stack drops the ClientHello that comes before the answer, and then waits a second.
// covers: must rfc8842#5.2, changelog 58
TEST_P(ConnectOver, a_client_hello_before_its_description_is_held_not_lost) {
  PairOptions options{.cipher = GetParam()};
  options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
  Pair pair(world_, options);
  pair.on_signal = [&](Peer& from, std::string& sdp) {
    if (&from == pair.left.get()) return true;
    // The answer takes half a second longer than what it makes the other side send.
    world_.time.after(milliseconds(500), [&, sdp] { (void)pair.left->hear_description(sdp); });
    return false;
  };
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  EXPECT_LE(since_the_beginning(), milliseconds(30 + 500 + 150));
}

TEST_F(Connect, candidates_that_trickle_in_one_by_one) {
  Pair pair(world_, {.left_addresses = {Address::v4(192, 0, 2, 1, 0), Address::v4(192, 0, 3, 1, 0)},
                     .right_addresses = {Address::v4(192, 0, 2, 2, 0)}});
  pair.on_signal = [&](Peer& from, std::string& sdp) {
    Peer& to = pair.other(from);
    int count = 0;
    for (std::size_t at = sdp.find("a=candidate:"); at != sdp.npos; at = sdp.find("a=candidate:")) {
      const std::size_t size = sdp.find('\n', at) + 1 - at;
      const std::string line = sdp.substr(at, size);
      sdp.erase(at, size);
      world_.time.after(milliseconds(200 * ++count),
                        [&to, line] { EXPECT_TRUE(to.hear_candidate(line)); });
    }
    EXPECT_GT(count, 0);
    sdp.erase(sdp.find("a=end-of-candidates"), std::string_view("a=end-of-candidates\r\n").size());
    sdp = without_default_address(std::move(sdp));
    return true;
  };
  pair.connect();
  EXPECT_TRUE(pair.run_until_open());
}

// Of a peer that writes no candidates its m-line and c-line say where it is, if they say anything.
// covers: changelog 20
TEST_F(Connect, at_the_address_of_the_m_line_where_no_candidate_is_named) {
  for (const bool left_is_named : {true, false}) {
    for (const bool v6 : {false, true}) {
      for (const bool named : {true, false}) {
        const auto address = [&](std::uint8_t n) {
          return std::vector{v6 ? *parse_ip(n == 1 ? "2001:db8::1" : "2001:db8::2", 0)
                                : Address::v4(192, 0, 2, n, 0)};
        };
        PairOptions options{.left_addresses = address(1), .right_addresses = address(2)};
        options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
        World world(1);
        {
          Pair pair(world, options);
          pair.on_signal = [&](Peer& from, std::string& sdp) {
            for (std::size_t at = 0; (at = sdp.find("a=candidate:")) != sdp.npos;) {
              sdp.erase(at, sdp.find('\n', at) + 1 - at);
            }
            const bool of_left = &from == pair.left.get();
            if (!named || of_left != left_is_named) sdp = without_default_address(std::move(sdp));
            return true;
          };
          pair.connect();
          EXPECT_EQ(pair.run_until_open(seconds(5)), named) << left_is_named << v6;
        }
        for (const std::string& failure : world.failures) ADD_FAILURE() << failure;
      }
    }
  }
}

// covers: must rfc8829#4.1.19, changelog 24, fault 23
TEST_F(Connect, what_cannot_be_used_of_a_description_is_refused_and_nothing_else_suffers) {
  Pair pair(world_, {});
  int refused = 0;
  pair.on_signal = [&](Peer& from, std::string& sdp) {
    Peer& to = pair.other(from);
    const auto without = [&sdp](std::string_view line) {
      std::string text = sdp;
      const std::size_t at = text.find(line);
      return text.erase(at, text.find('\n', at) + 1 - at);
    };
    // A section without what it needs.
    for (const auto line : {"a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:"}) {
      EXPECT_FALSE(to.hear_description(without(line))) << line;
      ++refused;
    }
    const std::size_t at = sdp.find("a=candidate:");
    const std::string good = sdp.substr(at, sdp.find('\n', at) + 1 - at);
    const std::string bad[] = {"a=candidate:\r\n",
                               "a=candidate:1 1 udp 1 192.0.2.9 99999 typ host\r\n",
                               "a=candidate:1 1 udp x 192.0.2.9 9 typ host\r\n",
                               "a=candidate:1 1 tcp 1 192.0.2.9 9 typ host tcptype active\r\n",
                               "a=candidate:1 2 udp 1 192.0.2.9 9 typ host\r\n",
                               "a=candidate:1 1 udp 1 nobody.local 9 typ host\r\n"};
    for (const std::string& line : bad) {
      sdp.insert(at, line);
      world_.time.after(milliseconds(10), [&to, line] {
        static_cast<void>(to.hear_candidate(line));  // before the description, too
      });
    }
    return true;
  };
  pair.connect();
  EXPECT_TRUE(pair.run_until_open(seconds(5)));
  EXPECT_EQ(refused, 6);
  EXPECT_TRUE(pair.send(*pair.left, "hello"));
  pair.run_for(seconds(1));
  EXPECT_EQ(pair.texts(*pair.right), std::vector<std::string>{"hello"});
}

// [rfc8445#12.1] Which pair will be the selected one is not waited for.
// covers: must rfc8445#12.1
TEST_F(Connect, data_flows_on_a_valid_pair_while_no_nomination_gets_through) {
  Pair pair(world_, {});
  bool holds_up = true;
  int nominations = 0;
  world_.network.set_tap([&](HostId, const Route&, std::vector<std::byte>& datagram) {
    const auto check = stun::parse(datagram);
    if (!check || !check->use_candidate) return true;
    ++nominations;
    return !holds_up;
  });
  pair.connect();
  ASSERT_TRUE(pair.run_until_open(seconds(3)));
  EXPECT_GT(nominations, 0);
  ASSERT_TRUE(pair.send(*pair.left, "before"));
  ASSERT_TRUE(pair.send(*pair.right, "before"));
  pair.run_for(milliseconds(300));
  EXPECT_EQ(pair.right_ear.messages.size() + pair.left_ear.messages.size(), 2u);
  holds_up = false;
  pair.run_for(seconds(5));
  ASSERT_TRUE(pair.send(*pair.left, "after"));
  pair.run_for(seconds(1));
  EXPECT_EQ(pair.texts(*pair.right), (std::vector<std::string>{"before", "after"}));
}

TEST_F(Connect, fails_with_a_state_when_nothing_goes_through) {
  LinkOptions black_hole;
  black_hole.loss = 1;
  PairOptions options{.link = black_hole};
  options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
  Pair pair(world_, options);
  pair.connect();
  const auto over = [&] {
    return pair.left->state() == State::connect_failed &&
           pair.right->state() == State::connect_failed;
  };
  ASSERT_TRUE(pair.run_until(over));
  EXPECT_GE(since_the_beginning(), milliseconds(39'500));
  EXPECT_LE(since_the_beginning(), milliseconds(45'000));
}

TEST_F(Connect, one_that_leaves_before_its_next_attempt_has_begun_is_disconnected) {
  PairOptions options;
  options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
  options.link.loss = 1;
  Pair pair(world_, options);
  pair.connect();
  ASSERT_TRUE(pair.run_until([&] { return pair.left_ear.said(State::connect_failed); }));
  const Status left = pair.left->command([](auto& session, Instant now) {
    EXPECT_TRUE(session.new_connection(now));
    return session.disconnect(now);
  });
  EXPECT_TRUE(left);
  EXPECT_EQ(pair.left_ear.states.back(), State::disconnected);
  EXPECT_EQ(pair.left->session().state(), State::disconnected) << "and not the last one's end";
}

// covers: bug 45, fault 23
TEST_F(Connect, what_was_said_to_an_attempt_that_was_left_is_nothing_to_the_next) {
  PairOptions options;
  options.right.session.keep_role = true;
  Pair pair(world_, options);
  std::string offer;
  pair.on_signal = [&](Peer& from, std::string& sdp) {
    if (&from == pair.left.get()) offer = sdp;
    return false;
  };
  EXPECT_TRUE(pair.left->connect());
  ASSERT_TRUE(pair.run_until([&] { return !offer.empty(); }));
  EXPECT_TRUE(pair.right->hear_description(offer));
  EXPECT_TRUE(pair.right->hear_candidate("candidate:1 1 UDP 1 192.0.2.77 9 typ host"));
  EXPECT_TRUE(pair.right->connect());
  EXPECT_TRUE(pair.right->disconnect());

  EXPECT_TRUE(pair.right->connect());
  pair.run_for(seconds(5));
  EXPECT_EQ(pair.right->state(), State::gathering) << "it waits for an offer of its own";
  EXPECT_TRUE(pair.right_ear.description.empty());
}

TEST_F(Connect, fails_when_checks_go_through_and_nothing_else) {
  PairOptions options;
  options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
  Pair pair(world_, options);
  world_.network.set_tap([](HostId, const Route&, std::vector<std::byte>& datagram) {
    return datagram.empty() || datagram[0] <= std::byte{3};
  });
  pair.connect();
  ASSERT_TRUE(
      pair.run_until([&] { return pair.left->state() == State::connect_failed; }, seconds(60)));
  EXPECT_TRUE(pair.left_ear.said(State::paired));
  EXPECT_LE(since_the_beginning(), seconds(35));
}

// covers: bug 1, must rfc5763#5
TEST_P(ConnectOver, fails_at_once_when_the_certificate_is_not_the_one_that_was_announced) {
  PairOptions options{.cipher = GetParam()};
  options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
  Pair pair(world_, options);
  pair.on_signal = [&](Peer&, std::string& sdp) {
    const std::size_t at = sdp.find("a=fingerprint:sha-256 ") + 22;
    sdp[at] = sdp[at] == '0' ? '1' : '0';
    return true;
  };
  pair.connect();
  ASSERT_TRUE(pair.run_until([&] {
    return pair.left->state() == State::connect_failed ||
           pair.right->state() == State::connect_failed;
  }));
  EXPECT_LE(since_the_beginning(), seconds(2));
  pair.run_for(seconds(60));
  EXPECT_FALSE(pair.left_ear.said(State::connected));
  EXPECT_FALSE(pair.right_ear.said(State::connected));
}

TEST_F(Connect, fifty_pairs_in_one_world_do_not_disturb_each_other) {
  std::vector<std::unique_ptr<Pair>> pairs;
  for (std::uint8_t i = 0; i < 50; ++i) {
    pairs.push_back(std::make_unique<Pair>(
        world_, PairOptions{.left_addresses = {Address::v4(10, 1, i, 1, 0)},
                            .right_addresses = {Address::v4(10, 1, i, 2, 0)}}));
    pairs.back()->connect();
  }
  for (const auto& pair : pairs) {
    ASSERT_TRUE(pair->run_until_open());
    EXPECT_TRUE(pair->send(*pair->left, pair->left_ear.description));
  }
  world_.time.run_for(seconds(2));
  for (const auto& pair : pairs) {
    EXPECT_EQ(pair->texts(*pair->right), std::vector<std::string>{pair->left_ear.description});
  }
}

}  // namespace
}  // namespace esp_peer::sim
