#include "ice/gatherer.hpp"

#include <algorithm>

#include "stun/builder.hpp"

namespace esp_peer::ice {

Status Gatherer::add_server(const Address& server) {
  for (const Address& known : servers_) {
    if (known == server) return {};
  }
  if (servers_.size() == max_servers) return Error{Errc::over_limit, "too many STUN servers"};
  if (!servers_.push_back(server)) return Error{Errc::no_memory, "no room for a server"};
  return {};
}

void Gatherer::ask(const Address& base, const Address& server) {
  if (base.is_v4() != server.is_v4() || requests_.size() == max_requests) return;
  const Route route{base, server};
  for (const Request& r : requests_) {
    if (r.route == route) return;
  }
  Request request;
  request.route = route;
  static_cast<void>(requests_.push_back(request));  // without memory it is not asked
}

void Gatherer::ask_all(const Address& base) {
  for (const Address& server : servers_) ask(base, server);
}

bool Gatherer::begin_next(Instant now, Duration pacing, Random& random) {
  for (Request& r : requests_) {
    if (r.state != Request::State::waiting) continue;
    r.state = Request::State::running;
    r.id = stun::new_transaction_id(random);
    r.to_write = true;
    // [rfc8445#14.3] and never below 500 ms
    const auto all = static_cast<std::int64_t>(requests_.size());
    r.timer.start(now, {.rto = std::max(stun::Schedule{}.rto, pacing * all)});
    return true;
  }
  return false;
}

void Gatherer::stop() {
  servers_.clear();
  requests_.clear();
}

std::optional<Gatherer::Mapping> Gatherer::on_response(Instant now, const Route& route,
                                                       const stun::Message& response) {
  auto* request = const_cast<Request*>(find(route, response.id));
  if (!request) return std::nullopt;
  request->timer.stop();
  request->settled = true;
  request->to_write = false;
  // [rfc8489#6.3.3, #6.3.4]
  if (response.kind != stun::Class::success || !response.mapped ||
      !response.unknown_required.empty()) {
    request->state = Request::State::over;
    return std::nullopt;
  }
  // [rfc8445#5.1.1.4] The binding must live until a pair is selected.
  request->state = Request::State::resting;
  request->next_refresh = now + refresh;
  return Mapping{route.local, *response.mapped, route.remote};
}

void Gatherer::on_deadline(Instant now) {
  for (Request& r : requests_) {
    if (r.state == Request::State::resting && r.next_refresh <= now) {
      r.state = Request::State::waiting;
    }
    switch (r.timer.on_deadline(now)) {
      case stun::Retransmission::Step::none:
        break;
      case stun::Retransmission::Step::send:
        r.to_write = true;
        break;
      case stun::Retransmission::Step::timed_out:
        r.state = Request::State::over;
        r.settled = true;
        r.to_write = false;
        break;
    }
  }
}

std::size_t Gatherer::write_request(MutableBytes out, Route& to) {
  for (Request& r : requests_) {
    if (!r.to_write) continue;
    stun::Builder request(out, stun::Class::request, stun::binding, r.id);
    const std::size_t n = request.finish();
    r.to_write = n == 0;
    to = r.route;
    return n;
  }
  return 0;
}

bool Gatherer::busy() const {
  for (const Request& r : requests_) {
    if (!r.settled) return true;
  }
  return false;
}

bool Gatherer::owns(const Route& route, const stun::TransactionId& id) const {
  return find(route, id) != nullptr;
}

std::optional<Instant> Gatherer::next_deadline() const {
  Instant next = stun::Retransmission::never;
  for (const Request& r : requests_) {
    const bool resting = r.state == Request::State::resting;
    next = std::min(next, resting ? r.next_refresh : r.timer.next_deadline());
  }
  return next == stun::Retransmission::never ? std::nullopt : std::optional(next);
}

void Gatherer::hash_state(StateHash& hash) const {
  for (const Address& server : servers_) hash.add(server);
  for (const Request& r : requests_) {
    hash.add(r.route.local);
    hash.add(r.route.remote);
    hash.add(r.state);
    hash.add(r.settled << 1 | static_cast<int>(r.to_write));
    hash.add(r.id);
    r.timer.hash_state(hash);
    hash.add(r.next_refresh);
  }
}

const Gatherer::Request* Gatherer::find(const Route& route, const stun::TransactionId& id) const {
  for (const Request& r : requests_) {
    if (r.state == Request::State::running && r.id == id && r.route == route) return &r;
  }
  return nullptr;
}

}  // namespace esp_peer::ice
