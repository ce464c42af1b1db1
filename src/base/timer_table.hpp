// One slot for each timer a machine can have: no heap, no ids; the next deadline is a minimum, and
// the enumerator is the reason that a trace shows for a wake-up.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "base/time.hpp"

namespace esp_peer {

template <class Id, std::size_t N = static_cast<std::size_t>(Id::count)>
class TimerTable {
 public:
  TimerTable() { at_.fill(never); }

  void arm(Id id, Instant at) { at_[index(id)] = at; }
  void disarm(Id id) { at_[index(id)] = never; }
  void disarm_all() { at_.fill(never); }
  // Calls fire(id) once for each due timer, disarmed first: a machine that fails to re-arm falls
  // silent, and never spins on a deadline that has passed.
  template <class Fire>
  void expire(Instant now, Fire fire) {
    for (std::size_t i = 0; i < N; ++i) {
      if (at_[i] > now) continue;
      at_[i] = never;
      fire(static_cast<Id>(i));
    }
  }

  bool armed(Id id) const { return at_[index(id)] != never; }
  std::optional<Instant> when(Id id) const {
    return armed(id) ? std::optional(at_[index(id)]) : std::nullopt;
  }
  std::optional<Instant> next() const {
    const Instant first = *std::min_element(at_.begin(), at_.end());
    return first == never ? std::nullopt : std::optional(first);
  }

 private:
  static constexpr Instant never = Instant::max();
  static constexpr std::size_t index(Id id) { return static_cast<std::size_t>(id); }
  std::array<Instant, N> at_;
};

// The earlier of two deadlines, where none is later than any.
inline std::optional<Instant> earliest(std::optional<Instant> a, std::optional<Instant> b) {
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

}  // namespace esp_peer
