// RR: how one that has sent nothing lately receives others [rfc3550#6.4.2].
#pragma once
#include "rtp/report_block.hpp"
#include "rtp/rtcp.hpp"

namespace esp_peer::rtp {

struct ReceiverReport {
  Ssrc sender{};
  ReportBlocks blocks;
};

std::optional<ReceiverReport> parse_receiver_report(const RtcpPacket& packet);
void write_receiver_report(CompoundWriter& out, Ssrc sender, std::span<const ReportBlock> blocks);

}  // namespace esp_peer::rtp
