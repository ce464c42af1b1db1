#include "peer/gathering.hpp"

namespace esp_peer::peer {

static_assert(max_servers <= 32, "a bit of unresolved_ for each server");

Gathering::Gathering(Duration timeout, bool relay_only, const Servers& servers, SecurePath& path,
                     Relays& relays, Outbox& outbox, Memory& memory)
    : timeout_(timeout),
      servers_(servers),
      path_(path),
      relays_(relays),
      outbox_(outbox),
      sockets_(memory),
      relay_only_(relay_only) {}

void Gathering::restart() {
  ++generation_;
  unresolved_ = 0;
  deadline_.reset();
  has_sockets_ = time_is_up_ = first_will_do_ = false;
  relays_.find_again();
}

void Gathering::change_servers() {
  ++generation_;
  unresolved_ = 0;
}

void Gathering::change_servers(Instant now) {
  change_servers();
  if (has_sockets_) ask(now);
}

void Gathering::on_sockets(Instant now, std::span<const Address> sockets) {
  has_sockets_ = true;
  sockets_.clear();
  for (const Address& socket : sockets) {
    if (sockets_.size() < max_sockets) static_cast<void>(sockets_.push_back(socket));
    if (!relay_only_) static_cast<void>(path_.ice().add_host(now, socket));
  }
  ask(now);
}

void Gathering::ask(Instant now) {
  time_is_up_ = first_will_do_ = false;
  deadline_ = now + timeout_;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const Server& server = servers_[i];
    if (server.over_stream || (relay_only_ && !server.turn)) continue;
    if (const auto address = parse_ip(server.host.view(), server.port)) {
      ask(now, server, *address);
    } else if (outbox_.request(Resolve{id_of(i)})) {
      unresolved_ |= 1u << i;
    }
  }
}

void Gathering::on_resolved(Instant now, std::uint32_t id, std::span<const Address> addresses) {
  const auto index = index_of(id);
  if (!index || (unresolved_ >> *index & 1) == 0) return;
  unresolved_ &= ~(1u << *index);
  for (const Address& a : addresses.first(std::min(addresses.size(), max_addresses_per_server))) {
    ask(now, servers_[*index], a.with_port(servers_[*index].port));
  }
}

// A TURN server tells as well how it sees us.
void Gathering::ask(Instant now, const Server& server, const Address& address) {
  if (!relay_only_) static_cast<void>(path_.ice().add_stun_server(now, address));
  if (!server.turn) return;
  for (const Address& socket : sockets_) {
    relays_.ask(now, socket, address, server.username, server.password);
  }
}

bool Gathering::on_deadline(Instant now) {
  if (done() || !deadline_ || now < *deadline_) return false;
  if (relay_only_ && !first_will_do_ && timeout_ < relay_patience) {
    first_will_do_ = true;
    *deadline_ += relay_patience - timeout_;
    return done();
  }
  time_is_up_ = true;
  return true;
}

bool Gathering::done() const {
  return has_sockets_ && (time_is_up_ || complete() || (first_will_do_ && relays_.any()));
}

bool Gathering::complete() const {
  return has_sockets_ && unresolved_ == 0 && !path_.ice().gathering() && !relays_.busy();
}

std::string_view Gathering::server_name(std::uint32_t id) const {
  const auto index = index_of(id);
  return index ? servers_[*index].host.view() : std::string_view{};
}

void Gathering::hash_state(StateHash& hash) const {
  hash.add(generation_);
  hash.add(unresolved_);
  hash.add(has_sockets_);
  hash.add(time_is_up_);
  hash.add(first_will_do_);
}

std::uint32_t Gathering::id_of(std::size_t index) const {
  return static_cast<std::uint32_t>(generation_ * max_servers + index);
}

std::optional<std::size_t> Gathering::index_of(std::uint32_t id) const {
  const std::size_t index = id % max_servers;
  if (id / max_servers != generation_ || index >= servers_.size()) return std::nullopt;
  return index;
}

}  // namespace esp_peer::peer
