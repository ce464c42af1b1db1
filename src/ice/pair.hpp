// One candidate pair of the check list and the check that is on its way for it [rfc8445#6.1.2].
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/state_hash.hpp"
#include "ice/candidate.hpp"
#include "stun/transaction.hpp"

namespace esp_peer::ice {

enum class Role : std::uint8_t { controlling, controlled };

// [rfc8445#6.1.2.3] G is the controlling side's candidate, D the controlled one's.
constexpr std::uint64_t pair_priority(std::uint64_t g, std::uint64_t d) {
  return (std::min(g, d) << 32) + 2 * std::max(g, d) + (g > d ? 1 : 0);
}

// The Binding transaction of a pair.
struct Check {
  stun::TransactionId id{};
  // [rfc8445#7.3.1.4] A cancelled transaction is not repeated, and its answer still counts.
  stun::TransactionId cancelled{};
  stun::Retransmission timer;
  bool running = false;
  bool has_cancelled = false;
  bool to_write = false;      // a request waits for write_datagram()
  bool nominating = false;    // it carries USE-CANDIDATE
  bool after_theirs = false;  // begun when the peer's had come through

  void cancel();
  void hash_state(StateHash& hash) const;
};

struct Pair {
  enum class State : std::uint8_t { frozen, waiting, in_progress, succeeded, failed };

  std::uint8_t local = 0, remote = 0;  // where the candidates stand in their lists
  State state = State::frozen;
  // How our address looked to the peer: a NAT between us makes a host candidate a reflexive one.
  CandidateType seen_as = CandidateType::host;
  bool heard = false;           // a request with our password has come this way
  bool chosen = false;          // the controlling side's USE-CANDIDATE is for this pair
  bool selected = false;        // chosen, and valid
  std::uint8_t timeouts = 0;    // transactions that nobody answered
  std::uint8_t conflicts = 0;   // 487s that were obeyed
  std::uint32_t triggered = 0;  // its place in the triggered-check queue; 0 = not in it
  std::uint64_t priority = 0;
  Instant valid_since{}, answered{};
  Check check;

  bool valid() const { return state == State::succeeded; }
  void hash_state(StateHash& hash) const;
};

}  // namespace esp_peer::ice
