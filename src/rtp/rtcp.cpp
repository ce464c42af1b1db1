#include "rtp/rtcp.hpp"

namespace esp_peer::rtp {
namespace {

constexpr std::size_t rtcp_header_size = 4;
constexpr unsigned version = 2;

struct Taken {
  RtcpPacket packet;
  bool padded = false;
};

// The first packet of `rest`, which becomes what is behind it.
std::optional<Taken> take(Bytes& rest) {
  Reader in(rest);
  const unsigned first = in.u8();
  Taken taken;
  taken.packet.type = RtcpType{in.u8()};
  taken.packet.count = first & 0x1F;
  taken.padded = (first & 0x20) != 0;
  taken.packet.body = in.bytes(4u * in.u16());
  if (!in.ok() || first >> 6 != version) return std::nullopt;
  if (taken.padded) {
    // [rfc3550#6.4.1] Its last byte counts the padding, which is whole words.
    Bytes& body = taken.packet.body;
    const auto padding = body.empty() ? 0 : std::to_integer<std::size_t>(body.back());
    if (padding == 0 || padding % 4 != 0 || padding > body.size()) return std::nullopt;
    body = body.first(body.size() - padding);
  }
  rest = in.rest();
  return taken;
}

}  // namespace

std::optional<CompoundReader> CompoundReader::open(Bytes datagram) {
  if (datagram.empty()) return std::nullopt;
  for (Bytes rest = datagram; !rest.empty();) {
    const auto taken = take(rest);
    // [rfc3550#6.4.1] Only the last one of a compound packet may be padded.
    if (!taken || (taken->padded && !rest.empty())) return std::nullopt;
  }
  return CompoundReader(datagram);
}

std::optional<RtcpPacket> CompoundReader::next() {
  if (rest_.empty()) return std::nullopt;
  const auto taken = take(rest_);
  if (!taken) return std::nullopt;
  return taken->packet;
}

void CompoundWriter::begin(RtcpType type, std::uint8_t count) {
  begin_ = out_.size();
  out_.u8(static_cast<std::uint8_t>(version << 6 | (count & 0x1F)));
  out_.u8(static_cast<std::uint8_t>(type));
  out_.u16(0);
}

void CompoundWriter::end() {
  out_.pad_to_multiple_of(4);
  const std::size_t words = (out_.size() - begin_ - rtcp_header_size) / 4;
  if (out_.ok()) out_.patch_u16(begin_ + 2, static_cast<std::uint16_t>(words));
}

}  // namespace esp_peer::rtp
