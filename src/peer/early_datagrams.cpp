#include "peer/early_datagrams.hpp"

namespace esp_peer::peer {

bool EarlyDatagrams::hold(Instant now, const Route& route, Bytes datagram) {
  std::size_t on_route = 0, bytes_on_route = 0, other_routes = 0;
  for (std::size_t i = 0; i < held_.size(); ++i) {
    if (held_[i].route == route) {
      ++on_route;
      bytes_on_route += held_[i].datagram.size();
      continue;
    }
    bool seen = false;
    for (std::size_t j = 0; j < i; ++j) seen = seen || held_[j].route == held_[i].route;
    if (!seen) ++other_routes;
  }
  if (on_route == max_per_route || bytes_on_route + datagram.size() > max_bytes_per_route) {
    return false;
  }
  if (on_route == 0 && other_routes == max_routes) return false;

  Buffer copy = Buffer::copy_of(memory_, datagram);
  return copy && held_.push_back(Held{route, now + lifetime, std::move(copy)});
}

void EarlyDatagrams::drop_expired(Instant now) {
  while (!held_.empty() && held_.front().expires <= now) held_.pop_front();
}

Buffer EarlyDatagrams::take() {
  if (held_.empty()) return {};
  Buffer datagram = std::move(held_.front().datagram);
  held_.pop_front();
  return datagram;
}

std::optional<Instant> EarlyDatagrams::next_deadline() const {
  return held_.empty() ? std::nullopt : std::optional(held_.front().expires);
}

void EarlyDatagrams::hash_state(StateHash& hash) const {
  for (std::size_t i = 0; i < held_.size(); ++i) hash.add(held_[i].datagram.bytes());
}

}  // namespace esp_peer::peer
