#include "rtp/feedback.hpp"

namespace esp_peer::rtp {
namespace {

constexpr std::uint8_t format_nack = 1, format_pli = 1, format_fir = 4;

struct Feedback {
  Ssrc media{};
  Bytes entries;
};
std::optional<Feedback> parse(const RtcpPacket& packet, RtcpType type, std::uint8_t format,
                              std::size_t entry_size) {
  if (packet.type != type || packet.count != format) return std::nullopt;
  Reader in(packet.body);
  in.skip(4);  // who asks
  Feedback out;
  out.media = Ssrc{in.u32()};
  out.entries = in.rest();
  const bool whole =
      entry_size == 0 || (!out.entries.empty() && out.entries.size() % entry_size == 0);
  if (!in.ok() || !whole) return std::nullopt;
  return out;
}
void begin(CompoundWriter& out, RtcpType type, std::uint8_t format, Ssrc sender, Ssrc media) {
  out.begin(type, format);
  write(out.out(), sender);
  write(out.out(), media);
}

}  // namespace

Nack NackList::operator[](std::size_t index) const {
  Reader in(entries.subspan(index * 4));
  Nack nack;
  nack.first = in.u16();
  nack.others = in.u16();
  return nack;
}

std::optional<NackList> parse_nack(const RtcpPacket& packet) {
  const auto feedback = parse(packet, RtcpType::transport_feedback, format_nack, 4);
  if (!feedback) return std::nullopt;
  return NackList{feedback->media, feedback->entries};
}

std::optional<Ssrc> parse_picture_loss(const RtcpPacket& packet) {
  const auto feedback = parse(packet, RtcpType::payload_feedback, format_pli, 0);
  if (!feedback) return std::nullopt;
  return feedback->media;
}

FullIntraRequests::Request FullIntraRequests::operator[](std::size_t index) const {
  Reader in(entries.subspan(index * 8));
  Request request;
  request.source = Ssrc{in.u32()};
  request.number = in.u8();
  return request;
}

std::optional<FullIntraRequests> parse_full_intra(const RtcpPacket& packet) {
  const auto feedback = parse(packet, RtcpType::payload_feedback, format_fir, 8);
  if (!feedback) return std::nullopt;
  return FullIntraRequests{feedback->entries};
}

std::size_t write_nack(CompoundWriter& out, Ssrc sender, Ssrc source,
                       std::span<const std::uint16_t> sequences, std::size_t most_entries) {
  if (sequences.empty() || most_entries == 0) return 0;
  begin(out, RtcpType::transport_feedback, format_nack, sender, source);
  std::size_t told = 0;
  for (std::size_t entry = 0; entry < most_entries && told < sequences.size(); ++entry) {
    const std::uint16_t first = sequences[told++];
    unsigned others = 0;
    while (told < sequences.size()) {
      const auto behind = static_cast<std::uint16_t>(sequences[told] - first - 1);
      if (behind >= 16) break;
      others |= 1u << behind;
      ++told;
    }
    out.out().u16(first);
    out.out().u16(static_cast<std::uint16_t>(others));
  }
  out.end();
  return told;
}

void write_picture_loss(CompoundWriter& out, Ssrc sender, Ssrc source) {
  begin(out, RtcpType::payload_feedback, format_pli, sender, source);
  out.end();
}

// [rfc5104#4.3.1.2] Whom it is for stands in the entry alone.
void write_full_intra(CompoundWriter& out, Ssrc sender, Ssrc source, std::uint8_t number) {
  begin(out, RtcpType::payload_feedback, format_fir, sender, Ssrc{});
  write(out.out(), source);
  out.out().u8(number);
  out.out().zeros(3);
  out.end();
}

}  // namespace esp_peer::rtp
