#include "sctp/packet/chunk.hpp"

#include <algorithm>
#include <array>

#include "crypto/crc32.hpp"

namespace esp_peer::sctp {
namespace {

// Parameters of INIT and INIT-ACK.
constexpr std::uint16_t state_cookie = 7;
constexpr std::uint16_t supported_extensions = 0x8008;   // [rfc5061#4.2.7] a list of chunk types
constexpr std::uint16_t forward_tsn_supported = 0xC000;  // [rfc3758#3.1]

// The checksum of a packet with its own field taken as zero.
std::uint32_t checksum(Bytes packet) {
  constexpr std::array<std::byte, 4> zeros{};
  crypto::Crc32c crc;
  crc.add(packet.first(8));
  crc.add(zeros);
  crc.add(packet.subspan(common_header_size));
  return crc.value();
}

// [rfc9260#A] The one number that SCTP sends with its least significant byte first.
std::uint32_t swap_bytes(std::uint32_t v) {
  return v << 24 | (v & 0xFF00) << 8 | (v >> 8 & 0xFF00) | v >> 24;
}

void note_extensions(Bytes chunk_types, Extensions& extensions) {
  for (const std::byte type : chunk_types) {
    if (static_cast<ChunkType>(type) == ChunkType::forward_tsn) extensions.forward_tsn = true;
    if (static_cast<ChunkType>(type) == ChunkType::reconfig) extensions.reconfig = true;
  }
}

}  // namespace

std::optional<PacketView> parse_packet(Bytes packet) {
  Reader r(packet);
  PacketView view;
  view.source_port = r.u16();
  view.destination_port = r.u16();
  view.verification_tag = r.u32();
  const std::uint32_t crc = swap_bytes(r.u32());
  if (!r.ok() || crc != checksum(packet)) return std::nullopt;
  view.chunks = r.rest();
  return view;
}

std::optional<ChunkView> take_chunk(Bytes& rest) {
  Reader r(rest);
  ChunkView chunk;
  chunk.type = static_cast<ChunkType>(r.u8());
  chunk.flags = r.u8();
  const std::uint16_t length = r.u16();
  if (length < chunk_header_size) return std::nullopt;
  chunk.value = r.bytes(length - chunk_header_size);
  if (!r.ok()) return std::nullopt;
  // The padding of the last chunk may be missing [rfc9260#3.2].
  r.skip(std::min<std::size_t>((4u - length % 4u) % 4u, r.remaining()));
  rest = r.rest();
  return chunk;
}

std::optional<ParameterView> take_parameter(Bytes& rest) {
  Reader r(rest);
  ParameterView parameter;
  parameter.type = r.u16();
  const std::uint16_t length = r.u16();
  if (length < 4) return std::nullopt;
  parameter.value = r.bytes(length - 4u);
  if (!r.ok()) return std::nullopt;
  r.skip(std::min<std::size_t>((4u - length % 4u) % 4u, r.remaining()));
  rest = r.rest();
  return parameter;
}

std::optional<DataView> parse_data(const ChunkView& chunk) {
  Reader r(chunk.value);
  DataView data;
  data.immediate = (chunk.flags & 8) != 0;
  data.unordered = (chunk.flags & 4) != 0;
  data.beginning = (chunk.flags & 2) != 0;
  data.ending = (chunk.flags & 1) != 0;
  data.tsn = r.u32();
  data.stream = r.u16();
  data.ssn = r.u16();
  data.ppid = r.u32();
  data.payload = r.rest();
  if (!r.ok() || data.payload.empty()) return std::nullopt;
  return data;
}

std::optional<InitView> parse_init(const ChunkView& chunk) {
  Reader r(chunk.value);
  InitView init;
  init.initiate_tag = r.u32();
  init.a_rwnd = r.u32();
  init.outbound_streams = r.u16();
  init.inbound_streams = r.u16();
  init.initial_tsn = r.u32();
  if (!r.ok() || init.initiate_tag == 0 || init.a_rwnd < min_a_rwnd) return std::nullopt;
  if (init.outbound_streams == 0 || init.inbound_streams == 0) return std::nullopt;
  for (Bytes rest = r.rest(); !rest.empty();) {
    const auto parameter = take_parameter(rest);
    if (!parameter) return std::nullopt;
    const auto [type, value] = *parameter;
    if (type == state_cookie) init.cookie = value;
    if (type == forward_tsn_supported) init.extensions.forward_tsn = true;
    // Pion announces FORWARD-TSN in this list alone.
    if (type == supported_extensions) note_extensions(value, init.extensions);
    // exception: [rfc9260#3.2.1] would have some unknown parameters reported; Pion drops an
    // INIT-ACK with such a report, and nobody acts on one. Where the RFC says stop, the rest is
    // passed over.
    const bool known = type == state_cookie || (type & 0x8000) != 0 || type < 0x0020;
    if (!known) break;
  }
  return init;
}

std::optional<SackView> parse_sack(const ChunkView& chunk) {
  Reader r(chunk.value);
  SackView sack;
  sack.cumulative_tsn = r.u32();
  sack.a_rwnd = r.u32();
  sack.gap_count = r.u16();
  const std::uint16_t duplicates = r.u16();
  sack.gaps = r.bytes(sack.gap_count * 4u);
  r.skip(duplicates * 4u);
  if (!r.ok()) return std::nullopt;
  return sack;
}

std::optional<ForwardTsnView> parse_forward_tsn(const ChunkView& chunk) {
  Reader r(chunk.value);
  ForwardTsnView forward;
  forward.cumulative_tsn = r.u32();
  if (!r.ok() || r.remaining() % 4 != 0) return std::nullopt;
  forward.streams = r.rest();
  return forward;
}

void write_extension_parameters(Writer& w) {
  w.u16(forward_tsn_supported);
  w.u16(4);
  w.u16(supported_extensions);
  w.u16(6);
  w.u8(static_cast<std::uint8_t>(ChunkType::reconfig));
  w.u8(static_cast<std::uint8_t>(ChunkType::forward_tsn));
  w.u16(0);
}

PacketWriter::PacketWriter(MutableBytes room, std::uint16_t source_port,
                           std::uint16_t destination_port, std::uint32_t verification_tag)
    : out_(room) {
  out_.u16(source_port);
  out_.u16(destination_port);
  out_.u32(verification_tag);
  out_.u32(0);
}

MutableBytes PacketWriter::begin(ChunkType type, std::uint8_t flags, std::size_t value_size) {
  if (value_size > room_for_value()) return {};
  out_.u8(static_cast<std::uint8_t>(type));
  out_.u8(flags);
  out_.u16(static_cast<std::uint16_t>(chunk_header_size + value_size));
  const MutableBytes value = out_.take(value_size);
  out_.pad_to_multiple_of(4);
  return value;
}

bool PacketWriter::begin_empty(ChunkType type, std::uint8_t flags) {
  if (out_.room_left() < chunk_header_size) return false;
  static_cast<void>(begin(type, flags, 0));
  return true;
}

std::size_t PacketWriter::room_for_value() const {
  const std::size_t left = out_.room_left();
  return left < chunk_header_size ? 0 : (left - chunk_header_size) / 4 * 4;
}

std::size_t PacketWriter::finish() {
  if (!out_.ok() || empty()) return 0;
  const MutableBytes packet = out_.written();
  const std::uint32_t crc = swap_bytes(checksum(packet));
  Writer(packet.subspan(8, 4)).u32(crc);
  return packet.size();
}

}  // namespace esp_peer::sctp
