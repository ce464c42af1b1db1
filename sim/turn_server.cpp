#include "sim/turn_server.hpp"

#include "stun/builder.hpp"

namespace esp_peer::sim {
namespace {

test::TurnServerOptions with_addresses(test::TurnServerOptions options,
                                       const std::vector<Address>& addresses) {
  for (const Address& a : addresses) {
    if (a.is_v4()) {
      options.relay_v4 = a;
    } else {
      options.relay_v6 = a;
    }
  }
  return options;
}

}  // namespace

TurnServer::TurnServer(World& world, HostId host, test::TurnServerOptions options,
                       std::uint16_t port)
    : world_(world),
      host_(host),
      core_(with_addresses(std::move(options), world.network.addresses(host))),
      address_(world.network.bind(
          host, world.network.addresses(host).front().with_port(port),
          [this](const Route& route, MutableBytes datagram) { on_client(route, datagram); })) {
  core_.on_allocated = [this](const Address& relayed) {
    world_.network.bind(host_, relayed,
                        [this](const Route& route, MutableBytes d) { on_peer(route, d); });
  };
}

void TurnServer::on_client(const Route& route, Bytes datagram) {
  if (stopped_) return;
  const auto request = stun::parse(datagram);
  if (request && request->kind == stun::Class::request && request->method == stun::binding) {
    std::array<std::byte, 128> room{};
    stun::Builder answer(room, stun::Class::success, stun::binding, request->id);
    answer.xor_mapped_address(route.remote);
    const std::size_t size = answer.finish();
    return world_.network.send(host_, route, Bytes(room).first(size));
  }
  if (const auto answer = core_.on_message(world_.time.now(), route.remote, datagram)) {
    world_.network.send(host_, route, *answer);
  }
  for (const auto& datagram_out : core_.take_to_peers()) {
    ++relayed_;
    world_.network.send(host_, {datagram_out.relayed, datagram_out.peer}, datagram_out.payload);
  }
}

void TurnServer::on_peer(const Route& route, Bytes datagram) {
  if (stopped_) return;
  const auto to = core_.on_peer(world_.time.now(), route.local, route.remote, datagram);
  if (!to) return;
  ++relayed_;
  world_.network.send(host_, {address_, to->client}, to->message);
}

}  // namespace esp_peer::sim
