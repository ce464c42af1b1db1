#include "runner/linux/interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>

#include "runner/linux/socket_address.hpp"

namespace esp_peer::linux_runner {
namespace {

struct Found {
  Address address;
  bool loopback;
};

constexpr unsigned usable = IFF_UP | IFF_RUNNING;

std::vector<Found> all_addresses(const InterfaceOptions& options) {
  std::vector<Found> found;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return found;
  for (const ifaddrs* at = list; at; at = at->ifa_next) {
    const auto address = from_socket_address(at->ifa_addr);
    if (!address || (at->ifa_flags & usable) != usable) continue;
    if (!address->is_v4() && (!options.ipv6 || address->is_link_local())) continue;
    if (options.filter && !options.filter(at->ifa_name, address->with_port(0), options.ctx)) {
      continue;
    }
    found.push_back({address->with_port(0), address->is_loopback()});
  }
  freeifaddrs(list);
  return found;
}

}  // namespace

std::vector<Address> usable_addresses(const InterfaceOptions& options) {
  const auto found = all_addresses(options);
  const bool has_network =
      std::any_of(found.begin(), found.end(), [](const Found& f) { return !f.loopback; });
  const bool want_loopback = options.loopback_only || !has_network;
  std::vector<Address> addresses;
  for (const Found& f : found) {
    if (f.loopback == want_loopback) addresses.push_back(f.address);
  }
  // [rfc8421#4] IPv6 first, but not many of them before the first IPv4.
  std::stable_sort(addresses.begin(), addresses.end(),
                   [](const Address& a, const Address& b) { return !a.is_v4() && b.is_v4(); });
  return addresses;
}

}  // namespace esp_peer::linux_runner
