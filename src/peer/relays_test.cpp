#include "peer/relays.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "backends/openssl/provider.hpp"
#include "peer/secure_path.hpp"
#include "tests/support/test_env.hpp"
#include "tests/support/turn_server.hpp"

namespace esp_peer::peer {
namespace {

using test::at_ms;

constexpr Address our_socket = Address::v4(10, 0, 0, 5, 49'152);
constexpr Address other_socket = Address::v4(10, 0, 0, 5, 5001);
constexpr Address server_address = Address::v4(198, 51, 100, 1, 3478);
constexpr Address other_address = Address::v4(198, 51, 100, 2, 3478);
constexpr Address peer_address = Address::v4(203, 0, 113, 5, 7000);

// Relays, and the server that they ask, with nothing between them.
struct Stage {
  explicit Stage(test::TurnServerOptions options = {}) : server(std::move(options)) {}

  void ask(const Address& from = our_socket, std::string_view password = "secret") {
    relays.ask(now, from, server_address, "alice", password);
  }
  // The address that a server has given, and that ICE is told of.
  Address find() {
    settle();
    const auto found = relays.poll_found(now, ours);
    EXPECT_TRUE(found);
    return found ? found->relayed : Address{};
  }
  // All that they have to say is said and answered.
  void settle() {
    for (int i = 0; i < 100; ++i) {
      TxBatch out(room, runs);
      relays.poll_transmit(now, out);
      if (out.empty()) return;
      carry(out);
    }
    ADD_FAILURE() << "it never ends";
  }
  void carry(const TxBatch& out) {
    for (const TxBatch::Run& run : out.runs()) {
      for (Bytes rest = out.bytes(run); !rest.empty();) {
        const Bytes datagram = rest.first(std::min<std::size_t>(run.segment, rest.size()));
        rest = rest.subspan(datagram.size());
        carry(run.route, datagram);
      }
    }
  }
  void carry(const Route& route, Bytes datagram) {
    if (route.remote != server_address) return direct.push_back(route);
    auto answer = server.on_message(now, route.local, datagram);
    for (auto& to_peer : server.take_to_peers()) arrived.push_back(to_peer);
    if (!answer) return;
    EXPECT_EQ(give(*answer, route.local), Relays::Came::from_server);
  }
  Relays::Came give(std::vector<std::byte>& message, const Address& to = our_socket) {
    Route route{to, server_address};
    MutableBytes bytes = message;
    return relays.on_datagram(now, route, bytes);
  }
  // A datagram of `size` bytes leaves from `local` for the peer, in a room that is as small as may
  // be.
  void send(const Address& local, std::size_t size, Relays::Use use) {
    TxBatch out(MutableBytes(room).first(SecurePath::room_for_one), runs);
    relays.commit(now, out, {local, peer_address}, size, use);
    carry(out);
  }
  void pass(Duration time) {
    for (const Instant end = now + time;
         relays.next_deadline() && *relays.next_deadline() <= end;) {
      now = std::max(now, *relays.next_deadline());
      relays.on_deadline(now);
      settle();
    }
    now += time;
  }
  std::uint64_t state() const {
    StateHash hash;
    relays.hash_state(hash);
    return hash.value();
  }

  test::TestEnv parts;
  test::TurnServer server;
  Relays relays{openssl::provider(), parts.env};
  Instant now = at_ms(0);
  std::vector<ice::Candidate> ours;
  std::vector<std::byte> room = std::vector<std::byte>(66 * 1024);
  std::array<TxBatch::Run, 64> runs{};
  std::vector<test::TurnServer::ToPeer> arrived;
  std::vector<Route> direct;
};

// covers: must rfc8445#7.2.1, must rfc8656#9
TEST(Relays, the_first_check_waits_for_its_permission) {
  Stage stage;
  stage.ask();
  const Address relayed = stage.find();
  stage.send(relayed, 100, Relays::Use::check);
  EXPECT_TRUE(stage.arrived.empty());
  stage.settle();
  ASSERT_EQ(stage.arrived.size(), 1u);
  EXPECT_EQ(stage.arrived[0].relayed, relayed);
  EXPECT_EQ(stage.arrived[0].peer, peer_address);
  EXPECT_EQ(stage.server.requests().back().method, turn::method::create_permission);
  EXPECT_TRUE(stage.server.complaints().empty());
  stage.send(relayed, 100, Relays::Use::check);
  EXPECT_EQ(stage.arrived.size(), 2u) << "the next one goes at once";
}

TEST(Relays, what_waits_is_bounded_in_number_and_in_time) {
  Stage stage;
  stage.ask();
  const Address relayed = stage.find();
  for (int i = 0; i < 20; ++i) stage.send(relayed, 100, Relays::Use::check);
  stage.settle();
  EXPECT_EQ(stage.arrived.size(), Relays::max_held);

  Stage late;
  late.ask();
  const Address address = late.find();
  late.send(address, 100, Relays::Use::check);
  late.server.answer_with([](const auto&) { return std::vector<std::byte>{}; });  // silence
  late.settle();
  late.pass(Relays::held_lifetime);
  late.settle();
  late.server.answer_with({});
  late.pass(seconds(30));
  EXPECT_TRUE(late.server.has_permission(late.now, our_socket, peer_address));
  EXPECT_TRUE(late.arrived.empty()) << "a check of half a minute ago is of no use to anybody";
}

TEST(Relays, a_peer_whom_the_server_forbids_is_not_sent_to_and_not_asked_for_again) {
  Stage stage;
  stage.server.options().forbidden.insert(peer_address);
  stage.ask();
  const Address relayed = stage.find();
  for (int i = 0; i < 10; ++i) {
    stage.send(relayed, 100, Relays::Use::check);
    stage.settle();
  }
  EXPECT_TRUE(stage.arrived.empty());
  EXPECT_EQ(stage.server.count(turn::method::create_permission), 1u);
  EXPECT_TRUE(stage.server.complaints().empty());
}

TEST(Relays, the_largest_datagram_fits_into_the_room_for_one_with_and_without_a_channel) {
  Stage stage;
  stage.ask();
  const Address relayed = stage.find();
  stage.send(relayed, 100, Relays::Use::check);
  stage.settle();
  stage.send(relayed, SecurePath::max_datagram, Relays::Use::data);
  EXPECT_EQ(stage.arrived.size(), 2u) << "as an indication: the channel is only asked for";
  stage.settle();
  EXPECT_TRUE(stage.server.has_channel(stage.now, our_socket, peer_address));
  stage.send(relayed, SecurePath::max_datagram, Relays::Use::data);
  ASSERT_EQ(stage.arrived.size(), 3u);
  EXPECT_EQ(stage.arrived[2].payload.size(), SecurePath::max_datagram);
}

// Else whatever our own socket sends would go there.
TEST(Relays, a_server_that_gives_us_the_address_of_our_own_socket_gets_its_allocation_back) {
  for (const bool restarted : {false, true}) {  // then the new agent has no candidates yet
    Stage stage({.relay_v4 = our_socket.with_port(0)});
    if (!restarted) {
      stage.ours.emplace_back();
      stage.ours.back().address = stage.ours.back().base = our_socket;
    }
    stage.ask();
    stage.settle();
    EXPECT_EQ(stage.server.allocations(stage.now), 1u);
    EXPECT_FALSE(stage.relays.poll_found(stage.now, stage.ours));
    stage.send(our_socket, 100, Relays::Use::data);
    EXPECT_EQ(stage.direct, std::vector<Route>({{our_socket, peer_address}}));
    stage.settle();
    EXPECT_EQ(stage.server.allocations(stage.now), 0u);
    EXPECT_FALSE(stage.relays.busy());
  }
}

TEST(Relays, nothing_leaves_from_a_relay_that_is_gone) {
  Stage stage;
  stage.ask();
  const Address relayed = stage.find();
  stage.server.restart();
  stage.pass(seconds(700));
  EXPECT_FALSE(stage.relays.any());
  stage.send(relayed, 100, Relays::Use::check);
  EXPECT_TRUE(stage.arrived.empty());
  EXPECT_TRUE(stage.direct.empty()) << "no socket of ours has that address";
}

// covers: changelog 54
TEST(Relays, servers_are_asked_once_from_each_socket_and_no_more_than_there_is_room_for) {
  Stage stage;
  for (int i = 0; i < 3; ++i) stage.ask();
  stage.ask(*parse_ip("2001:db8::5", 5000));  // the server has no address of this family
  stage.settle();
  EXPECT_EQ(stage.server.allocations(stage.now), 1u);
  for (std::uint16_t port = 6000; port < 6010; ++port) stage.ask(our_socket.with_port(port));
  TxBatch out(stage.room, stage.runs);
  stage.relays.poll_transmit(stage.now, out);
  EXPECT_EQ(out.runs().size(), Relays::max_relays - 1);
}

TEST(Relays, who_was_refused_may_be_asked_again_with_another_password) {
  Stage stage;
  stage.ask(our_socket, "wrong");
  EXPECT_TRUE(stage.relays.busy());
  stage.settle();
  EXPECT_FALSE(stage.relays.busy());
  EXPECT_FALSE(stage.relays.poll_found(stage.now, stage.ours));
  stage.ask();
  stage.find();
  EXPECT_TRUE(stage.relays.any());
}

TEST(Relays, a_new_agent_is_told_of_those_there_are) {
  Stage stage;
  stage.ask();
  const Address relayed = stage.find();
  EXPECT_FALSE(stage.relays.poll_found(stage.now, stage.ours)) << "once";
  stage.relays.find_again();
  const auto again = stage.relays.poll_found(stage.now, stage.ours);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->relayed, relayed);
}

// covers: bug 27
TEST(Relays, what_is_neither_of_the_server_nor_of_a_permitted_peer_changes_nothing) {
  Stage stage;
  stage.ask();
  const Address relayed = stage.find();
  const std::uint64_t before = stage.state();
  std::vector<std::byte> data(104);
  Writer w(data);
  w.u16(turn::first_channel);
  w.u16(100);
  EXPECT_EQ(stage.give(data), Relays::Came::from_server) << "of a channel that nobody has bound";
  Route elsewhere{our_socket, other_address};
  MutableBytes bytes = data;
  EXPECT_EQ(stage.relays.on_datagram(stage.now, elsewhere, bytes), Relays::Came::elsewhere);
  EXPECT_EQ(bytes.size(), data.size());
  Route to_other{other_socket, server_address};
  EXPECT_EQ(stage.relays.on_datagram(stage.now, to_other, bytes), Relays::Came::elsewhere);
  EXPECT_FALSE(stage.server.on_peer(stage.now, relayed, peer_address, data));
  EXPECT_EQ(stage.state(), before);
}

TEST(Relays, what_a_peer_sends_comes_as_if_its_socket_were_here) {
  Stage stage;
  stage.ask();
  const Address relayed = stage.find();
  stage.send(relayed, 100, Relays::Use::check);
  stage.settle();
  const std::string text = "hello";
  auto message = stage.server.on_peer(stage.now, relayed, peer_address, as_bytes(text));
  ASSERT_TRUE(message);
  Route route{our_socket, server_address};
  MutableBytes bytes = message->message;
  EXPECT_EQ(stage.relays.on_datagram(stage.now, route, bytes), Relays::Came::from_peer);
  EXPECT_EQ(route, (Route{relayed, peer_address}));
  EXPECT_EQ(as_text(bytes), text);
}

TEST(Relays, the_end_gives_every_allocation_back) {
  Stage stage;
  stage.ask();
  stage.ask(other_socket);
  stage.settle();
  stage.relays.close(stage.now);
  EXPECT_FALSE(stage.relays.busy()) << "nobody waits for it";
}

}  // namespace
}  // namespace esp_peer::peer
