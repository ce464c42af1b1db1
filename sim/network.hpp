// Hosts with addresses, the links between them, and the boxes that some of them sit behind.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "sim/link.hpp"
#include "sim/nat.hpp"
#include "sim/pcap.hpp"
#include "sim/timeline.hpp"
#include "sim/trace.hpp"

namespace esp_peer::sim {

enum class HostId : std::size_t {};

class Network {
 public:
  // A datagram that has come to a socket, changeable, as the socket sees its route.
  using Receive = std::function<void(const Route&, MutableBytes)>;
  // Sees what leaves a host before the network does; false loses it.
  using Tap = std::function<bool(HostId from, const Route&, std::vector<std::byte>&)>;

  Network(Timeline& timeline, Trace& trace, Rng rng)
      : timeline_(timeline), trace_(trace), rng_(rng) {}
  Network(const Network&) = delete;

  // Addresses with port 0, best first.
  HostId add_host(std::string name, std::vector<Address> addresses);
  // A private network: hosts behind one box see each other, the others only the box.
  HostId add_host_behind(Nat& nat, std::string name, std::vector<Address> addresses);

  // For the pairs of hosts that have no link of their own yet, both directions.
  void set_default_link(const LinkOptions& options) { default_link_ = options; }
  // The link from one host to another, made when first asked for.
  Link& link(HostId from, HostId to);
  // For each link there is or will be: the end of all faults, for instance.
  void for_each_link(const std::function<void(LinkOptions&)>& change);
  void set_tap(Tap tap) { tap_ = std::move(tap); }
  void write_pcap_to(Pcap* pcap) { pcap_ = pcap; }

  // A socket on one of the host's addresses; port 0: any free one.
  Address bind(HostId host, const Address& address, Receive receive);
  void unbind(HostId host, const Address& address);
  // The host has started anew: its free ports are the same ones again.
  void restart(HostId host) { of(host).next_port = 50'000; }
  void send(HostId from, const Route& route, Bytes datagram);

  const std::vector<Address>& addresses(HostId host) const { return of(host).addresses; }
  // The host takes other addresses; sockets on lost ones hear nothing any more.
  void set_addresses(HostId host, std::vector<Address> addresses);

 private:
  struct AddressLess {
    bool operator()(const Address& a, const Address& b) const {
      return a.ip != b.ip ? a.ip < b.ip : a.port < b.port;
    }
  };
  struct Host {
    std::string name;
    std::vector<Address> addresses;
    Nat* nat = nullptr;
    std::map<Address, Receive, AddressLess> sockets;
    std::uint16_t next_port = 50'000;
  };
  Host& of(HostId id) { return hosts_[static_cast<std::size_t>(id)]; }
  const Host& of(HostId id) const { return hosts_[static_cast<std::size_t>(id)]; }
  // Who is meant by an address, seen from a host: one that has it itself, or any one behind the box
  // that has it.
  std::optional<HostId> find(const Host& from, const Address& to) const;
  void carry(HostId from, HostId to, const Route& as_seen, Bytes datagram);
  void arrive(HostId at, Route as_seen, std::vector<std::byte> datagram);

  Timeline& timeline_;
  Trace& trace_;
  Rng rng_;
  std::vector<Host> hosts_;
  std::map<std::pair<HostId, HostId>, std::unique_ptr<Link>> links_;
  LinkOptions default_link_;
  Tap tap_;
  Pcap* pcap_ = nullptr;
};

}  // namespace esp_peer::sim
