#include "runner/linux/interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>

#include "runner/linux/socket_address.hpp"

namespace esp_peer::linux_runner {
namespace {

// How far an address reaches; better ones are used alone.
enum class Reach { network, link, host };

Reach reach_of(const Address& address) {
  if (address.is_loopback()) return Reach::host;
  return !address.is_v4() && address.is_link_local() ? Reach::link : Reach::network;
}

constexpr unsigned usable = IFF_UP | IFF_RUNNING;

std::vector<Address> all_addresses(const InterfaceOptions& options) {
  std::vector<Address> found;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return found;
  for (const ifaddrs* at = list; at; at = at->ifa_next) {
    const auto address = from_socket_address(at->ifa_addr);
    if (!address || (at->ifa_flags & usable) != usable) continue;
    if (!address->is_v4() && !options.ipv6) continue;
    if (options.filter && !options.filter(at->ifa_name, address->with_port(0), options.ctx)) {
      continue;
    }
    found.push_back(address->with_port(0));
  }
  freeifaddrs(list);
  return found;
}

}  // namespace

std::vector<Address> usable_addresses(const InterfaceOptions& options) {
  std::vector<Address> addresses = all_addresses(options);
  Reach wanted = Reach::host;
  for (const Address& a : addresses) {
    if (!options.loopback_only) wanted = std::min(wanted, reach_of(a));
  }
  std::erase_if(addresses, [&](const Address& a) { return reach_of(a) != wanted; });
  // [rfc8421#4] IPv6 first, but not many of them before the first IPv4.
  std::stable_sort(addresses.begin(), addresses.end(),
                   [](const Address& a, const Address& b) { return !a.is_v4() && b.is_v4(); });
  return addresses;
}

}  // namespace esp_peer::linux_runner
