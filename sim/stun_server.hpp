// A STUN server: tells whoever asks where the question came from [rfc8489#12].
#pragma once
#include "crypto/provider.hpp"
#include "sim/network.hpp"

namespace esp_peer::sim {

class StunServer {
 public:
  // Stays on the network for good.
  StunServer(Network& network, HostId host, std::uint16_t port = 3478);

  const Address& address() const { return address_; }
  std::uint64_t questions() const { return questions_; }

 private:
  void on_datagram(const Route& route, Bytes datagram);

  Network& network_;
  HostId host_;
  Address address_;
  std::uint64_t questions_ = 0;
};

}  // namespace esp_peer::sim
