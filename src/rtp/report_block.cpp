#include "rtp/report_block.hpp"

namespace esp_peer::rtp {

ReportBlock ReportBlocks::operator[](std::size_t index) const {
  Reader in(blocks.subspan(index * ReportBlock::size, ReportBlock::size));
  ReportBlock block;
  block.source = Ssrc{in.u32()};
  block.fraction_lost = in.u8();
  const auto lost = static_cast<std::int32_t>(in.u24());
  block.lost = lost < 0x80'0000 ? lost : lost - 0x100'0000;
  block.highest_sequence = in.u32();
  block.jitter = in.u32();
  block.last_report = in.u32();
  block.since_last_report = in.u32();
  return block;
}

std::optional<ReportBlocks> take_report_blocks(Reader& in, std::size_t count) {
  const ReportBlocks blocks{in.bytes(count * ReportBlock::size)};
  if (!in.ok()) return std::nullopt;
  return blocks;
}

void write(Writer& out, const ReportBlock& block) {
  write(out, block.source);
  out.u8(block.fraction_lost);
  out.u24(static_cast<std::uint32_t>(block.lost) & 0xFF'FFFF);
  out.u32(block.highest_sequence);
  out.u32(block.jitter);
  out.u32(block.last_report);
  out.u32(block.since_last_report);
}

}  // namespace esp_peer::rtp
