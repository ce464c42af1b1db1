// How long to wait before the next attempt: 1, 2, 4 … 30 s, each a fifth more or less, so that a
// thousand cameras do not come back in the same second.
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/env.hpp"

namespace esp_peer::peer {

class Backoff {
 public:
  static constexpr Duration first = seconds(1), longest = seconds(30);

  Duration next(Random& random) {
    const Duration base = next_;
    next_ = std::min(next_ * 2, longest);
    const std::int64_t spread = base.count() / 5;  // ± 20 %
    return base - Duration(spread) +
           Duration(static_cast<std::int64_t>(random.number<std::uint32_t>()) % (2 * spread + 1));
  }
  void reset() { next_ = first; }

 private:
  Duration next_ = first;
};

}  // namespace esp_peer::peer
