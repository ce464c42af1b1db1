// A candidate and its line of text [rfc8445#5.1, rfc8839#5.1].
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "base/containers.hpp"
#include "base/result.hpp"

namespace esp_peer::ice {

enum class CandidateType : std::uint8_t { host, server_reflexive, peer_reflexive, relayed };

struct Candidate {
  CandidateType type = CandidateType::host;
  Transport transport = Transport::udp;
  std::uint8_t component = 1;
  std::uint32_t priority = 0;
  Address address;
  Address base;  // of a local candidate: the socket it is sent from; also raddr/rport in its line
  FixedString<32> foundation;
};

// [rfc8445#5.1.2.1] local_preference: 65535 for the first address of the host, less for the others.
std::uint32_t candidate_priority(CandidateType type, std::uint16_t local_preference,
                                 std::uint8_t component);

// Accepts "candidate:…", "a=candidate:…" and the bare value, with trailing white space and unknown
// extensions. bad_data: not a candidate; unsupported: a name (.local), a transport or a component
// that cannot be used here.
Result<Candidate> parse_candidate(std::string_view line);
// A peer's that names none, but an address as those without ICE do [rfc8839#4.2.5]. bad_data: not
// that of one host.
Result<Candidate> default_candidate(const Address& destination);
// "candidate:<foundation> 1 udp <priority> <ip> <port> typ host …", without "a=".
using CandidateText = FixedString<200>;
CandidateText candidate_text(const Candidate& candidate);

}  // namespace esp_peer::ice
