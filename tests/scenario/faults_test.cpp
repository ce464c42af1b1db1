// What happens to a peer itself: it is stopped, killed, starts anew, its clocks jump, its memory
// and its randomness run out, its application reads nothing or says too much, its neighbour is
// hostile.
#include <gtest/gtest.h>

#include <algorithm>

#include "backends/openssl/provider.hpp"
#include "sim/pair.hpp"
#include "sim/plain_endpoint.hpp"
#include "tests/scenario/each_cipher.hpp"
#include "tests/support/mbedtls/virtual_mbedtls.hpp"
#include "tests/support/test_env.hpp"
#include "tests/support/virtual_openssl.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;

class Fault : public ::testing::Test {
 protected:
  void TearDown() override {
    pair_.reset();
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
  }
  void begin(const PairOptions& options) {
    pair_ = std::make_unique<Pair>(world_, options);
    pair_->connect();
    ASSERT_TRUE(pair_->run_until_open());
  }
  static PairOptions options(bool reconnect) {
    PairOptions options;
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = reconnect;
    return options;
  }
  bool both_open() const { return pair_->left->data_open() && pair_->right->data_open(); }
  bool lost() const {
    return pair_->left_ear.said(State::disconnected) || pair_->right_ear.said(State::disconnected);
  }
  // Open, and still so when every loss must have been noticed.
  void expect_open_for_good() {
    ASSERT_TRUE(pair_->run_until([&] { return both_open(); }, seconds(120)));
    pair_->run_for(seconds(45));
    ASSERT_TRUE(pair_->run_until([&] { return both_open(); }, seconds(120)));
    for (Peer* p : {pair_->left.get(), pair_->right.get()}) {
      pair_->ear(*p).messages.clear();
      EXPECT_TRUE(pair_->send(pair_->other(*p), "here again"));
      EXPECT_TRUE(pair_->run_until([&] { return !pair_->ear(*p).messages.empty(); }));
    }
  }
  World world_{31};
  std::unique_ptr<Pair> pair_;
};

// ---------------------------------------------------------------- standing still

// covers: fault 2
TEST_F(Fault, ten_seconds_of_standing_still_are_forgiven) {
  begin(options(false));
  for (Peer* still : {pair_->left.get(), pair_->right.get()}) {
    still->stand_still();
    EXPECT_TRUE(pair_->send(pair_->other(*still), "hurry up"));
    pair_->run_for(seconds(10));
    still->go_on();
    EXPECT_TRUE(
        pair_->run_until([&] { return !pair_->ear(*still).messages.empty(); }, seconds(10)));
  }
  pair_->run_for(seconds(60));
  EXPECT_FALSE(lost());
}

// covers: fault 2, bug 34
TEST_F(Fault, forty_seconds_of_standing_still_are_a_loss_and_both_come_back) {
  begin(options(true));
  for (Peer* still : {pair_->left.get(), pair_->right.get()}) {
    still->stand_still();
    EXPECT_TRUE(pair_->send(pair_->other(*still), "are you there"));
    pair_->run_for(seconds(40));
    EXPECT_TRUE(pair_->ear(pair_->other(*still)).said(State::disconnected));
    still->go_on();
    expect_open_for_good();
  }
}

// covers: fault 16
TEST_F(Fault, a_callback_that_blocks_for_five_seconds_loses_nothing) {
  begin(options(false));
  bool blocked = false;
  pair_->on_message = [&](Peer& peer, const datachannel::Message&) {
    if (std::exchange(blocked, true)) return;
    peer.stand_still();
    world_.time.after(seconds(5), [&peer] { peer.go_on(); });
  };
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) {
    texts.push_back(std::to_string(i) + std::string(400, '-'));
    EXPECT_TRUE(pair_->send(*pair_->left, texts.back()));
    pair_->run_for(milliseconds(50));
  }
  EXPECT_TRUE(pair_->run_until([&] { return pair_->right_ear.messages.size() == texts.size(); },
                               seconds(60)));
  EXPECT_EQ(pair_->texts(*pair_->right), texts);
  EXPECT_TRUE(blocked);
  EXPECT_FALSE(lost());
}

// covers: fault 16, bug 71
TEST_F(Fault, a_reader_that_reads_nothing_for_ten_minutes_goes_on_where_it_was) {
  begin(options(false));
  pair_->right->set_reading(false);
  std::vector<std::string> sent;
  for (int i = 0;; ++i) {
    std::string text = std::to_string(i) + std::string(3'000, '.');
    if (!pair_->send(*pair_->left, text)) break;
    sent.push_back(std::move(text));
    pair_->run_for(milliseconds(50));
    ASSERT_LT(i, 1'000);
  }
  pair_->run_for(seconds(600));
  EXPECT_FALSE(lost()) << "a closed window is no loss";
  pair_->right->set_reading(true);
  EXPECT_TRUE(pair_->run_until([&] { return pair_->right_ear.messages.size() == sent.size(); },
                               seconds(120)));
  EXPECT_EQ(pair_->texts(*pair_->right), sent);
}

// ---------------------------------------------------------------- dying and coming back

// covers: fault 1
TEST_F(Fault, a_killed_peer_and_its_successor_are_found) {
  begin(options(true));
  pair_->right->kill();
  ASSERT_TRUE(
      pair_->run_until([&] { return pair_->left_ear.said(State::disconnected); }, seconds(45)));
  EXPECT_LT(pair_->left->memory().live(), 100'000u);
}

// The same addresses, the same port, another process: an offer out of nothing.
// covers: fault 27, bug 18
TEST_F(Fault, a_peer_that_reboots_and_comes_from_the_same_port_is_taken_back_at_once) {
  begin(options(true));
  const Address port = pair_->right->sockets()[0];
  pair_->right->kill();
  pair_->run_for(seconds(2));
  EXPECT_EQ(pair_->left->state(), State::connected) << "it knows nothing";

  world_.network.restart(pair_->right->host());
  PlainDtls dtls(openssl::provider(), Rng(5));
  PeerOptions born;
  born.name = "reborn";
  {
    Peer reborn(world_, pair_->right->host(), born, openssl::provider(), dtls);
    std::vector<std::string> heard;
    pair_->on_signal = [&](Peer&, std::string& sdp) {
      world_.time.after(milliseconds(30), [&, sdp] { (void)reborn.hear_description(sdp); });
      return false;
    };
    reborn.on_event = [&](const peer::Event& event) {
      if (!std::holds_alternative<peer::LocalDescription>(event)) return;
      const std::string sdp(reborn.session().local_description());
      world_.time.after(milliseconds(30), [&, sdp] { (void)pair_->left->hear_description(sdp); });
    };
    reborn.on_message = [&](const datachannel::Message& m) {
      heard.emplace_back(as_text(m.body.bytes()));
    };
    EXPECT_TRUE(reborn.connect());
    const Instant start = world_.time.now();
    ASSERT_TRUE(pair_->run_until([&] { return reborn.data_open() && pair_->left->data_open(); }));
    EXPECT_EQ(reborn.sockets()[0], port);
    EXPECT_LE(world_.time.now() - start, seconds(2));
    EXPECT_TRUE(pair_->send(*pair_->left, "welcome back"));
    pair_->run_for(seconds(1));
    EXPECT_EQ(heard, std::vector<std::string>{"welcome back"});
    pair_->on_signal = [](Peer&, std::string&) { return false; };
  }
}

// [rfc9260#5.2.4] What it forgot was its SCTP alone: a new association speaks under its old DTLS.
// The channels of the old one are closed, with their events, and new ones work; the connection
// stays. covers: fault 28, must rfc9260#5.2.1
TEST_F(Fault, a_peer_that_begins_sctp_anew_within_its_dtls_is_talked_to_over_new_channels) {
  begin(options(true));
  Peer& right = *pair_->right;
  const Route route = *right.session().paired();
  const auto old_channel = pair_->left_ear.opened.at(0);
  const bool right_is_client = static_cast<unsigned>(old_channel) % 2 == 0;
  EXPECT_TRUE(right_is_client) << "it opens the automatic channel, then and now";
  test::TestEnv forgetful(7);
  sctp::Association anew({}, openssl::provider(), forgetful.env);
  datachannel::Channels channels({}, right_is_client, anew, forgetful.env);
  // The right peer is a pipe from here on, and its own association hears nothing.
  world_.network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& datagram) {
    constexpr std::size_t front = PlainEndpoint::seal_front, around = PlainEndpoint::seal_overhead;
    const bool is_record = datagram[0] == std::byte{23} && datagram.size() > around;
    if (from != pair_->left->host() || !is_record) return true;
    anew.on_packet(world_.time.now(), Bytes(datagram).subspan(front, datagram.size() - around));
    return false;
  });
  std::vector<std::string> heard;
  bool asked = false, answered = false;
  const auto turn = [&] {
    const Instant now = world_.time.now();
    anew.on_deadline(now);
    channels.process(now);
    while (const auto event = anew.poll_event()) {
      if (!std::holds_alternative<sctp::Connected>(*event)) continue;
      EXPECT_TRUE(channels.open(now, {.label = "esp_channel"}));
    }
    while (const auto event = channels.poll_event()) {
      if (!std::holds_alternative<datachannel::Opened>(*event)) continue;
      asked = static_cast<bool>(
          channels.send(now, old_channel, datachannel::Kind::string, as_bytes("who are you?")));
    }
    while (const auto message = channels.read_message(now)) {
      heard.emplace_back(as_text(message->body.bytes()));
    }
    auto* const dtls = pair_->plain_dtls().endpoint_with(right.memory());
    ASSERT_TRUE(dtls && dtls->connected());
    std::array<std::byte, 1400> packet{}, record{};
    while (const auto n = anew.write_packet(now, packet)) {
      const auto size = dtls->seal(now, Bytes(packet).first(n), record);
      world_.network.send(right.host(), route, Bytes(record).first(size));
    }
    pair_->run_for(milliseconds(5));
    if (!asked || answered || pair_->left_ear.messages.empty()) return;
    answered = static_cast<bool>(pair_->send(*pair_->left, "the one I was"));
  };
  // On its way when all is forgotten: its sender hears that its channel is closed.
  EXPECT_TRUE(pair_->send(*pair_->left, std::string(50'000, 'x')));
  ASSERT_TRUE(anew.connect(world_.time.now()));
  for (int n = 0; n < 1'000 && heard.empty(); ++n) turn();
  EXPECT_EQ(heard, std::vector<std::string>{"the one I was"});
  EXPECT_EQ(pair_->texts(*pair_->left), std::vector<std::string>{"who are you?"});
  EXPECT_EQ(pair_->left_ear.opened, (std::vector{old_channel, old_channel}));
  EXPECT_EQ(pair_->left_ear.closed, std::vector{old_channel});
  EXPECT_FALSE(pair_->left_ear.said(State::data_disconnected));
  EXPECT_FALSE(lost());
  world_.network.set_tap({});
}

// ---------------------------------------------------------------- clocks

class Jump : public Fault, public ::testing::WithParamInterface<bool> {};

// covers: fault 8, bug 76
TEST_P(Jump, of_the_clock_by_an_hour_costs_the_connection_and_no_more) {
  begin(options(true));
  Peer& jumps = GetParam() ? *pair_->left : *pair_->right;
  EXPECT_TRUE(pair_->send(jumps, std::string(50'000, 'x')));
  jumps.jump_clock(seconds(3'600));
  expect_open_for_good();
}
INSTANTIATE_TEST_SUITE_P(OfEither, Jump, ::testing::Bool(), [](const auto& tested) {
  return std::string(tested.param ? "offerer" : "answerer");
});

class FaultOfClocks : public ::testing::TestWithParam<Ciphers> {
 protected:
  // The wall clock of both libraries: OpenSSL's DTLS timers go by it, and Mbed TLS writes it into
  // its hellos [decisions: Virtual time and OpenSSL].
  static void set_wall(Instant now) {
    test::set_virtual_time(now);
    test::set_mbedtls_time(now);
  }
};
INSTANTIATE_TEST_SUITE_P(Over, FaultOfClocks, ::testing::ValuesIn(every_cipher), name_of_ciphers);

// covers: fault 8, bug 76
TEST_P(FaultOfClocks, that_jump_in_any_moment_of_the_handshake_leave_a_connection_or_a_failure) {
  const int step = GetParam() == Cipher::plain ? 4 : 12;
  for (std::int64_t at = 0; at < 200; at += step) {
    World world(32);
    {
      Pair pair(world, {.cipher = GetParam()});
      pair.connect();
      pair.run_for(milliseconds(at));
      (at / step % 2 == 0 ? pair.left : pair.right)->jump_clock(seconds(3'600));
      EXPECT_TRUE(pair.run_until_open(seconds(180))) << at;
    }
    for (const std::string& failure : world.failures) ADD_FAILURE() << failure << " at " << at;
  }
}

// covers: fault 8, bug 82
TEST_P(FaultOfClocks, of_the_wall_that_step_in_any_moment_of_the_handshake_end_nothing) {
  for (const Duration step : {seconds(86'400), seconds(-86'400), seconds(-100)}) {
    for (std::int64_t at = 0; at < 200; at += 8) {
      World world(33);
      {
        PairOptions options{.cipher = GetParam()};
        options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
        options.link.loss = at % 16 == 0 ? 0.2 : 0;  // so that its timers matter
        Pair pair(world, options);
        // Virtual time begins at an hour; a day before it is before 1970 only for unsigned minds.
        const Instant from = world.time.now() + milliseconds(at);
        world.time.on_time([=](Instant now) {
          set_wall(now + seconds(100'000) + (now >= from ? step : Duration(0)));
        });
        pair.connect();
        const auto over = [&] {
          return (pair.left->data_open() && pair.right->data_open()) ||
                 pair.left_ear.said(State::connect_failed) ||
                 pair.right_ear.said(State::connect_failed);
        };
        EXPECT_TRUE(pair.run_until(over, seconds(60))) << at;
        if (options.link.loss == 0) {
          EXPECT_TRUE(pair.left->data_open()) << at;
        }
      }
      for (const std::string& failure : world.failures) ADD_FAILURE() << failure << " at " << at;
    }
  }
}

// covers: fault 8, bug 82
TEST_P(FaultOfClocks, of_the_wall_that_begin_in_1970_connect) {
  World world(34);
  {
    Pair pair(world, {.cipher = GetParam()});
    const Instant start = world.time.now();
    world.time.on_time([=](Instant now) {
      test::set_virtual_time(Instant(now - start) - seconds(86'400));  // which is added there
      test::set_mbedtls_time(Instant(now - start));
    });
    pair.connect();
    EXPECT_TRUE(pair.run_until_open());
  }
  for (const std::string& failure : world.failures) ADD_FAILURE() << failure;
}

// ---------------------------------------------------------------- resources

// covers: fault 17
TEST_F(Fault, sixteen_megabytes_at_once_are_taken_as_far_as_the_buffer_goes_and_arrive) {
  PairOptions chosen = options(false);
  chosen.keep_messages = false;
  begin(chosen);
  const std::string text(64'000, 'm');
  std::size_t refused = 0, heard = 0;
  pair_->on_message = [&](Peer&, const datachannel::Message& m) { heard += m.body.size(); };
  std::size_t sent = 0, most = 0;
  while (sent < std::size_t{16} << 20) {
    const Status status = pair_->send(*pair_->left, text);
    most = std::max(most, pair_->left->memory().live());
    if (status) {
      sent += text.size();
      continue;
    }
    ASSERT_EQ(status.code(), Errc::would_block);
    ASSERT_LT(++refused, 100'000u);
    pair_->run_for(milliseconds(5));
  }
  EXPECT_GT(refused, 0u);
  EXPECT_LE(most, 300'000u) << "a buffer of 100 kB, and what a session is";
  EXPECT_TRUE(pair_->run_until([&] { return heard == sent; }, seconds(60)));
}

// Runs of refusals, from a whole life: connect, talk, open and close a channel, part.
// covers: fault 18, bug 85
TEST(FaultOfMemory, any_run_of_allocations_may_fail_from_the_first_to_the_close) {
  for (const std::uint64_t refusals :
       {std::uint64_t{1}, std::uint64_t{4}, std::uint64_t{1'000'000}}) {
    std::uint64_t k = 0, last = 1;
    for (; k < last && k < 2'000; k += refusals == 1 ? 1 : 3) {
      World world(35);
      {
        PairOptions options;
        options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
        Pair pair(world, options);
        Peer& victim = k % 2 == 0 ? *pair.left : *pair.right;
        victim.memory().fail_at(k, refusals);  // 0: none, and they are counted
        pair.connect();
        if (pair.run_until_open(seconds(90))) {
          static_cast<void>(pair.send(*pair.left, std::string(5'000, 'x')));
          static_cast<void>(pair.send(*pair.right, std::string(5'000, 'y')));
          for (Peer* p : {pair.left.get(), pair.right.get()}) {
            p->command([](auto& session, Instant now) {
              return static_cast<bool>(session.create_channel(now, {.label = "another"}));
            });
          }
          pair.run_for(seconds(1));
          static_cast<void>(
              victim.command([](auto& s, Instant now) { return s.close_channel(now, "another"); }));
          pair.run_for(seconds(1));
        }
        static_cast<void>(victim.disconnect());
        pair.run_for(seconds(1));
        EXPECT_TRUE(victim.state() == State::disconnected ||
                    victim.state() == State::connect_failed || victim.state() == State::closed)
            << k << ": " << name_of(victim.state());
        if (refusals == 0) {
          last = std::max(pair.left->memory().allocations(), pair.right->memory().allocations());
          EXPECT_GE(last, 50u);
        }
        pair.left->kill();
        pair.right->kill();
      }
      for (const std::string& failure : world.failures) {
        for (const char* grave : {"memory", "spins", "deadline", "another size"}) {
          EXPECT_EQ(failure.find(grave), failure.npos) << failure << " at allocation " << k;
        }
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
}

class FaultOfEntropy : public ::testing::TestWithParam<Ciphers> {
 protected:
  static void exhaust(bool exhausted) {
    test::exhaust_randomness(exhausted);
    test::exhaust_mbedtls_randomness(exhausted);
  }
};
INSTANTIATE_TEST_SUITE_P(Over, FaultOfEntropy, ::testing::ValuesIn(real_ciphers), name_of_ciphers);

// covers: fault 21
TEST_P(FaultOfEntropy, no_randomness_no_connection_and_afterwards_one) {
  for (std::int64_t at = 0; at <= 120; at += 5) {
    World world(36);
    {
      Pair pair(world, {.cipher = GetParam()});
      pair.connect();
      pair.run_for(milliseconds(at));
      const bool was_open = pair.left->data_open();
      exhaust(true);
      pair.run_for(seconds(40));
      if (!was_open && at <= 40) {
        EXPECT_FALSE(pair.left_ear.said(State::connected)) << at;
      }
      exhaust(false);
      EXPECT_TRUE(pair.run_until_open(seconds(150))) << at;
    }
    for (const std::string& failure : world.failures) ADD_FAILURE() << failure << " at " << at;
  }
}

// ---------------------------------------------------------------- neighbours

// Two peers of one process; what the other end of one says is noise, in every layer at once.
// covers: fault 25
TEST(FaultOfNeighbours, a_hostile_peer_of_one_session_is_nothing_to_another) {
  World world(37);
  {
    Pair good(world, {.cipher = Cipher::openssl});
    PairOptions options{.cipher = Cipher::openssl,
                        .left_addresses = {Address::v4(192, 0, 2, 1, 0)},
                        .right_addresses = {Address::v4(192, 0, 2, 9, 0)}};
    options.left.name = "beset";
    options.right.name = "hostile";
    options.right.session.role = ice::Role::controlled;
    Pair bad(world, options);
    Rng chance(38);
    const HostId hostile = bad.right->host();
    int spoilt = 0;
    world.network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& datagram) {
      if (from != hostile || datagram.size() < 2 || !chance.chance(0.5)) return true;
      ++spoilt;
      datagram[1 + chance.below(datagram.size() - 1)] ^= std::byte{0x41};
      return true;
    });
    good.connect();
    bad.connect();
    ASSERT_TRUE(good.run_until_open());
    // It sends the good one's socket what it may, too.
    std::vector<std::string> texts;
    for (int i = 0; i < 500; ++i) {
      std::vector<std::byte> noise(chance.below(1'300));
      chance.fill(noise);
      if (!noise.empty()) noise[0] = static_cast<std::byte>(chance.below(64));
      world.network.send(hostile, {Address::v4(192, 0, 2, 9, 50'000), good.left->sockets()[0]},
                         noise);
      texts.push_back(std::to_string(i));
      EXPECT_TRUE(good.send(*good.left, texts.back()));
      good.run_for(milliseconds(20));
    }
    good.run_for(seconds(5));
    EXPECT_EQ(good.texts(*good.right), texts);
    EXPECT_FALSE(good.left_ear.said(State::disconnected));
    EXPECT_GT(spoilt, 10);
  }
  for (const std::string& failure : world.failures) ADD_FAILURE() << failure;
}

}  // namespace
}  // namespace esp_peer::sim
