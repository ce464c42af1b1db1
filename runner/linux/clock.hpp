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

inline std::int64_t unix_seconds() { return static_cast<std::int64_t>(::time(nullptr)); }

}  // namespace esp_peer::linux_runner
