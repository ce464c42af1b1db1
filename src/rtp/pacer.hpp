// Spreads the packets of a frame over time, so that a burst does not overflow the queue of the
// slowest link. The pace follows what is sent: somewhat faster than the application, on average.
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/time.hpp"

namespace esp_peer::rtp {

class Pacer {
 public:
  // Goes at once before anything waits.
  static constexpr std::int64_t burst = 12'000;
  // A loop that looks as seldom as that keeps the pace.
  static constexpr Duration longest_turn = milliseconds(5);
  // Bytes a second that any path carries for a while.
  static constexpr std::int64_t least_rate = 1'000'000;
  // Nothing waits much longer than that, whatever its size.
  static constexpr Duration longest_queue = milliseconds(500);

  // A frame of this size joins those that wait, `queued` bytes with it.
  void on_frame(Instant now, std::size_t size, std::size_t queued);
  void on_sent(Instant now, std::size_t size);

  bool may_send(Instant now) const { return next_ <= now; }
  // When to look again: a little later than the next packet may go, for two or three to go then.
  Instant due() const { return next_ + std::min(time_for(burst / 2), milliseconds(1)); }
  std::int64_t rate() const { return rate_; }

 private:
  // What was not used of the pace, and still may be.
  Duration credit() const { return std::max(time_for(burst), longest_turn); }
  Duration time_for(std::int64_t bytes) const { return Duration(bytes * 1'000'000 / rate_); }

  std::int64_t lately_ = 0;  // bytes of the last second, the older the less they count
  Instant lately_at_{};
  std::int64_t rate_ = least_rate;  // bytes a second
  Instant next_ = Instant::min();
};

}  // namespace esp_peer::rtp
