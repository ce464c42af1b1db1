// Where a datagram comes from and goes to. IPv4 addresses are kept mapped into IPv6.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/containers.hpp"

namespace esp_peer {

struct Address {
  std::array<std::uint8_t, 16> ip{};
  std::uint16_t port = 0;

  static constexpr Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d,
                              std::uint16_t port) {
    return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d}, port};
  }
  bool is_v4() const;
  bool is_loopback() const;
  bool is_link_local() const;   // fe80::/10 or 169.254.0.0/16
  bool is_unspecified() const;  // 0.0.0.0 or ::
  Address with_port(std::uint16_t other) const { return {ip, other}; }
  friend bool operator==(const Address&, const Address&) = default;
};

// The longest text of an IPv6 address, a mapped tail included, as in inet_ntop.
inline constexpr std::size_t max_ip_text = 45;
using IpText = FixedString<max_ip_text>;

// "192.0.2.1" or "2001:db8::1", no port, no brackets, no zone; nothing for anything else.
std::optional<Address> parse_ip(std::string_view text, std::uint16_t port);
// The canonical text of the address without its port [rfc5952].
IpText ip_text(const Address& address);

enum class Transport : std::uint8_t { udp, tcp };

// The two ends of a path, seen from here.
struct Route {
  Address local, remote;
  Transport transport = Transport::udp;
  friend bool operator==(const Route&, const Route&) = default;
};

}  // namespace esp_peer
