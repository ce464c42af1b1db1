#include "sim/stun_server.hpp"

#include <array>

#include "stun/builder.hpp"

namespace esp_peer::sim {

StunServer::StunServer(Network& network, HostId host, std::uint16_t port)
    : network_(network),
      host_(host),
      address_(network.bind(
          host, network.addresses(host).front().with_port(port),
          [this](const Route& route, MutableBytes datagram) { on_datagram(route, datagram); })) {}

void StunServer::on_datagram(const Route& route, Bytes datagram) {
  const auto request = stun::parse(datagram);
  if (!request || request->kind != stun::Class::request || request->method != stun::binding) return;
  ++questions_;
  std::array<std::byte, 128> room{};
  stun::Builder answer(room, stun::Class::success, stun::binding, request->id);
  answer.xor_mapped_address(route.remote);
  const std::size_t size = answer.finish();
  network_.send(host_, route, Bytes(room).first(size));
}

}  // namespace esp_peer::sim
