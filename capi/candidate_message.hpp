// A candidate in the spellings that users of the original pass.
#pragma once
#include <optional>
#include <string_view>

namespace esp_peer::capi {

// The candidate's line: the text itself, or the value of "candidate" in a JSON object. Nothing when
// an object has no such member.
std::optional<std::string_view> candidate_line(std::string_view message);
// End-of-candidates, in any way it is said: no line, an empty one, or its name.
bool ends_candidates(std::string_view line);

}  // namespace esp_peer::capi
