#include "ice/agent.hpp"

#include <algorithm>

#include "ice/nomination_policy.hpp"

namespace esp_peer::ice {

Agent::Agent(const Options& options, const Credentials& local, crypto::Provider& crypto, Env env)
    : options_(options),
      local_(local),
      crypto_(crypto),
      env_(env),
      role_(options.remote_lite ? Role::controlling : options.role),
      tie_breaker_(env.random.number<std::uint64_t>()),
      pacing_(std::max(options.pacing, min_pacing)),
      locals_(env.memory, options.max_local_candidates, env.random.number<std::uint64_t>()),
      remotes_(env.memory, options.max_remote_candidates),
      checks_(env.memory, locals_, remotes_, options.max_pairs, role_),
      gatherer_(env.memory),
      consent_(options.consent_misses),
      answers_(env.memory) {}

Agent::~Agent() = default;

Status Agent::add_host(Instant now, const Address& base) {
  if (silent_) return Error{Errc::wrong_state, "the agent has ended"};
  const std::size_t before = locals_.size();
  if (const Status added = locals_.add_host(base); !added) return added;
  if (locals_.size() == before) return {};
  gatherer_.ask_all(base);
  pair_local(static_cast<std::uint8_t>(before));
  advance(now);
  return {};
}

Status Agent::add_stun_server(Instant now, const Address& server) {
  if (silent_) return Error{Errc::wrong_state, "the agent has ended"};
  if (checks_.selected()) return {};  // [rfc8445#8.1.2] The search is over.
  if (const Status added = gatherer_.add_server(server); !added) return added;
  for (const Candidate& c : locals_.list()) {
    if (c.type == CandidateType::host) gatherer_.ask(c.base, server);
  }
  advance(now);
  return {};
}

void Agent::add_relayed(Instant now, const Address& relayed, const Address& server) {
  if (silent_ || checks_.selected()) return;  // [rfc8445#8.1.2] The search is over.
  const auto index = static_cast<std::uint8_t>(locals_.size());
  if (!locals_.add_relayed(relayed, server)) return;
  pair_local(index);
  advance(now);
}

Status Agent::set_remote(Instant now, const Credentials& remote, bool lite, Duration pacing) {
  if (silent_) return Error{Errc::wrong_state, "the agent has ended"};
  if (remote.ufrag.empty() || remote.password.empty()) {
    return Error{Errc::bad_data, "no ICE credentials"};
  }
  const bool again = has_remote_;
  if (again && !is_remote(remote)) return Error{Errc::unsupported, "an ICE restart"};
  pacing_ = std::min(std::max({options_.pacing, pacing, min_pacing}), max_pacing);
  all_remotes_known_ = false;  // a description that comes again may name more
  if (again) return {};
  remote_ = remote;
  has_remote_ = true;
  options_.remote_lite = options_.remote_lite || lite;
  // [rfc8445#6.1.1] A full agent facing a lite one is controlling, whoever offered.
  if (options_.remote_lite && role_ == Role::controlled) switch_role(now);
  timers_.arm(Timer::patience, now + options_.patience);
  for (std::size_t i = 0; i < remotes_.size(); ++i) pair_remote(static_cast<std::uint8_t>(i));
  for (const EarlyCheck& check : early_) on_peer_check(now, check);
  early_.clear();
  advance(now);
  return {};
}

Status Agent::add_remote(Instant now, const Candidate& candidate) {
  if (silent_) return Error{Errc::wrong_state, "the agent has ended"};
  if (candidate.transport != Transport::udp || candidate.component != 1) {
    return Error{Errc::unsupported, "a candidate of another transport or component"};
  }
  if (locals_.size() != 0 && !locals_.has_family_of(candidate.address)) {
    return Error{Errc::unsupported, "a candidate of a family that is not in use here"};
  }
  if (all_remotes_known_) return {};  // [rfc8838#14] It had said that there are no more.
  auto index = remotes_.add_named(candidate);
  if (!index) return index.error();
  checks_.recompute();  // a learned one may have got its real priority
  pair_remote(*index);
  advance(now);
  return {};
}

void Agent::end_of_remote_candidates(Instant now) {
  if (silent_) return;
  all_remotes_known_ = true;
  advance(now);
}

void Agent::close(Instant) {
  fall_silent();
  to_tell_ = 0;
}

void Agent::on_stun(Instant now, const Route& route, Bytes message) {
  if (silent_) return;
  const auto m = stun::parse(message);
  if (!m || m->method != stun::binding) return drop(now, "not a Binding message", message.size());
  switch (m->kind) {
    case stun::Class::request:
      return on_request(now, route, *m, message.size());
    case stun::Class::success:
    case stun::Class::error:
      return on_response(now, route, *m, message.size());
    case stun::Class::indication:
      return;  // [rfc8445#11] a keepalive
  }
}

void Agent::on_deadline(Instant now) {
  if (silent_) return;
  timers_.expire(now, [&](Timer timer) {
    if (timer == Timer::patience) checks_.give_up();
  });
  gatherer_.on_deadline(now);
  checks_.on_deadline(now);
  use_best_path(now);
  consent_.on_deadline(now, env_.random);
  for (auto event = consent_.poll_event(); event != Consent::Event::none;
       event = consent_.poll_event()) {
    if (event == Consent::Event::expired) return fall_silent();
    tell(Tell::lost);
  }
  advance(now);
}

std::size_t Agent::write_datagram(Instant, MutableBytes out, Route& to) {
  if (silent_) return 0;
  if (const auto n = answers_.write(crypto_, as_bytes(local_.password.view()), out, to)) return n;
  if (const auto n = write_consent_check(out, to)) return n;
  if (const auto n = gatherer_.write_request(out, to)) return n;
  Pair* pair = checks_.to_write();
  return pair ? write_check(out, to, *pair) : 0;
}

std::optional<Agent::Event> Agent::poll_event() {
  if (take(Tell::pair_valid)) return PairValid{*first_valid_};
  if (take(Tell::pair_selected)) return PairSelected{*selected()};
  if (take(Tell::lost)) return Lost{};
  if (take(Tell::failed)) return Failed{};
  return std::nullopt;
}

std::optional<Instant> Agent::next_deadline() const {
  if (silent_) return std::nullopt;
  const auto next = earliest(timers_.next(), checks_.next_deadline());
  return earliest(earliest(next, gatherer_.next_deadline()), consent_.next_deadline());
}

Role Agent::role() const { return role_; }

const Credentials& Agent::local_credentials() const { return local_; }

std::span<const Candidate> Agent::local_candidates() const { return locals_.list(); }

bool Agent::gathering() const { return !silent_ && gatherer_.busy(); }

std::optional<Route> Agent::route() const {
  return consent_.fresh() ? consent_.route() : std::nullopt;
}

std::optional<Route> Agent::selected() const {
  const Pair* pair = checks_.selected();
  return pair ? std::optional(checks_.route_of(*pair)) : std::nullopt;
}

bool Agent::is_remote(const Credentials& credentials) const {
  return has_remote_ && remote_.ufrag == credentials.ufrag &&
         remote_.password == credentials.password;
}

bool Agent::authenticated(const Route& route) const {
  const Pair* pair = checks_.find(route);
  return early_.has(route) || (pair && pair->heard);
}

bool Agent::valid(const Route& route) const {
  const Pair* pair = checks_.find(route);
  return pair && pair->valid();
}

void Agent::hash_state(StateHash& hash) const {
  hash.add(remote_.ufrag.view());
  hash.add(role_);
  hash.add(tie_breaker_);
  hash.add(pacing_);
  locals_.hash_state(hash);
  remotes_.hash_state(hash);
  checks_.hash_state(hash);
  gatherer_.hash_state(hash);
  consent_.hash_state(hash);
  early_.hash_state(hash);
  answers_.hash_state(hash);
  for (const auto timer : {Timer::slot, Timer::nomination, Timer::patience}) {
    hash.add(timers_.when(timer).value_or(Instant::max()));
  }
  hash.add(to_tell_);
  hash.add(has_remote_ << 2 | all_remotes_known_ << 1 | static_cast<int>(silent_));
}

void Agent::switch_role(Instant now) {
  role_ = role_ == Role::controlling ? Role::controlled : Role::controlling;
  checks_.set_role(role_);
  env_.trace(now, RoleSwitched{role_});
}

// [rfc8445#8.1.2] With a pair selected the search is over.
void Agent::pair_local(std::uint8_t local) {
  if (!has_remote_ || checks_.selected()) return;
  for (std::size_t i = 0; i < remotes_.size(); ++i) {
    static_cast<void>(checks_.add(local, static_cast<std::uint8_t>(i), false));
  }
}

void Agent::pair_remote(std::uint8_t remote) {
  if (!has_remote_ || checks_.selected()) return;
  for (std::size_t i = 0; i < locals_.size(); ++i) {
    static_cast<void>(checks_.add(static_cast<std::uint8_t>(i), remote, false));
  }
}

// [rfc8445#7.3.1.5] A peer of RFC 5245 nominates more than one pair, in any order: the best of them
// counts, unless the one in use has fallen silent.
void Agent::follow_nomination(Instant now, Pair& pair) {
  const Pair* current = checks_.selected();
  if (current == &pair) return;
  if (current && current->priority >= pair.priority && !consent_.doubtful(now)) return;
  select(now, pair);
}

void Agent::select(Instant now, Pair& pair) {
  const Route route = checks_.route_of(checks_.select(pair));
  timers_.disarm(Timer::patience);
  timers_.disarm(Timer::nomination);
  gatherer_.stop();
  tell(Tell::pair_selected);
  env_.trace(now, PairSelected{route});
}

// [rfc8445#12.1] Before nomination the best valid pair, afterwards the selected one alone.
void Agent::use_best_path(Instant now) {
  const Pair* pair = checks_.selected();
  if (!pair) pair = checks_.best_valid();
  if (!pair) return consent_.pause();
  const Route route = checks_.route_of(*pair);
  if (consent_.route() != route) return consent_.use(now, route, pair->answered, env_.random);
  if (pair->answered == now) consent_.on_answer(now);
}

// After every input: what follows from it.
void Agent::advance(Instant now) {
  nominate(now);
  use_slot(now);
  give_up_if_hopeless(now);
}

// Chosen when its check can go, and not earlier: of pairs that answer meanwhile, the best counts.
void Agent::nominate(Instant now) {
  timers_.disarm(Timer::nomination);
  if (timers_.armed(Timer::slot)) return;
  if (role_ != Role::controlling || checks_.selected() || checks_.nominating()) return;
  const auto verdict = NominationPolicy::decide(now, checks_.pairs(), remotes_, all_remotes_known_);
  if (verdict.ask_again) timers_.arm(Timer::nomination, *verdict.ask_again);
  if (!verdict.nominate) return;
  Pair& pair = *checks_.find(verdict.nominate->local, verdict.nominate->remote);
  pair.chosen = true;
  checks_.trigger(pair);
}

// [rfc8445#14.2] One new transaction every Ta. The first one goes at once, a triggered check in the
// next slot.
void Agent::use_slot(Instant now) {
  if (timers_.armed(Timer::slot)) return;
  const bool urgent = checks_.has_triggered();
  const bool used = (!urgent && gatherer_.begin_next(now, pacing_, env_.random)) ||
                    (has_remote_ && checks_.begin_next(now, check_rto(), env_.random));
  if (used) timers_.arm(Timer::slot, now + pacing_);
}

void Agent::give_up_if_hopeless(Instant now) {
  if (checks_.patient() || checks_.selected() || !checks_.all_failed()) return;
  tell(Tell::failed);
  env_.trace(now, Failed{});
  fall_silent();
}

void Agent::fall_silent() {
  silent_ = true;
  timers_.disarm_all();
  checks_.stop_all();
  gatherer_.stop();
  consent_.stop();
  early_.clear();
  answers_.clear();
}

Duration Agent::check_rto() const {
  const auto checks = static_cast<std::int64_t>(checks_.checks_to_do());
  return std::clamp(pacing_ * checks, min_rto, max_rto);
}

void Agent::tell(Tell what) { to_tell_ |= static_cast<std::uint8_t>(what); }

bool Agent::take(Tell what) {
  const auto bit = static_cast<std::uint8_t>(what);
  const bool waiting = (to_tell_ & bit) != 0;
  to_tell_ &= static_cast<std::uint8_t>(~bit);
  return waiting;
}

void Agent::drop(Instant now, const char* why, std::size_t size) const {
  env_.trace(now, PacketDropped{"ice", why, size});
}

}  // namespace esp_peer::ice
