// What a JPEG file says of itself in front of its pixels.
#pragma once
#include <optional>

#include "base/bytes.hpp"

namespace esp_peer::codec {

// [rfc2435#4.1] Of the types that RTP knows, with restart markers if there is an interval.
enum class JpegSampling : std::uint8_t { yuv422 = 0, yuv420 = 1 };

struct JpegImage {
  JpegSampling sampling{};
  std::uint16_t width = 0, height = 0;  // pixels, 1…2040
  std::uint16_t restart_interval = 0;   // MCUs; 0 = no restart markers
  Bytes luminance, chrominance;         // quantization tables, 64 bytes in zig-zag order
  Bytes scan;                           // entropy-coded, and whatever else the file has behind it
};

// Nothing for what RTP cannot carry: progressive, other samplings or Huffman tables, several scans,
// more than 2040 pixels a side.
std::optional<JpegImage> parse_jpeg(Bytes file);

// How much of it is the scan with its EOI; nothing when another scan follows. A file that was cut
// short ends where it ends.
std::optional<std::size_t> jpeg_scan_size(Bytes scan);

}  // namespace esp_peer::codec
