// From the C configuration to ours.
#pragma once
#include <cstdint>
#include <cstring>
#include <optional>

#include "capi/api.hpp"
#include "peer/session.hpp"
#include "runner/linux/interfaces.hpp"

namespace esp_peer::capi {

// What a C program has put there, which need not be one of the enum's values.
template <class Enum>
int raw(const Enum& value) {
  static_assert(sizeof(value) == sizeof(int));
  int number;
  std::memcpy(&number, &value, sizeof(number));
  return number;
}
// Nothing for a number that is no role.
std::optional<ice::Role> read_role(const esp_peer_role_t& role);

struct Config {
  peer::SessionOptions session;
  peer::Servers servers;
  esp_peer_cfg_t callbacks{};  // the callbacks and ctx alone are used
  bool (*interface_filter)(const char*, const esp_peer_addr_t*, void*) = nullptr;
  bool ipv6 = false, loopback_only = false, background_thread = false;
  Duration loop_wait = milliseconds(100);
  int (*on_writable)(void*) = nullptr;
  std::uint16_t message_lifetime_ms =
      5000;  // of channels that are unreliable by time and name none
};

// A zero is the default everywhere; whatever is behind extra_size counts as zero.
Result<Config> read_config(const esp_peer_cfg_t& cfg);
// Entries without a URL are left out. Errors: invalid_argument for a bad URL, over_limit for more
// servers than we take.
Status read_servers(const esp_peer_ice_server_cfg_t* list, int count, peer::Servers& out);

esp_peer_addr_t to_c_address(const Address& address);
int to_c_error(Errc code);
esp_peer_ext_failure_t to_c_failure(peer::Failure failure);

}  // namespace esp_peer::capi
