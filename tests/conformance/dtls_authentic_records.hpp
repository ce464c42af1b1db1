// What every DTLS backend keeps to with records that are authentic, and strange all the same.
#pragma once
#include <set>

#include "tests/conformance/dtls_backend.hpp"
#include "tests/support/handmade_records.hpp"

namespace esp_peer::test {

TEST_P(DtlsBackend, takes_empty_application_records_for_nothing) {
  for (const auto role : roles) {
    Handmade h(library(), role);
    h.e.ours.deliver(h.e.now, h.records.seal(23, 100, {}));
    h.e.ours.deliver(h.e.now,
                     joined({h.records.seal(23, 101, bytes({'a'})), h.records.seal(23, 102, {}),
                             h.records.seal(23, 103, bytes({'b'}))}));
    EXPECT_EQ(h.e.ours.received, (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(h.e.ours.endpoint->connected());
  }
}

// covers: bug 9, bug 14, must rfc6347#4.1.2.6
TEST_P(DtlsBackend, keeps_a_replay_window_that_only_authentic_records_move) {
  Handmade h(library(), dtls::Role::server);
  const auto deliver = [&](std::uint64_t sequence) {
    h.e.ours.received.clear();
    h.e.ours.deliver(h.e.now, h.records.seal(23, sequence, bytes({'x'})));
    return h.e.ours.received.size();
  };
  EXPECT_EQ(deliver(1000), 1u);
  EXPECT_EQ(deliver(1000), 0u);
  EXPECT_EQ(deliver(1000 - 31), 1u) << "[rfc6347#4.1.2.6] at least 32 wide";
  EXPECT_EQ(deliver(1000 - 31), 0u);
  EXPECT_EQ(deliver(1000 - 64), 0u) << "and no wider than it can know";
  Datagram forged = h.records.seal(23, 1'000'000, bytes({'x'}));
  forged.back() ^= std::byte{1};
  h.e.ours.deliver(h.e.now, forged);
  EXPECT_EQ(deliver(1001), 1u);
  EXPECT_EQ(deliver((1ULL << 48) - 1), 1u) << "the last number of all";
}

// covers: bug 19
TEST_P(DtlsBackend, survives_every_kind_of_authentic_nonsense) {
  for (const auto role : roles) {
    for (int type = 20; type < 24; ++type) {
      for (const Datagram& body :
           {bytes({}), bytes({0}), bytes({1}), bytes({1, 0, 0}), bytes({2, 0, 0}), bytes({1, 100}),
            bytes({1, 90}), bytes({2, 80}), bytes({7, 7}), Datagram(11), Datagram(12), Datagram(13),
            bytes({20, 0, 0, 12, 0, 9, 0, 0, 0, 0, 0, 12}), Datagram(100, std::byte{20}),
            Datagram(1500), Datagram(16'384)}) {
        Handmade h(library(), role);
        for (std::uint64_t i = 0; i < 20; ++i) {
          h.e.ours.deliver(h.e.now, h.records.seal(type, 100 + i, body));
          h.e.ours.written(h.e.now);
        }
        h.e.ours.endpoint->on_deadline(h.e.now + seconds(2));
        EXPECT_LE(h.e.ours.events.size(), 2u);
        if (type == 23) {
          EXPECT_TRUE(h.e.ours.endpoint->connected());
        }
      }
    }
  }
}

// covers: bug 10
TEST_P(DtlsBackend, never_uses_a_nonce_twice) {
  DtlsPair p(library());
  p.connect();
  std::set<std::uint64_t> nonces;
  std::uint64_t last = 0;
  for (int i = 0; i < 100'000; ++i) {
    const Datagram sealed = p.client.seal(p.now, "x");
    Reader r(sealed);
    r.skip(3);
    const std::uint64_t number = r.u64();
    EXPECT_GT(number, last);
    last = number;
    r.skip(2);
    EXPECT_TRUE(nonces.insert(r.u64()).second);
  }
}

// Neither library minds: OpenSSL counts on from zero, Mbed TLS 2.28 does so after one error.
// covers: bug 10, must rfc6347#4.1
TEST_P(DtlsBackend, gives_the_association_up_before_a_number_would_come_again) {
  for (const auto role : roles) {
    dtls::Options few;
    few.max_records = 100;
    DtlsPair p(library(), 1, few, few);
    p.connect();
    DtlsSide& talker = p.side(role);
    DtlsSide& other = role == dtls::Role::client ? p.server : p.client;
    for (int i = 0; i < 100; ++i) other.deliver(p.now, talker.seal(p.now, "x"));
    EXPECT_EQ(other.received.size(), 100u);
    EXPECT_TRUE(talker.endpoint->connected());
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(talker.seal(p.now, "one too many").empty());
    EXPECT_FALSE(talker.endpoint->connected());
    talker.fetch(p.now);
    EXPECT_EQ(talker.failure(), dtls::FailureReason::library);
    for (const Datagram& goodbye : talker.written(p.now)) other.deliver(p.now, goodbye);
    EXPECT_EQ(other.count<dtls::Closed>(), 1u);
  }
}

}  // namespace esp_peer::test
