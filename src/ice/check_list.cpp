#include "ice/check_list.hpp"

#include <algorithm>

namespace esp_peer::ice {

Pair* CheckList::add(const Pair& pair) {
  if (Pair* known = find(pair.route)) return known;
  if (pairs_.size() == max_pairs_ || !pairs_.push_back(pair)) return nullptr;
  return &pairs_.back();
}

Pair* CheckList::find(const Route& route) {
  const auto at = std::find_if(begin(), end(), [&](const Pair& p) { return p.route == route; });
  return at == end() ? nullptr : at;
}

const Pair* CheckList::find(const Route& route) const {
  const auto at = std::find_if(begin(), end(), [&](const Pair& p) { return p.route == route; });
  return at == end() ? nullptr : at;
}

Pair* CheckList::find(const stun::TransactionId& id) {
  const auto at = std::find_if(begin(), end(), [&](const Pair& p) {
    return p.state == PairState::in_progress && p.id == id;
  });
  return at == end() ? nullptr : at;
}

void CheckList::stop_searching() {
  for (Pair& p : pairs_) {
    p.triggered = false;
    if (!p.works) p.state = PairState::failed;
  }
}

Pair* CheckList::next_check(Instant now) {
  Pair* due = nullptr;
  Pair* waiting = nullptr;
  for (Pair& p : pairs_) {
    if (p.triggered) return &p;
    if (p.state == PairState::in_progress && p.next_send <= now) {
      if (!due || p.next_send < due->next_send) due = &p;
    } else if (p.state == PairState::waiting) {
      if (!waiting || priority(p) > priority(*waiting)) waiting = &p;
    }
  }
  return waiting ? waiting : due;
}

std::optional<Instant> CheckList::next_check_at() const {
  std::optional<Instant> at;
  for (const Pair& p : pairs_) {
    if (p.triggered || p.state == PairState::waiting) return Instant::min();
    if (p.state == PairState::in_progress && (!at || p.next_send < *at)) at = p.next_send;
  }
  return at;
}

Pair* CheckList::best_valid() {
  Pair* best = nullptr;
  for (Pair& p : pairs_) {
    if (p.works && (!best || priority(p) > priority(*best))) best = &p;
  }
  return best;
}

const Pair* CheckList::best_valid() const { return const_cast<CheckList*>(this)->best_valid(); }

std::uint64_t CheckList::priority(const Pair& pair) const {
  // [rfc8445#6.1.2.3] G is the controlling side's candidate, D the other one's.
  const std::uint64_t g = controlling_ ? pair.local_priority : pair.remote_priority;
  const std::uint64_t d = controlling_ ? pair.remote_priority : pair.local_priority;
  return (std::min(g, d) << 32) + 2 * std::max(g, d) + (g > d ? 1 : 0);
}

void CheckList::hash_state(StateHash& hash) const {
  for (const Pair& p : pairs_) {
    hash.add(p.route.local);
    hash.add(p.route.remote);
    hash.add(p.state);
    hash.add(p.works);
    hash.add(p.authenticated);
    hash.add(p.triggered);
    hash.add(p.nominating);
    hash.add(p.nominated);
    hash.add(p.id);
    hash.add(p.next_send);
  }
}

}  // namespace esp_peer::ice
