// Three ways to tell time in RTP: ticks of the media's clock, NTP time, and the application's
// milliseconds.
#pragma once
#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace esp_peer::rtp {

// Ticks per second [rfc3551#6]: 8000 for G.711, 90000 for video, 48000 for Opus whatever it carries
// [rfc7587#4.1].
using ClockRate = std::uint32_t;

constexpr std::uint32_t ticks_of_pts(std::uint32_t pts_ms, ClockRate rate) {
  return static_cast<std::uint32_t>(std::uint64_t{pts_ms} * rate / 1000);
}
// Rounded to the nearest millisecond, mod 2^32. Continuous where either number wraps.
constexpr std::uint32_t pts_of_ticks(std::int64_t ticks, ClockRate rate) {
  const std::int64_t per_second = rate;
  std::int64_t whole = ticks / per_second, rest = ticks % per_second;
  if (rest < 0) {
    --whole;
    rest += per_second;
  }
  const auto ms = static_cast<std::uint64_t>((rest * 1000 + per_second / 2) / per_second);
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(whole) * 1000 + ms);
}
// How far the media's clock comes in that time; since an arbitrary moment, mod 2^32.
constexpr std::uint32_t ticks_of(Duration time, ClockRate rate) {
  const std::int64_t us = time.count(), second = 1'000'000;
  const auto whole = static_cast<std::uint64_t>(us / second) * rate;
  return static_cast<std::uint32_t>(whole +
                                    static_cast<std::uint64_t>(us % second) * rate / second);
}

// [rfc3550#6.4.1] NTP time counts from 1900; or, where nobody knows the wall time, from when the
// system began.
constexpr std::uint64_t ntp_of(Instant at) {
  const auto us = static_cast<std::uint64_t>(at.time_since_epoch().count());
  return us / 1'000'000 << 32 | (us % 1'000'000 << 32) / 1'000'000;
}
// The 32 bits in the middle, in which reports speak: units of 1/65536 s.
constexpr std::uint32_t middle_of(std::uint64_t ntp) {
  return static_cast<std::uint32_t>(ntp >> 16);
}

// Where the timestamps of a source stand in its sender's wall time, as its last report said
// [rfc3550#6.4.1]: what audio and video of one sender are brought together by.
class SenderClock {
 public:
  explicit SenderClock(ClockRate rate) : rate_(rate) {}
  void on_report(std::uint64_t ntp, std::uint32_t timestamp) {
    ntp_ = ntp;
    timestamp_ = timestamp;
  }
  // 0 before the first report, and of a sender that knows no time.
  std::uint64_t ntp_of(std::uint32_t timestamp) const {
    if (ntp_ == 0) return 0;
    const std::int64_t ticks = static_cast<std::int32_t>(timestamp - timestamp_);
    return ntp_ + static_cast<std::uint64_t>(ticks * (std::int64_t{1} << 32) / rate_);
  }

 private:
  std::uint64_t ntp_ = 0;
  std::uint32_t timestamp_ = 0;
  ClockRate rate_;
};

// Timestamps of one source, unwrapped from the first on: each is where the way from the one before
// is the shorter one.
class TimestampUnwrapper {
 public:
  std::int64_t unwrap(std::uint32_t timestamp) {
    const auto step =
        last_ ? static_cast<std::int32_t>(timestamp - static_cast<std::uint32_t>(*last_)) : 0;
    last_ = last_ ? *last_ + step : std::int64_t{timestamp};
    return *last_;
  }

 private:
  // 2^63 is 2^32 of the largest steps away: a peer that leaps with every packet needs a century.
  std::optional<std::int64_t> last_;
};

}  // namespace esp_peer::rtp
