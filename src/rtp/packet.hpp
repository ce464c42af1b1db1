// One RTP packet, parsed once into a value in which every length fits [rfc3550#5.1, A.1].
#pragma once
#include <cstdint>
#include <optional>

#include "rtp/types.hpp"

namespace esp_peer::rtp {

inline constexpr std::size_t header_size = 12;  // without CSRCs and extension

struct Header {
  bool marker = false;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  Ssrc ssrc{};
};

struct Packet {
  Header header;
  Bytes contributors;  // 4 bytes for each CSRC
  std::optional<std::uint16_t> extension_profile;
  Bytes extension;  // whole words
  Bytes payload;    // without padding; may be empty
};

std::optional<Packet> parse_packet(Bytes packet);
// What SRTP leaves in the clear: the same, but what follows the extension is not looked at.
std::optional<Packet> parse_cleartext(Bytes packet);
void write(Writer& out, const Header& header);

// [rfc5761#4] RTP and RTCP on one port: where RTP has its marker and payload type, RTCP has its
// packet type. Of a datagram whose first byte is that of either.
bool is_rtcp(Bytes datagram);

}  // namespace esp_peer::rtp
