// The application's milliseconds come out as they went in, through both wraps.
#include "rtp/clock.hpp"

#include <gtest/gtest.h>

namespace esp_peer::rtp {
namespace {

constexpr ClockRate g711 = 8000, opus = 48000, video = 90000;

TEST(MediaClock, pts_comes_through_the_timestamp_unchanged) {
  for (const ClockRate rate : {g711, opus, video}) {
    TimestampUnwrapper unwrapper;
    for (std::uint32_t pts = 0; pts < 100'000; pts += 20) {
      ASSERT_EQ(pts_of_ticks(unwrapper.unwrap(ticks_of_pts(pts, rate)), rate), pts);
    }
  }
}

// covers: bug 58
TEST(MediaClock, pts_goes_on_where_the_timestamp_wraps_and_where_it_wraps_itself) {
  for (const ClockRate rate : {g711, opus, video}) {
    // The last first pts that is below 2^32 ticks, then over 2^32 ticks and over 2^32 ms.
    const std::uint32_t first =
        static_cast<std::uint32_t>((std::uint64_t{1} << 32) * 1000 / rate) - 1;
    TimestampUnwrapper unwrapper;
    std::uint64_t pts = first;
    int timestamp_wraps = 0, pts_wraps = 0;
    std::uint32_t before = ticks_of_pts(first, rate);
    ASSERT_EQ(pts_of_ticks(unwrapper.unwrap(before), rate), first);
    while (pts < (std::uint64_t{1} << 33) + 12345) {
      const std::uint64_t step = 9'000'001;  // 2.5 h: less than half a wrap of each clock
      timestamp_wraps += (pts + step) * rate / 1000 >> 32 != pts * rate / 1000 >> 32;
      pts_wraps += (pts + step) >> 32 != pts >> 32;
      pts += step;
      const auto now = static_cast<std::uint32_t>(pts);
      ASSERT_EQ(pts_of_ticks(unwrapper.unwrap(ticks_of_pts(now, rate)), rate), now);
    }
    EXPECT_GE(timestamp_wraps, 15);
    EXPECT_EQ(pts_wraps, 2);
  }
}

TEST(MediaClock, a_first_pts_beyond_the_first_wrap_is_continuous_from_there_on) {
  const std::uint32_t first = 4'000'000'000;  // Opus wraps after 24.8 h, at 89,478,485 ms
  TimestampUnwrapper unwrapper;
  const std::uint32_t told = pts_of_ticks(unwrapper.unwrap(ticks_of_pts(first, opus)), opus);
  EXPECT_NE(told, first);
  for (std::uint32_t ms = 0; ms < 1'000'000; ms += 20) {
    ASSERT_EQ(pts_of_ticks(unwrapper.unwrap(ticks_of_pts(first + ms, opus)), opus), told + ms);
  }
}

TEST(MediaClock, foreign_timestamps_are_rounded_to_the_nearest_millisecond) {
  EXPECT_EQ(pts_of_ticks(3, g711), 0u);
  EXPECT_EQ(pts_of_ticks(4, g711), 1u);
  EXPECT_EQ(pts_of_ticks(7999, g711), 1000u);
  EXPECT_EQ(pts_of_ticks(-8, g711), 0xFFFF'FFFFu);  // a millisecond before the first
}

// covers: bug 58
TEST(MediaClock, a_timestamp_that_leaps_for_ever_overflows_nothing) {
  TimestampUnwrapper unwrapper;
  std::uint32_t timestamp = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    timestamp += 0x7FFF'FFFF;
    (void)pts_of_ticks(unwrapper.unwrap(timestamp), video);
  }
  for (int i = 0; i < 1'000'000; ++i) {
    timestamp -= 0x7FFF'FFFF;
    (void)pts_of_ticks(unwrapper.unwrap(timestamp), video);
  }
  EXPECT_EQ(unwrapper.unwrap(timestamp), 0);
}

TEST(MediaClock, ntp_time_counts_seconds_and_their_fraction) {
  const Instant at(milliseconds(1'500));
  EXPECT_EQ(ntp_of(at), 0x1'8000'0000u);
  EXPECT_EQ(middle_of(ntp_of(at)), 0x1'8000u);
  EXPECT_EQ(ticks_of(milliseconds(1'500), opus), 72'000u);
  EXPECT_EQ(ticks_of(seconds(100'000), opus), static_cast<std::uint32_t>(4'800'000'000u));
}

}  // namespace
}  // namespace esp_peer::rtp
