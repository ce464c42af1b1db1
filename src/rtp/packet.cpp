#include "rtp/packet.hpp"

namespace esp_peer::rtp {
namespace {

constexpr unsigned version = 2;

struct Flags {
  bool padding = false;
};

std::optional<Packet> parse_front(Bytes bytes, Flags& flags) {
  Reader in(bytes);
  const unsigned first = in.u8(), second = in.u8();
  Packet packet;
  Header& header = packet.header;
  header.sequence = in.u16();
  header.timestamp = in.u32();
  header.ssrc = Ssrc{in.u32()};
  if (!in.ok() || first >> 6 != version) return std::nullopt;
  header.marker = (second & 0x80) != 0;
  header.payload_type = second & 0x7F;
  flags.padding = (first & 0x20) != 0;
  packet.contributors = in.bytes(4 * (first & 0x0F));
  if ((first & 0x10) != 0) {
    packet.extension_profile = in.u16();
    packet.extension = in.bytes(4u * in.u16());
  }
  packet.payload = in.rest();
  if (!in.ok()) return std::nullopt;
  return packet;
}

}  // namespace

std::optional<Packet> parse_packet(Bytes bytes) {
  Flags flags;
  auto packet = parse_front(bytes, flags);
  if (!packet || !flags.padding) return packet;
  // [rfc3550#5.1] The last byte counts the padding, itself too.
  if (packet->payload.empty()) return std::nullopt;
  const auto padding = std::to_integer<std::size_t>(packet->payload.back());
  if (padding == 0 || padding > packet->payload.size()) return std::nullopt;
  packet->payload = packet->payload.first(packet->payload.size() - padding);
  return packet;
}

std::optional<Packet> parse_cleartext(Bytes bytes) {
  Flags flags;
  return parse_front(bytes, flags);
}

void write(Writer& out, const Header& header) {
  out.u8(version << 6);
  out.u8(static_cast<std::uint8_t>((header.marker ? 0x80 : 0) | (header.payload_type & 0x7F)));
  out.u16(header.sequence);
  out.u32(header.timestamp);
  write(out, header.ssrc);
}

bool is_rtcp(Bytes datagram) {
  if (datagram.size() < 2) return false;
  const auto type = std::to_integer<unsigned>(datagram[1]);
  return type >= 192 && type <= 223;
}

}  // namespace esp_peer::rtp
