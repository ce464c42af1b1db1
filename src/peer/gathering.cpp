#include "peer/gathering.hpp"

namespace esp_peer::peer {

static_assert(max_servers <= 32, "a bit of unresolved_ for each server");

Gathering::Gathering(Duration timeout, const Servers& servers, SecurePath& path, Outbox& outbox)
    : timeout_(timeout), servers_(servers), path_(path), outbox_(outbox) {}

void Gathering::restart() {
  ++generation_;
  unresolved_ = 0;
  deadline_.reset();
  has_sockets_ = time_is_up_ = false;
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
  for (const Address& socket : sockets) static_cast<void>(path_.ice().add_host(now, socket));
  ask(now);
}

void Gathering::ask(Instant now) {
  time_is_up_ = false;
  deadline_ = now + timeout_;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const Server& server = servers_[i];
    if (server.turn) continue;
    if (const auto address = parse_ip(server.host.view(), server.port)) {
      static_cast<void>(path_.ice().add_stun_server(now, *address));
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
    static_cast<void>(path_.ice().add_stun_server(now, a.with_port(servers_[*index].port)));
  }
}

bool Gathering::on_deadline(Instant now) {
  if (done() || !deadline_ || now < *deadline_) return false;
  time_is_up_ = true;
  return true;
}

bool Gathering::done() const { return has_sockets_ && (time_is_up_ || complete()); }

bool Gathering::complete() const {
  return has_sockets_ && unresolved_ == 0 && !path_.ice().gathering();
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
