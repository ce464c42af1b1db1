// A source whose reports say this and that: when it has to stop, and when it may begin again.
#include "rtp/circuit_breaker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "tests/support/test_env.hpp"

namespace esp_peer::rtp {
namespace {

using test::at_ms;

// It sends so many packets a second, and its peer reports so often.
struct Stream {
  CircuitBreaker breaker;
  std::int64_t ms = 0;
  std::int64_t packets_a_second = 50, report_every = 1'000;
  Duration round_trip = milliseconds(50);
  std::uint8_t loss = 0;  // of 256
  bool arrives = true, reports = true;
  bool keeps_gap = false;  // and leaves out what has no room
  Instant last{};
  std::uint32_t sent = 0, highest = 0;

  // When it stopped; -1 = never.
  std::int64_t run(std::int64_t time) {
    std::int64_t stopped = -1;
    for (const std::int64_t end = ms + time; ms < end; ++ms) {
      const Instant now = at_ms(ms);
      const bool due = packets_a_second != 0 && ms % (1'000 / packets_a_second) == 0;
      const bool fits = !keeps_gap || now - last >= breaker.least_gap();
      if (due && fits && breaker.allows(now)) {
        last = now;
        breaker.on_sent(now);
        ++sent;
        if (arrives) highest = sent;
      }
      if (reports && ms % report_every == report_every - 1) {
        breaker.on_rtcp();
        ReportBlock block;
        block.highest_sequence = highest;
        block.fraction_lost = loss;
        breaker.on_report(now, block, round_trip);
      }
      if (breaker.reason() && stopped < 0) stopped = ms;
    }
    return stopped;
  }
  std::string reason() const { return breaker.reason() ? breaker.reason() : ""; }
};

TEST(CircuitBreaker, a_stream_that_is_reported_on_goes_on) {
  for (const std::int64_t packets_a_second : {1, 50, 1'000}) {
    for (const std::int64_t report_every : {200, 1'000, 7'500}) {
      Stream stream;
      stream.packets_a_second = packets_a_second;
      stream.report_every = report_every;
      EXPECT_EQ(stream.run(300'000), -1) << packets_a_second << ' ' << report_every;
    }
  }
}

// [rfc8083#4.1]
// covers: must rfc8834#7.1
TEST(CircuitBreaker, without_reports_it_stops_and_begins_again_when_the_peer_is_heard) {
  Stream stream;
  stream.run(10'000);
  stream.reports = false;
  const std::int64_t stopped = stream.run(60'000);
  EXPECT_NEAR(double(stopped), 10'000 + 20'000, 100);
  EXPECT_EQ(stream.reason(), "no reports come");
  const std::uint32_t sent = stream.sent;
  stream.run(300'000);
  EXPECT_EQ(stream.reason(), "no reports come") << "nobody has said a word";
  EXPECT_EQ(stream.sent, sent);
  stream.reports = true;
  stream.run(2'000);
  EXPECT_EQ(stream.reason(), "");
  EXPECT_GT(stream.sent, sent);
}

// [rfc8083#4.5] Nor does a report end it at once.
TEST(CircuitBreaker, it_rests_as_long_as_it_took_to_notice_and_longer_when_that_was_in_vain) {
  Stream stream;
  stream.run(10'000);
  std::int64_t rest = 0;
  for (int round = 0; round < 6; ++round) {
    stream.arrives = false;
    const std::int64_t stopped = stream.run(10'000);
    ASSERT_GE(stopped, 0) << round;
    EXPECT_EQ(stream.reason(), "nothing arrives");
    const std::uint32_t sent = stream.sent;
    while (stream.sent == sent && stream.ms < stopped + 1'000'000) stream.run(100);
    EXPECT_GE(stream.ms - stopped,
              std::max<std::int64_t>(20'000, std::min<std::int64_t>(160'000, rest * 19 / 10)));
    EXPECT_LE(stream.ms - stopped, 161'000);
    rest = stream.ms - stopped;
  }
  stream.arrives = true;
  EXPECT_EQ(stream.run(600'000), -1);
  stream.arrives = false;
  const std::int64_t stopped = stream.run(10'000);
  EXPECT_GE(stopped, 0);
  stream.arrives = true;
  const std::uint32_t sent = stream.sent;
  stream.run(30'000);
  EXPECT_GT(stream.sent, sent) << "after a good while it is as it was at first";
}

// [rfc8083#4.2] k = 5
// covers: must rfc8834#7.1
TEST(CircuitBreaker, five_reports_that_nothing_has_arrived_stop_it) {
  Stream stream;
  stream.run(10'000);
  stream.arrives = false;
  const std::int64_t stopped = stream.run(20'000);
  EXPECT_GE(stopped, 10'000 + 4'900);
  EXPECT_LE(stopped, 10'000 + 6'100);
  EXPECT_EQ(stream.reason(), "nothing arrives");
}

// [rfc8083#4.2] max(Tf, Tr, Tdr)
TEST(CircuitBreaker, reports_that_come_sooner_than_a_packet_can_arrive_do_not_count) {
  Stream slow;  // a picture every ten seconds
  slow.packets_a_second = 0;
  for (int i = 0; i < 60; ++i) {
    slow.breaker.on_sent(at_ms(slow.ms));
    slow.run(300);  // it is on its way
    slow.highest = ++slow.sent;
    EXPECT_EQ(slow.run(9'700), -1) << i;
  }
  Stream far;
  far.round_trip = seconds(3);
  far.report_every = 100;
  far.arrives = false;
  const std::int64_t stopped = far.run(60'000);
  EXPECT_GE(stopped, 15'000);
}

// [rfc8083#4.1] "Implementations that sometimes need to interwork with endpoints that do not
// support RTCP need to disable" it.
TEST(CircuitBreaker, a_peer_that_has_never_reported_stops_nothing) {
  Stream stream;
  stream.reports = false;
  EXPECT_EQ(stream.run(600'000), -1);
}

TEST(CircuitBreaker, pauses_stop_nothing) {
  Stream stream;
  for (int i = 0; i < 20; ++i) {
    stream.packets_a_second = 50;
    EXPECT_EQ(stream.run(3'050), -1);  // no report tells of the last ones
    stream.packets_a_second = 0;
    stream.reports = i % 2 == 0;  // [rfc3550#6.4] on who was silent many say nothing
    EXPECT_EQ(stream.run(60'000), -1);
    stream.reports = true;
  }
}

// [rfc8083#5] Requests count as well.
TEST(CircuitBreaker, feedback_shows_that_the_way_back_is_there) {
  Stream stream;
  stream.run(10'000);
  stream.reports = false;
  for (int i = 0; i < 60; ++i) {
    stream.breaker.on_feedback();
    EXPECT_EQ(stream.run(2'000), -1);
  }
}

// [rfc8083#4.3] Ten times TCP: n packets a round trip with n² × p above 150.
// covers: must rfc8834#7.1
TEST(CircuitBreaker, ten_times_what_tcp_would_send_is_too_much) {
  struct Case {
    std::int64_t packets_a_second;
    Duration round_trip;
    std::uint8_t loss;
    bool stops;
  };
  for (const Case& c : {
           Case{200, milliseconds(50), 26, false},   // 10² × 0.1 = 10
           Case{200, milliseconds(50), 255, false},  // 100
           Case{200, milliseconds(300), 26, true},   // 60² × 0.1 = 366
           Case{200, milliseconds(300), 6, false},   // 84
           Case{500, milliseconds(100), 10, false},  // 98
           Case{500, milliseconds(100), 20, true},   // 195
           Case{50, milliseconds(150), 255, false},  // a voice: 56
           Case{1'000, seconds(2), 0, false},
       }) {
    Stream stream;
    stream.packets_a_second = c.packets_a_second;
    stream.round_trip = c.round_trip;
    stream.loss = c.loss;
    const std::int64_t stopped = stream.run(60'000);
    EXPECT_EQ(stopped >= 0, c.stops) << c.packets_a_second << ' ' << int(c.loss);
    if (c.stops) {
      EXPECT_GE(stopped, 3'000);
      EXPECT_LE(stopped, 15'000);
      EXPECT_EQ(stream.reason(), "too much is lost");
    }
  }
}

// [rfc8083#4.3] Congestion that passes within an interval of judgement is none.
TEST(CircuitBreaker, a_burst_of_losses_is_averaged_over_the_window) {
  Stream stream;
  stream.packets_a_second = 200;
  stream.round_trip = milliseconds(200);  // 40² × p: 9.4 % is too much
  for (int i = 0; i < 40; ++i) {
    stream.loss = 50;  // 20 %, of one second in four
    EXPECT_EQ(stream.run(1'000), -1) << i;
    stream.loss = 0;
    EXPECT_EQ(stream.run(3'000), -1) << i;
  }
}

// [rfc8083#4.3] "A responsive congestion control algorithm will begin to respond" before it is
// judged: whoever does is not stopped, and has most of what he may have.
// covers: must rfc8834#7.1
TEST(CircuitBreaker, whoever_keeps_the_gap_that_the_reports_leave_goes_on) {
  for (const int loss : {13, 26, 51, 128, 255}) {
    for (const Duration round_trip : {milliseconds(100), milliseconds(230), seconds(1)}) {
      Stream stream;
      stream.packets_a_second = 1'000;
      stream.round_trip = round_trip;
      stream.loss = static_cast<std::uint8_t>(loss);
      stream.keeps_gap = true;
      EXPECT_EQ(stream.run(60'000), -1) << int(loss) << ' ' << round_trip.count();
      const std::uint32_t before = stream.sent;
      EXPECT_EQ(stream.run(60'000), -1) << int(loss) << ' ' << round_trip.count();
      // n² × p = 150
      const double most = std::sqrt(150 * 256.0 / loss) * 1e6 / double(round_trip.count());
      const double rate = (stream.sent - before) / 60.0;
      EXPECT_GE(rate, std::min(most, 1'000.0) * 0.6) << int(loss) << ' ' << round_trip.count();
      EXPECT_LE(rate, std::max(most, 10.0)) << int(loss) << ' ' << round_trip.count();
    }
  }
}

TEST(CircuitBreaker, the_gap_is_gone_when_nothing_is_lost_any_more) {
  Stream stream;
  EXPECT_EQ(stream.breaker.least_gap(), Duration(0));
  stream.loss = 255;
  stream.run(5'000);
  EXPECT_GT(stream.breaker.least_gap(), milliseconds(4));
  stream.loss = 0;
  stream.run(60'000);
  EXPECT_EQ(stream.breaker.least_gap(), Duration(0));
}

}  // namespace
}  // namespace esp_peer::rtp
