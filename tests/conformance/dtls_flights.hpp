// What every DTLS backend keeps to with flights: each is sent once when the answer comes in time,
// and is repeated by our timer alone. There are peers that begin again, with other keys, where a
// flight comes a second time, and then understand nothing of what came with it.
#pragma once
#include <set>
#include <utility>
#include <vector>

#include "tests/conformance/dtls_backend.hpp"

namespace esp_peer::test {

// The handshake messages that stand in the clear.
inline std::set<int> messages_of(const std::vector<Datagram>& datagrams) {
  std::set<int> out;
  for (const Datagram& datagram : datagrams) {
    for (const Datagram& one : records_of(datagram)) {
      const bool begins = one.size() > 20 && one[19] == std::byte{0} && one[20] == std::byte{0};
      if (epoch_of(one) == 0 && one[0] == std::byte{22} && begins) {
        out.insert(static_cast<int>(one[13]));
      }
    }
  }
  return out;
}

inline bool all_in_the_clear(const Datagram& datagram) {
  for (const Datagram& one : records_of(datagram)) {
    if (epoch_of(one) != 0 || one[0] != std::byte{22}) return false;
  }
  return true;
}

// A handshake that is led by hand, flight by flight.
struct ByFlights : DtlsPair {
  using DtlsPair::DtlsPair;

  std::vector<Datagram> begin() {
    start();
    return client.written(now);
  }
  // Up to the server's flight of certificate and key, which it waits to be answered.
  std::vector<Datagram> up_to_flight_4() { return answer(server, begin()); }
  // Up to the client's, which it waits to be answered.
  std::vector<Datagram> up_to_flight_5() { return answer(client, up_to_flight_4()); }

  std::vector<Datagram> answer(DtlsSide& side, const std::vector<Datagram>& flight) {
    for (const Datagram& datagram : flight) side.deliver(now, datagram);
    return side.written(now);
  }
  void pass(Duration d) { move_to(now + d); }
};

constexpr Duration first_wait = milliseconds(50);

// OpenSSL takes its timer for expired 15 ms early, and looks at it before each record it reads.
// Under load an answer is read late, its timer over: it has come all the same.
// covers: must rfc6347#4.2.4
TEST_P(DtlsBackend, a_flight_whose_answer_has_come_is_not_repeated_however_late_it_is_read) {
  for (const int ms : {0, 1, 34, 35, 36, 37, 45, 49, 50, 60, 90, 200, 5000}) {
    {
      ByFlights p(library());
      const auto flight_5 = p.up_to_flight_5();
      p.pass(milliseconds(ms));
      const auto last = p.answer(p.server, flight_5);
      EXPECT_TRUE(p.server.endpoint->connected());
      ASSERT_EQ(last.size(), 1u) << ms;
      EXPECT_EQ(messages_of(last), std::set<int>{}) << "nothing of flight 4, after " << ms;
      p.pass(milliseconds(ms));
      EXPECT_TRUE(p.answer(p.client, last).empty()) << "nothing of flight 5, after " << ms;
      EXPECT_TRUE(p.connected());
    }
    ByFlights p(library());
    const auto flight_4 = p.up_to_flight_4();
    p.pass(milliseconds(ms));
    EXPECT_EQ(messages_of(p.answer(p.client, flight_4)).count(1), 0u) << "no hello, after " << ms;
  }
}

TEST_P(DtlsBackend, a_flight_that_finds_no_room_waits_for_some) {
  DtlsPair p(library());
  p.start();
  for (std::size_t size = 0; size < 50; ++size) {
    Datagram small(size);
    EXPECT_EQ(p.client.endpoint->write_datagram(p.now, small), 0u);
  }
  EXPECT_EQ(messages_of(p.client.written(p.now)).count(1), 1u) << "ClientHello";
}

TEST_P(DtlsBackend, a_repeat_that_nobody_has_fetched_is_thrown_away_when_the_answer_comes) {
  ByFlights p(library());
  const auto flight_5 = p.up_to_flight_5();
  p.pass(first_wait);
  p.server.endpoint->on_deadline(p.now);
  p.client.endpoint->on_deadline(p.now);
  const auto last = p.answer(p.server, flight_5);
  EXPECT_EQ(messages_of(last), std::set<int>{});
  EXPECT_EQ(last.size(), 1u);
  EXPECT_TRUE(p.answer(p.client, last).empty());
  EXPECT_TRUE(p.connected());
}

// covers: must rfc6347#4.2.4
TEST_P(DtlsBackend, what_is_no_answer_brings_no_repeat_before_the_timer_and_one_when_it_is_over) {
  dtls::Options small;
  small.mtu = 300;  // so that half of a flight is none
  for (const int ms : {30, 36, 40, 49, 50, 60}) {
    for (const int kind : {0, 1, 2}) {
      ByFlights p(library(), 1, small, small);
      const auto hello = p.begin();
      const auto flight_4 = p.answer(p.server, hello);
      const auto flight_5 = p.answer(p.client, flight_4);
      ASSERT_GE(flight_5.size(), 2u);
      const Instant due = p.now + first_wait;
      EXPECT_EQ(p.server.endpoint->next_deadline(), due);
      p.pass(milliseconds(ms));
      const std::vector<Datagram> junk = {record(22, 0, 90, Datagram(40)),
                                          record(22, 1, 90, Datagram(40))};
      const std::vector<Datagram> half = {flight_5[0]};
      const auto& no_answer = kind == 0 ? hello : kind == 1 ? junk : half;
      for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(p.answer(p.server, no_answer).empty()) << kind << " after " << ms;
      }
      EXPECT_EQ(p.server.endpoint->next_deadline(), due) << "and the timer stands";
      p.move_to(std::max(p.now, due));
      p.server.endpoint->on_deadline(p.now);
      const auto repeat = p.server.written(p.now);
      EXPECT_EQ(messages_of(repeat), messages_of(flight_4)) << kind << " after " << ms;
      for (const Datagram& datagram : repeat) EXPECT_TRUE(all_in_the_clear(datagram));
      EXPECT_EQ(p.server.endpoint->next_deadline(), p.now + 2 * first_wait);
      // And the answer to either is one.
      const auto last = p.answer(p.server, flight_5);
      EXPECT_EQ(messages_of(last), std::set<int>{});
      EXPECT_TRUE(p.server.endpoint->connected());
    }
  }
}

// [rfc6347#4.2.4] A stranger could repeat the server's: by time alone is ours repeated.
TEST_P(DtlsBackend, a_servers_flight_that_comes_again_brings_no_second_flight_of_the_client) {
  ByFlights p(library());
  const auto flight_4 = p.up_to_flight_4();
  const auto flight_5 = p.answer(p.client, flight_4);
  for (std::uint64_t i = 0; i < 100; ++i) {
    for (const Datagram& datagram : flight_4) {
      EXPECT_TRUE(p.answer(p.client, {datagram}).empty());
    }
  }
  EXPECT_TRUE(p.answer(p.client, p.answer(p.server, flight_5)).empty());
  EXPECT_TRUE(p.connected());
}

// The keys of a flight take a small chip longer than the timer: it runs from when the flight goes.
// covers: must rfc6347#4.2.4
TEST_P(DtlsBackend, the_timer_of_a_flight_runs_from_when_it_is_fetched) {
  ByFlights p(library());
  p.start();
  for (DtlsSide* side : {&p.client, &p.server}) {
    DtlsSide& other = side == &p.client ? p.server : p.client;
    p.pass(milliseconds(45));
    const auto flight = side->written(p.now);
    ASSERT_FALSE(flight.empty());
    ASSERT_EQ(side->endpoint->next_deadline(), p.now + first_wait);
    for (const Datagram& datagram : flight) other.deliver(p.now, datagram);
  }
  // And that of the repeat.
  p.pass(first_wait);
  p.server.endpoint->on_deadline(p.now);
  p.pass(milliseconds(45));
  EXPECT_FALSE(p.server.written(p.now).empty());
  EXPECT_EQ(p.server.endpoint->next_deadline(), p.now + 2 * first_wait);
}

// covers: must rfc6347#4.2.4
TEST_P(DtlsBackend, a_clock_of_the_library_that_is_ahead_repeats_nothing) {
  ByFlights p(library());
  const auto flight_5 = p.up_to_flight_5();
  p.clock_stands = p.now + seconds(3600);
  p.pass(milliseconds(1));
  EXPECT_TRUE(p.answer(p.server, {record(22, 0, 90, Datagram(40))}).empty());
  EXPECT_EQ(messages_of(p.answer(p.server, flight_5)), std::set<int>{});
  EXPECT_TRUE(p.server.endpoint->connected());
}

}  // namespace esp_peer::test
