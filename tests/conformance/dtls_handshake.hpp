// What every DTLS backend keeps to while it shakes hands with a peer that means well.
#pragma once
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/conformance/dtls_backend.hpp"

namespace esp_peer::test {

// covers: changelog 35, changelog 51
TEST_P(DtlsBackend, two_endpoints_with_the_right_fingerprints_connect_and_talk) {
  DtlsPair p(library());
  p.connect();
  EXPECT_EQ(p.client.events.size(), 1u) << "and nobody is told of a failure";
  EXPECT_EQ(p.server.events.size(), 1u);
  EXPECT_EQ(p.client.count<dtls::Connected>(), 1u);
  EXPECT_EQ(p.server.count<dtls::Connected>(), 1u);
  p.server.deliver(p.now, p.client.seal(p.now, "hello"));
  p.client.deliver(p.now, p.server.seal(p.now, std::string(1188, 'x')));
  EXPECT_EQ(p.server.received, std::vector<std::string>{"hello"});
  EXPECT_EQ(p.client.received, std::vector<std::string>{std::string(1188, 'x')});
}

// covers: must rfc5764#4.2, must rfc5764#5.1
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

// [rfc8261#5] SCTP counts on the bytes that it writes: null is the one method that is offered, and
// the one that is chosen.
// covers: must rfc8261#5
TEST_P(DtlsBackend, compresses_nothing) {
  DtlsPair p(library());
  p.connect();
  int client_hellos = 0, server_hellos = 0;
  for (const Datagram& datagram : p.seen) {
    Reader r(datagram);
    const bool handshake = r.u8() == 22;
    r.skip(12);
    const std::uint8_t message = r.u8();
    if (!handshake || (message != 1 && message != 2)) continue;
    r.skip(11 + 2 + 32);
    r.skip(r.u8());  // session
    if (message == 1) {
      r.skip(r.u8());   // cookie
      r.skip(r.u16());  // ciphers
      EXPECT_EQ(r.u8(), 1u);
      ++client_hellos;
    } else {
      r.skip(2);  // cipher
      ++server_hellos;
    }
    EXPECT_EQ(r.u8(), 0u);
    EXPECT_TRUE(r.ok());
  }
  EXPECT_GE(client_hellos, 1);
  EXPECT_GE(server_hellos, 1);
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

// covers: bug 17, must rfc6347#4.2.2, changelog 4
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

// covers: changelog 4, changelog 5, must rfc6347#4.2.2
TEST_P(DtlsBackend, a_handshake_whose_hello_comes_in_pieces_connects_at_the_first_try) {
  DtlsPair p(library());
  int hellos = 0;
  p.meddle = [&](bool from_client, Datagram& hello) {
    if (!from_client || hellos++ != 0) return true;
    const auto length = static_cast<std::uint32_t>(hello.size() - 25);
    for (std::uint32_t piece = 3; piece-- != 0;) {  // the last comes first
      const std::uint32_t from = piece * length / 3, to = (piece + 1) * length / 3;
      const Datagram bytes(hello.begin() + 25 + from, hello.begin() + 25 + to);
      p.server.deliver(p.now, record(22, 0, piece, fragment(1, length, 0, from, bytes)));
    }
    return false;
  };
  p.connect();  // before any timer is over
  p.server.deliver(p.now, p.client.seal(p.now, "hello"));
  EXPECT_EQ(p.server.received, std::vector<std::string>{"hello"});
}

// covers: bug 17, must rfc6347#4.2.2, changelog 4
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

}  // namespace esp_peer::test
