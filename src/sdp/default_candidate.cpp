#include "sdp/default_candidate.hpp"

#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

// How likely a stranger reaches it; 0 for what is no default.
unsigned reach_of(std::string_view type) {
  if (type == "relay") return 3;
  if (type == "srflx") return 2;
  return type == "host" ? 1 : 0;
}

bool is_ip(std::string_view address) {
  return address.find_first_not_of("0123456789abcdefABCDEF.:") == address.npos;
}

}  // namespace

DefaultCandidate default_candidate(std::span<const std::string_view> lines) {
  DefaultCandidate best;
  unsigned best_reach = 0;
  for (auto line : lines) {
    take_word(line);  // candidate:<foundation>
    const bool first_component = take_word(line) == "1";
    const auto transport = take_word(line);
    take_word(line);  // priority
    const auto address = take_word(line), port = take_word(line);
    take_word(line);  // typ
    const unsigned reach = reach_of(take_word(line));
    const bool is_udp = transport == "udp" || transport == "UDP";
    if (reach <= best_reach || !first_component || !is_udp || !is_ip(address)) continue;
    best_reach = reach;
    best = {address.find(':') == address.npos ? "IP4" : "IP6", address, port};
  }
  return best;
}

}  // namespace esp_peer::sdp
