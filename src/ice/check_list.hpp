// The pairs and the order in which they are tried [rfc8445#6.1.2].
#pragma once
#include <cstdint>
#include <optional>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/state_hash.hpp"
#include "ice/candidate.hpp"
#include "stun/message.hpp"

namespace esp_peer::ice {

enum class PairState : std::uint8_t { waiting, in_progress, succeeded, failed };

struct Pair {
  Route route;  // local is the base
  CandidateType local_type = CandidateType::host, remote_type = CandidateType::host;
  std::uint32_t local_priority = 0, remote_priority = 0;
  PairState state = PairState::waiting;
  bool works = false;          // a check of ours was answered, whatever is on its way now
  bool authenticated = false;  // a request with our password has come this way
  bool triggered = false;      // goes first
  bool nominating = false;     // our check says USE-CANDIDATE
  bool nominated = false;      // the peer's did; or ours was answered
  // The check that is on its way.
  bool sent_controlling = false;
  stun::TransactionId id{};
  Instant first_sent{}, next_send{};
  Duration rto{};
  Duration rtt{};

  // Host to host or to an address learned from a check: no server and no relay in between.
  bool direct() const {
    return remote_type == CandidateType::host || remote_type == CandidateType::peer_reflexive;
  }
  bool relayed() const {
    return local_type == CandidateType::relayed || remote_type == CandidateType::relayed;
  }
};

class CheckList {
 public:
  CheckList(Memory& memory, std::size_t max_pairs) : pairs_(memory), max_pairs_(max_pairs) {}

  // The pair on this route, made if need be; nullptr at the bound or without memory.
  Pair* add(const Pair& pair);
  void set_controlling(bool controlling) { controlling_ = controlling; }

  Pair* find(const Route& route);
  const Pair* find(const Route& route) const;
  Pair* find(const stun::TransactionId& id);
  // The selected pair is known: nothing else is tried any more, unless the peer tries it.
  void stop_searching();
  // What should be sent in the slot at `now`: a triggered check, a retransmission that is due, or
  // the best pair that waits; nullptr = nothing.
  Pair* next_check(Instant now);
  // When next_check() will have something; Instant::min() = it has.
  std::optional<Instant> next_check_at() const;
  Pair* best_valid();
  const Pair* best_valid() const;

  std::uint64_t priority(const Pair& pair) const;
  Pair* begin() { return pairs_.begin(); }
  Pair* end() { return pairs_.end(); }
  const Pair* begin() const { return pairs_.begin(); }
  const Pair* end() const { return pairs_.end(); }
  std::size_t size() const { return pairs_.size(); }
  void hash_state(StateHash& hash) const;

 private:
  Vector<Pair> pairs_;  // at most max_pairs_; further ones are refused
  std::size_t max_pairs_;
  bool controlling_ = true;
};

}  // namespace esp_peer::ice
