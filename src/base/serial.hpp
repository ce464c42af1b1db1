// Numbers that wrap: a is before b when the way forward from a to b is the shorter one [rfc1982].
#pragma once
#include <concepts>
#include <limits>

namespace esp_peer {

// Half the circle apart is in neither direction; both questions say no.
template <std::unsigned_integral T>
constexpr bool serial_less(T a, T b) {
  constexpr T half = static_cast<T>(std::numeric_limits<T>::max() / 2 + 1);
  const T ahead = static_cast<T>(b - a);
  return ahead != 0 && ahead < half;
}
template <std::unsigned_integral T>
constexpr bool serial_less_equal(T a, T b) {
  return a == b || serial_less(a, b);
}

}  // namespace esp_peer
