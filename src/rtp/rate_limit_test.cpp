// What a source may send in a second, at most.
#include "rtp/rate_limit.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "tests/support/test_env.hpp"

namespace esp_peer::rtp {
namespace {

using test::at_ms;

// Most bytes that left within any second, for somebody who always has more.
std::uint64_t most_in_a_second(RateLimit& limit, std::size_t payload, std::size_t counted,
                               std::int64_t time) {
  std::deque<std::int64_t> lately;
  std::uint64_t most = 0;
  for (std::int64_t ms = 0; ms < time; ++ms) {
    while (limit.may_send(at_ms(ms))) {
      limit.on_sent(at_ms(ms), payload);
      lately.push_back(ms);
    }
    while (!lately.empty() && lately.front() <= ms - 1'000) lately.pop_front();
    most = std::max<std::uint64_t>(most, lately.size() * counted);
  }
  return most;
}

TEST(RateLimit, no_second_has_more_than_the_limit_nor_much_less) {
  for (const std::uint64_t rate : {10'000u, 37'500u, 120'000u}) {
    for (const std::size_t payload : {100u, 1'100u}) {
      RateLimit whole(80, Duration(0));
      whole.set(rate, RateLimit::unlimited);
      const std::uint64_t most = most_in_a_second(whole, payload, payload + 80, 10'000);
      EXPECT_LE(most, rate);
      EXPECT_GE(most, rate * 7 / 10);
      RateLimit alone(80, Duration(0));
      alone.set(RateLimit::unlimited, rate);
      EXPECT_LE(most_in_a_second(alone, payload, payload, 10'000), rate);
    }
  }
}

TEST(RateLimit, without_one_everything_goes_at_once) {
  RateLimit limit(80, Duration(0));
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_TRUE(limit.may_send(at_ms(5)));
    limit.on_sent(at_ms(5), 1'000);
  }
}

// The largest that a description can name, and the least.
TEST(RateLimit, no_number_is_too_large_or_too_small) {
  RateLimit limit(80, Duration(0));
  limit.set(0xFFFF'FFFFull * 125, 0xFFFF'FFFFull / 8);
  EXPECT_EQ(limit.time_for(38'000'000, 32'768), Duration(70'780));
  limit.set(1, 1);
  EXPECT_EQ(limit.time_for(1'000, 1), seconds(1'080));
  limit.on_sent(at_ms(0), 1'000);
  EXPECT_FALSE(limit.may_send(at_ms(1'079'999)));
  EXPECT_TRUE(limit.may_send(at_ms(1'080'000)));
}

TEST(RateLimit, a_gap_is_kept_between_packets_and_by_others_only_their_bytes_count) {
  RateLimit limit(80, Duration(0));
  limit.set_gap(milliseconds(10));
  EXPECT_EQ(most_in_a_second(limit, 1'000, 1, 5'000), 100u);
  const Instant due = limit.due();
  limit.on_sent_beside(due, 1'000);
  EXPECT_TRUE(limit.may_send(due));
  limit.set_gap(Duration(0));
  limit.on_sent(due, 1'000);
  EXPECT_TRUE(limit.may_send(due));
}

// A codec makes a frame each 20 ms, not quite in step.
TEST(RateLimit, what_is_ahead_of_its_time_goes_within_bounds) {
  RateLimit limit(40, milliseconds(250));
  limit.set(10'000, RateLimit::unlimited);  // just what it makes
  for (int i = 0; i < 5'000; ++i) {
    const Instant now = at_ms(i * 20 + (i % 7) * 15);
    EXPECT_TRUE(limit.may_send(now));
    limit.on_sent(now, 160);
  }
  EXPECT_LE(most_in_a_second(limit, 160, 200, 10'000), 12'700u);
}

// Sound that does not wait for the limit of pictures, and is more than that.
TEST(RateLimit, what_does_not_wait_for_it_takes_a_second_of_it_at_most) {
  RateLimit limit(0, Duration(0));
  limit.set(10'000, RateLimit::unlimited);
  for (std::int64_t ms = 0; ms < 60'000; ms += 20) limit.on_sent_beside(test::at_ms(ms), 1'000);
  EXPECT_LE(limit.due(), test::at_ms(61'000));
  EXPECT_GE(limit.due(), test::at_ms(60'000));
}

TEST(RateLimit, another_limit_has_no_debts_of_the_last_one) {
  RateLimit limit(0, Duration(0));
  limit.set(1, RateLimit::unlimited);
  limit.on_sent(test::at_ms(0), 1'000);
  EXPECT_FALSE(limit.may_send(test::at_ms(500'000)));
  limit.set(1, RateLimit::unlimited);
  EXPECT_FALSE(limit.may_send(test::at_ms(500'000)));
  limit.set(10'000, RateLimit::unlimited);
  EXPECT_TRUE(limit.may_send(test::at_ms(1)));
}

}  // namespace
}  // namespace esp_peer::rtp
