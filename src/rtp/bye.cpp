#include "rtp/bye.hpp"

namespace esp_peer::rtp {

std::optional<Bye> parse_bye(const RtcpPacket& packet) {
  Reader in(packet.body);
  Bye bye;
  bye.sources = in.bytes(4u * packet.count);
  if (in.ok() && in.remaining() != 0) bye.reason = as_text(in.bytes(in.u8()));
  if (!in.ok()) return std::nullopt;
  return bye;
}

void write_bye(CompoundWriter& out, Ssrc source) {
  out.begin(RtcpType::bye, 1);
  write(out.out(), source);
  out.end();
}

}  // namespace esp_peer::rtp
