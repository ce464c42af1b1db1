// What every DTLS backend keeps to with records that are authentic, and strange all the same.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

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
  for (const auto role : roles) {
    // All that one end seals under its key, from its Finished on, which is lost and comes again.
    std::vector<Datagram> sealed;
    int lost = 0;
    DtlsPair p(library());
    p.meddle = [&](bool from_client, Datagram& datagram) {
      if (from_client != (role == dtls::Role::client)) return true;
      bool finished = false;
      for (const Datagram& one : records_of(datagram)) {
        if (epoch_of(one) != 1) continue;
        sealed.push_back(one);
        finished = true;
      }
      return !finished || ++lost > 3;
    };
    p.start();
    p.run_for(seconds(60));
    ASSERT_TRUE(p.connected());
    EXPECT_GE(sealed.size(), 4u);
    // [rfc5288#3] A nonce of 64 bits that goes up by one with each record begins again after 2^64.
    // It may have begun anywhere.
    std::optional<std::uint64_t> number, nonce;
    const auto look = [&](const Datagram& one) {
      Reader r(one);
      r.skip(5);
      const std::uint64_t its_number = std::uint64_t{r.u16()} << 32 | r.u32();
      r.skip(2);
      const std::uint64_t its_nonce = r.u64();
      if (number) {
        ASSERT_EQ(its_number, *number + 1);
        ASSERT_EQ(its_nonce, *nonce + 1);
      }
      number = its_number;
      nonce = its_nonce;
    };
    for (const Datagram& one : sealed) look(one);
    for (int i = 0; i < 200'000 && !HasFatalFailure(); ++i) {
      look(p.side(role).seal(p.now, "x"));
    }
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
