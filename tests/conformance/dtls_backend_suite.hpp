// What every DTLS backend keeps to, whatever library it stands on. A backend's tests include this
// file and instantiate DtlsBackend with a DtlsLibrary.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/browser_hellos.hpp"
#include "tests/support/dtls_pair.hpp"

namespace esp_peer::test {

class DtlsBackend : public ::testing::TestWithParam<DtlsLibrary> {
 protected:
  const DtlsLibrary& library() const { return library_; }

  // A server that waits for a ClientHello.
  void wait_for_hello(DtlsPair& p) {
    ASSERT_TRUE(p.server.start(p.now, dtls::Role::server, p.client.identity->fingerprint()));
  }

 private:
  const DtlsLibrary library_ = GetParam();
};

inline Datagram record(int type, int epoch, std::uint64_t sequence, const Datagram& body) {
  Datagram out(13);
  Writer w(out);
  w.u8(static_cast<std::uint8_t>(type));
  w.u16(0xFEFD);
  w.u16(static_cast<std::uint16_t>(epoch));
  w.u16(static_cast<std::uint16_t>(sequence >> 32));
  w.u32(static_cast<std::uint32_t>(sequence));
  w.u16(static_cast<std::uint16_t>(body.size()));
  out.insert(out.end(), body.begin(), body.end());
  return out;
}
inline Datagram fragment(int type, std::uint32_t length, int message, std::uint32_t offset,
                         const Datagram& piece) {
  Datagram out(12);
  Writer w(out);
  w.u8(static_cast<std::uint8_t>(type));
  w.u24(length);
  w.u16(static_cast<std::uint16_t>(message));
  w.u24(offset);
  w.u24(static_cast<std::uint32_t>(piece.size()));
  out.insert(out.end(), piece.begin(), piece.end());
  return out;
}
// The records of a datagram.
inline std::vector<Datagram> records_of(const Datagram& datagram) {
  std::vector<Datagram> out;
  Reader r(datagram);
  while (r.remaining() >= 13) {
    Reader header(r.rest());
    header.skip(11);
    const Bytes whole = r.bytes(13u + header.u16());
    if (!r.ok()) break;
    out.emplace_back(whole.begin(), whole.end());
  }
  return out;
}
inline std::uint16_t epoch_of(const Datagram& one) {
  Reader r(one);
  r.skip(3);
  return r.u16();
}

// ---------------------------------------------------------------- connecting

TEST_P(DtlsBackend, two_endpoints_with_the_right_fingerprints_connect_and_talk) {
  DtlsPair p(library());
  p.connect();
  EXPECT_EQ(p.client.count<dtls::Connected>(), 1u);
  EXPECT_EQ(p.server.count<dtls::Connected>(), 1u);
  p.server.deliver(p.now, p.client.seal(p.now, "hello"));
  p.client.deliver(p.now, p.server.seal(p.now, std::string(1188, 'x')));
  EXPECT_EQ(p.server.received, std::vector<std::string>{"hello"});
  EXPECT_EQ(p.client.received, std::vector<std::string>{std::string(1188, 'x')});
}

TEST_P(DtlsBackend, both_ends_export_the_same_keys_and_others_for_another_label) {
  DtlsPair p(library());
  std::array<std::byte, 60> a{}, b{}, c{};
  EXPECT_EQ(p.client.endpoint->export_keys("EXTRACTOR-dtls_srtp", a).code(), Errc::wrong_state);
  p.start();
  EXPECT_EQ(p.client.endpoint->export_keys("EXTRACTOR-dtls_srtp", a).code(), Errc::wrong_state);
  p.run_for(milliseconds(20));
  ASSERT_TRUE(p.client.endpoint->export_keys("EXTRACTOR-dtls_srtp", a));
  ASSERT_TRUE(p.server.endpoint->export_keys("EXTRACTOR-dtls_srtp", b));
  ASSERT_TRUE(p.server.endpoint->export_keys("EXPORTER-other", c));
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  EXPECT_NE(a, decltype(a){});
}

TEST_P(DtlsBackend, the_same_seed_gives_the_same_bytes) {
  const auto run = [&](std::uint64_t seed) {
    DtlsPair p(library(), seed);
    p.connect();
    p.seen.push_back(p.client.seal(p.now, "data"));
    return p.seen;
  };
  run(1);  // whatever a library sets up once
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST_P(DtlsBackend, every_preference_of_ciphers_connects_with_every_other) {
  using dtls::CipherPreference;
  const CipherPreference all[] = {CipherPreference::automatic, CipherPreference::aes_gcm,
                                  CipherPreference::chacha};
  for (const auto a : all) {
    for (const auto b : all) {
      dtls::Options client, server;
      client.ciphers = a;
      server.ciphers = b;
      DtlsPair p(library(), 1, client, server);
      p.connect();
      p.server.deliver(p.now, p.client.seal(p.now, "x"));
      EXPECT_EQ(p.server.received.size(), 1u);
    }
  }
}

TEST_P(DtlsBackend, no_datagram_of_the_handshake_is_larger_than_asked) {
  for (const std::uint16_t mtu : std::initializer_list<std::uint16_t>{300, 576, 1200}) {
    dtls::Options options;
    options.mtu = mtu;
    DtlsPair p(library(), mtu, options, options);
    p.start();
    p.run_for(milliseconds(40));
    EXPECT_TRUE(p.connected()) << mtu;
    for (const Datagram& datagram : p.seen) EXPECT_LE(datagram.size(), mtu);
  }
}

TEST_P(DtlsBackend, the_server_answers_the_fragmented_hellos_of_browsers_in_any_order) {
  for (const auto& hello : browser_hellos()) {
    for (const bool reversed : {false, true}) {
      DtlsPair p(library());
      wait_for_hello(p);
      auto datagrams = hello.datagrams;
      if (reversed) std::reverse(datagrams.begin(), datagrams.end());
      for (int copies = 0; copies < 2; ++copies) {
        for (const Datagram& datagram : datagrams) p.server.deliver(p.now, datagram);
      }
      const auto answer = p.server.written(p.now);
      ASSERT_FALSE(answer.empty()) << hello.name;
      EXPECT_EQ(answer[0][0], std::byte{22}) << "a handshake record";
      EXPECT_EQ(answer[0][13], std::byte{2}) << hello.name << ": ServerHello";
      EXPECT_TRUE(p.server.events.empty());
    }
  }
}

TEST_P(DtlsBackend, a_large_hello_in_two_to_twenty_shuffled_and_doubled_pieces_is_answered) {
  Datagram body;  // of the largest ClientHello of a browser
  const auto chromium = browser_hellos()[0];
  for (const Datagram& datagram : chromium.datagrams) {
    body.insert(body.end(), datagram.begin() + 25, datagram.end());
  }
  ASSERT_GT(body.size(), 1400u);
  const auto length = static_cast<std::uint32_t>(body.size());
  std::mt19937 random(1);
  for (std::uint32_t pieces = 2; pieces <= 20; ++pieces) {
    std::vector<Datagram> datagrams;
    for (std::uint32_t i = 0; i < 2 * pieces; ++i) {
      // Neighbours overlap a little, as those of a sender that changed its MTU.
      const std::uint32_t from = i % pieces * length / pieces;
      const std::uint32_t to = std::min(length, (i % pieces + 1) * length / pieces + 7);
      datagrams.push_back(
          record(22, 0, i, fragment(1, length, 0, from, {body.begin() + from, body.begin() + to})));
    }
    std::shuffle(datagrams.begin(), datagrams.end(), random);
    DtlsPair p(library());
    wait_for_hello(p);
    for (const Datagram& datagram : datagrams) p.server.deliver(p.now, datagram);
    EXPECT_FALSE(p.server.written(p.now).empty()) << pieces;
    EXPECT_TRUE(p.server.events.empty());
  }
}

// ---------------------------------------------------------------- who it is

TEST_P(DtlsBackend, a_certificate_whose_fingerprint_differs_in_any_digit_is_refused_in_both_roles) {
  for (const auto judge : {dtls::Role::client, dtls::Role::server}) {
    for (std::size_t digit = 0; digit < 64; ++digit) {
      DtlsPair p(library(), digit + 1);
      const bool client_judges = judge == dtls::Role::client;
      auto wrong = (client_judges ? p.server : p.client).identity->fingerprint();
      wrong.digest[digit / 2] ^= digit % 2 ? std::byte{0x01} : std::byte{0x10};
      client_judges ? p.start(wrong, {}) : p.start({}, wrong);
      p.run_for(seconds(5));
      DtlsSide& side = p.side(judge);
      EXPECT_EQ(side.count<dtls::Connected>(), 0u) << digit;
      EXPECT_EQ(side.failure(), dtls::FailureReason::fingerprint_mismatch);
      EXPECT_TRUE(side.seal(p.now, "never").empty());
      EXPECT_TRUE(p.client.received.empty() && p.server.received.empty());
      DtlsSide& other = client_judges ? p.server : p.client;
      EXPECT_EQ(other.count<dtls::Failed>(), 1u) << "an alert tells it";
      EXPECT_FALSE(other.endpoint->connected());
    }
  }
}

TEST_P(DtlsBackend, longer_hashes_are_compared_as_well) {
  for (const auto hash : {dtls::Hash::sha256, dtls::Hash::sha384, dtls::Hash::sha512}) {
    for (const bool right : {true, false}) {
      DtlsPair p(library());
      auto of_server = library().fingerprint(*p.server.identity, hash);
      auto of_client = library().fingerprint(*p.client.identity, hash);
      if (!right) of_server.digest[of_server.size - 1u] ^= std::byte{1};
      p.start(of_server, of_client);
      p.run_for(milliseconds(20));
      EXPECT_EQ(p.connected(), right);
      EXPECT_EQ(p.client.count<dtls::Failed>(), right ? 0u : 1u);
    }
  }
}

TEST_P(DtlsBackend, one_right_fingerprint_among_several_is_enough) {
  DtlsPair p(library());
  auto wrong = p.server.identity->fingerprint();
  wrong.digest[0] ^= std::byte{1};
  const dtls::Fingerprint both[] = {wrong, p.server.identity->fingerprint()};
  wait_for_hello(p);
  ASSERT_TRUE(p.client.endpoint->start(p.now, dtls::Role::client, both));
  p.run_for(milliseconds(20));
  EXPECT_TRUE(p.connected());
}

TEST_P(DtlsBackend, of_several_hashes_the_strongest_decides) {
  DtlsPair p(library());
  auto wrong = library().fingerprint(*p.server.identity, dtls::Hash::sha512);
  wrong.digest[0] ^= std::byte{1};
  const dtls::Fingerprint both[] = {p.server.identity->fingerprint(), wrong};
  wait_for_hello(p);
  ASSERT_TRUE(p.client.endpoint->start(p.now, dtls::Role::client, both));
  p.run_for(milliseconds(20));
  EXPECT_FALSE(p.client.endpoint->connected());
  EXPECT_EQ(p.client.failure(), dtls::FailureReason::fingerprint_mismatch);
}

TEST_P(DtlsBackend, nobody_starts_without_a_usable_fingerprint) {
  DtlsPair p(library());
  const dtls::Fingerprint empty, cut{dtls::Hash::sha512, 32, {}};
  EXPECT_EQ(p.client.endpoint->start(p.now, dtls::Role::client, {}).code(), Errc::bad_data);
  EXPECT_EQ(p.client.start(p.now, dtls::Role::client, empty).code(), Errc::bad_data);
  EXPECT_EQ(p.client.start(p.now, dtls::Role::client, cut).code(), Errc::bad_data);
  EXPECT_TRUE(p.client.written(p.now).empty());
  p.connect();
  EXPECT_EQ(p.client.start(p.now, dtls::Role::client, empty).code(), Errc::wrong_state);
}

TEST_P(DtlsBackend, identities_differ_are_counted_and_their_dates_are_not_judged) {
  dtls::Backend& backend = library().backend();
  DtlsPair p(library());
  for (const std::int64_t year : {std::int64_t{0}, std::int64_t{4'102'444'800}}) {  // 1970, 2100
    dtls::Identity* odd = backend.create_identity(year);
    ASSERT_TRUE(odd);
    EXPECT_NE(odd->fingerprint(), p.client.identity->fingerprint());
    dtls::Endpoint* server = backend.create_endpoint({}, *odd, p.client.world.env);
    backend.retain(*odd);
    backend.release(*odd);
    backend.release(*odd);  // the endpoint holds the last one
    const auto of_odd = odd->fingerprint();
    DtlsSide client(library(), 3, {});
    ASSERT_TRUE(server->start(p.now, dtls::Role::server, {&client.identity->fingerprint(), 1}));
    ASSERT_TRUE(client.start(p.now, dtls::Role::client, of_odd));
    for (int i = 0; i < 4; ++i) {
      for (Datagram& d : client.written(p.now)) server->on_datagram(p.now, d);
      std::array<std::byte, 1500> room{};
      while (const std::size_t n = server->write_datagram(p.now, room)) {
        client.deliver(p.now, {room.begin(), room.begin() + static_cast<std::ptrdiff_t>(n)});
      }
    }
    EXPECT_TRUE(client.endpoint->connected() && server->connected());
    backend.destroy(server);
  }
}

// ---------------------------------------------------------------- loss and time

TEST_P(DtlsBackend, each_datagram_of_the_handshake_may_be_lost_up_to_five_times) {
  for (int victim = 0; victim < 8; ++victim) {
    for (int times = 1; times <= 5; ++times) {
      DtlsPair p(library(), static_cast<std::uint64_t>(victim * 10 + times));
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

TEST_P(DtlsBackend, connects_over_a_path_that_loses_doubles_and_reorders) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    dtls::Options options;
    options.mtu = seed % 2 ? 1200 : 300;
    DtlsPair p(library(), seed, options, options);
    std::mt19937_64 random(seed);
    std::vector<std::pair<bool, Datagram>> late;
    p.meddle = [&](bool from_client, Datagram& datagram) {
      const auto fate = random() % 10;
      if (fate == 9) late.emplace_back(!from_client, datagram);
      if (fate == 8) (from_client ? p.server : p.client).deliver(p.now, datagram);
      if (fate < 4 && !late.empty()) {
        (late.back().first ? p.client : p.server).deliver(p.now, late.back().second);
        late.pop_back();
      }
      return fate != 9 && fate > 1;
    };
    p.start();
    p.run_for(seconds(30));
    EXPECT_TRUE(p.connected()) << seed << " " << p.client.why() << " " << p.server.why();
  }
}

TEST_P(DtlsBackend, the_first_retransmission_comes_after_fifty_milliseconds_and_the_wait_doubles) {
  DtlsPair p(library());
  std::vector<Instant> hellos;
  p.meddle = [&](bool from_client, Datagram&) {
    if (from_client) hellos.push_back(p.now);
    return false;
  };
  p.start();
  p.run_for(seconds(2));
  ASSERT_GE(hellos.size(), 5u);
  for (std::size_t i = 1; i < hellos.size(); ++i) {
    EXPECT_EQ(hellos[i] - hellos[i - 1], milliseconds(50) * (1 << (i - 1)));
  }
}

TEST_P(DtlsBackend, whatever_first_wait_is_asked_for_nobody_spins) {
  for (const Duration wait : {Duration(0), Duration(1), milliseconds(1), seconds(100'000)}) {
    dtls::Options options;
    options.first_retransmission = wait;
    DtlsPair p(library(), 1, options, options);
    p.meddle = [](bool, Datagram&) { return false; };
    p.start();
    p.run_for(seconds(60));
    EXPECT_FALSE(p.connected());
    EXPECT_LE(p.seen.size(), 20u);
  }
}

TEST_P(DtlsBackend, a_clock_of_the_library_that_steps_neither_hangs_nor_spins) {
  for (const Duration step : {seconds(-86'400), seconds(-1), seconds(1), seconds(86'400)}) {
    for (const bool lossy : {false, true}) {
      DtlsPair p(library());
      int index = 0;
      p.meddle = [&](bool, Datagram&) {
        p.clock_stands = p.now + step;  // from the first datagram on, and it stands still
        return !lossy || index++ % 3 != 0;
      };
      p.start();
      p.run_for(seconds(30));
      EXPECT_TRUE(p.connected() || lossy) << step.count();
      EXPECT_EQ(p.client.count<dtls::Failed>() + p.server.count<dtls::Failed>(), 0u);
    }
  }
}

TEST_P(DtlsBackend, two_clients_or_two_servers_never_connect_and_never_spin) {
  for (const auto role : {dtls::Role::client, dtls::Role::server}) {
    DtlsPair p(library());
    ASSERT_TRUE(p.client.start(p.now, role, p.server.identity->fingerprint()));
    ASSERT_TRUE(p.server.start(p.now, role, p.client.identity->fingerprint()));
    p.run_for(seconds(30));
    EXPECT_FALSE(p.client.endpoint->connected() || p.server.endpoint->connected());
  }
}

TEST_P(DtlsBackend, the_last_flight_is_repeated_to_a_peer_that_has_not_got_it) {
  DtlsPair p(library());
  bool deaf = true;
  p.meddle = [&](bool from_client, Datagram& datagram) {
    return from_client || !deaf || datagram[0] != std::byte{20};  // from the ChangeCipherSpec on
  };
  p.start();
  p.run_for(seconds(3));
  EXPECT_TRUE(p.server.endpoint->connected());
  EXPECT_FALSE(p.client.endpoint->connected());
  deaf = false;
  p.run_for(seconds(4));
  EXPECT_TRUE(p.client.endpoint->connected());
}

TEST_P(DtlsBackend, data_that_overtakes_the_last_flight_is_delivered_after_it) {
  DtlsPair p(library());
  std::vector<Datagram> last_flight;
  p.meddle = [&](bool from_client, Datagram& datagram) {
    if (from_client || datagram[0] != std::byte{20}) return true;
    last_flight.push_back(datagram);
    return false;
  };
  p.start();
  p.run_for(milliseconds(10));
  ASSERT_TRUE(p.server.endpoint->connected());
  p.client.deliver(p.now, p.server.seal(p.now, "early"));
  p.client.deliver(p.now, p.server.seal(p.now, "bird"));
  EXPECT_TRUE(p.client.received.empty());
  p.client.deliver(p.now, joined(last_flight));
  EXPECT_TRUE(p.client.endpoint->connected());
  EXPECT_EQ(p.client.received, (std::vector<std::string>{"early", "bird"}));
}

// ---------------------------------------------------------------- records

TEST_P(DtlsBackend, seals_in_the_room_where_the_plaintext_stands) {
  DtlsPair p(library());
  p.connect();
  Datagram room(200);
  const std::string text = "in place";
  copy_bytes(as_bytes(text), MutableBytes(room).subspan(dtls::Endpoint::seal_front));
  room.resize(p.client.endpoint->seal(
      p.now, Bytes(room).subspan(dtls::Endpoint::seal_front, text.size()), room));
  p.server.deliver(p.now, room);
  EXPECT_EQ(p.server.received, std::vector<std::string>{text});
}

TEST_P(DtlsBackend, seals_every_length_up_to_the_longest_and_nothing_where_room_is_short) {
  DtlsPair p(library());
  p.connect();
  for (std::size_t size = 1; size <= dtls::Endpoint::max_plaintext; ++size) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    const Datagram sealed = p.client.seal(p.now, text);
    ASSERT_LE(sealed.size(), size + dtls::Endpoint::seal_overhead);
    p.server.received.clear();
    p.server.deliver(p.now, sealed);
    ASSERT_EQ(p.server.received, std::vector<std::string>{text}) << size;
  }
  EXPECT_TRUE(p.client.seal(p.now, std::string(dtls::Endpoint::max_plaintext + 1, 'x')).empty());
  EXPECT_TRUE(p.client.seal(p.now, "").empty());
  Datagram small(100 + dtls::Endpoint::seal_overhead - 1);
  EXPECT_EQ(p.client.endpoint->seal(p.now, as_bytes(std::string(100, 'x')), small), 0u);
  p.server.received.clear();
  p.server.deliver(p.now, p.client.seal(p.now, "still there"));
  EXPECT_EQ(p.server.received, std::vector<std::string>{"still there"});
}

TEST_P(DtlsBackend, several_records_in_one_datagram_are_read_one_by_one) {
  DtlsPair p(library());
  p.connect();
  std::vector<Datagram> sealed;
  std::vector<std::string> texts;
  for (int i = 0; i < 30; ++i) {
    texts.emplace_back(static_cast<std::size_t>(1 + i % 7), static_cast<char>('a' + i % 26));
    sealed.push_back(p.client.seal(p.now, texts.back()));
  }
  p.server.deliver(p.now, joined(sealed));
  EXPECT_EQ(p.server.received, texts);
}

// Contract rule 8: what waits to be fetched is never overwritten by what comes after it.
TEST_P(DtlsBackend, sixty_four_of_everything_wait_to_be_fetched_and_keep_what_they_say) {
  DtlsPair p(library());
  p.start();
  for (int i = 0; i < 4; ++i) {  // nobody fetches the flight, and it is written again
    p.move_to(p.now + milliseconds(100) * (1 << i));
    p.client.endpoint->on_deadline(p.now);
  }
  p.run_for(milliseconds(20));
  ASSERT_TRUE(p.connected());
  std::vector<Datagram> to_client, to_server;
  std::vector<std::string> texts;
  for (int i = 0; i < 64; ++i) {
    texts.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i) * 5, 'x'));
    to_client.push_back(p.server.seal(p.now, texts.back()));
    to_server.push_back(p.client.seal(p.now, texts.back()));
  }
  p.client.deliver(p.now, joined(to_client));
  for (const Datagram& one : to_server) p.server.deliver(p.now, one);
  EXPECT_EQ(p.client.received, texts);
  EXPECT_EQ(p.server.received, texts);
}

TEST_P(DtlsBackend, what_is_not_read_before_the_next_datagram_is_lost_and_nothing_else) {
  DtlsPair p(library());
  p.connect();
  Datagram unread = joined({p.client.seal(p.now, "one"), p.client.seal(p.now, "two")});
  p.server.endpoint->on_datagram(p.now, unread);
  EXPECT_EQ(as_text(p.server.endpoint->read(p.now)), "one");
  p.server.deliver(p.now, p.client.seal(p.now, "three"));
  EXPECT_EQ(p.server.received, std::vector<std::string>{"three"});
}

TEST_P(DtlsBackend, a_record_that_comes_twice_is_delivered_once) {
  DtlsPair p(library());
  p.connect();
  std::vector<Datagram> sealed;
  for (int i = 0; i < 40; ++i) sealed.push_back(p.client.seal(p.now, std::to_string(i)));
  std::mt19937 random(1);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(sealed.begin(), sealed.end(), random);
    for (const Datagram& datagram : sealed) p.server.deliver(p.now, datagram);
    EXPECT_EQ(p.server.received.size(), 40u) << round;
  }
}

TEST_P(DtlsBackend, an_idle_connection_talks_again_in_both_directions) {
  DtlsPair p(library());
  p.connect();
  for (int i = 0; i < 4; ++i) {
    p.run_for(seconds(i == 2 ? 3600 : 3));
    DtlsSide& first = i % 2 ? p.client : p.server;
    DtlsSide& second = i % 2 ? p.server : p.client;
    second.deliver(p.now, first.seal(p.now, "wake up"));
    first.deliver(p.now, second.seal(p.now, "awake"));
    ASSERT_EQ(p.client.received.size() + p.server.received.size(),
              2u * (static_cast<unsigned>(i) + 1));
  }
  p.run_for(seconds(3));
  p.client.endpoint->close(p.now);
  p.run_for(milliseconds(5));
  EXPECT_EQ(p.server.count<dtls::Closed>(), 1u);
}

// ---------------------------------------------------------------- strangers

inline Datagram forged_alert() { return record(21, 0, 0x909, {std::byte{2}, std::byte{40}}); }

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

// One too short to hold what its cipher adds has shut out the peer for good in OpenSSL 3.0.
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
TEST_P(DtlsBackend, a_forged_record_longer_than_any_may_be_disturbs_nothing) {
  for (const auto role : {dtls::Role::client, dtls::Role::server}) {
    DtlsPair p(library());
    p.connect();
    DtlsSide& victim = p.side(role);
    DtlsSide& friendly = role == dtls::Role::client ? p.server : p.client;
    for (const unsigned size :
         {16'384u, 16'640u, 16'641u, 16'704u, 16'705u, 18'432u, 18'433u, 65'000u}) {
      for (int type = 20; type <= 23; ++type) {
        victim.deliver(p.now, record(type, 1, 77, Datagram(size)));
      }
      victim.received.clear();
      victim.deliver(p.now, friendly.seal(p.now, "genuine"));
      EXPECT_EQ(victim.received, std::vector<std::string>{"genuine"}) << "after " << size;
    }
  }
}

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

// ---------------------------------------------------------------- the end

TEST_P(DtlsBackend, close_notify_tells_the_other_side_after_what_was_sent_before) {
  for (const auto role : {dtls::Role::client, dtls::Role::server}) {
    DtlsPair p(library());
    p.connect();
    DtlsSide& leaver = p.side(role);
    DtlsSide& other = role == dtls::Role::client ? p.server : p.client;
    std::vector<Datagram> last = {leaver.seal(p.now, "last words")};
    leaver.endpoint->close(p.now);
    for (const Datagram& datagram : leaver.written(p.now)) last.push_back(datagram);
    ASSERT_EQ(last.size(), 2u);
    Datagram together = joined(last);
    other.endpoint->on_datagram(p.now, together);
    EXPECT_FALSE(other.endpoint->poll_event()) << "first the data";
    other.fetch(p.now);
    EXPECT_EQ(other.received, std::vector<std::string>{"last words"});
    EXPECT_EQ(other.count<dtls::Closed>(), 1u);
    EXPECT_EQ(other.written(p.now).size(), 1u) << "close_notify is answered";
    EXPECT_FALSE(leaver.endpoint->connected() || other.endpoint->connected());
    EXPECT_TRUE(leaver.seal(p.now, "late").empty() && other.seal(p.now, "late").empty());
  }
}

TEST_P(DtlsBackend, a_forged_close_notify_closes_nothing) {
  DtlsPair p(library());
  p.connect();
  p.client.deliver(p.now, record(21, 0, 99, {std::byte{1}, std::byte{0}}));
  p.client.deliver(p.now, record(21, 1, 99, {std::byte{1}, std::byte{0}}));
  p.client.deliver(p.now, record(21, 1, 99, Datagram(26)));
  EXPECT_TRUE(p.client.endpoint->connected());
}

TEST_P(DtlsBackend, after_the_end_there_is_silence_whatever_comes) {
  for (const Duration when : {Duration(0), milliseconds(1), milliseconds(2), milliseconds(20)}) {
    DtlsPair p(library());
    p.start();
    p.run_for(when);
    const Datagram data = p.server.seal(p.now, "late");
    p.client.endpoint->close(p.now);
    p.client.written(p.now);
    p.client.events.clear();
    for (const Datagram& old : p.seen) p.client.deliver(p.now, old);
    p.client.deliver(p.now, data);
    p.client.endpoint->on_deadline(p.now + seconds(100));
    p.client.endpoint->close(p.now);
    EXPECT_FALSE(p.client.endpoint->next_deadline());
    EXPECT_TRUE(p.client.written(p.now).empty() && p.client.events.empty());
    EXPECT_TRUE(p.client.received.empty());
    EXPECT_EQ(p.client.start(p.now, dtls::Role::client, p.server.identity->fingerprint()).code(),
              Errc::wrong_state);
  }
}

TEST_P(DtlsBackend, any_order_of_calls_is_legal) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    DtlsPair p(library(), seed);
    std::mt19937_64 random(seed);
    std::vector<Datagram> flying;
    for (int step = 0; step < 60; ++step) {
      DtlsSide& side = random() % 2 ? p.client : p.server;
      DtlsSide& other = &side == &p.client ? p.server : p.client;
      switch (random() % 12) {
        case 0:
        case 1:
          static_cast<void>(side.start(p.now,
                                       &side == &p.client ? dtls::Role::client : dtls::Role::server,
                                       other.identity->fingerprint()));
          break;
        case 2:
          if (random() % 8 == 0) side.endpoint->close(p.now);
          break;
        case 3:
          flying.push_back(side.seal(p.now, "data"));
          break;
        case 4:
          p.move_to(p.now + milliseconds(static_cast<std::int64_t>(random() % 2000)));
          side.endpoint->on_deadline(p.now);
          break;
        case 5:
          side.endpoint->read(p.now);
          break;
        case 6:
          while (side.endpoint->poll_event()) {
          }
          break;
        case 7:
          if (!flying.empty()) side.deliver(p.now, flying[random() % flying.size()]);
          break;
        default:
          for (Datagram& datagram : other.written(p.now)) {
            flying.push_back(datagram);
            side.endpoint->on_datagram(p.now, datagram);
          }
      }
      const auto deadline = side.endpoint->next_deadline();
      side.endpoint->on_deadline(deadline.value_or(p.now));
      EXPECT_TRUE(!side.endpoint->next_deadline() ||
                  *side.endpoint->next_deadline() > deadline.value_or(p.now));
    }
  }
}

// ---------------------------------------------------------------- memory and threads

TEST_P(DtlsBackend, a_thousand_associations_leave_nothing_behind) {
  const auto round = [&](int i) {
    DtlsPair p(library(), static_cast<std::uint64_t>(i));
    auto wrong = p.client.identity->fingerprint();
    wrong.digest[0] ^= std::byte{1};
    i % 5 == 0 ? p.start({}, wrong) : p.start();
    p.run_for(milliseconds(i % 4 == 0 ? i % 5 : 20));  // some end in the middle
    if (i % 3 == 0) p.client.endpoint->close(p.now);
    if (i % 6 == 0) p.run_for(seconds(2));
  };
  for (int i = 0; i < 60; ++i) round(i);
  const std::size_t before = library().bytes();
  for (int i = 0; i < 1000; ++i) round(i);
  EXPECT_EQ(library().bytes(), before);
}

TEST_P(DtlsBackend, lack_of_memory_loses_datagrams_and_no_more) {
  for (std::size_t k = 0; k < 12; ++k) {
    DtlsPair p(library(), k + 1);
    p.client.world.memory.fail_from = k;
    p.server.world.memory.fail_from = k;
    p.start();
    p.run_for(seconds(1));
    p.client.world.memory.fail_from = p.server.world.memory.fail_from =
        static_cast<std::size_t>(-1);
    p.run_for(seconds(10));
    EXPECT_TRUE(p.connected()) << k;
  }
}

TEST_P(DtlsBackend, associations_of_one_identity_live_in_several_threads) {
  DtlsPair shared(library());
  std::atomic<int> connected{0};
  const auto live = [&] {
    for (int i = 0; i < 20; ++i) {
      DtlsPair p(library(), static_cast<std::uint64_t>(i));
      dtls::Identity* own = std::exchange(p.server.identity, shared.server.identity);
      p.server.backend.release(*own);
      p.server.backend.retain(*shared.server.identity);
      p.server.backend.destroy(p.server.endpoint);
      p.server.endpoint =
          p.server.backend.create_endpoint({}, *p.server.identity, p.server.world.env);
      p.connect();
      p.server.deliver(p.now, p.client.seal(p.now, "hello"));
      connected += p.server.received.size() == 1 ? 1 : 0;
    }
  };
  std::thread threads[] = {std::thread(live), std::thread(live), std::thread(live)};
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(connected, 60);
}

}  // namespace esp_peer::test
