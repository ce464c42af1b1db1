// The agent's STUN: checks and answers, as client and as server [rfc8445#7].
#include <algorithm>

#include "ice/agent.hpp"

namespace esp_peer::ice {
namespace {

constexpr std::uint16_t bad_request = 400, unauthorized = 401, unknown_attribute = 420,
                        role_conflict = 487;

std::string_view reason_of(std::uint16_t error) {
  switch (error) {
    case bad_request:
      return "Bad Request";
    case unauthorized:
      return "Unauthorized";
    case unknown_attribute:
      return "Unknown Attribute";
    default:
      return "Role Conflict";
  }
}

// "<ours>:<theirs>" [rfc8445#7.2.2]
std::optional<std::string_view> their_ufrag(std::string_view username, std::string_view ours) {
  if (!username.starts_with(ours) || username.size() <= ours.size()) return std::nullopt;
  if (username[ours.size()] != ':') return std::nullopt;
  return username.substr(ours.size() + 1);
}

}  // namespace

void Agent::on_request(Instant now, const Route& route, const stun::Message& request, Bytes raw) {
  Response response;
  response.to = route;
  response.id = request.id;
  response.no_larger_than = raw.size();
  if (!request.username || !request.has_integrity()) {
    drop(now, "check without credentials", raw.size());
    response.error = bad_request;
    return answer(response);
  }
  const auto ufrag = their_ufrag(*request.username, local_.ufrag.view());
  const bool known_user = ufrag && (!remote_ || *ufrag == remote_->ufrag.view());
  if (!known_user || !request.integrity_matches(crypto_, as_bytes(local_.password.view()))) {
    drop(now, "check with wrong credentials", raw.size());
    response.error = unauthorized;
    return answer(response);
  }
  // From here on the peer is who it should be, and every answer is signed.
  response.no_larger_than = 0;
  if (!request.unknown_required.empty()) {
    response.error = unknown_attribute;
    response.unknown = request.unknown_required;
    return answer(response);
  }
  if (!request.priority) {
    response.error = bad_request;
    return answer(response);
  }
  if (!resolve_role_conflict(request, response)) return answer(response);
  answer(response);
  if (remote_) return on_check(now, route, *request.priority, request.use_candidate);

  // [rfc8445#7.3] Checks may come before the description whose password we would need.
  for (EarlyCheck& early : early_) {
    if (early.route != route) continue;
    early.use_candidate = early.use_candidate || request.use_candidate;
    return;
  }
  EarlyCheck early{route, *request.priority, request.use_candidate, {}};
  if (early.remote_ufrag.assign(*ufrag)) early_.push_back(early);
}

// [rfc8445#7.3.1.1] False when the peer is to change its role, not we.
bool Agent::resolve_role_conflict(const stun::Message& request, Response& response) {
  const bool controlling = role_ == Role::controlling;
  const auto theirs = controlling ? request.controlling : request.controlled;
  if (!theirs) return true;
  if (remote_lite_) return true;  // it is wrong, and cannot know better
  const bool we_are_larger = tie_breaker_ >= *theirs;
  if (controlling == we_are_larger) {
    response.error = role_conflict;
    return false;
  }
  switch_role();
  return true;
}

void Agent::switch_role() {
  role_ = role_ == Role::controlling ? Role::controlled : Role::controlling;
  checks_.set_controlling(role_ == Role::controlling);
  nominating_ = false;
  for (Pair& pair : checks_) {
    pair.nominating = false;
    if (pair.state != PairState::in_progress) continue;
    pair.state = PairState::waiting;  // the answer to the old role is of no interest
    trigger(pair);
  }
  timers_.disarm(Timer::nominate);
  say(RoleSwitched{role_});
}

void Agent::on_check(Instant now, const Route& route, std::uint32_t priority, bool use_candidate) {
  Pair* pair = checks_.find(route);
  if (!pair) pair = learn_pair(route, priority);
  if (!pair) return drop(now, "check from one address too many", 0);
  pair->authenticated = true;
  if (use_candidate && role_ == Role::controlled) pair->nominated = true;
  // [rfc8445#7.3.1.4] Their check has come through: ours will, now.
  if (!pair->works) {
    if (pair->state != PairState::in_progress || now - pair->first_sent >= pacing_) trigger(*pair);
  } else if (pair->nominated && role_ == Role::controlled) {
    select(*pair);
  }
}

// [rfc8445#7.3.1.3] An address that no candidate named: there is a NAT in between.
Pair* Agent::learn_pair(const Route& route, std::uint32_t priority) {
  const auto base = std::find_if(locals_.begin(), locals_.end(), [&](const Candidate& c) {
    return c.type == CandidateType::host && c.base == route.local;
  });
  if (base == locals_.end() || remotes_.size() >= options_.max_remote_candidates) return nullptr;
  Candidate remote;
  remote.type = CandidateType::peer_reflexive;
  remote.address = route.remote;
  remote.priority = priority;
  return remotes_.push_back(remote) ? add_pair(*base, remote) : nullptr;
}

void Agent::on_response(Instant now, const Route& route, const stun::Message& response) {
  if (!response.has_integrity()) {
    if (const auto mapping = gatherer_.on_response(route, response)) on_mapping(*mapping);
    if (std::exchange(was_gathering_, gatherer_.busy()) && !gatherer_.busy()) say(GatheringDone{});
    return;
  }
  if (!remote_ || !response.integrity_matches(crypto_, as_bytes(remote_->password.view()))) {
    return drop(now, "answer with wrong integrity", 0);
  }
  if (consent_.owns(response.id)) {
    const Pair* pair = in_use();
    if (pair && pair->route == route && response.kind == stun::Class::success) {
      consent_.renew(now, env_.random);
    }
    return;
  }
  Pair* pair = checks_.find(response.id);
  if (!pair) return drop(now, "answer to no check", 0);
  if (pair->route != route) {  // [rfc8445#7.2.5.2.1]
    pair->state = PairState::failed;
    return drop(now, "answer from another address", 0);
  }
  if (response.kind == stun::Class::success) return on_check_answered(now, *pair, response);
  if (response.error_code == role_conflict) {
    // [rfc8445#7.2.5.1] Ours to change, if it has not changed since, with a new tie-breaker against
    // an endless draw.
    const bool same_role = pair->sent_controlling == (role_ == Role::controlling);
    if (same_role && !remote_lite_) {
      tie_breaker_ = env_.random.number<std::uint64_t>();
      switch_role();
    }
    pair->state = PairState::waiting;
    trigger(*pair);
    return;
  }
  pair->state = PairState::failed;
  if (std::exchange(pair->nominating, false)) nominating_ = false;
}

void Agent::on_check_answered(Instant now, Pair& pair, const stun::Message& response) {
  if (!response.mapped) return drop(now, "answer without an address", 0);
  pair.state = PairState::succeeded;
  pair.works = true;
  pair.triggered = false;
  pair.rtt = now - pair.first_sent;
  if (!std::exchange(said_valid_, true)) say(PairValid{pair.route});
  if (pair.nominating) pair.nominated = true;
  if (pair.nominated) select(pair);
  if (in_use() == &pair) consent_.renew(now, env_.random);
}

void Agent::on_mapping(const Gatherer::Mapping& mapping) {
  if (locals_.size() >= options_.max_local_candidates) return;
  // [rfc8445#5.1.3] What is another candidate's address and base is redundant.
  for (const Candidate& c : locals_) {
    if (c.address == mapping.mapped && c.base == mapping.base) return;
  }
  Candidate c;
  c.type = CandidateType::server_reflexive;
  c.address = mapping.mapped;
  c.base = mapping.base;
  c.priority = candidate_priority(c.type, static_cast<std::uint16_t>(65535 - locals_.size()), 1);
  const char foundation[] = {'s', static_cast<char>('a' + locals_.size() % 26)};
  c.foundation.assign({foundation, 2});
  if (locals_.push_back(c)) say(LocalCandidate{c});
}

void Agent::answer(Response response) {
  if (responses_.size() < max_responses) static_cast<void>(responses_.push_back(response));
}

std::size_t Agent::write_response(MutableBytes out, const Response& response) {
  const bool failed = response.error != 0;
  stun::Builder message(out, failed ? stun::Class::error : stun::Class::success, stun::binding,
                        response.id);
  if (failed) {
    message.error(response.error, reason_of(response.error));
    if (!response.unknown.empty()) {
      message.unknown_attributes({response.unknown.begin(), response.unknown.size()});
    }
  } else {
    message.xor_mapped_address(response.to.remote);
  }
  const bool to_stranger = response.no_larger_than != 0;
  if (!to_stranger) message.integrity(crypto_, as_bytes(local_.password.view()));
  const std::size_t n = message.finish();
  // exception: [rfc8489#9.1.3] asks for an answer always; a stranger gets none that is larger than
  // what it sent, so that nobody can be flooded through us.
  return to_stranger && n > response.no_larger_than ? 0 : n;
}

std::size_t Agent::write_check(Instant now, MutableBytes out, Pair& pair) {
  const bool is_new = pair.state != PairState::in_progress;
  if (is_new) {
    env_.random.fill_public(pair.id);
    pair.first_sent = now;
    pair.rto = check_rto;
    pair.state = PairState::in_progress;
  } else if (!pair.triggered) {
    pair.rto = std::min(pair.rto * 2, max_check_rto);
  }
  pair.sent_controlling = role_ == Role::controlling;
  pair.triggered = false;
  pair.next_send = now + pair.rto;
  stun::Builder check(out, stun::Class::request, stun::binding, pair.id);
  put_check_body(check, pair.route, pair.nominating);
  return check.finish();
}

std::size_t Agent::write_consent(MutableBytes out, Route& to) {
  to = in_use()->route;
  stun::Builder check(out, stun::Class::request, stun::binding, consent_.begin_check(env_.random));
  put_check_body(check, to, false);
  return check.finish();
}

void Agent::put_check_body(stun::Builder& check, const Route& route, bool use_candidate) {
  char username[256 + 1 + 256];
  std::size_t size = 0;
  for (const std::string_view part :
       {remote_->ufrag.view(), std::string_view(":"), local_.ufrag.view()}) {
    size =
        static_cast<std::size_t>(std::copy(part.begin(), part.end(), username + size) - username);
  }
  check.username({username, size});
  check.priority(reflexive_priority(route.local));
  if (role_ == Role::controlling) {
    check.controlling(tie_breaker_);
    if (use_candidate) check.use_candidate();
  } else {
    check.controlled(tie_breaker_);
  }
  check.integrity(crypto_, as_bytes(remote_->password.view()));
}

// [rfc8445#7.1.1] What a candidate learned from this check would have.
std::uint32_t Agent::reflexive_priority(const Address& base) const {
  std::uint16_t preference = 0;
  for (const Candidate& c : locals_) {
    if (c.base == base && c.type == CandidateType::host) {
      preference = static_cast<std::uint16_t>(c.priority >> 8);
    }
  }
  return candidate_priority(CandidateType::peer_reflexive, preference, 1);
}

}  // namespace esp_peer::ice
