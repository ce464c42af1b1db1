// Whom the server lets through to us [rfc8656#9].
#pragma once
#include <cstdint>

#include "base/address.hpp"
#include "base/containers.hpp"
#include "base/result.hpp"
#include "turn/lease.hpp"

namespace esp_peer::turn {

struct Permission {
  Address peer;  // its port means nothing
  Lease lease;
};

class Permissions {
 public:
  static constexpr Duration lifetime = seconds(300);  // [rfc8656#9]

  Permissions(Memory& memory, std::uint8_t max) : list_(memory), max_(max) {}

  // The one of this IP address, made and asked for if need be. over_limit past `max`.
  Result<Permission*> open(const Address& peer);
  void give_up(const Address& peer);
  void clear() { list_.clear(); }

  Permission* find(const Address& peer);
  const Permission* find(const Address& peer) const;
  std::size_t size() const { return list_.size(); }
  Permission& operator[](std::size_t i) { return list_[i]; }
  const Permission* begin() const { return list_.begin(); }
  const Permission* end() const { return list_.end(); }
  void hash_state(StateHash& hash) const;

 private:
  Vector<Permission> list_;  // at most max_; further ones are refused
  std::uint8_t max_;
};

}  // namespace esp_peer::turn
