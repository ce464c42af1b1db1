// How a source is received: the part that sender and receiver reports share [rfc3550#6.4.1].
#pragma once
#include <cstdint>
#include <optional>

#include "rtp/types.hpp"

namespace esp_peer::rtp {

struct ReportBlock {
  static constexpr std::size_t size = 24;
  Ssrc source{};
  std::uint8_t fraction_lost = 0;       // of 256, since the last report
  std::int32_t lost = 0;                // in all, 24 bits; negative when duplicates came
  std::uint32_t highest_sequence = 0;   // with the count of wraps in front
  std::uint32_t jitter = 0;             // in units of the timestamp
  std::uint32_t last_report = 0;        // middle 32 bits of the NTP time in the last SR; 0 = none
  std::uint32_t since_last_report = 0;  // in 1/65536 s
};

// The blocks of one report. `blocks` holds a whole number of them.
struct ReportBlocks {
  Bytes blocks;
  std::size_t size() const { return blocks.size() / ReportBlock::size; }
  ReportBlock operator[](std::size_t index) const;
};

// As many as a report's header counts; nothing when the body has not so many.
std::optional<ReportBlocks> take_report_blocks(Reader& in, std::size_t count);
void write(Writer& out, const ReportBlock& block);

}  // namespace esp_peer::rtp
