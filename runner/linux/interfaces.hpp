// The addresses of this machine that a peer could reach.
#pragma once
#include <vector>

#include "base/address.hpp"

namespace esp_peer::linux_runner {

struct InterfaceOptions {
  bool ipv6 = false;
  bool loopback_only = false;
  // False leaves an address out; nullptr leaves all in.
  bool (*filter)(const char* interface, const Address& address, void* ctx) = nullptr;
  void* ctx = nullptr;
};

// Best first, port 0. Loopback only when asked for, or when there is nothing else
// [rfc8445#5.1.1.1, exception: two peers on one machine without a network do connect]; link-local
// addresses of IPv6, too, when there is nothing else but loopback.
std::vector<Address> usable_addresses(const InterfaceOptions& options);

}  // namespace esp_peer::linux_runner
