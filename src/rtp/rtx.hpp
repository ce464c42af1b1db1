// Retransmission in a stream of its own: the payload of a packet that was lost, behind the number
// that it had [rfc4588#4].
#pragma once
#include <optional>

#include "rtp/packet.hpp"

namespace esp_peer::rtp {

inline constexpr std::size_t rtx_header_size = 2;

// The packet that is repeated: with its number, and the name and payload type of its stream.
// Nothing for one without a number: padding alone probes the path [rfc4588#8].
inline std::optional<Packet> unwrap_rtx(Packet packet, Ssrc source, std::uint8_t payload_type) {
  Reader in(packet.payload);
  packet.header.sequence = in.u16();
  if (!in.ok()) return std::nullopt;
  packet.header.ssrc = source;
  packet.header.payload_type = payload_type;
  packet.payload = in.rest();
  return packet;
}

}  // namespace esp_peer::rtp
