// The pairs, their states, and which of them is checked next [rfc8445#6.1.2, #6.1.4, rfc8838#12].
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "base/env.hpp"
#include "base/state_hash.hpp"
#include "base/timer_table.hpp"
#include "ice/local_candidates.hpp"
#include "ice/pair.hpp"
#include "ice/remote_candidates.hpp"

namespace esp_peer::ice {

class CheckList {
 public:
  // One transaction of a check: requests at 0, 1 and 3 RTO, over at 5. It is shorter than
  // [rfc8489#6.2.1] suggests (Rc and Rm are configurable), because another one follows while
  // patience lasts: with intervals that double for ever a lossy path would be tried too seldom.
  static constexpr std::uint8_t requests = 3, last_wait = 2;

  CheckList(Memory& memory, const LocalCandidates& locals, const RemoteCandidates& remotes,
            std::uint16_t max_pairs, Role role)
      : pairs_(memory), locals_(locals), remotes_(remotes), max_(max_pairs), role_(role) {}

  // Commands. A Pair& or Pair* is good until the next add(), forget() or select().

  // Pairs the candidates if they can be: the pair, known or new, or nullptr. A `proven` one, whose
  // check has come from the peer, takes the place of the least one at the bound.
  Pair* add(std::uint8_t local, std::uint8_t remote, bool proven);
  // A remote candidate is another one now.
  void forget_remote(std::uint8_t remote);
  // After a change of role or of a candidate.
  void recompute();
  void set_role(Role role);
  void trigger(Pair& pair);
  // The pair becomes the selected one; nothing else is searched for any more.
  Pair& select(Pair& pair);
  // Takes the pair whose turn it is and begins its check; nullptr when there is nothing to check.
  Pair* begin_next(Instant now, Duration rto, Random& random);
  // The peer has answered, the check that runs now or one cancelled before it.
  void succeed(Instant now, Pair& pair, CandidateType seen_as, bool current);
  void fail(Pair& pair);
  void stop_all();

  // Patience is over: what has been tried in vain has failed, and is not tried again.
  void give_up();

  // Inputs.
  void on_deadline(Instant now);

  // Outputs: a check that waits to be written.
  Pair* to_write();

  // Questions.
  std::optional<Instant> next_deadline() const;
  Pair* find(std::uint8_t local, std::uint8_t remote);
  Pair* find(const stun::TransactionId& id);
  const Pair* find(const stun::TransactionId& id) const;
  const Pair* find(const Route& route) const;
  Pair* best_valid();
  const Pair* best_valid() const;
  const Pair* selected() const;
  const Pair* nominating() const;
  bool patient() const { return patient_; }
  bool has_triggered() const;
  bool all_failed() const;
  bool tried_in_vain(std::uint8_t remote) const;
  unsigned checks_to_do() const;
  Route route_of(const Pair& pair) const;
  std::span<const Pair> pairs() const { return {pairs_.begin(), pairs_.size()}; }
  void hash_state(StateHash& hash) const;

 private:
  bool compatible(const Candidate& local, const Candidate& remote) const;
  bool make_room(std::uint64_t priority, bool proven);
  void end_check(Pair& pair);
  void time_out(Pair& pair);
  bool same_foundation(const Pair& a, const Pair& b) const;
  void thaw(Pair& pair);
  Pair* first_triggered();
  Pair* best_waiting();
  Pair* next();
  std::uint64_t priority_of(const Pair& pair) const;

  Vector<Pair> pairs_;  // at most max_; what happens there: make_room()
  const LocalCandidates& locals_;
  const RemoteCandidates& remotes_;
  std::uint16_t max_;
  Role role_;
  bool patient_ = true;
};

}  // namespace esp_peer::ice
