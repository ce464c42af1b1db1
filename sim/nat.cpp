#include "sim/nat.hpp"

#include <algorithm>

namespace esp_peer::sim {

Address Nat::outbound(Instant now, const Address& inside, const Address& remote) {
  Mapping* mapping = find(now, inside, remote);
  if (!mapping) {
    mappings_.push_back({inside, ip_.with_port(next_port_++), remote, now, {}});
    mapping = &mappings_.back();
  }
  mapping->used = now;
  auto& contacted = mapping->contacted;
  if (std::find(contacted.begin(), contacted.end(), remote) == contacted.end()) {
    contacted.push_back(remote);
  }
  return mapping->outside;
}

std::optional<Address> Nat::inbound(Instant now, const Address& outside,
                                    const Address& remote) const {
  for (const Mapping& m : mappings_) {
    if (m.outside != outside || now - m.used > options_.lifetime) continue;
    for (const Address& contacted : m.contacted) {
      if (same(options_.filtering, contacted, remote)) return m.inside;
    }
  }
  return std::nullopt;
}

bool Nat::same(Dependence dependence, const Address& a, const Address& b) {
  switch (dependence) {
    case Dependence::none:
      return true;
    case Dependence::address:
      return a.ip == b.ip;
    case Dependence::address_and_port:
      return a == b;
  }
  return false;
}

Nat::Mapping* Nat::find(Instant now, const Address& inside, const Address& remote) {
  for (Mapping& m : mappings_) {
    const bool alive = now - m.used <= options_.lifetime;
    if (alive && m.inside == inside && same(options_.mapping, m.first_remote, remote)) return &m;
  }
  return nullptr;
}

}  // namespace esp_peer::sim
