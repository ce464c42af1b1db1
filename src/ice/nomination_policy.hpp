// Which valid pair the controlling side nominates, and how long it waits for a better one
// [rfc8445#8.1.1].
#pragma once
#include <optional>
#include <span>

#include "ice/pair.hpp"
#include "ice/remote_candidates.hpp"

namespace esp_peer::ice {

struct NominationPolicy {
  // A server in the middle of a path is rarely the best there is, a relay never: a moment's wait
  // lets the direct path win, and no user notices it.
  static constexpr Duration wait_behind_nat = milliseconds(50);
  static constexpr Duration wait_behind_relay = milliseconds(200);

  // Ten seconds of unanswered nominations, and another pair gets its chance. Not earlier: the peer
  // may have taken the first one for good, and only its answers were lost.
  static constexpr std::uint8_t max_tries = 4;

  struct Verdict {
    const Pair* nominate = nullptr;
    std::optional<Instant> ask_again;  // when there is a pair, but better ones may come
  };
  // `complete`: the peer has no more candidates to name.
  static Verdict decide(Instant now, std::span<const Pair> pairs, const RemoteCandidates& remotes,
                        bool complete);
};

}  // namespace esp_peer::ice
