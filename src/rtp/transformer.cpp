#include "rtp/transformer.hpp"

namespace esp_peer::rtp {
namespace {

// Without its padding.
void write(Writer& out, const Packet& packet) {
  rtp::write(out, packet.header);
  if (!out.ok()) return;
  const std::size_t contributors = packet.contributors.size() / 4;
  out.written()[0] |= static_cast<std::byte>(contributors | (packet.extension_profile ? 0x10 : 0));
  out.bytes(packet.contributors);
  if (packet.extension_profile) {
    out.u16(*packet.extension_profile);
    out.u16(static_cast<std::uint16_t>(packet.extension.size() / 4));
    out.bytes(packet.extension);
  }
  out.bytes(packet.payload);
}

}  // namespace

std::size_t transform(Transformer* transformer, Way way, MutableBytes room, std::size_t size) {
  if (!transformer || !transformer->transforms(way)) return size;
  const auto before = parse_packet(room.first(size));
  if (!before) return 0;
  const std::size_t after = transformer->transform(way, room, size);
  if (after == 0 || after > room.size()) return 0;
  const auto packet = parse_packet(room.first(after));
  const bool is_the_same = packet && packet->header.sequence == before->header.sequence &&
                           packet->header.ssrc == before->header.ssrc;
  return is_the_same ? after : 0;
}

std::optional<Packet> transform_received(Transformer* transformer, const Packet& packet,
                                         Memory& memory, Buffer& room) {
  if (!transformer || !transformer->transforms(Way::in)) return packet;
  room = Buffer::with_size(memory, Transformer::max_received);
  if (!room) return std::nullopt;
  Writer out(room.bytes());
  write(out, packet);
  if (!out.ok()) return std::nullopt;
  const std::size_t size = transform(transformer, Way::in, room.bytes(), out.size());
  if (size == 0) return std::nullopt;
  return parse_packet(Bytes(room.bytes()).first(size));
}

}  // namespace esp_peer::rtp
