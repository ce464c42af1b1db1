// Between our addresses and the kernel's.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>

#include "base/address.hpp"

namespace esp_peer::linux_runner {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

inline SocketAddress to_socket_address(const Address& address) {
  SocketAddress out;
  if (address.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    std::memcpy(&in.sin_addr, address.ip.data() + 12, 4);
    std::memcpy(&out.storage, &in, sizeof(in));
    out.size = sizeof(in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(address.port);
    std::memcpy(&in.sin6_addr, address.ip.data(), 16);
    std::memcpy(&out.storage, &in, sizeof(in));
    out.size = sizeof(in);
  }
  return out;
}

inline std::optional<Address> from_socket_address(const sockaddr* from) {
  if (!from) return std::nullopt;
  if (from->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, from, sizeof(in));
    Address address = Address::v4(0, 0, 0, 0, ntohs(in.sin_port));
    std::memcpy(address.ip.data() + 12, &in.sin_addr, 4);
    return address;
  }
  if (from->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, from, sizeof(in));
    Address address;
    address.port = ntohs(in.sin6_port);
    std::memcpy(address.ip.data(), &in.sin6_addr, 16);
    return address;
  }
  return std::nullopt;
}

}  // namespace esp_peer::linux_runner
