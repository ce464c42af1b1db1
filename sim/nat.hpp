// A box between a private network and the public one, by mapping and filtering [rfc4787].
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/time.hpp"

namespace esp_peer::sim {

// What two remote ends must have in common to be one to the box.
enum class Dependence : std::uint8_t { none, address, address_and_port };

struct NatOptions {
  Dependence mapping = Dependence::none;
  Dependence filtering = Dependence::address_and_port;
  bool hairpin = false;
  Duration lifetime = seconds(120);  // [rfc4787#4.3] the least; refreshed by what goes out
};

class Nat {
 public:
  Nat(const NatOptions& options, const Address& public_ip) : options_(options), ip_(public_ip) {}

  // The outside address of what `inside` sends to `remote`.
  Address outbound(Instant now, const Address& inside, const Address& remote);
  // Whom a datagram to our outside address belongs to; nobody when it is not let in.
  std::optional<Address> inbound(Instant now, const Address& outside, const Address& remote) const;
  // The box forgets everything, as after a restart.
  void forget() { mappings_.clear(); }
  // And has another address outside, as from a provider at night.
  void move_to(const Address& public_ip) {
    forget();
    ip_ = public_ip;
  }

  bool owns(const Address& address) const { return address.ip == ip_.ip; }
  bool hairpin() const { return options_.hairpin; }

 private:
  struct Mapping {
    Address inside, outside, first_remote;
    Instant used;
    std::vector<Address> contacted;
  };
  static bool same(Dependence dependence, const Address& a, const Address& b);
  Mapping* find(Instant now, const Address& inside, const Address& remote);

  NatOptions options_;
  Address ip_;
  std::vector<Mapping> mappings_;
  std::uint16_t next_port_ = 40'000;
};

}  // namespace esp_peer::sim
