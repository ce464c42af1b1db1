// A build without TURN: there are no relays, and no code of theirs.
#include "peer/relays.hpp"

namespace esp_peer::peer {

void Relays::ask(Instant, const Address&, const Address&, std::string_view, std::string_view) {}
void Relays::find_again() {}
void Relays::close(Instant) {}

Relays::Came Relays::on_datagram(Instant, Route&, MutableBytes&) { return Came::elsewhere; }
void Relays::on_deadline(Instant) {}

void Relays::commit(Instant, TxBatch& out, const Route& route, std::size_t n, Use) {
  out.commit(route, n);
}
void Relays::poll_transmit(Instant, TxBatch&) {}
std::optional<Relays::Found> Relays::poll_found(Instant, std::span<const ice::Candidate>) {
  return std::nullopt;
}

std::optional<Instant> Relays::next_deadline() const { return std::nullopt; }
bool Relays::any() const { return false; }
bool Relays::busy() const { return false; }
bool Relays::refused() const { return false; }
void Relays::hash_state(StateHash&) const {}

}  // namespace esp_peer::peer
