#include "peer/relays.hpp"

#include <algorithm>
#include <utility>

namespace esp_peer::peer {
namespace {

constexpr turn::Family families[] = {turn::Family::v4, turn::Family::v6};

}  // namespace

void Relays::ask(Instant now, const Address& socket, const Address& server,
                 std::string_view username, std::string_view password) {
  if (socket.is_v4() != server.is_v4()) return;
  // exception: [rfc8656#7.4] who has refused is asked again with the next gathering, however soon.
  for (std::size_t i = relays_.size(); i > 0; --i) {
    if (relays_[i - 1].client->ended()) relays_.erase(i - 1);
  }
  for (const Relay& r : relays_) {
    if (r.socket == socket && r.client->server() == server) return;
  }
  if (relays_.size() == max_relays) return;
  turn::Options options;
  options.families = server.is_v4() ? turn::Families::v4 : turn::Families::both;
  Relay relay;
  relay.socket = socket;
  relay.client = Owned<turn::Client>::make(env_.memory, options, server, crypto_, env_);
  // Without memory, or without a name to be known by, there is no relay.
  if (!relay.client || !relay.client->allocate(now, username, password)) return;
  static_cast<void>(relays_.push_back(std::move(relay)));
}

void Relays::find_again() {
  for (Relay& r : relays_) r.told = 0;
}

void Relays::close(Instant now) {
  held_.clear();
  for (Relay& r : relays_) r.client->close(now);
}

Relays::Came Relays::on_datagram(Instant now, Route& route, MutableBytes& datagram) {
  if (relays_.empty() || !turn::is_turn(datagram)) return Came::elsewhere;
  for (Relay& r : relays_) {
    if (r.socket != route.local || r.client->server() != route.remote) continue;
    const auto relayed = r.client->on_message(now, datagram);
    if (!relayed) return Came::from_server;
    route = {relayed->relayed, relayed->peer};
    datagram = relayed->payload;
    return Came::from_peer;
  }
  return Came::elsewhere;
}

void Relays::on_deadline(Instant now) {
  for (Relay& r : relays_) r.client->on_deadline(now);
}

void Relays::commit(Instant now, TxBatch& out, const Route& route, std::size_t n, Use use) {
  Relay* relay = find(route.local);
  if (!relay && is_relayed(route.local)) return drop(now, "of a relay that is gone", n);
  if (!relay) return out.commit(route, n);
  turn::Client& client = *relay->client;
  const MutableBytes room = out.room();
  if (!client.may_send(now, route.remote)) {
    const Status permitted = client.permit(now, route.remote);
    if (permitted && client.awaits(route.remote)) return hold(now, route, room.first(n));
    return drop(now, "to whom the server does not let us send", n);
  }
  if (use == Use::data && !client.bound(now, route.remote)) {
    static_cast<void>(client.bind(now, route.remote));  // refused, it goes as an indication
  }
  const std::size_t wrapped = client.wrap(now, route.remote, room.first(n), room);
  if (wrapped == 0) return drop(now, "no room to wrap it in", n);
  out.commit({relay->socket, client.server()}, wrapped);
}

// exception: [rfc8445#14.2] requests are not paced; they are as many as servers and peers.
void Relays::poll_transmit(Instant now, TxBatch& out) {
  for (Relay& r : relays_) {
    while (out.room().size() >= request_room) {
      const std::size_t n = r.client->write_request(now, out.room());
      if (n == 0) break;
      out.commit({r.socket, r.client->server()}, n);
    }
  }
  for (std::size_t i = 0; i < held_.size();) {
    const Held& held = held_[i];
    Relay* relay = find(held.route.local);
    const bool goes = relay && relay->client->may_send(now, held.route.remote);
    const bool over = !relay || held.since + held_lifetime <= now;
    const Bytes datagram = held.datagram.bytes();
    if (goes) {
      const std::size_t n = relay->client->wrap(now, held.route.remote, datagram, out.room());
      if (n == 0) return;  // with the next room
      out.commit({relay->socket, relay->client->server()}, n);
    }
    goes || over ? held_.erase(i) : static_cast<void>(++i);
  }
}

std::optional<Relays::Found> Relays::poll_found(Instant now, std::span<const ice::Candidate> ours) {
  for (Relay& r : relays_) {
    while (r.client->poll_event()) {
    }
    if (!r.client->allocated()) continue;
    for (const turn::Family family : families) {
      const auto bit = static_cast<std::uint8_t>(family);
      const auto relayed = r.client->relayed(family);
      if (!relayed || (r.told & bit) != 0) continue;
      r.told |= bit;
      if (is_another(r, *relayed, ours)) {
        r.client->close(now);
        break;
      }
      if (!is_relayed(*relayed) &&
          (relayed_.size() == max_relayed || !relayed_.push_back(*relayed))) {
        continue;
      }
      return Found{*relayed, r.client->server()};
    }
  }
  return std::nullopt;
}

std::optional<Instant> Relays::next_deadline() const {
  std::optional<Instant> next;
  for (const Relay& r : relays_) next = earliest(next, r.client->next_deadline());
  return next;
}

bool Relays::busy() const {
  return std::any_of(relays_.begin(), relays_.end(),
                     [](const Relay& r) { return r.client->pending(); });
}

bool Relays::any() const {
  return std::any_of(relays_.begin(), relays_.end(),
                     [](const Relay& r) { return r.client->allocated(); });
}

bool Relays::refused() const {
  return std::any_of(relays_.begin(), relays_.end(), [](const Relay& r) {
    const turn::Failure why = r.client->failure();
    return why == turn::Failure::unauthenticated || why == turn::Failure::integrity ||
           why == turn::Failure::refused;
  });
}

void Relays::hash_state(StateHash& hash) const {
  for (const Relay& r : relays_) {
    hash.add(r.socket);
    r.client->hash_state(hash);
    hash.add(r.told);
  }
  for (const Address& a : relayed_) hash.add(a);
  for (const Held& h : held_) {
    hash.add(h.route.local);
    hash.add(h.route.remote);
    hash.add(h.since);
    hash.add(h.datagram.bytes());
  }
}

Relays::Relay* Relays::find(const Address& relayed) {
  for (Relay& r : relays_) {
    if (r.client->allocated() && r.client->relayed(turn::family_of(relayed)) == relayed) return &r;
  }
  return nullptr;
}

bool Relays::is_another(const Relay& relay, const Address& relayed,
                        std::span<const ice::Candidate> ours) const {
  const auto of_socket = [&](const Relay& r) { return r.socket == relayed; };
  if (std::any_of(relays_.begin(), relays_.end(), of_socket)) return true;
  if (is_relayed(relayed)) {
    const auto same = [&](const Relay& r) {
      return &r != &relay && r.client->allocated() &&
             r.client->relayed(turn::family_of(relayed)) == relayed;
    };
    return std::any_of(relays_.begin(), relays_.end(), same);
  }
  const auto sent_from = [&](const ice::Candidate& c) { return c.base == relayed; };
  return std::any_of(ours.begin(), ours.end(), sent_from);
}

bool Relays::is_relayed(const Address& local) const {
  return std::find(relayed_.begin(), relayed_.end(), local) != relayed_.end();
}

void Relays::hold(Instant now, const Route& route, Bytes datagram) {
  Held held{route, now, Buffer::copy_of(env_.memory, datagram)};
  if (held_.size() == max_held || !held.datagram || !held_.push_back(std::move(held))) {
    drop(now, "one too many waits for its permission", datagram.size());
  }
}

void Relays::drop(Instant now, const char* why, std::size_t size) const {
  env_.trace(now, PacketDropped{"relay", why, size});
}

}  // namespace esp_peer::peer
