// The one candidate that the m= and c= lines name, for whoever does not read the others
// [rfc8839#4.2.1.2].
#pragma once
#include <span>
#include <string_view>

namespace esp_peer::sdp {

struct DefaultCandidate {
  std::string_view family = "IP4", address = "0.0.0.0", port = "9";  // [rfc8840#4.1.1] none yet
};

// Of lines "candidate:…". The most likely to be reached from anywhere: relayed, then reflexive,
// then host [rfc8445#5.1.4]. Names and other transports than UDP are passed over.
DefaultCandidate default_candidate(std::span<const std::string_view> lines);

}  // namespace esp_peer::sdp
