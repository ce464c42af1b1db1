// What every DTLS backend keeps to at and after the end, and in whatever order it is called.
#pragma once
#include <random>
#include <string>
#include <vector>

#include "tests/conformance/dtls_backend.hpp"

namespace esp_peer::test {

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

// covers: bug 18, bug 19
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

// covers: bug 19
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

}  // namespace esp_peer::test
