// Time as the core knows it: a clock without now(). Code in src/ cannot read the time, only
// receive it.
#pragma once
#include <chrono>
#include <cstdint>

namespace esp_peer {

struct CoreClock {
  using rep = std::int64_t;
  using period = std::micro;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<CoreClock>;
  static constexpr bool is_steady = true;
};
using Duration = CoreClock::duration;
using Instant = CoreClock::time_point;

// Every microsecond of every duration that a protocol names fits these two.
constexpr Duration milliseconds(std::int64_t n) { return Duration(n * 1000); }
constexpr Duration seconds(std::int64_t n) { return Duration(n * 1'000'000); }

}  // namespace esp_peer
