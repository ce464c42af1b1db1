#include "turn/permissions.hpp"

namespace esp_peer::turn {

Result<Permission*> Permissions::open(const Address& peer) {
  if (Permission* known = find(peer)) return known;
  if (list_.size() >= max_) return Error{Errc::over_limit, "too many peers"};
  Permission permission;
  permission.peer = peer;
  permission.lease.want();
  if (!list_.push_back(permission)) return Error{Errc::no_memory, "no room for a peer"};
  return &list_.back();
}

void Permissions::give_up(const Address& peer) {
  for (std::size_t i = list_.size(); i > 0; --i) {
    if (list_[i - 1].peer.ip == peer.ip) list_.erase(i - 1);
  }
}

Permission* Permissions::find(const Address& peer) {
  for (Permission& p : list_) {
    if (p.peer.ip == peer.ip) return &p;
  }
  return nullptr;
}

const Permission* Permissions::find(const Address& peer) const {
  return const_cast<Permissions*>(this)->find(peer);
}

void Permissions::hash_state(StateHash& hash) const {
  for (const Permission& p : list_) {
    hash.add(p.peer);
    p.lease.hash_state(hash);
  }
}

}  // namespace esp_peer::turn
