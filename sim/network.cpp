#include "sim/network.hpp"

#include <algorithm>

namespace esp_peer::sim {
namespace {

bool has_ip(const std::vector<Address>& addresses, const Address& address) {
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const Address& a) { return a.ip == address.ip; });
}

}  // namespace

HostId Network::add_host(std::string name, std::vector<Address> addresses) {
  hosts_.push_back({std::move(name), std::move(addresses), nullptr, {}, 50'000});
  return HostId{hosts_.size() - 1};
}

HostId Network::add_host_behind(Nat& nat, std::string name, std::vector<Address> addresses) {
  const HostId id = add_host(std::move(name), std::move(addresses));
  of(id).nat = &nat;
  return id;
}

Link& Network::link(HostId from, HostId to) {
  auto& link = links_[{from, to}];
  if (!link) link = std::make_unique<Link>(default_link_, Rng(rng_.next()));
  return *link;
}

void Network::for_each_link(const std::function<void(LinkOptions&)>& change) {
  change(default_link_);
  for (auto& [ends, link] : links_) change(link->options());
}

Address Network::bind(HostId id, const Address& address, Receive receive) {
  Host& host = of(id);
  Address bound = address;
  while (bound.port == 0 || host.sockets.count(bound) != 0) bound.port = host.next_port++;
  host.sockets[bound] = std::move(receive);
  return bound;
}

void Network::unbind(HostId id, const Address& address) { of(id).sockets.erase(address); }

void Network::set_addresses(HostId id, std::vector<Address> addresses) {
  of(id).addresses = std::move(addresses);
}

void Network::send(HostId id, const Route& route, Bytes datagram) {
  std::vector<std::byte> bytes(datagram.begin(), datagram.end());
  if (tap_ && !tap_(id, route, bytes)) return;
  const Host& host = of(id);
  trace_.datagram(timeline_.now(), host.name, "sends", route.local, route.remote, bytes);
  if (pcap_) pcap_->add(timeline_.now(), route.local, route.remote, bytes);
  if (!has_ip(host.addresses, route.local)) return;  // no longer ours: the kernel has no route

  const auto to = find(host, route.remote);
  Route as_seen{route.remote, route.local};
  const bool leaves_box =
      host.nat && !(to && has_ip(of(*to).addresses, route.remote) && of(*to).nat == host.nat);
  if (leaves_box) {
    if (host.nat->owns(route.remote) && !host.nat->hairpin()) return;
    as_seen.remote = host.nat->outbound(timeline_.now(), route.local, route.remote);
  }
  if (to) carry(id, *to, as_seen, bytes);
}

std::optional<HostId> Network::find(const Host& from, const Address& to) const {
  std::optional<HostId> found;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    const Host& host = hosts_[i];
    const bool reachable = host.nat == nullptr || host.nat == from.nat;
    if (reachable && has_ip(host.addresses, to)) return HostId{i};
    if (host.nat && host.nat->owns(to)) found = HostId{i};
  }
  return found;
}

void Network::carry(HostId from, HostId to, const Route& as_seen, Bytes datagram) {
  for (Link::Arrival& arrival : link(from, to).carry(timeline_.now(), datagram)) {
    timeline_.at(arrival.at, [this, to, as_seen, bytes = std::move(arrival.bytes)]() mutable {
      arrive(to, as_seen, std::move(bytes));
    });
  }
}

void Network::arrive(HostId at, Route as_seen, std::vector<std::byte> datagram) {
  HostId id = at;
  if (Nat* nat = of(at).nat; nat && nat->owns(as_seen.local)) {
    const auto inside = nat->inbound(timeline_.now(), as_seen.local, as_seen.remote);
    if (!inside) return;
    as_seen.local = *inside;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      if (hosts_[i].nat == nat && has_ip(hosts_[i].addresses, *inside)) id = HostId{i};
    }
  }
  Host& host = of(id);
  const auto socket = host.sockets.find(as_seen.local);
  if (socket == host.sockets.end() || !has_ip(host.addresses, as_seen.local)) return;
  trace_.datagram(timeline_.now(), host.name, "hears", as_seen.remote, as_seen.local, datagram);
  const Receive receive = socket->second;  // it may unbind itself
  receive(as_seen, datagram);
}

}  // namespace esp_peer::sim
