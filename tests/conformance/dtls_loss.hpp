// What every DTLS backend keeps to on a path that loses, doubles and reorders, and by its clock.
#pragma once
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/dtls_backend.hpp"

namespace esp_peer::test {

// covers: bug 16, must rfc6347#4.2.4
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

// covers: must rfc6347#4.2.4
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

// covers: bug 19
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

// covers: bug 19
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

// covers: bug 19
TEST_P(DtlsBackend, two_clients_or_two_servers_never_connect_and_never_spin) {
  for (const auto role : {dtls::Role::client, dtls::Role::server}) {
    DtlsPair p(library());
    ASSERT_TRUE(p.client.start(p.now, role, p.server.identity->fingerprint()));
    ASSERT_TRUE(p.server.start(p.now, role, p.client.identity->fingerprint()));
    p.run_for(seconds(30));
    EXPECT_FALSE(p.client.endpoint->connected() || p.server.endpoint->connected());
  }
}

// covers: bug 16, must rfc6347#4.2.4
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

}  // namespace esp_peer::test
