// Spreads the packets of a frame over time, so that a burst does not overflow the queue of the
// slowest link. The pace follows what is sent: somewhat faster than the application, on average.
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/time.hpp"

namespace esp_peer::rtp {

class Pacer {
 public:
  // Goes at once when nothing has waited.
  static constexpr std::int64_t burst = 12'000;
  // Many a program sleeps 10 or 20 ms beside its loop. What the pace gave meanwhile goes then, or
  // frames would wait for each other and be refused, though the network is free.
  static constexpr Duration longest_turn = milliseconds(25);
  // But not above that, what the queue of a home router takes in one piece: about 50 packets...
  static constexpr std::int64_t most_at_once = 64'000;
  // ... unless the application sends more than that all the time: so much of the pace is what it
  // gives in a longest turn.
  static constexpr Duration least_turn = milliseconds(10);
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

 private:
  // What was not used of the pace, and still may be.
  Duration credit() const { return std::clamp(time_for(most_at_once), least_turn, longest_turn); }
  Duration time_for(std::int64_t bytes) const { return Duration(bytes * 1'000'000 / rate_); }

  std::int64_t lately_ = 0;  // bytes of the last second, the older the less they count
  Instant lately_at_{};
  std::int64_t rate_ = least_rate;  // bytes a second
  Instant next_ = Instant::min();
};

}  // namespace esp_peer::rtp
