#include "ice/nomination_policy.hpp"

namespace esp_peer::ice {
namespace {

// How long the pair waits for a better one once it is valid.
Duration wait_of(const Pair& pair, const RemoteCandidates& remotes) {
  const CandidateType ends[] = {pair.seen_as, remotes[pair.remote].type};
  Duration wait{};
  for (const CandidateType type : ends) {
    if (type == CandidateType::relayed) return NominationPolicy::wait_behind_relay;
    if (type == CandidateType::server_reflexive) wait = NominationPolicy::wait_behind_nat;
  }
  return wait;
}

// A direct path comes first, one whose nomination is never answered last.
bool better(const Pair& a, const Pair& b, const RemoteCandidates& remotes) {
  const bool a_silent = a.timeouts >= NominationPolicy::max_tries;
  const bool b_silent = b.timeouts >= NominationPolicy::max_tries;
  if (a_silent != b_silent) return b_silent;
  const bool a_direct = wait_of(a, remotes) == Duration(0);
  const bool b_direct = wait_of(b, remotes) == Duration(0);
  return a_direct != b_direct ? a_direct : a.priority > b.priority;
}

bool may_become_valid(const Pair& pair) {
  return !pair.valid() && pair.state != Pair::State::failed;
}

}  // namespace

NominationPolicy::Verdict NominationPolicy::decide(Instant now, std::span<const Pair> pairs,
                                                   const RemoteCandidates& remotes, bool complete) {
  const Pair* best = nullptr;
  for (const Pair& p : pairs) {
    if (p.valid() && (!best || better(p, *best, remotes))) best = &p;
  }
  if (!best) return {};

  bool better_may_come = !complete;
  for (const Pair& p : pairs) {
    if (may_become_valid(p) && p.priority > best->priority) better_may_come = true;
  }
  const Instant at = best->valid_since + wait_of(*best, remotes);
  if (!better_may_come || now >= at) return {best, {}};  // a direct one has no wait
  return {nullptr, at};
}

}  // namespace esp_peer::ice
