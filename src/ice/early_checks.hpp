// Checks of the peer that came before its description. They are answered at once; what follows from
// them has to wait for its password [rfc8445#7.3].
#pragma once
#include <cstdint>

#include "base/address.hpp"
#include "base/containers.hpp"
#include "base/state_hash.hpp"

namespace esp_peer::ice {

struct EarlyCheck {
  Route route;
  std::uint32_t priority = 0;
  bool use_candidate = false;
};

class EarlyChecks {
 public:
  // A route each. At the bound the newest is only answered: the peer repeats its checks.
  static constexpr std::size_t max = 8;

  void remember(const EarlyCheck& check) {
    for (EarlyCheck& known : checks_) {
      if (known.route != check.route) continue;
      known.priority = check.priority;
      known.use_candidate = known.use_candidate || check.use_candidate;
      return;
    }
    checks_.push_back(check);
  }
  void clear() { checks_.clear(); }

  bool has(const Route& route) const {
    for (const EarlyCheck& c : checks_) {
      if (c.route == route) return true;
    }
    return false;
  }
  const EarlyCheck* begin() const { return checks_.begin(); }
  const EarlyCheck* end() const { return checks_.end(); }
  void hash_state(StateHash& hash) const {
    for (const EarlyCheck& c : checks_) {
      hash.add(c.route.local);
      hash.add(c.route.remote);
      hash.add(c.priority);
      hash.add(c.use_candidate);
    }
  }

 private:
  FixedVector<EarlyCheck, max> checks_;
};

}  // namespace esp_peer::ice
