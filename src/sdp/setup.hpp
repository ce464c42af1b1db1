// Who is what: from a=setup to the DTLS roles, and from a description to offer or answer
// [rfc4145#4, rfc8842#5].
#pragma once
#include <optional>

#include "sdp/description.hpp"

namespace esp_peer::sdp {

struct SetupChoice {
  Setup ours;        // for our answer
  bool dtls_client;  // we are
};

// For the offer of the peer: what we answer, and what that makes us. Nothing for holdconn.
std::optional<SetupChoice> setup_for_offer(Setup remote);
// What the peer's answer makes us. Nothing for holdconn.
std::optional<SetupChoice> setup_from_answer(Setup remote);

// Signalling does not say which it is: an answer is what comes while an offer of ours is out and
// leaves no choice of roles open.
bool is_answer(Setup remote, bool offer_outstanding);

}  // namespace esp_peer::sdp
