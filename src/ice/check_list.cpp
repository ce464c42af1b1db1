#include "ice/check_list.hpp"

#include <algorithm>

namespace esp_peer::ice {

using State = Pair::State;

namespace {

// Those that were tried in vain come last.
bool better(const Pair& a, const Pair& b) {
  return a.timeouts != b.timeouts ? a.timeouts < b.timeouts : a.priority > b.priority;
}

}  // namespace

Pair* CheckList::add(std::uint8_t local, std::uint8_t remote, bool proven) {
  if (Pair* known = find(local, remote)) return known;
  if (!compatible(locals_[local], remotes_[remote])) return nullptr;
  Pair pair;
  pair.local = local;
  pair.remote = remote;
  pair.priority = priority_of(pair);
  if (pairs_.size() >= max_ && !make_room(pair.priority, proven)) return nullptr;
  if (!pairs_.push_back(pair)) return nullptr;
  thaw(pairs_.back());
  return &pairs_.back();
}

void CheckList::forget_remote(std::uint8_t remote) {
  for (std::size_t i = pairs_.size(); i-- > 0;) {
    if (pairs_[i].remote == remote) pairs_.erase(i);
  }
}

void CheckList::recompute() {
  for (Pair& p : pairs_) p.priority = priority_of(p);
}

void CheckList::set_role(Role role) {
  role_ = role;
  recompute();
  for (Pair& p : pairs_) {
    if (!p.selected) p.chosen = false;
    // A request is repeated byte for byte or not at all: the new role needs a new transaction.
    if (!p.check.running) continue;
    p.check.cancel();
    if (p.state == State::in_progress) p.state = State::waiting;
  }
}

void CheckList::trigger(Pair& pair) {
  if (pair.check.running) pair.check.cancel();
  if (!pair.valid()) pair.state = State::waiting;
  if (pair.triggered != 0) return;
  for (const Pair& p : pairs_) pair.triggered = std::max(pair.triggered, p.triggered);
  ++pair.triggered;
}

Pair& CheckList::select(Pair& pair) {
  const std::uint8_t local = pair.local, remote = pair.remote;
  for (std::size_t i = pairs_.size(); i-- > 0;) {
    Pair& p = pairs_[i];
    const bool it = p.local == local && p.remote == remote;
    p.selected = p.chosen = it;
    // [rfc8445#8.1.2] The others are tried no more. Valid ones, and those that the peer has shown
    // to know us on, stay: its data may still come there.
    p.triggered = 0;
    p.check.cancel();
    if (p.valid()) continue;
    p.state = State::failed;
    if (!p.heard) pairs_.erase(i);
  }
  return *find(local, remote);
}

Pair* CheckList::begin_next(Instant now, Duration rto, Random& random) {
  Pair* pair = next();
  if (!pair) return nullptr;
  Check& check = pair->check;
  pair->triggered = 0;
  if (!pair->valid()) pair->state = State::in_progress;
  check.id = stun::new_transaction_id(random);
  check.running = check.to_write = true;
  check.after_theirs = pair->heard;
  check.nominating = role_ == Role::controlling && pair->chosen;
  check.timer.start(now, {.rto = rto, .requests = requests, .last_wait = last_wait});
  return pair;
}

void CheckList::succeed(Instant now, Pair& pair, CandidateType seen_as, bool current) {
  pair.check.has_cancelled = false;
  if (!current && pair.valid()) return;  // a late answer must not end the nomination on its way
  end_check(pair);
  if (!pair.valid()) pair.valid_since = now;
  pair.answered = now;
  pair.timeouts = 0;
  pair.state = State::succeeded;
  pair.seen_as = seen_as;
  // [rfc8445#7.2.5.3.3]
  for (Pair& p : pairs_) {
    if (p.state == State::frozen && same_foundation(p, pair)) p.state = State::waiting;
  }
}

void CheckList::fail(Pair& pair) {
  end_check(pair);
  // Another pair may be nominated; what the peer has chosen stays chosen, should it come to life.
  if (role_ == Role::controlling) pair.chosen = false;
  pair.state = State::failed;
}

void CheckList::end_check(Pair& pair) {
  pair.check.timer.stop();
  pair.check.running = pair.check.to_write = pair.check.has_cancelled = false;
  pair.check.nominating = false;
  pair.triggered = 0;
}

void CheckList::give_up() {
  patient_ = false;
  for (Pair& p : pairs_) {
    const bool hopeful = p.heard && (p.triggered != 0 || p.check.running);
    if (!p.valid() && p.timeouts != 0 && !hopeful) fail(p);
  }
}

void CheckList::stop_all() {
  for (Pair& p : pairs_) {
    p.check.cancel();
    p.triggered = 0;
    if (!p.valid()) p.state = State::failed;
  }
}

void CheckList::on_deadline(Instant now) {
  for (Pair& p : pairs_) {
    const auto step = p.check.timer.on_deadline(now);
    if (step == stun::Retransmission::Step::send) p.check.to_write = true;
    if (step == stun::Retransmission::Step::timed_out) time_out(p);
  }
}

void CheckList::time_out(Pair& pair) {
  if (pair.timeouts < 0xFF) ++pair.timeouts;
  pair.check.cancel();  // on a slow path the answer may still come, and be welcome
  if (pair.valid()) {
    // exception: [rfc8445#7.2.5.3.4] A nomination that nobody answered would make the pair fail. It
    // has worked a moment ago: it is nominated again, or another one if this goes on; consent has
    // the last word.
    if (role_ == Role::controlling) pair.chosen = false;
    return;
  }
  // exception: [rfc8445#7.2.5.2.3] leaves it failed; a few lost datagrams are no reason.
  pair.state = patient_ ? State::waiting : State::failed;
}

Pair* CheckList::to_write() {
  for (Pair& p : pairs_) {
    if (p.check.to_write) return &p;
  }
  return nullptr;
}

std::optional<Instant> CheckList::next_deadline() const {
  Instant next = stun::Retransmission::never;
  for (const Pair& p : pairs_) next = std::min(next, p.check.timer.next_deadline());
  return next == stun::Retransmission::never ? std::nullopt : std::optional(next);
}

Pair* CheckList::find(std::uint8_t local, std::uint8_t remote) {
  for (Pair& p : pairs_) {
    if (p.local == local && p.remote == remote) return &p;
  }
  return nullptr;
}

Pair* CheckList::find(const stun::TransactionId& id) {
  for (Pair& p : pairs_) {
    const Check& c = p.check;
    if ((c.running && c.id == id) || (c.has_cancelled && c.cancelled == id)) return &p;
  }
  return nullptr;
}

const Pair* CheckList::find(const stun::TransactionId& id) const {
  return const_cast<CheckList*>(this)->find(id);
}

const Pair* CheckList::find(const Route& route) const {
  for (const Pair& p : pairs_) {
    if (route_of(p) == route) return &p;
  }
  return nullptr;
}

Pair* CheckList::best_valid() {
  Pair* best = nullptr;
  for (Pair& p : pairs_) {
    if (p.valid() && (!best || p.priority > best->priority)) best = &p;
  }
  return best;
}

const Pair* CheckList::best_valid() const { return const_cast<CheckList*>(this)->best_valid(); }

const Pair* CheckList::selected() const {
  for (const Pair& p : pairs_) {
    if (p.selected) return &p;
  }
  return nullptr;
}

const Pair* CheckList::nominating() const {
  for (const Pair& p : pairs_) {
    if (p.chosen && role_ == Role::controlling) return &p;
  }
  return nullptr;
}

bool CheckList::has_triggered() const {
  for (const Pair& p : pairs_) {
    if (p.triggered != 0) return true;
  }
  return false;
}

bool CheckList::all_failed() const {
  for (const Pair& p : pairs_) {
    if (p.state != State::failed) return false;
  }
  return true;
}

bool CheckList::tried_in_vain(std::uint8_t remote) const {
  for (const Pair& p : pairs_) {
    const bool in_vain = p.state == State::failed || (!p.valid() && p.timeouts != 0);
    if (p.remote == remote && !in_vain) return false;
  }
  return true;
}

unsigned CheckList::checks_to_do() const {
  unsigned n = 0;
  for (const Pair& p : pairs_) n += p.state == State::waiting || p.state == State::in_progress;
  return n;
}

Route CheckList::route_of(const Pair& pair) const {
  return {locals_[pair.local].base, remotes_[pair.remote].address};
}

void CheckList::hash_state(StateHash& hash) const {
  for (const Pair& p : pairs_) p.hash_state(hash);
  hash.add(role_);
  hash.add(patient_);
}

bool CheckList::compatible(const Candidate& local, const Candidate& remote) const {
  // [rfc8445#6.1.2.4] A reflexive candidate is checked from its base, whose pair is here already.
  if (local.type == CandidateType::server_reflexive) return false;
  if (local.address.is_v4() != remote.address.is_v4()) return false;
  // [rfc8445#6.1.2.2] Link-local addresses of IPv6 pair with each other only.
  return local.address.is_v4() || local.address.is_link_local() == remote.address.is_link_local();
}

// [rfc8838#11] Room for a new pair at the bound: the least of the failed ones goes, or else the
// least of those that are still to be checked, if it is less than the new one.
bool CheckList::make_room(std::uint64_t priority, bool proven) {
  std::size_t victim = pairs_.size();
  const auto dispensable = [](const Pair& p) { return p.state == State::failed ? 2 : 1; };
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    const Pair& p = pairs_[i];
    const bool busy = p.valid() || p.state == State::in_progress || p.heard;
    if (busy && p.state != State::failed) continue;
    if (p.state != State::failed && !proven && p.priority >= priority) continue;
    if (victim == pairs_.size()) {
      victim = i;
      continue;
    }
    const Pair& v = pairs_[victim];
    const int more = dispensable(p) - dispensable(v);
    if (more > 0 || (more == 0 && p.priority < v.priority)) victim = i;
  }
  if (victim == pairs_.size()) return false;
  pairs_.erase(victim);
  return true;
}

bool CheckList::same_foundation(const Pair& a, const Pair& b) const {
  return locals_[a.local].foundation == locals_[b.local].foundation &&
         remotes_[a.remote].foundation == remotes_[b.remote].foundation;
}

// [rfc8838#12, rfc8445#6.1.2.6, #6.1.4.2] A pair need not wait for others of its foundation when
// one of them works, or none of them is being tried for the first time.
void CheckList::thaw(Pair& pair) {
  bool wait = false;
  for (const Pair& p : pairs_) {
    if (&p == &pair || !same_foundation(p, pair)) continue;
    if (p.valid()) {
      wait = false;
      break;
    }
    const bool trying = p.state == State::waiting || p.state == State::in_progress;
    if (trying && p.timeouts == 0) wait = true;
    if (p.state == State::frozen && p.priority > pair.priority) wait = true;
  }
  pair.state = wait ? State::frozen : State::waiting;
}

Pair* CheckList::first_triggered() {
  Pair* first = nullptr;
  for (Pair& p : pairs_) {
    if (p.triggered != 0 && (!first || p.triggered < first->triggered)) first = &p;
  }
  return first;
}

Pair* CheckList::best_waiting() {
  Pair* best = nullptr;
  for (Pair& p : pairs_) {
    if (p.state != State::waiting) continue;
    if (!best || better(p, *best)) best = &p;
  }
  return best;
}

// [rfc8445#6.1.4.2]
Pair* CheckList::next() {
  if (Pair* triggered = first_triggered()) return triggered;
  Pair* waiting = best_waiting();
  if (waiting && waiting->timeouts == 0) return waiting;
  for (Pair& p : pairs_) {
    if (p.state == State::frozen) thaw(p);
  }
  return best_waiting();
}

std::uint64_t CheckList::priority_of(const Pair& pair) const {
  const std::uint64_t ours = locals_[pair.local].priority;
  const std::uint64_t theirs = remotes_[pair.remote].priority;
  return role_ == Role::controlling ? pair_priority(ours, theirs) : pair_priority(theirs, ours);
}

}  // namespace esp_peer::ice
