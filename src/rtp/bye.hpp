// BYE: sources that are gone [rfc3550#6.6].
#pragma once
#include <string_view>

#include "rtp/rtcp.hpp"

namespace esp_peer::rtp {

struct Bye {
  Bytes sources;  // 4 bytes each
  std::string_view reason;
  std::size_t size() const { return sources.size() / 4; }
  Ssrc operator[](std::size_t index) const {
    return Ssrc{Reader(sources.subspan(index * 4)).u32()};
  }
};

std::optional<Bye> parse_bye(const RtcpPacket& packet);
void write_bye(CompoundWriter& out, Ssrc source);

}  // namespace esp_peer::rtp
