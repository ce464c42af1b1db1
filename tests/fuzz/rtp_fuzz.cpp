// Any bytes as RTP and as RTCP: refused, or every part lies inside and can be written and read
// again. Then the same bytes as the numbers of packets that a receiver and its jitter buffer get.
#include <cstdint>

#include "rtp/bye.hpp"
#include "rtp/clock.hpp"
#include "rtp/feedback.hpp"
#include "rtp/header_extension.hpp"
#include "rtp/jitter_buffer.hpp"
#include "rtp/packet.hpp"
#include "rtp/receiver.hpp"
#include "rtp/receiver_report.hpp"
#include "rtp/sender_report.hpp"
#include "rtp/source_description.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using namespace esp_peer::rtp;
using fuzz::require;

bool inside(Bytes part, Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_packet(Bytes bytes) {
  const auto packet = parse_packet(bytes);
  const auto front = parse_cleartext(bytes);
  require(!packet || front);
  if (!packet) return;
  require(inside(packet->payload, bytes) && inside(packet->extension, bytes));
  require(inside(packet->contributors, bytes));
  require(packet->payload.size() <= front->payload.size());
  ExtensionReader elements(*packet);
  std::size_t in_elements = 0;
  while (const auto element = elements.next()) {
    require(element->id != 0 && inside(element->data, packet->extension));
    in_elements += 1 + element->data.size();
  }
  require(in_elements <= packet->extension.size());
  std::vector<std::byte> room(header_size + packet->payload.size());
  Writer out(room);
  write(out, packet->header);
  out.bytes(packet->payload);
  const auto again = parse_packet(room);
  require(again && equal(again->payload, packet->payload));
  require(again->header.ssrc == packet->header.ssrc);
  require(again->header.sequence == packet->header.sequence);
  require(again->header.payload_type == packet->header.payload_type);
}

void check_blocks(const ReportBlocks& blocks, Bytes bytes) {
  require(inside(blocks.blocks, bytes) && blocks.size() < 32);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    std::byte room[ReportBlock::size];
    Writer out(room);
    write(out, blocks[i]);
    require(equal(room, blocks.blocks.subspan(i * ReportBlock::size, ReportBlock::size)));
  }
}

void check_rtcp(Bytes bytes) {
  auto compound = CompoundReader::open(bytes);
  if (!compound) return;
  std::size_t bodies = 0;
  while (const auto packet = compound->next()) {
    require(inside(packet->body, bytes));
    bodies += 4 + packet->body.size();
    if (const auto report = parse_sender_report(*packet)) check_blocks(report->blocks, bytes);
    if (const auto report = parse_receiver_report(*packet)) check_blocks(report->blocks, bytes);
    auto names = SourceDescription::parse(*packet);
    std::size_t count = 0;
    while (const auto name = names ? names->next() : std::nullopt) {
      require(inside(as_bytes(name->cname), bytes) && name->cname.size() <= 255);
      require(++count < 32);
    }
    if (const auto nack = parse_nack(*packet)) {
      std::size_t asked = 0;
      nack->for_each([&asked](std::uint16_t) { ++asked; });
      require(asked >= nack->size() && asked <= 17 * nack->size());
    }
    if (const auto requests = parse_full_intra(*packet)) {
      for (std::size_t i = 0; i < requests->size(); ++i) static_cast<void>((*requests)[i]);
    }
    static_cast<void>(parse_picture_loss(*packet));
    const auto bye = parse_bye(*packet);
    for (std::size_t i = 0; bye && i < bye->size(); ++i) static_cast<void>((*bye)[i]);
    require(!bye || inside(as_bytes(bye->reason), bytes));
  }
  require(bodies <= bytes.size());
}

void check_receiving(Bytes bytes) {
  constexpr std::size_t bound = 4000;
  fuzz::Memory memory(4 * bound);
  Receiver receiver(Ssrc{1}, 8000);
  JitterBuffer buffer({milliseconds(100), bound}, memory);
  TimestampUnwrapper clock;
  Instant now{};
  std::uint64_t given = 0;
  Header header;
  for (Reader in(bytes); in.remaining() >= 4;) {
    const unsigned what = in.u8();
    const std::uint16_t number = in.u16();
    const unsigned step = in.u8();
    now += milliseconds(step);
    header.sequence =
        (what & 1) != 0 ? number : static_cast<std::uint16_t>(header.sequence + number % 8 - 2);
    header.timestamp += (what & 2) != 0 ? number * 0x8001u : 160;
    const auto accepted = receiver.on_packet(now, header);
    if (accepted && accepted->restarted) buffer.restart(accepted->sequence);
    if (accepted) {
      buffer.insert(now, accepted->sequence, header.timestamp,
                    bytes.first(std::min<std::size_t>(step, bytes.size())));
    }
    buffer.on_deadline(now);
    const auto next = buffer.next_deadline();
    require(!next || *next > now);
    if ((what & 4) != 0) continue;  // nobody reads for a while
    while (auto frame = buffer.take()) {
      static_cast<void>(pts_of_ticks(clock.unwrap(frame->timestamp), 8000));
      require(++given <= receiver.received() + bytes.size());
    }
    if ((what & 8) != 0) static_cast<void>(receiver.report(now));
  }
  // All of it comes out in the end.
  buffer.on_deadline(now + milliseconds(100));
  while (buffer.take()) {
  }
  require(buffer.held() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  check_packet(bytes);
  check_rtcp(bytes);
  check_receiving(bytes);
  return 0;
}
