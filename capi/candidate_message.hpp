// A candidate in the spellings that users of the original pass.
#pragma once
#include <optional>
#include <string_view>

#include "base/containers.hpp"

namespace esp_peer::capi {

// No line that a peer writes is longer.
using CandidateLine = FixedString<1024>;

// The candidate's line: the text itself, or the value of "candidate" in a JSON object. Nothing when
// an object has no such member, or one that is longer than a line can be. Points into `message` or
// into `room`.
std::optional<std::string_view> candidate_line(std::string_view message, CandidateLine& room);
// End-of-candidates, in any way it is said: an empty line, or its name [rfc8838#8.2].
bool ends_candidates(std::string_view line);
// Its address is a ".local" name. The peer's checks will show the address behind it.
bool is_mdns_candidate(std::string_view line);

}  // namespace esp_peer::capi
