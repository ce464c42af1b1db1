// Watches two peers of whom each may think that it controls.
#pragma once
#include <set>

#include "sim/world.hpp"
#include "stun/message.hpp"

namespace esp_peer::sim {

class RoleConflicts {
 public:
  // From now on, until stop().
  explicit RoleConflicts(World& world) : world_(world) {
    world.network.set_tap([this](HostId from, const Route&, std::vector<std::byte>& datagram) {
      const auto message = stun::parse(datagram);
      if (!message) return true;
      answers_ += message->error_code == 487 ? 1 : 0;
      if (message->use_candidate) nominating_.insert(from);
      return true;
    });
  }
  RoleConflicts(const RoleConflicts&) = delete;
  void stop() { world_.network.set_tap({}); }

  int answers() const { return answers_; }  // that say so: 487
  std::size_t nominating() const { return nominating_.size(); }

 private:
  World& world_;
  int answers_ = 0;
  std::set<HostId> nominating_;
};

}  // namespace esp_peer::sim
