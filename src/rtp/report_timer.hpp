// When the next RTCP report is due [rfc3550#6.2, 6.3].
#pragma once
#include <cstdint>

#include "base/env.hpp"

namespace esp_peer::rtp {

class ReportTimer {
 public:
  // [rfc3550#6.2] The least interval of two participants; their share of any bandwidth that carries
  // audio would allow more often.
  static constexpr Duration least_interval = seconds(5);
  // [rfc3550#6.2] 360 s by the kbit/s of a session that may report more often. Senders learn from
  // reports how much the path carries, and what to be in step with.
  static constexpr Duration video_interval = seconds(1);

  explicit ReportTimer(Duration interval = least_interval) : interval_(interval) {}

  // [rfc3550#6.2] The first report comes after half of it.
  void start(Instant now, Random& random) { due_ = now + spread(interval_ / 2, random); }
  void restart(Instant now, Random& random) { due_ = now + spread(interval_, random); }

  Instant due() const { return due_; }

 private:
  // [rfc3550#6.3.1] × 0.5…1.5, so that reports do not fall into step. exception: no division by
  // e − 3/2, which makes up for reconsideration: two participants have nothing to reconsider.
  static Duration spread(Duration around, Random& random) {
    const std::int64_t part = random.number<std::uint16_t>();
    return around / 2 + Duration(around.count() * part / 0xFFFF);
  }
  Duration interval_;
  Instant due_ = Instant::max();
};

}  // namespace esp_peer::rtp
