#include "ice/agent.hpp"

#include <algorithm>

namespace esp_peer::ice {

Credentials generate_credentials(Random& random) {
  constexpr std::string_view ice_chars =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::byte, 8 + 24> bits{};
  random.fill_secret(bits);
  char text[bits.size()];
  for (std::size_t i = 0; i < bits.size(); ++i) {
    text[i] = ice_chars[std::to_integer<std::size_t>(bits[i] & std::byte{63})];
  }
  Credentials credentials;
  credentials.ufrag.assign({text, 8});
  credentials.password.assign({text + 8, 24});
  return credentials;
}

Agent::Agent(const Options& options, const Credentials& local, crypto::Provider& crypto, Env env)
    : options_(options),
      local_(local),
      crypto_(crypto),
      env_(env),
      role_(options.role),
      remote_lite_(options.remote_lite),
      tie_breaker_(env.random.number<std::uint64_t>()),
      pacing_(options.pacing),
      locals_(env.memory),
      remotes_(env.memory),
      checks_(env.memory, options.max_pairs),
      gatherer_(env.memory, env.random),
      consent_(options.consent_misses),
      responses_(env.memory),
      events_(env.memory) {
  checks_.set_controlling(role_ == Role::controlling);
}

Status Agent::add_host(Instant now, const Address& base) {
  if (closed_) return Error{Errc::wrong_state, "agent is closed"};
  if (locals_.size() >= options_.max_local_candidates || locals_.size() >= max_bases) {
    return Error{Errc::over_limit, "too many local candidates"};
  }
  Candidate c;
  c.address = c.base = base;
  c.priority = candidate_priority(c.type, static_cast<std::uint16_t>(65535 - locals_.size()), 1);
  const char foundation[] = {'h', static_cast<char>('a' + locals_.size())};
  c.foundation.assign({foundation, 2});
  if (!locals_.push_back(c)) return Error{Errc::no_memory, "no room for a candidate"};
  say(LocalCandidate{c});
  for (const Candidate& remote : remotes_) static_cast<void>(add_pair(c, remote));
  schedule_slot();
  static_cast<void>(now);
  return {};
}

Status Agent::add_stun_server(Instant now, const Address& server) {
  if (closed_) return Error{Errc::wrong_state, "agent is closed"};
  for (const Candidate& c : locals_) {
    if (c.type != CandidateType::host || c.address.is_v4() != server.is_v4()) continue;
    gatherer_.ask(now, c.base, server);
  }
  was_gathering_ = gatherer_.busy();
  schedule_slot();
  return {};
}

Status Agent::set_remote(Instant now, const Credentials& remote, bool lite, Duration pacing) {
  if (closed_) return Error{Errc::wrong_state, "agent is closed"};
  if (remote.ufrag.empty() || remote.password.empty()) {
    return Error{Errc::bad_data, "no ICE credentials"};
  }
  if (remote_) {
    const bool same = remote_->ufrag == remote.ufrag && remote_->password == remote.password;
    return same ? Status() : Status(Error{Errc::unsupported, "an ICE restart"});
  }
  remote_ = remote;
  remote_lite_ = remote_lite_ || lite;
  // [rfc8445#6.1.1] A full agent facing a lite one is controlling, whoever offered.
  if (remote_lite_ && role_ == Role::controlled) switch_role();
  pacing_ = std::max(options_.pacing, pacing);
  timers_.arm(Timer::patience, now + options_.patience);
  for (const EarlyCheck& early : early_) {
    if (early.remote_ufrag != remote.ufrag) continue;
    on_check(now, early.route, early.priority, early.use_candidate);
  }
  early_.clear();
  schedule_slot();
  return {};
}

Status Agent::add_remote(Instant, const Candidate& candidate) {
  if (closed_) return Error{Errc::wrong_state, "agent is closed"};
  if (candidate.transport != Transport::udp || candidate.component != 1) {
    return Error{Errc::unsupported, "a candidate of another transport or component"};
  }
  const bool reachable = std::any_of(locals_.begin(), locals_.end(), [&](const Candidate& c) {
    return c.address.is_v4() == candidate.address.is_v4();
  });
  if (!reachable && !locals_.empty()) {
    return Error{Errc::unsupported, "a candidate of a family that is not in use here"};
  }
  for (const Candidate& known : remotes_) {
    if (known.address == candidate.address) return {};
  }
  if (remotes_.size() >= options_.max_remote_candidates) {
    return Error{Errc::over_limit, "too many remote candidates"};
  }
  if (!add_remote_candidate(candidate)) return Error{Errc::no_memory, "no room for a candidate"};
  return {};
}

void Agent::end_of_remote_candidates(Instant) {}  // patience alone decides when to give up

void Agent::close(Instant) {
  closed_ = true;
  timers_.disarm_all();
  responses_.clear();
}

void Agent::on_stun(Instant now, const Route& route, Bytes raw) {
  if (closed_) return;
  const auto message = stun::parse(raw);
  if (!message || message->method != stun::binding) return drop(now, "no STUN", raw.size());
  switch (message->kind) {
    case stun::Class::request:
      on_request(now, route, *message, raw);
      break;
    case stun::Class::indication:
      return;  // a keepalive [rfc8445#11]
    case stun::Class::success:
    case stun::Class::error:
      on_response(now, route, *message);
      break;
  }
  consider_nomination(now);
  schedule_slot();
}

void Agent::on_deadline(Instant now) {
  if (closed_) return;
  gatherer_.on_deadline(now);
  if (std::exchange(was_gathering_, gatherer_.busy()) && !gatherer_.busy()) say(GatheringDone{});
  if (consent_.take_check_if_due(now, env_.random)) consent_due_ = true;
  if (consent_.end_if_due(now)) say(ConsentLost{});
  if (consent_.report_if_due(now)) say(Lost{});
  timers_.expire(now, [&](Timer timer) {
    switch (timer) {
      case Timer::slot:
        slot_open_ = true;
        break;
      case Timer::nominate:
        consider_nomination(now);
        break;
      case Timer::patience:
        if (!checks_.best_valid()) say(Failed{});
        break;
      case Timer::count:
        break;
    }
  });
  schedule_slot();
}

std::size_t Agent::write_datagram(Instant now, MutableBytes out, Route& to) {
  while (!closed_ && !responses_.empty()) {
    const Response response = responses_.front();
    responses_.pop_front();
    to = response.to;
    if (const std::size_t n = write_response(out, response)) return n;
  }
  if (closed_) return 0;
  if (std::exchange(consent_due_, false) && in_use()) return write_consent(out, to);
  if (!slot_open_) return 0;
  slot_open_ = false;
  std::size_t n = 0;
  Pair* pair = remote_ ? checks_.next_check(now) : nullptr;
  if (pair && (pair->triggered || !gatherer_.due(now))) {
    to = pair->route;
    n = write_check(now, out, *pair);
  } else {
    n = gatherer_.write_request(now, out, to);
  }
  if (n != 0) next_slot_ = now + pacing_;
  schedule_slot();
  return n;
}

std::optional<Agent::Event> Agent::poll_event() {
  if (events_.empty()) return std::nullopt;
  const std::optional<Event> event = events_.front();
  events_.pop_front();
  return event;
}

std::optional<Instant> Agent::next_deadline() const {
  if (closed_) return std::nullopt;
  // What is to be sent waits for its slot, whose timer is one of these.
  const auto next = earliest(timers_.next(), consent_.next_deadline());
  return earliest(next, gatherer_.next_deadline());
}

Role Agent::role() const { return role_; }
const Credentials& Agent::local_credentials() const { return local_; }
std::span<const Candidate> Agent::local_candidates() const {
  return {locals_.begin(), locals_.size()};
}
bool Agent::gathering() const { return gatherer_.busy(); }

std::optional<Route> Agent::route() const {
  if (!consent_.fresh()) return std::nullopt;
  const Pair* pair = in_use();
  return pair ? std::optional(pair->route) : std::nullopt;
}

std::optional<Route> Agent::selected() const { return selected_; }

bool Agent::authenticated(const Route& route) const {
  if (const Pair* pair = checks_.find(route)) return pair->authenticated;
  return std::any_of(early_.begin(), early_.end(),
                     [&](const EarlyCheck& e) { return e.route == route; });
}

bool Agent::valid(const Route& route) const {
  const Pair* pair = checks_.find(route);
  return pair && pair->works;
}

void Agent::hash_state(StateHash& hash) const {
  checks_.hash_state(hash);
  gatherer_.hash_state(hash);
  consent_.hash_state(hash);
  hash.add(role_);
  hash.add(tie_breaker_);
  hash.add(locals_.size());
  hash.add(remotes_.size());
  hash.add(early_.size());
  hash.add(responses_.size());
  hash.add(events_.size());
  hash.add(timers_.next().value_or(Instant::max()));
  hash.add(selected_ ? selected_->remote : Address{});
  hash.add(closed_);
}

bool Agent::add_remote_candidate(const Candidate& candidate) {
  if (!remotes_.push_back(candidate)) return false;
  pair_with_all_bases(candidate);
  schedule_slot();
  return true;
}

void Agent::pair_with_all_bases(const Candidate& remote) {
  for (const Candidate& local : locals_) static_cast<void>(add_pair(local, remote));
}

Pair* Agent::add_pair(const Candidate& base, const Candidate& remote) {
  // [rfc8445#6.1.2.4] A reflexive candidate is checked from its base: that pair is here already.
  if (base.type == CandidateType::server_reflexive) return nullptr;
  if (base.address.is_v4() != remote.address.is_v4()) return nullptr;
  // [rfc8445#6.1.2.2] Link-local addresses of IPv6 pair with each other only.
  const bool v6 = !base.address.is_v4();
  if (v6 && base.address.is_link_local() != remote.address.is_link_local()) return nullptr;
  Pair pair;
  pair.route = {base.base, remote.address};
  pair.local_type = base.type;
  pair.remote_type = remote.type;
  pair.local_priority = base.priority;
  pair.remote_priority = remote.priority;
  return checks_.add(pair);
}

void Agent::consider_nomination(Instant now) {
  if (role_ != Role::controlling || selected_ || nominating_) return;
  Pair* best = checks_.best_valid();
  if (!best) return;
  const Duration wait = best->direct() && !best->relayed() ? Duration(0)
                        : best->relayed()                  ? wait_for_direct
                                                           : wait_for_better;
  const Instant at = best->first_sent + best->rtt + wait;
  if (now < at) return timers_.arm(Timer::nominate, at);
  nominate(*best);
}

void Agent::nominate(Pair& pair) {
  // [rfc8445#8.1.1] Once, and on a pair that is known to work.
  nominating_ = pair.nominating = true;
  trigger(pair);
}

void Agent::select(const Pair& pair) {
  if (selected_ == pair.route) return;
  if (selected_) {
    const Pair* old = checks_.find(*selected_);
    if (old && old->works && checks_.priority(*old) >= checks_.priority(pair)) return;
  }
  selected_ = pair.route;
  timers_.disarm(Timer::patience);
  checks_.stop_searching();
  say(PairSelected{pair.route});
}

void Agent::trigger(Pair& pair) { pair.triggered = true; }

void Agent::schedule_slot() {
  if (closed_ || slot_open_) return;
  std::optional<Instant> wanted;
  if (remote_) wanted = checks_.next_check_at();
  wanted = earliest(wanted, gatherer_.next_request_at());
  if (!wanted) return timers_.disarm(Timer::slot);
  timers_.arm(Timer::slot, std::max(*wanted, next_slot_));
}

const Pair* Agent::in_use() const {
  // [rfc8445#12.1] Before nomination any valid pair will do, afterwards the selected one alone.
  return selected_ ? checks_.find(*selected_) : checks_.best_valid();
}

void Agent::say(const Event& event) { static_cast<void>(events_.push_back(event)); }

void Agent::drop(Instant now, const char* why, std::size_t size) const {
  env_.trace(now, PacketDropped{"ice", why, size});
}

}  // namespace esp_peer::ice
