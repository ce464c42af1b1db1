// What every DTLS backend keeps to when strangers and liars write to it.
#pragma once
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/conformance/dtls_backend.hpp"

namespace esp_peer::test {

inline Datagram forged_alert() { return record(21, 0, 0x909, {std::byte{2}, std::byte{40}}); }

// covers: bug 9, bug 11, bug 12, must rfc6347#4.1.2.6, must rfc6347#4.1.2.7, must rfc6347#4.2.8
TEST_P(DtlsBackend, nothing_forged_disturbs_a_connection) {
  for (const auto role : {dtls::Role::client, dtls::Role::server}) {
    DtlsPair p(library());
    p.connect();
    DtlsSide& victim = p.side(role);
    DtlsSide& friendly = role == dtls::Role::client ? p.server : p.client;
    const Datagram genuine = friendly.seal(p.now, "genuine");
    const auto before = victim.state();
    std::mt19937 random(1);
    for (int i = 0; i < 20'000; ++i) {
      Datagram junk(1 + random() % 100);
      for (auto& b : junk) b = static_cast<std::byte>(random());
      junk[0] = static_cast<std::byte>(20 + random() % 44);
      if (i % 2) junk = record(20 + i / 2 % 4, i / 8 % 3, random(), junk);
      victim.deliver(p.now, junk);
    }
    for (const Datagram& old : p.seen) {
      for (const Datagram& one : records_of(old)) {
        if (epoch_of(one) == 0) victim.deliver(p.now, one);
      }
    }
    victim.deliver(p.now, forged_alert());
    for (const auto& hello : browser_hellos()) {
      for (const Datagram& datagram : hello.datagrams) victim.deliver(p.now, datagram);
    }
    Datagram next_epoch = genuine;
    next_epoch[4] = std::byte{2};
    std::fill(next_epoch.begin() + 5, next_epoch.begin() + 11, std::byte{0xFF});
    victim.deliver(p.now, next_epoch);
    Datagram far_ahead = genuine;
    std::fill(far_ahead.begin() + 5, far_ahead.begin() + 11, std::byte{0xFF});
    victim.deliver(p.now, far_ahead);
    for (std::size_t i = 0; i < genuine.size(); ++i) {
      Datagram flipped = genuine;
      flipped[i] ^= std::byte{1};
      // The version of a record is in no hash where OpenSSL writes it: its major part is checked.
      if (i != 2) victim.deliver(p.now, flipped);
      victim.deliver(p.now, {genuine.begin(), genuine.begin() + static_cast<std::ptrdiff_t>(i)});
    }
    EXPECT_EQ(victim.state(), before);
    EXPECT_TRUE(victim.received.empty());
    EXPECT_TRUE(victim.written(p.now).empty()) << "and nothing is answered";
    victim.deliver(p.now, genuine);
    EXPECT_EQ(victim.received, std::vector<std::string>{"genuine"});
    friendly.deliver(p.now, victim.seal(p.now, "back"));
    EXPECT_EQ(friendly.received, std::vector<std::string>{"back"});
  }
}

// covers: bug 18
TEST_P(DtlsBackend, late_records_of_an_older_association_disturb_neither_handshake_nor_connection) {
  std::vector<Datagram> to_server, to_client;
  {
    DtlsPair old(library(), 1);
    old.connect();
    for (int i = 0; i < 5; ++i) {
      to_server.push_back(old.client.seal(old.now, "old"));
      to_client.push_back(old.server.seal(old.now, "old"));
    }
    old.client.endpoint->close(old.now);
    old.server.endpoint->close(old.now);
    for (const Datagram& goodbye : old.client.written(old.now)) to_server.push_back(goodbye);
    for (const Datagram& goodbye : old.server.written(old.now)) to_client.push_back(goodbye);
  }
  DtlsPair p(library(), 2);
  const auto replay = [&] {
    for (const Datagram& one : to_server) p.server.deliver(p.now, one);
    for (const Datagram& one : to_client) p.client.deliver(p.now, one);
  };
  p.meddle = [&](bool, Datagram&) {
    replay();
    return true;
  };
  p.connect();
  replay();
  p.server.deliver(p.now, p.client.seal(p.now, "new"));
  p.client.deliver(p.now, p.server.seal(p.now, "new"));
  EXPECT_TRUE(p.connected());
  EXPECT_EQ(p.server.received, std::vector<std::string>{"new"});
  EXPECT_EQ(p.client.received, std::vector<std::string>{"new"});
}

// One too short to hold what its cipher adds has shut out the peer for good in OpenSSL 3.0.
// covers: must rfc6347#4.1.2.7
TEST_P(DtlsBackend, a_forged_record_of_any_length_disturbs_nothing) {
  for (const auto ciphers : {dtls::CipherPreference::aes_gcm, dtls::CipherPreference::chacha}) {
    for (const auto role : {dtls::Role::client, dtls::Role::server}) {
      for (std::size_t size = 0; size < 40; ++size) {
        DtlsPair p(library(), 1, {.ciphers = ciphers}, {.ciphers = ciphers});
        p.connect();
        DtlsSide& victim = p.side(role);
        DtlsSide& friendly = role == dtls::Role::client ? p.server : p.client;
        for (int type = 20; type <= 23; ++type) {
          victim.deliver(p.now, record(type, 1, 77, Datagram(size)));
        }
        for (const std::string text : {"genuine", "g"}) {
          victim.deliver(p.now, friendly.seal(p.now, text));
          ASSERT_FALSE(victim.received.empty()) << "after " << size << " bytes: " << victim.why();
          EXPECT_EQ(victim.received.back(), text);
        }
      }
    }
  }
}

// [rfc5246#6.2.3] 2^14 and 2048 more is the longest there may be.
// covers: must rfc6347#4.1.2.7
TEST_P(DtlsBackend, a_forged_record_longer_than_any_may_be_disturbs_nothing) {
  for (const auto role : {dtls::Role::client, dtls::Role::server}) {
    DtlsPair p(library());
    p.connect();
    DtlsSide& victim = p.side(role);
    DtlsSide& friendly = role == dtls::Role::client ? p.server : p.client;
    victim.deliver(p.now, friendly.seal(p.now, std::string(1200, 'x')));
    for (const unsigned size :
         {16'384u, 16'640u, 16'641u, 16'704u, 16'705u, 18'432u, 18'433u, 65'000u}) {
      const std::size_t memory = victim.world.memory.live;
      for (int type = 20; type <= 23; ++type) {
        victim.deliver(p.now, record(type, 1, 77, Datagram(size)));
      }
      EXPECT_LE(victim.world.memory.live, memory) << "nor is anything kept for it";
      victim.received.clear();
      victim.deliver(p.now, friendly.seal(p.now, "genuine"));
      EXPECT_EQ(victim.received, std::vector<std::string>{"genuine"}) << "after " << size;
    }
  }
}

// covers: bug 7, must rfc6347#4.1.2.7
TEST_P(DtlsBackend, a_hundred_thousand_junk_records_do_not_end_a_handshake_nor_fill_memory) {
  for (const auto role : {dtls::Role::client, dtls::Role::server}) {
    DtlsPair p(library());
    p.start();
    DtlsSide& victim = p.side(role);
    const std::size_t before = library().bytes();
    library().reset_peak();
    std::mt19937 random(2);
    for (int i = 0; i < 100'000; ++i) {
      Datagram junk(random() % 60);
      for (auto& b : junk) b = static_cast<std::byte>(random());
      const int type = static_cast<int>(random() % 5);
      // Alerts and whole handshake messages in the clear would be believed.
      victim.deliver(p.now,
                     record(19 + type, type == 2 || type == 3 ? 1 : random() % 2, random(), junk));
    }
    EXPECT_LE(library().peak_bytes() - before, 200u * 1024);
    EXPECT_LE(victim.world.memory.peak, 32u * 1024);
    p.run_for(milliseconds(500));
    EXPECT_TRUE(p.connected()) << p.client.why() << " " << p.server.why();
  }
}

// covers: bug 6, bug 7
TEST_P(DtlsBackend, fragments_that_lie_about_their_message_cost_little_and_move_nothing) {
  DtlsPair p(library());
  wait_for_hello(p);
  const std::size_t before = library().bytes();
  library().reset_peak();
  std::uint64_t sequence = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint32_t lengths[] = {0xFFFFFF, 100'000, 16 * 1024, 5000, 60};
    const std::uint32_t length = lengths[i % 5];
    const std::uint32_t offset = i % 3 == 0 ? 0 : i % 3 == 1 ? length / 2 : length;
    const Datagram piece(i % 7 == 0 ? 0u : 20u);
    const int message = 1 + i % 20;  // never the one that is awaited
    p.server.deliver(p.now,
                     record(22, 0, sequence++, fragment(11, length, message, offset, piece)));
  }
  EXPECT_LE(library().peak_bytes() - before, 400u * 1024);
  EXPECT_TRUE(p.server.events.empty());
  EXPECT_TRUE(p.server.written(p.now).empty());
}

// covers: bug 8, must rfc6347#4.2.2
TEST_P(DtlsBackend, fragments_of_one_message_with_other_lengths_are_not_put_together) {
  DtlsPair p(library());
  wait_for_hello(p);
  std::uint64_t sequence = 0;
  const auto piece = [&](std::uint32_t length, std::uint32_t offset, std::size_t size) {
    p.server.deliver(p.now,
                     record(22, 0, sequence++, fragment(1, length, 0, offset, Datagram(size))));
  };
  piece(3000, 0, 100);
  piece(200, 100, 100);    // shorter than the first says
  piece(9000, 8000, 900);  // longer
  piece(3000, 2950, 50);
  piece(3000, 50, 1400);  // overlaps
  EXPECT_TRUE(p.server.written(p.now).empty());
  EXPECT_FALSE(p.server.endpoint->connected());
}

// covers: bug 17
TEST_P(DtlsBackend, a_piece_of_no_hello_does_not_keep_out_a_hello_in_pieces) {
  for (const auto& hello : browser_hellos()) {
    DtlsPair p(library());
    wait_for_hello(p);
    p.server.deliver(p.now, record(22, 0, 0, fragment(1, 3000, 0, 100, Datagram(100))));
    for (int times = 0; times < 2; ++times) {
      for (const Datagram& datagram : hello.datagrams) p.server.deliver(p.now, datagram);
    }
    EXPECT_FALSE(p.server.written(p.now).empty());
  }
}

// covers: bug 11
TEST_P(DtlsBackend, a_hello_whose_lengths_lie_is_no_more_than_refused) {
  const Datagram hello = browser_hellos()[2].datagrams[0];
  for (std::size_t at = 25; at < hello.size(); at += 3) {
    DtlsPair p(library());
    wait_for_hello(p);
    for (const int value : {0x00, 0xFF}) {
      Datagram lie = hello;
      lie[at] = static_cast<std::byte>(value);
      p.server.deliver(p.now, lie);
      p.server.deliver(p.now, hello);
    }
    p.run_for(seconds(1));
    EXPECT_TRUE(p.server.events.empty()) << at << ": " << p.server.why();
  }
}

// covers: bug 12, must rfc6347#4.2.1
TEST_P(DtlsBackend, a_hello_that_cannot_be_served_leaves_the_server_waiting_for_the_next) {
  DtlsPair p(library());
  wait_for_hello(p);
  // Version 1.2, no session, one cipher that encrypts nothing (0x003B), no compression.
  Datagram hello(34);
  hello[0] = std::byte{0xFE};
  hello[1] = std::byte{0xFD};
  for (const int b : {0, 0, 0, 2, 0, 0x3B, 1, 0}) hello.push_back(static_cast<std::byte>(b));
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto size = static_cast<std::uint32_t>(hello.size());
    p.server.deliver(p.now, record(22, 0, i, fragment(1, size, 0, 0, hello)));
    for (const Datagram& answer : p.server.written(p.now)) {
      EXPECT_EQ(answer[0], std::byte{21});
      EXPECT_LE(answer.size(), hello.size()) << "no more than came";
    }
  }
  EXPECT_TRUE(p.server.events.empty());
  ASSERT_TRUE(p.client.start(p.now, dtls::Role::client, p.server.identity->fingerprint()));
  p.run_for(milliseconds(20));
  EXPECT_TRUE(p.connected());
}

// A flight is ten times as long as the hello that it answers: by time alone is it repeated.
// covers: bug 12, must rfc6347#4.2.1
TEST_P(DtlsBackend, a_hello_that_comes_again_brings_no_second_flight) {
  for (const auto& hello : browser_hellos()) {
    DtlsPair p(library());
    wait_for_hello(p);
    for (const Datagram& datagram : hello.datagrams) p.server.deliver(p.now, datagram);
    EXPECT_FALSE(p.server.written(p.now).empty());
    for (int i = 0; i < 100; ++i) {
      for (const Datagram& datagram : hello.datagrams) p.server.deliver(p.now, datagram);
      EXPECT_TRUE(p.server.written(p.now).empty()) << hello.name;
    }
  }
}

// covers: bug 12, must rfc6347#4.2.8
TEST_P(DtlsBackend, hellos_forged_during_a_handshake_do_not_end_it) {
  DtlsPair p(library());
  bool forge = true;
  p.meddle = [&](bool from_client, Datagram&) {
    for (std::uint64_t i = 0; forge && !from_client && i < 1000; ++i) {
      Datagram hello = browser_hellos()[2].datagrams[0];
      hello[30] ^= static_cast<std::byte>(i);
      hello[10] = static_cast<std::byte>(i + 1);
      p.server.deliver(p.now, hello);
    }
    forge = forge && from_client;
    return true;
  };
  p.connect();
}

// covers: bug 19
TEST_P(DtlsBackend,
       a_handshake_with_any_byte_changed_on_its_way_connects_or_fails_and_never_hangs) {
  std::size_t total = 0;
  {
    DtlsPair p(library());
    p.connect();
    for (const Datagram& datagram : p.seen) total += datagram.size();
  }
  for (std::size_t at = 0; at < total; at += 3) {
    DtlsPair p(library());
    std::size_t passed = 0;
    p.meddle = [&](bool, Datagram& datagram) {
      if (at >= passed && at < passed + datagram.size()) {
        datagram[at - passed] ^= static_cast<std::byte>(1 << at % 8);
      }
      passed += datagram.size();
      return true;
    };
    p.start();
    p.run_for(seconds(20));
    const bool failed = p.client.count<dtls::Failed>() + p.server.count<dtls::Failed>() != 0;
    EXPECT_TRUE(p.connected() || failed) << at;
    EXPECT_TRUE(p.client.received.empty() && p.server.received.empty());
    if (!p.connected()) continue;
    std::array<std::byte, 32> a{}, b{};
    ASSERT_TRUE(p.client.endpoint->export_keys("EXPORTER-x", a));
    ASSERT_TRUE(p.server.endpoint->export_keys("EXPORTER-x", b));
    EXPECT_EQ(a, b);
  }
}

}  // namespace esp_peer::test
