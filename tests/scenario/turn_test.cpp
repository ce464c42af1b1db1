// Two peers that meet through a relay, where nothing else lets them.
#include <gtest/gtest.h>

#include "sim/pair.hpp"
#include "sim/turn_server.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;

constexpr Address server_ip = Address::v4(198, 51, 100, 1, 0);

peer::Server turn_at(std::string_view host, std::string_view password = "secret") {
  peer::Server server;
  server.host.assign(host);
  server.turn = true;
  server.username = "alice";
  server.password = password;
  return server;
}

// Each behind a box of its own, and a TURN server outside.
struct Stage {
  explicit Stage(std::uint64_t seed = 1, test::TurnServerOptions options = {})
      : world(seed),
        server(world, world.network.add_host("server", {server_ip}), std::move(options)) {}

  Pair& make(const NatOptions& left, const NatOptions& right, PairOptions options = {}) {
    left_box.emplace(left, Address::v4(198, 51, 100, 101, 0));
    right_box.emplace(right, Address::v4(198, 51, 100, 102, 0));
    options.left_nat = &*left_box;
    options.right_nat = &*right_box;
    options.left_addresses = options.right_addresses = {Address::v4(10, 0, 0, 5, 0)};
    return make(std::move(options));
  }
  Pair& make(PairOptions options) {
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
    pair.emplace(world, options);
    return *pair;
  }
  ~Stage() {
    pair.reset();
    for (const std::string& failure : world.failures) ADD_FAILURE() << failure;
    for (const std::string& complaint : server.core().complaints()) ADD_FAILURE() << complaint;
  }

  World world;
  TurnServer server;
  std::optional<Nat> left_box, right_box;
  std::optional<Pair> pair;
};

constexpr NatOptions symmetric{.mapping = Dependence::address_and_port};

PairOptions with_turn(std::string_view password = "secret") {
  PairOptions options;
  options.left.servers = options.right.servers = {turn_at("198.51.100.1", password)};
  return options;
}

void expect_talk(Pair& pair) {
  EXPECT_TRUE(pair.send(*pair.left, "hello"));
  EXPECT_TRUE(pair.send(*pair.right, "well met"));
  pair.run_for(seconds(2));
  EXPECT_EQ(pair.texts(*pair.right), std::vector<std::string>{"hello"});
  EXPECT_EQ(pair.texts(*pair.left), std::vector<std::string>{"well met"});
}

// covers: bug 38, must rfc8445#7.2.1
TEST(Turn, two_behind_symmetric_boxes_meet_through_the_server) {
  for (const Cipher cipher : {Cipher::plain, Cipher::openssl}) {
    Stage stage;
    PairOptions options = with_turn();
    options.cipher = cipher;
    Pair& pair = stage.make(symmetric, symmetric, options);
    pair.connect();
    ASSERT_TRUE(pair.run_until_open());
    EXPECT_LE(stage.world.time.now() - Timeline::beginning, seconds(2));
    EXPECT_NE(pair.left_ear.description.find("typ relay"), std::string::npos);
    EXPECT_GT(stage.server.relayed(), 0u);
    expect_talk(pair);
  }
}

TEST(Turn, without_it_they_do_not) {
  Stage stage;
  PairOptions options = with_turn();
  options.left.servers[0].turn = options.right.servers[0].turn = false;  // STUN alone
  Pair& pair = stage.make(symmetric, symmetric, options);
  pair.connect();
  EXPECT_FALSE(pair.run_until_open());
  EXPECT_EQ(pair.left->state(), State::connect_failed);
}

// One end's relay is enough.
TEST(Turn, one_of_them_has_a_relay) {
  for (const bool left_has : {true, false}) {
    Stage stage;
    PairOptions options = with_turn();
    (left_has ? options.right : options.left).servers[0].turn = false;
    Pair& pair = stage.make(symmetric, symmetric, options);
    pair.connect();
    ASSERT_TRUE(pair.run_until_open()) << left_has;
    expect_talk(pair);
  }
}

TEST(Turn, every_pair_of_boxes_meets_and_those_that_can_do_so_directly) {
  const Dependence all[] = {Dependence::none, Dependence::address, Dependence::address_and_port};
  std::uint64_t seed = 1;
  for (const Dependence left_mapping : all) {
    for (const Dependence left_filtering : all) {
      for (const Dependence right_mapping : all) {
        for (const Dependence right_filtering : all) {
          Stage stage(++seed);
          PairOptions options = with_turn();
          options.link.loss = 0.05;
          Pair& pair =
              stage.make({.mapping = left_mapping, .filtering = left_filtering},
                         {.mapping = right_mapping, .filtering = right_filtering}, options);
          pair.connect();
          EXPECT_TRUE(pair.run_until_open(seconds(30))) << "seed " << seed;
        }
      }
    }
  }
}

// covers: changelog 53
TEST(Turn, who_wants_relays_only_names_nothing_else) {
  Stage stage;
  PairOptions options = with_turn();
  options.left.session.relay_only = options.right.session.relay_only = true;
  options.left_addresses = {Address::v4(192, 0, 2, 1, 0)};
  Pair& pair = stage.make(options);
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  for (const Ear* ear : {&pair.left_ear, &pair.right_ear}) {
    EXPECT_NE(ear->description.find("typ relay"), std::string::npos);
    EXPECT_EQ(ear->description.find("typ host"), std::string::npos);
    EXPECT_EQ(ear->description.find("typ srflx"), std::string::npos);
    EXPECT_EQ(ear->description.find("192.0.2."), std::string::npos) << "nor elsewhere";
  }
  EXPECT_EQ(pair.left->bytes_sent_to(pair.right->sockets()[0]), 0u);
  EXPECT_EQ(pair.right->bytes_sent_to(pair.left->sockets()[0]), 0u);
  expect_talk(pair);
}

TEST(Turn, relays_only_and_none_to_be_had_is_no_address) {
  Stage stage;
  PairOptions options = with_turn("wrong");
  options.left.session.relay_only = true;
  Pair& pair = stage.make(options);
  pair.connect();
  ASSERT_TRUE(pair.run_until([&] { return pair.left->state() == State::disconnected; }));
  EXPECT_LE(stage.world.time.now() - Timeline::beginning, seconds(1)) << "refused at once";
}

TEST(Turn, relays_only_waits_ten_seconds_for_a_silent_server) {
  Stage stage;
  stage.server.stop();
  PairOptions options = with_turn();
  options.left.session.relay_only = true;
  Pair& pair = stage.make(options);
  pair.connect();
  ASSERT_TRUE(pair.run_until([&] { return pair.left->state() == State::disconnected; }));
  const auto waited = stage.world.time.now() - Timeline::beginning;
  EXPECT_GE(waited, seconds(10));
  EXPECT_LE(waited, seconds(11));
}

// One of them is enough, and the silence of the others costs what any server's does.
// covers: bug 38
TEST(Turn, relays_only_and_eight_servers_of_which_the_last_one_is_there) {
  Stage stage;
  const std::string long_name(763, 'n');
  PairOptions options = with_turn();
  auto& servers = options.left.servers;
  servers.clear();
  for (std::uint16_t port = 4001; port <= 4007; ++port) {
    servers.push_back(turn_at("198.51.100.99"));
    servers.back().port = port;
  }
  servers[3].username = long_name;  // longer than STUN has room for
  servers.push_back(turn_at("198.51.100.1"));
  ASSERT_EQ(servers.size(), peer::max_servers);
  options.left.session.relay_only = true;
  Pair& pair = stage.make(options);
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  EXPECT_LE(stage.world.time.now() - Timeline::beginning, milliseconds(1000 + 300));
  expect_talk(pair);
}

// covers: bug 38
TEST(Turn, relays_only_and_no_server_at_all_is_no_address) {
  Stage stage;
  PairOptions options;
  options.left.session.relay_only = true;
  Pair& pair = stage.make(options);
  pair.connect();
  ASSERT_TRUE(pair.run_until([&] { return pair.left->state() == State::disconnected; }));
}

// covers: fault 7
TEST(Turn, a_silent_or_refusing_server_delays_nothing_but_the_gathering) {
  for (const bool silent : {true, false}) {
    Stage stage;
    if (silent) stage.server.stop();
    Pair& pair = stage.make(with_turn("wrong"));
    pair.connect();
    ASSERT_TRUE(pair.run_until_open());
    EXPECT_LE(stage.world.time.now() - Timeline::beginning, milliseconds(1000 + 300));
  }
}

// What can be reached directly is, also where a relay was faster to be found.
TEST(Turn, a_direct_path_is_preferred) {
  Stage stage;
  Pair& pair = stage.make(with_turn());
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  pair.run_for(seconds(5));
  const auto relayed = stage.server.relayed();
  expect_talk(pair);
  EXPECT_EQ(stage.server.relayed(), relayed);
}

TEST(Turn, the_server_is_looked_up_by_its_name) {
  Stage stage;
  stage.world.names["turn.example"] = {server_ip};
  PairOptions options;
  options.left.servers = options.right.servers = {turn_at("turn.example")};
  Pair& pair = stage.make(symmetric, symmetric, options);
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  expect_talk(pair);
}

TEST(Turn, a_megabyte_goes_through_a_channel) {
  Stage stage;
  PairOptions options = with_turn();
  options.link = {.delay = milliseconds(10), .loss = 0.01};
  options.keep_messages = false;
  std::size_t received = 0;
  Pair& pair = stage.make(symmetric, symmetric, options);
  pair.on_message = [&](Peer&, const datachannel::Message& m) { received += m.body.size(); };
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  const std::string chunk(16'000, 'x');
  std::size_t sent = 0;
  ASSERT_TRUE(pair.run_until(
      [&] {
        while (sent < 1'000'000 && pair.send(*pair.left, chunk)) sent += chunk.size();
        return received >= 1'000'000;
      },
      seconds(120)));
  EXPECT_GT(stage.server.core().count(turn::method::channel_bind), 0u);
  EXPECT_LE(stage.server.core().count(turn::method::channel_bind), 20u);
}

TEST(Turn, an_end_gives_the_allocation_back) {
  Stage stage;
  Pair& pair = stage.make(symmetric, symmetric, with_turn());
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  EXPECT_EQ(stage.server.allocations(), 2u);
  EXPECT_TRUE(pair.left->disconnect());
  pair.run_for(seconds(2));
  EXPECT_EQ(pair.right->state(), State::disconnected) << "the farewell has come through the relay";
  EXPECT_EQ(stage.server.allocations(), 0u);
}

TEST(Turn, a_restart_goes_on_with_the_relays_it_has) {
  Stage stage;
  Pair& pair = stage.make(symmetric, symmetric, with_turn());
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  EXPECT_TRUE(
      pair.left->command([](auto& session, Instant now) { return session.restart_ice(now); }));
  pair.run_for(seconds(10));
  EXPECT_EQ(pair.left->state(), State::connected);
  EXPECT_EQ(stage.server.allocations(), 2u);
  expect_talk(pair);
}

// A relay that its server has forgotten is no socket of ours, whatever ICE still wants to send.
TEST(Turn, a_server_that_began_anew_is_noticed) {
  Stage stage;
  PairOptions options = with_turn();
  options.left.session.consent_misses = options.right.session.consent_misses = 2;
  Pair& pair = stage.make(symmetric, symmetric, options);
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  stage.server.core().restart();
  EXPECT_TRUE(
      pair.run_until([&] { return pair.left->state() == State::disconnected; }, seconds(20)));
  pair.run_for(seconds(700));
  EXPECT_EQ(pair.right->state(), State::disconnected);
}

// covers: bug 36, bug 37, fault 6
TEST(Turn, two_hours_with_a_stale_nonce_at_each_refresh_and_loss) {
  Stage stage(7, {.stale_at_each_refresh = true});
  PairOptions options = with_turn();
  options.link.loss = 0.01;  // on each of four ways, and consent survives four losses in a row
  Pair& pair = stage.make(symmetric, symmetric, options);
  pair.connect();
  ASSERT_TRUE(pair.run_until_open());
  for (int minute = 1; minute <= 120; ++minute) {
    pair.run_for(seconds(55));
    ASSERT_TRUE(pair.send(*pair.left, "still there"));
    pair.run_for(seconds(5));
    ASSERT_EQ(pair.right_ear.messages.size(), static_cast<std::size_t>(minute));
  }
  EXPECT_EQ(stage.server.allocations(), 2u);
}

}  // namespace
}  // namespace esp_peer::sim
