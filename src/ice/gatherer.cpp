#include "ice/gatherer.hpp"

#include <algorithm>

#include "stun/builder.hpp"

namespace esp_peer::ice {

void Gatherer::ask(Instant now, const Address& base, const Address& server) {
  const Route route{base, server};
  for (const Request& r : requests_) {
    if (r.route == route) return;
  }
  if (requests_.size() == max_requests) return;
  Request request{route, {}, now, first_rto, 0};
  random_.fill_public(request.id);
  static_cast<void>(requests_.push_back(request));
}

std::optional<Gatherer::Mapping> Gatherer::on_response(const Route& route,
                                                       const stun::Message& response) {
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (requests_[i].id != response.id || requests_[i].route != route) continue;
    requests_.erase(i);
    if (response.kind != stun::Class::success || !response.mapped) return std::nullopt;
    return Mapping{route.local, *response.mapped, route.remote};
  }
  return std::nullopt;
}

void Gatherer::on_deadline(Instant now) {
  for (std::size_t i = requests_.size(); i-- > 0;) {
    if (requests_[i].tries == max_tries && requests_[i].next <= now) requests_.erase(i);
  }
}

bool Gatherer::due(Instant now) const {
  for (const Request& r : requests_) {
    if (r.tries < max_tries && r.next <= now) return true;
  }
  return false;
}

std::size_t Gatherer::write_request(Instant now, MutableBytes out, Route& to) {
  Request* due = nullptr;
  for (Request& r : requests_) {
    if (r.tries < max_tries && r.next <= now && (!due || r.next < due->next)) due = &r;
  }
  if (!due) return 0;
  ++due->tries;
  due->next = now + (due->tries == max_tries ? last_wait : due->rto);
  due->rto *= 2;
  to = due->route;
  stun::Builder request(out, stun::Class::request, stun::binding, due->id);
  return request.finish();
}

std::optional<Instant> Gatherer::next_request_at() const {
  std::optional<Instant> next;
  for (const Request& r : requests_) {
    if (r.tries < max_tries) next = std::min(next.value_or(r.next), r.next);
  }
  return next;
}

std::optional<Instant> Gatherer::next_deadline() const {
  std::optional<Instant> next;
  for (const Request& r : requests_) {
    if (r.tries == max_tries) next = std::min(next.value_or(r.next), r.next);
  }
  return next;
}

void Gatherer::hash_state(StateHash& hash) const {
  for (const Request& r : requests_) {
    hash.add(r.id);
    hash.add(r.next);
    hash.add(r.tries);
  }
}

}  // namespace esp_peer::ice
