#include "rtp/receiver_report.hpp"

namespace esp_peer::rtp {

std::optional<ReceiverReport> parse_receiver_report(const RtcpPacket& packet) {
  Reader in(packet.body);
  ReceiverReport report;
  report.sender = Ssrc{in.u32()};
  const auto blocks = take_report_blocks(in, packet.count);
  if (!blocks) return std::nullopt;
  report.blocks = *blocks;
  return report;
}

void write_receiver_report(CompoundWriter& out, Ssrc sender, std::span<const ReportBlock> blocks) {
  out.begin(RtcpType::receiver_report, static_cast<std::uint8_t>(blocks.size()));
  write(out.out(), sender);
  for (const ReportBlock& block : blocks) write(out.out(), block);
  out.end();
}

}  // namespace esp_peer::rtp
