// A TURN server on the network, which answers Binding requests as well [rfc8656].
#pragma once
#include "sim/world.hpp"
#include "tests/support/turn_server.hpp"

namespace esp_peer::sim {

class TurnServer {
 public:
  // Stays on the network for good. Relayed addresses are the host's own.
  TurnServer(World& world, HostId host, test::TurnServerOptions options = {},
             std::uint16_t port = 3478);
  TurnServer(const TurnServer&) = delete;

  // Hears and says nothing.
  void stop() { stopped_ = true; }
  // Goes on; whether it has forgotten everything is the core's matter.
  void go_on() { stopped_ = false; }

  const Address& address() const { return address_; }
  test::TurnServer& core() { return core_; }
  std::size_t allocations() const { return core_.allocations(world_.time.now()); }
  std::uint64_t relayed() const { return relayed_; }  // datagrams, both ways

 private:
  void on_client(const Route& route, Bytes datagram);
  void on_peer(const Route& route, Bytes datagram);

  World& world_;
  HostId host_;
  test::TurnServer core_;
  Address address_;
  bool stopped_ = false;
  std::uint64_t relayed_ = 0;
};

}  // namespace esp_peer::sim
