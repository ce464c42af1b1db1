// The time of the machine, for machines that have none.
#pragma once
#include <ctime>

#include "base/time.hpp"

namespace esp_peer::linux_runner {

inline Instant now() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return Instant(Duration(static_cast<std::int64_t>(ts.tv_sec) * 1'000'000 + ts.tv_nsec / 1000));
}

// From 1900, where NTP's count begins [rfc3550#4], to Instant zero.
inline Duration wall_clock() {
  constexpr std::int64_t from_1900_to_1970 = 2'208'988'800;
  timespec ts{};
  clock_gettime(CLOCK_REALTIME, &ts);
  return seconds(ts.tv_sec + from_1900_to_1970) + Duration(ts.tv_nsec / 1000) -
         now().time_since_epoch();
}

inline std::int64_t unix_seconds() { return static_cast<std::int64_t>(::time(nullptr)); }

}  // namespace esp_peer::linux_runner
