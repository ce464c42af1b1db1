// Any bytes as an SCTP packet, as they are and with a checksum made right: it is refused, or every
// chunk lies inside it, and what was read can be written and read again.
#include <algorithm>
#include <cstdint>

#include "backends/openssl/provider.hpp"
#include "sctp/cookie.hpp"
#include "sctp/packet/chunk.hpp"
#include "sctp/rx/receiver.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using namespace esp_peer::sctp;
using fuzz::require;

bool inside(Bytes part, Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// One chunk in a packet of its own, read again.
ChunkView alone(std::vector<std::byte>& room, ChunkType type, std::uint8_t flags, Bytes value) {
  room.assign(common_header_size + chunk_header_size + value.size() + 3, std::byte{0xEE});
  PacketWriter w(room, 1, 2, 3);
  if (value.empty()) {
    require(w.begin_empty(type, flags));
  } else {
    const MutableBytes at = w.begin(type, flags, value.size());
    require(at.size() == value.size());
    copy_bytes(value, at);
  }
  const auto packet = parse_packet(Bytes(room).first(w.finish()));
  require(packet.has_value());
  Bytes rest = packet->chunks;
  const auto chunk = take_chunk(rest);
  require(chunk && rest.empty() && chunk->type == type && chunk->flags == flags);
  require(equal(chunk->value, value));
  return *chunk;
}

void check_data(const ChunkView& chunk) {
  const auto data = parse_data(chunk);
  if (!data) return;
  require(!data->payload.empty() && inside(data->payload, chunk.value));
  std::vector<std::byte> value(chunk.value.size()), room;
  Writer w(value);
  w.u32(data->tsn);
  w.u16(data->stream);
  w.u16(data->ssn);
  w.u32(data->ppid);
  w.bytes(data->payload);
  const unsigned flags = (data->immediate ? 8u : 0u) | (data->unordered ? 4u : 0u) |
                         (data->beginning ? 2u : 0u) | (data->ending ? 1u : 0u);
  const ChunkView written = alone(room, ChunkType::data, static_cast<std::uint8_t>(flags), value);
  require(written.flags == (chunk.flags & 15) && equal(written.value, chunk.value));
}

void check_init(const ChunkView& chunk) {
  const auto init = parse_init(chunk);
  if (!init) return;
  require(init->initiate_tag != 0 && init->a_rwnd >= 1500);
  require(init->outbound_streams != 0 && init->inbound_streams != 0);
  require(inside(init->cookie, chunk.value));
  std::vector<std::byte> value(20 + init->cookie.size());
  Writer w(value);
  w.u32(init->initiate_tag);
  w.u32(init->a_rwnd);
  w.u16(init->outbound_streams);
  w.u16(init->inbound_streams);
  w.u32(init->initial_tsn);
  w.u16(7);
  w.u16(static_cast<std::uint16_t>(4 + init->cookie.size()));
  w.bytes(init->cookie);
  require(w.ok());
  const auto again = parse_init({ChunkType::init_ack, 0, value});
  require(again && again->initiate_tag == init->initiate_tag && again->a_rwnd == init->a_rwnd);
  require(again->outbound_streams == init->outbound_streams);
  require(again->inbound_streams == init->inbound_streams);
  require(again->initial_tsn == init->initial_tsn && equal(again->cookie, init->cookie));
}

void check_sack(const ChunkView& chunk) {
  const auto sack = parse_sack(chunk);
  if (!sack) return;
  require(sack->gaps.size() == sack->gap_count * 4u && inside(sack->gaps, chunk.value));
  std::vector<std::byte> value(12 + sack->gaps.size());
  Writer w(value);
  w.u32(sack->cumulative_tsn);
  w.u32(sack->a_rwnd);
  w.u16(sack->gap_count);
  w.u16(0);
  for (std::size_t i = 0; i < sack->gap_count; ++i) {
    w.u16(sack->gap(i).start);
    w.u16(sack->gap(i).end);
  }
  const auto again = parse_sack({ChunkType::sack, 0, value});
  require(again && again->cumulative_tsn == sack->cumulative_tsn);
  require(again->a_rwnd == sack->a_rwnd && equal(again->gaps, sack->gaps));
}

// What a receiver says of any DATA is a SACK that a sender can read: blocks ascend, and none begins
// at the chunk whose absence the cumulative TSN tells of.
void check_own_sack(Receiver& receiver, std::size_t room) {
  std::vector<std::byte> value(receiver.sack_size(std::max<std::size_t>(room, 12)));
  receiver.write_sack(value);
  const auto sack = parse_sack({ChunkType::sack, 0, value});
  require(sack && sack->cumulative_tsn == receiver.cumulative_tsn());
  require(sack->a_rwnd == receiver.free_window());
  unsigned previous = 0;
  for (std::size_t i = 0; i < sack->gap_count; ++i) {
    const GapBlock gap = sack->gap(i);
    require(gap.start > previous + 1 && gap.end >= gap.start);
    previous = gap.end;
  }
}

void check_cookie(Bytes packet) {
  static const CookieKey key{std::byte{1}, std::byte{2}};
  require(!open(packet, key, openssl::provider()));
  Reader r(packet);
  Cookie c;
  c.local_tag = r.u32(), c.local_tsn = r.u32();
  c.peer_tag = r.u32(), c.peer_tsn = r.u32(), c.peer_a_rwnd = r.u32();
  c.peer_inbound_streams = r.u16(), c.peer_extensions.forward_tsn = (r.u16() & 1) != 0;
  c.peer_extensions.reconfig = c.peer_inbound_streams % 2 != 0;
  c.local_tie_tag = r.u32(), c.peer_tie_tag = r.u32();
  c.created = Instant(Duration(static_cast<std::int64_t>(r.u64())));
  SealedCookie sealed = seal(c, key, openssl::provider());
  const auto again = open(sealed, key, openssl::provider());
  require(again && again->local_tag == c.local_tag && again->local_tsn == c.local_tsn);
  require(again->peer_tag == c.peer_tag && again->peer_tsn == c.peer_tsn);
  require(again->peer_a_rwnd == c.peer_a_rwnd && again->created == c.created);
  require(again->peer_extensions == c.peer_extensions);
  require(again->peer_inbound_streams == c.peer_inbound_streams);
  require(again->local_tie_tag == c.local_tie_tag && again->peer_tie_tag == c.peer_tie_tag);
  sealed[packet.size() % sealed.size()] ^= std::byte{0x40};
  require(!open(sealed, key, openssl::provider()));
}

void check_packet(Bytes bytes) {
  const auto packet = parse_packet(bytes);
  if (!packet) return;
  fuzz::Memory memory(64 * 1024);
  {
    Receiver receiver(memory, 4000);
    bool started = false;
    std::vector<std::byte> room(bytes.size() + 64), single;
    PacketWriter copy(room, packet->source_port, packet->destination_port,
                      packet->verification_tag);
    Bytes rest = packet->chunks;
    std::size_t before = rest.size();
    while (const auto chunk = take_chunk(rest)) {
      require(before - rest.size() >= chunk_header_size && inside(chunk->value, bytes));
      before = rest.size();
      alone(single, chunk->type, chunk->flags, chunk->value);
      check_data(*chunk);
      check_init(*chunk);
      check_sack(*chunk);
      if (const auto data = parse_data(*chunk)) {
        if (!std::exchange(started, true)) receiver.start(data->tsn);
        if (receiver.on_data(*data) == Receiver::Verdict::violation) break;
        check_own_sack(receiver, data->ssn);
        if ((data->ppid & 1) != 0) static_cast<void>(receiver.read());
      }
      const auto forward = parse_forward_tsn(*chunk);
      if (chunk->type == ChunkType::forward_tsn && forward) {
        require(forward->streams.size() % 4 == 0 && inside(forward->streams, chunk->value));
        if (!std::exchange(started, true)) receiver.start(forward->cumulative_tsn);
        if (receiver.on_forward_tsn(*forward) == Receiver::Verdict::violation) break;
        check_own_sack(receiver, 100);
      }
      if (chunk->value.empty()) {
        require(copy.begin_empty(chunk->type, chunk->flags));
      } else {
        copy_bytes(chunk->value, copy.begin(chunk->type, chunk->flags, chunk->value.size()));
      }
    }
    const std::size_t size = copy.finish();
    const auto again = parse_packet(Bytes(room).first(size));
    require(again.has_value() == (size != 0));
    require(!again || again->verification_tag == packet->verification_tag);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  check_packet(bytes);
  fuzz::Packet repaired(bytes.begin(), bytes.end());
  fuzz::repair_checksum(repaired);
  check_packet(repaired);
  check_cookie(bytes);
  return 0;
}
