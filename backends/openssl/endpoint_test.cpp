// Two DTLS endpoints, datagram by datagram, in virtual time.
#include <gtest/gtest.h>
#include <malloc.h>

#include <deque>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "backends/openssl/backend.hpp"
#include "base/timer_table.hpp"
#include "tests/support/browser_hellos.hpp"
#include "tests/support/test_env.hpp"
#include "tests/support/virtual_openssl.hpp"

namespace esp_peer::openssl {
namespace {

using test::at_ms;
using Datagram = std::vector<std::byte>;

struct Side {
  explicit Side(std::uint64_t seed,
                dtls::CipherPreference ciphers = dtls::CipherPreference::automatic)
      : world(seed), identity(backend().create_identity(1'700'000'000)) {
    dtls::Options options;
    options.ciphers = ciphers;
    endpoint = backend().create_endpoint(options, *identity, world.env);
  }
  Side(const Side&) = delete;
  ~Side() {
    backend().destroy(endpoint);
    backend().release(*identity);
  }
  template <class E>
  std::size_t count() const {
    std::size_t n = 0;
    for (const auto& e : events) n += std::holds_alternative<E>(e) ? 1u : 0u;
    return n;
  }
  test::TestEnv world;
  dtls::Identity* identity;
  dtls::Endpoint* endpoint;
  std::vector<dtls::Endpoint::Event> events;
  std::vector<std::string> received;
};

class DtlsPair {
 public:
  explicit DtlsPair(std::uint64_t seed = 1) : client(seed * 2), server(seed * 2 + 1) {
    test::set_virtual_time(now);
  }
  ~DtlsPair() { test::use_real_time(); }

  void start(std::optional<dtls::Fingerprint> of_server = {},
             std::optional<dtls::Fingerprint> of_client = {}) {
    const auto expected_server = of_server.value_or(server.identity->fingerprint());
    const auto expected_client = of_client.value_or(client.identity->fingerprint());
    ASSERT_TRUE(server.endpoint->start(now, dtls::Role::server, {&expected_client, 1}));
    ASSERT_TRUE(client.endpoint->start(now, dtls::Role::client, {&expected_server, 1}));
  }
  // Datagrams take a millisecond; timers run in between.
  void run_for(Duration d) {
    const Instant end = now + d;
    for (int steps = 0; steps < 100'000; ++steps) {
      pump(client, true);
      pump(server, false);
      auto next = earliest(client.endpoint->next_deadline(), server.endpoint->next_deadline());
      if (!flying_.empty()) next = earliest(next, flying_.front().at);
      if (!next || *next > end) {
        now = end;
        test::set_virtual_time(now);
        return;
      }
      now = std::max(now, *next);
      test::set_virtual_time(now);
      while (!flying_.empty() && flying_.front().at <= now) {
        auto datagram = std::move(flying_.front());
        flying_.pop_front();
        deliver(datagram.to_client ? client : server, datagram.bytes);
      }
      for (Side* side : {&client, &server}) {
        side->endpoint->on_deadline(now);
        const auto deadline = side->endpoint->next_deadline();
        ASSERT_TRUE(!deadline || *deadline > now) << "a machine never spins";
      }
    }
    FAIL() << "too many steps";
  }
  void deliver(Side& to, Datagram bytes) {
    to.endpoint->on_datagram(now, bytes);
    for (Bytes record = to.endpoint->read(now); !record.empty(); record = to.endpoint->read(now)) {
      to.received.emplace_back(as_text(record));
    }
    while (auto event = to.endpoint->poll_event()) to.events.push_back(*event);
  }
  Datagram seal(Side& from, std::string_view text) {
    Datagram room(text.size() + dtls::Endpoint::seal_overhead);
    room.resize(from.endpoint->seal(now, as_bytes(text), room));
    return room;
  }
  bool connected() const { return client.endpoint->connected() && server.endpoint->connected(); }

  Instant now = at_ms(5000);
  Side client, server;
  std::function<bool(bool from_client, Datagram&)> meddle;  // false loses it
  std::vector<Datagram> seen;

 private:
  struct Flying {
    Instant at;
    bool to_client;
    Datagram bytes;
  };
  void pump(Side& side, bool is_client) {
    std::array<std::byte, 1500> room{};
    while (const std::size_t n = side.endpoint->write_datagram(now, room)) {
      Datagram bytes(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(n));
      seen.push_back(bytes);
      if (meddle && !meddle(is_client, bytes)) continue;
      flying_.push_back({now + milliseconds(1), !is_client, std::move(bytes)});
    }
    while (auto event = side.endpoint->poll_event()) side.events.push_back(*event);
  }
  std::deque<Flying> flying_;
};

TEST(Dtls, two_endpoints_with_the_right_fingerprints_connect_and_talk) {
  DtlsPair p;
  p.start();
  p.run_for(milliseconds(20));
  ASSERT_TRUE(p.connected());
  EXPECT_EQ(p.client.count<dtls::Connected>(), 1u);
  EXPECT_EQ(p.server.count<dtls::Connected>(), 1u);
  p.deliver(p.server, p.seal(p.client, "hello"));
  p.deliver(p.client, p.seal(p.server, std::string(1188, 'x')));
  EXPECT_EQ(p.server.received, std::vector<std::string>{"hello"});
  ASSERT_EQ(p.client.received.size(), 1u);
  EXPECT_EQ(p.client.received[0].size(), 1188u);
  std::array<std::byte, 60> a{}, b{};
  ASSERT_TRUE(p.client.endpoint->export_keys("EXTRACTOR-dtls_srtp", a));
  ASSERT_TRUE(p.server.endpoint->export_keys("EXTRACTOR-dtls_srtp", b));
  EXPECT_EQ(a, b);
  EXPECT_FALSE(p.client.endpoint->next_deadline());
}

TEST(Dtls, seals_in_the_room_where_the_plaintext_stands) {
  DtlsPair p;
  p.start();
  p.run_for(milliseconds(20));
  Datagram room(200);
  const std::string text = "in place";
  copy_bytes(as_bytes(text), MutableBytes(room).subspan(dtls::Endpoint::seal_front));
  room.resize(p.client.endpoint->seal(
      p.now, Bytes(room).subspan(dtls::Endpoint::seal_front, text.size()), room));
  p.deliver(p.server, room);
  EXPECT_EQ(p.server.received, std::vector<std::string>{text});
}

class WrongFingerprint : public ::testing::TestWithParam<bool> {};

TEST_P(WrongFingerprint, is_never_connected_whichever_digit_differs) {
  for (std::size_t digit = 0; digit < 64; ++digit) {
    DtlsPair p(digit + 1);
    auto wrong = (GetParam() ? p.server : p.client).identity->fingerprint();
    wrong.digest[digit / 2] ^= digit % 2 ? std::byte{0x01} : std::byte{0x10};
    if (GetParam()) {
      p.start(wrong, {});
    } else {
      p.start({}, wrong);
    }
    p.run_for(seconds(5));
    Side& judge = GetParam() ? p.client : p.server;
    EXPECT_EQ(judge.count<dtls::Connected>(), 0u) << digit;
    ASSERT_EQ(judge.count<dtls::Failed>(), 1u) << digit;
    EXPECT_EQ(std::get<dtls::Failed>(judge.events.back()).reason,
              dtls::FailureReason::fingerprint_mismatch);
    EXPECT_TRUE(p.client.received.empty() && p.server.received.empty());
    EXPECT_TRUE(p.seal(judge, "never").empty());
  }
}
INSTANTIATE_TEST_SUITE_P(JudgedBy, WrongFingerprint, ::testing::Values(true, false),
                         [](const auto& i) { return i.param ? "client" : "server"; });

TEST(Dtls, one_right_fingerprint_among_several_is_enough_and_none_is_not) {
  DtlsPair p;
  auto wrong = p.server.identity->fingerprint();
  wrong.digest[0] ^= std::byte{1};
  const dtls::Fingerprint both[] = {wrong, p.server.identity->fingerprint()};
  ASSERT_TRUE(
      p.server.endpoint->start(p.now, dtls::Role::server, {&p.client.identity->fingerprint(), 1}));
  ASSERT_TRUE(p.client.endpoint->start(p.now, dtls::Role::client, both));
  p.run_for(milliseconds(20));
  EXPECT_TRUE(p.connected());
  Side other(9);
  EXPECT_EQ(other.endpoint->start(p.now, dtls::Role::client, {}).code(), Errc::bad_data);
}

TEST(Dtls, each_datagram_of_the_handshake_may_be_lost_up_to_five_times) {
  for (int victim = 0; victim < 8; ++victim) {
    for (int times = 1; times <= 5; ++times) {
      DtlsPair p(static_cast<std::uint64_t>(victim * 10 + times));
      int index = 0, lost = 0;
      p.meddle = [&](bool, Datagram&) {
        if (index++ < victim || lost == times) return true;
        ++lost;
        return false;
      };
      p.start();
      p.run_for(seconds(30));
      EXPECT_TRUE(p.connected()) << victim << " lost " << times << " times";
    }
  }
}

TEST(Dtls, the_first_retransmission_comes_after_fifty_milliseconds_and_the_wait_doubles) {
  DtlsPair p;
  std::vector<Instant> hellos;
  p.meddle = [&](bool from_client, Datagram&) {
    if (from_client) hellos.push_back(p.now);
    return false;
  };
  p.start();
  p.run_for(seconds(2));
  ASSERT_GE(hellos.size(), 4u);
  EXPECT_EQ(hellos[1] - hellos[0], milliseconds(50));
  EXPECT_EQ(hellos[2] - hellos[1], milliseconds(100));
  EXPECT_EQ(hellos[3] - hellos[2], milliseconds(200));
}

TEST(Dtls, a_wall_clock_that_jumps_back_neither_hangs_nor_spins) {
  DtlsPair p;
  p.meddle = [](bool, Datagram&) { return false; };
  p.start();
  const Instant begin = p.now;
  int wakeups = 0;
  for (Instant t = begin; t < begin + seconds(1) && wakeups < 10'000; ++wakeups) {
    const auto next = p.client.endpoint->next_deadline();
    ASSERT_TRUE(next) << "still trying";
    t = std::max(t, *next);
    test::set_virtual_time(at_ms(-3'600'000));  // an hour ago, and it stands still
    p.client.endpoint->on_deadline(t);
    ASSERT_GT(*p.client.endpoint->next_deadline(), t);
  }
  EXPECT_LT(wakeups, 1000);
}

TEST(Dtls, a_record_that_comes_twice_is_delivered_once) {
  DtlsPair p;
  p.start();
  p.run_for(milliseconds(20));
  const Datagram first = p.seal(p.client, "one"), second = p.seal(p.client, "two");
  p.deliver(p.server, second);
  p.deliver(p.server, first);
  p.deliver(p.server, first);
  p.deliver(p.server, second);
  EXPECT_EQ(p.server.received, (std::vector<std::string>{"two", "one"}));
}

TEST(Dtls, nothing_forged_disturbs_a_connection) {
  DtlsPair p;
  p.start();
  p.run_for(milliseconds(20));
  ASSERT_TRUE(p.connected());
  std::mt19937 random(1);
  const Datagram hello = p.seen.front();
  const Datagram genuine = p.seal(p.client, "genuine");
  StateHash before;
  p.server.endpoint->hash_state(before);
  for (int i = 0; i < 20'000; ++i) {
    Datagram junk(1 + random() % 100);
    for (auto& b : junk) b = static_cast<std::byte>(random());
    junk[0] = static_cast<std::byte>(20 + random() % 44);
    p.deliver(p.server, junk);
  }
  p.deliver(p.server, hello);  // an epoch of long ago
  const Datagram alert{std::byte{21}, std::byte{0xFE}, std::byte{0xFD}, std::byte{0},
                       std::byte{0},  std::byte{0},    std::byte{0},    std::byte{0},
                       std::byte{0},  std::byte{9},    std::byte{9},    std::byte{0},
                       std::byte{2},  std::byte{2},    std::byte{40}};
  p.deliver(p.server, alert);
  Datagram next_epoch = genuine;
  next_epoch[4] = std::byte{2};
  for (int i = 5; i < 11; ++i) next_epoch[static_cast<std::size_t>(i)] = std::byte{0xFF};
  p.deliver(p.server, next_epoch);
  Datagram flipped = genuine;
  flipped[30] ^= std::byte{1};
  p.deliver(p.server, flipped);
  StateHash after;
  p.server.endpoint->hash_state(after);
  EXPECT_EQ(before.value(), after.value());
  EXPECT_TRUE(p.server.received.empty());
  p.deliver(p.server, genuine);
  EXPECT_EQ(p.server.received, std::vector<std::string>{"genuine"});
}

TEST(Dtls, close_notify_tells_the_other_side) {
  DtlsPair p;
  p.start();
  p.run_for(milliseconds(20));
  p.client.endpoint->close(p.now);
  p.run_for(milliseconds(20));
  EXPECT_EQ(p.server.count<dtls::Closed>(), 1u);
  EXPECT_FALSE(p.server.endpoint->connected());
  EXPECT_TRUE(p.seal(p.client, "late").empty());
}

TEST(Dtls, the_server_answers_the_fragmented_hellos_of_both_browsers_in_any_order) {
  for (const auto& hello : test::browser_hellos()) {
    for (const bool reversed : {false, true}) {
      DtlsPair p;
      ASSERT_TRUE(p.server.endpoint->start(p.now, dtls::Role::server,
                                           {&p.client.identity->fingerprint(), 1}));
      auto datagrams = hello.datagrams;
      if (reversed) std::reverse(datagrams.begin(), datagrams.end());
      for (int copies = 0; copies < 2; ++copies) {
        for (const Datagram& datagram : datagrams) p.deliver(p.server, datagram);
      }
      std::array<std::byte, 1500> room{};
      const std::size_t n = p.server.endpoint->write_datagram(p.now, room);
      ASSERT_GT(n, 13u) << hello.name;
      EXPECT_EQ(room[0], std::byte{22}) << "a handshake record";
      EXPECT_EQ(room[13], std::byte{2}) << hello.name << ": ServerHello";
      EXPECT_EQ(p.server.count<dtls::Failed>(), 0u);
    }
  }
}

TEST(Dtls, every_preference_connects_with_every_other) {
  using dtls::CipherPreference;
  for (const auto a :
       {CipherPreference::automatic, CipherPreference::aes_gcm, CipherPreference::chacha}) {
    for (const auto b :
         {CipherPreference::automatic, CipherPreference::aes_gcm, CipherPreference::chacha}) {
      test::set_virtual_time(at_ms(1000));
      Side client(1, a), server(2, b);
      ASSERT_TRUE(server.endpoint->start(at_ms(1000), dtls::Role::server,
                                         {&client.identity->fingerprint(), 1}));
      ASSERT_TRUE(client.endpoint->start(at_ms(1000), dtls::Role::client,
                                         {&server.identity->fingerprint(), 1}));
      std::array<std::byte, 1500> room{};
      for (int i = 0; i < 20; ++i) {
        for (auto [from, to] : {std::pair{&client, &server}, std::pair{&server, &client}}) {
          while (const std::size_t n = from->endpoint->write_datagram(at_ms(1000), room)) {
            to->endpoint->on_datagram(at_ms(1000), MutableBytes(room).first(n));
            to->endpoint->read(at_ms(1000));
          }
        }
      }
      EXPECT_TRUE(client.endpoint->connected() && server.endpoint->connected());
      test::use_real_time();
    }
  }
}

TEST(Dtls, three_hundred_associations_leave_nothing_behind) {
  const auto round = [](bool finish) {
    DtlsPair p;
    p.start();
    p.run_for(finish ? milliseconds(20) : milliseconds(1));
  };
  for (int i = 0; i < 5; ++i) round(i % 2);
  const std::size_t before = mallinfo2().uordblks;
  for (int i = 0; i < 300; ++i) round(i % 2);
  EXPECT_LE(mallinfo2().uordblks, before + 4096);
}

TEST(Identity, is_new_each_time_and_counted) {
  auto* a = backend().create_identity(0);
  auto* b = backend().create_identity(4'102'444'800);  // in 2100: nobody judges dates
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->fingerprint(), b->fingerprint());
  backend().retain(*a);
  backend().release(*a);
  backend().release(*a);
  backend().release(*b);
}

}  // namespace
}  // namespace esp_peer::openssl
