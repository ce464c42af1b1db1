// The agent's STUN: checks and their answers, as server and as client [rfc8445#7].
#include <algorithm>

#include "ice/agent.hpp"
#include "stun/builder.hpp"

namespace esp_peer::ice {

// Server.

void Agent::on_request(Instant now, const Route& route, const stun::Message& request,
                       std::size_t size) {
  if (route.transport != Transport::udp || !locals_.find_base(route.local)) {
    return drop(now, "check of a socket that is not ours", size);
  }
  // [rfc8489#9.1.3]
  if (!request.has_integrity() || !request.username) {
    answers_.refuse(route, request, StunError::bad_request, size);
    return drop(now, "check without credentials", size);
  }
  if (!known_user(*request.username) ||
      !request.integrity_matches(crypto_, as_bytes(local_.password.view()))) {
    answers_.refuse(route, request, StunError::unauthenticated, size);
    return drop(now, "check with wrong credentials", size);
  }
  // From here on it is the peer, and every answer is signed.
  if (!request.unknown_required.empty()) {
    return answers_.answer(route, request, StunError::unknown_attribute);
  }
  if (!resolve_role_conflict(now, request)) {
    answers_.answer(route, request, StunError::role_conflict);
    return advance(now);
  }
  answers_.answer(route, request, StunError::none);
  // A check without a PRIORITY, which it must have, is worth the least [rfc8445#7.1.1].
  const EarlyCheck check{route, request.priority.value_or(0), request.use_candidate};
  if (has_remote_) {
    on_peer_check(now, check);
  } else {
    early_.remember(check);
  }
  advance(now);
}

// [rfc8445#7.3] Ours is the first part; the second one is the peer's word for itself.
bool Agent::known_user(std::string_view username) const {
  const std::string_view ours = local_.ufrag.view();
  return username.size() > ours.size() && username.starts_with(ours) &&
         username[ours.size()] == ':';
}

bool Agent::is_addressed(const Route& route, Bytes message) const {
  const auto m = stun::parse(message);
  if (!m) return false;
  if (m->kind == stun::Class::request) return m->username && known_user(*m->username);
  return gatherer_.owns(route, m->id) || consent_.sent(m->id) || checks_.find(m->id);
}

// [rfc8445#7.3.1.1] False when it is the peer who has to change its role.
bool Agent::resolve_role_conflict(Instant now, const stun::Message& request) {
  const bool controlling = role_ == Role::controlling;
  const auto& theirs = controlling ? request.controlling : request.controlled;
  // A lite agent is never controlling where we are full: it cannot mean it [rfc8445#6.1.1].
  if (!theirs || options_.remote_lite) return true;
  const bool ours_is_larger = tie_breaker_ >= *theirs;
  if (controlling == ours_is_larger) return false;
  // Equal ones would meet again in the other role.
  if (tie_breaker_ == *theirs) tie_breaker_ = env_.random.number<std::uint64_t>();
  switch_role(now);
  return true;
}

void Agent::on_peer_check(Instant now, const EarlyCheck& check) {
  const auto local = locals_.find_base(check.route.local);
  const bool nominates = check.use_candidate && role_ == Role::controlled;
  // [rfc8445#8.1.2] Once a pair is selected, nothing new is tried but what the peer chooses.
  if (!local || (checks_.selected() && !nominates)) return;
  auto remote = remotes_.find(check.route.remote);
  if (!remote) remote = learn_remote(check.route.remote, check.priority);
  Pair* pair = remote ? checks_.add(*local, *remote, true) : nullptr;
  if (!pair) return drop(now, "check from one address too many", 0);
  pair->heard = true;
  pair->chosen = pair->chosen || nominates;
  // A path that was answered long ago brings no consent along [rfc7675#5.1]: it is checked before
  // it is followed.
  const bool stale =
      nominates && !pair->selected && now - pair->answered > Consent::longest_interval;
  if (!pair->valid() || stale) {
    // [rfc8445#7.3.1.4] Theirs has come through, so ours should now. exception: once is enough; on
    // a slow path the peer's repetitions would else cancel every check before its answer is here.
    if (!pair->check.running || !pair->check.after_theirs) checks_.trigger(*pair);
  } else if (nominates) {
    follow_nomination(now, *pair);
    use_best_path(now);
  }
}

// [rfc8445#7.3.1.3] At the bound, one that was tried in vain makes room.
std::optional<std::uint8_t> Agent::learn_remote(const Address& address, std::uint32_t priority) {
  if (const auto index = remotes_.learn(address, priority)) return index;
  for (std::size_t i = 0; i < remotes_.size(); ++i) {
    const auto index = static_cast<std::uint8_t>(i);
    if (remotes_[i].type != CandidateType::peer_reflexive || !checks_.tried_in_vain(index))
      continue;
    checks_.forget_remote(index);
    remotes_.overwrite(index, address, priority);
    return index;
  }
  return std::nullopt;
}

// Client.

void Agent::on_response(Instant now, const Route& route, const stun::Message& response,
                        std::size_t size) {
  if (gatherer_.owns(route, response.id)) return on_server_response(now, route, response);
  const bool for_consent = consent_.sent(response.id);
  Pair* pair = for_consent ? nullptr : checks_.find(response.id);
  if (!pair && !for_consent) return drop(now, "answer to no request of ours", size);
  // exception: [rfc8445#7.2.5.2.1] wants the pair to fail at once. It fails when its time is over,
  // as if this had not come: a bystander's copy from elsewhere could else end a good check.
  const bool symmetric = pair ? checks_.route_of(*pair) == route : consent_.route() == route;
  if (!symmetric) return drop(now, "answer from or to another address", size);
  // [rfc8489#9.1.4] As if it had never been received.
  if (!response.integrity_matches(crypto_, as_bytes(remote_.password.view()))) {
    return drop(now, "answer with wrong integrity", size);
  }
  if (!response.unknown_required.empty()) return drop(now, "answer beyond comprehension", size);
  if (pair) {
    on_check_response(now, *pair, response);
  } else {
    on_consent_response(now, response);
  }
  if (!silent_) advance(now);
}

void Agent::on_server_response(Instant now, const Route& route, const stun::Message& response) {
  if (const auto mapping = gatherer_.on_response(now, route, response)) {
    locals_.add_reflexive(mapping->base, mapping->mapped, mapping->server);
  }
  advance(now);
}

void Agent::on_consent_response(Instant now, const stun::Message& response) {
  if (response.kind == stun::Class::success) return consent_.on_answer(now);
  if (response.error_code != static_cast<std::uint16_t>(StunError::forbidden)) return;
  tell(Tell::lost);  // [rfc7675#5.2] revoked
  fall_silent();
}

void Agent::on_check_response(Instant now, Pair& pair, const stun::Message& response) {
  const bool current = pair.check.running && pair.check.id == response.id;
  if (response.kind == stun::Class::error) return on_check_error(now, pair, current, response);
  if (!response.mapped) return drop(now, "answer without a mapped address", 0);
  const bool nominated = current && pair.check.nominating;
  const auto seen_as = locals_.type_of(*response.mapped, locals_[pair.local].base);
  checks_.succeed(now, pair, seen_as, current);
  if (!first_valid_) {
    first_valid_ = checks_.route_of(pair);
    tell(Tell::pair_valid);
    env_.trace(now, PairValid{*first_valid_});
  }
  if (nominated) {
    select(now, pair);
  } else if (role_ == Role::controlled && pair.chosen) {
    follow_nomination(now, pair);
  }
  use_best_path(now);
}

void Agent::on_check_error(Instant now, Pair& pair, bool current, const stun::Message& response) {
  if (!current) return;
  const bool conflict = response.error_code == static_cast<std::uint16_t>(StunError::role_conflict);
  // A lite peer cannot be right, and one that is never content would have us switch for ever.
  if (!conflict || options_.remote_lite || pair.conflicts == max_conflicts) {
    checks_.fail(pair);  // [rfc8445#7.2.5.2.4]
    return use_best_path(now);
  }
  ++pair.conflicts;
  // [rfc8445#7.2.5.1] A check that still runs was sent in the role we have: it is ours to change,
  // and the tie-breaker with it.
  tie_breaker_ = env_.random.number<std::uint64_t>();
  switch_role(now);
  checks_.trigger(pair);
}

// Requests.

std::size_t Agent::write_check(MutableBytes out, Route& to, Pair& pair) {
  to = checks_.route_of(pair);
  const std::size_t n = write_request(out, pair.check.id, pair.local, pair.check.nominating);
  pair.check.to_write = n == 0;
  return n;
}

std::size_t Agent::write_consent_check(MutableBytes out, Route& to) {
  const auto id = consent_.take_check();
  if (!id) return 0;
  to = *consent_.route();
  // What is selected stays nominated: a peer that chose another pair meanwhile can come after.
  const bool use_candidate = role_ == Role::controlling && checks_.selected();
  return write_request(out, *id, locals_.find_base(to.local).value_or(0), use_candidate);
}

std::size_t Agent::write_request(MutableBytes out, const stun::TransactionId& id,
                                 std::uint8_t local, bool use_candidate) {
  stun::Builder request(out, stun::Class::request, stun::binding, id);
  request.username(remote_.ufrag.view(), local_.ufrag.view());
  request.priority(locals_.priority_in_checks(local));
  if (role_ == Role::controlling) {
    request.controlling(tie_breaker_);
    if (use_candidate) request.use_candidate();
  } else {
    request.controlled(tie_breaker_);
  }
  request.integrity(crypto_, as_bytes(remote_.password.view()));
  return request.finish();
}

}  // namespace esp_peer::ice
