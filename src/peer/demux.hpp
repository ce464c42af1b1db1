// Which protocol a datagram speaks, told by its first byte [rfc7983#7].
#pragma once
#include <cstdint>

#include "base/bytes.hpp"

namespace esp_peer::peer {

enum class Protocol : std::uint8_t { unknown, stun, dtls, rtp };

inline Protocol protocol_of(Bytes datagram) {
  if (datagram.empty()) return Protocol::unknown;
  const auto first = std::to_integer<unsigned>(datagram[0]);
  if (first <= 3) return Protocol::stun;
  if (first >= 20 && first <= 63) return Protocol::dtls;
  if (first >= 128 && first <= 191) return Protocol::rtp;
  return Protocol::unknown;
}

}  // namespace esp_peer::peer
