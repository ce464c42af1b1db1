// SR: what a source has sent, when in wall time, and how it receives others [rfc3550#6.4.1].
#pragma once
#include "rtp/report_block.hpp"
#include "rtp/rtcp.hpp"

namespace esp_peer::rtp {

struct SenderInfo {
  Ssrc sender{};
  std::uint64_t ntp = 0;                  // of this report: seconds and their fraction
  std::uint32_t timestamp = 0;            // the same moment on the clock of the media
  std::uint32_t packets = 0, octets = 0;  // mod 2^32
};

struct SenderReport {
  SenderInfo info;
  ReportBlocks blocks;
};

std::optional<SenderReport> parse_sender_report(const RtcpPacket& packet);
// What a report, of a sender or of a receiver, says of this source; nothing in any other packet.
std::optional<ReportBlock> find_report(const RtcpPacket& packet, Ssrc source);
void write_sender_report(CompoundWriter& out, const SenderInfo& info,
                         std::span<const ReportBlock> blocks);

}  // namespace esp_peer::rtp
