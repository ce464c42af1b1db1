#include "rtp/sender_report.hpp"

#include "rtp/receiver_report.hpp"

namespace esp_peer::rtp {

std::optional<SenderReport> parse_sender_report(const RtcpPacket& packet) {
  Reader in(packet.body);
  SenderReport report;
  report.info.sender = Ssrc{in.u32()};
  report.info.ntp = in.u64();
  report.info.timestamp = in.u32();
  report.info.packets = in.u32();
  report.info.octets = in.u32();
  const auto blocks = take_report_blocks(in, packet.count);
  if (!blocks) return std::nullopt;
  report.blocks = *blocks;
  return report;  // what is behind the blocks belongs to a profile [rfc3550#6.4.3]
}

std::optional<ReportBlock> find_report(const RtcpPacket& packet, Ssrc source) {
  ReportBlocks blocks;
  if (packet.type == RtcpType::sender_report) {
    const auto report = parse_sender_report(packet);
    if (report) blocks = report->blocks;
  } else if (packet.type == RtcpType::receiver_report) {
    const auto report = parse_receiver_report(packet);
    if (report) blocks = report->blocks;
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].source == source) return blocks[i];
  }
  return std::nullopt;
}

void write_sender_report(CompoundWriter& out, const SenderInfo& info,
                         std::span<const ReportBlock> blocks) {
  out.begin(RtcpType::sender_report, static_cast<std::uint8_t>(blocks.size()));
  write(out.out(), info.sender);
  out.out().u64(info.ntp);
  out.out().u32(info.timestamp);
  out.out().u32(info.packets);
  out.out().u32(info.octets);
  for (const ReportBlock& block : blocks) write(out.out(), block);
  out.end();
}

}  // namespace esp_peer::rtp
