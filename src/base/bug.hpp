// A wrong state is a bug of ours, and it ends the program where we can see it: in tests and debug
// builds. A release build goes on; every use stands where going on is memory-safe.
#pragma once

namespace esp_peer {
#ifdef NDEBUG
inline constexpr bool bugs_abort = false;
#else
inline constexpr bool bugs_abort = true;
#endif
}  // namespace esp_peer

#define ESP_PEER_BUG_IF(condition)                               \
  do {                                                           \
    if (::esp_peer::bugs_abort && (condition)) __builtin_trap(); \
  } while (false)
