#include "codec/jpeg_packetizer.hpp"

#include <algorithm>

namespace esp_peer::codec {
namespace {

constexpr std::size_t main_size = 8, restart_size = 4, tables_size = 4 + 2 * 64;
// [rfc2435#4.2] The tables may be others in each frame, and come with each.
constexpr std::uint8_t dynamic_tables = 255;
constexpr std::uint8_t type_with_restarts = 64;
// [rfc2435#3.1.7] The whole frame has to be there before any of it is decoded.
constexpr std::uint16_t not_aligned = 0xFFFF;

std::size_t header_size(const JpegImage& image, bool first) {
  return main_size + (image.restart_interval != 0 ? restart_size : 0) + (first ? tables_size : 0);
}
std::uint8_t eighths(std::uint16_t pixels) { return static_cast<std::uint8_t>((pixels + 7) / 8); }

}  // namespace

JpegPacketizer::JpegPacketizer(Bytes file, std::size_t max_payload)
    : file_(file), max_payload_(max_payload), image_(parse_jpeg(file)) {
  if (!image_) return;
  const auto size = jpeg_scan_size(image_->scan);
  // [rfc2435#3.1.2] An offset has 24 bits.
  if (!size || *size == 0 || *size > 0xFFFFFF || max_payload <= header_size(*image_, true)) {
    image_.reset();
  } else {
    image_->scan = image_->scan.first(*size);
  }
}

std::optional<Fragment> JpegPacketizer::next() {
  if (!image_ || done_ == image_->scan.size()) return std::nullopt;
  const std::size_t room = max_payload_ - header_size(*image_, done_ == 0);
  const std::size_t size = std::min({room, image_->scan.size() - done_, std::size_t{UINT16_MAX}});
  const auto offset = static_cast<std::size_t>(image_->scan.data() - file_.data()) + done_;
  done_ += size;
  return Fragment{static_cast<std::uint32_t>(offset), static_cast<std::uint16_t>(size), 0, 0};
}

std::size_t JpegPacketizer::write(Bytes file, const Fragment& fragment, MutableBytes room) {
  const auto image = parse_jpeg(file);
  if (!image) return 0;
  const auto scan_at = static_cast<std::size_t>(image->scan.data() - file.data());
  const bool restarts = image->restart_interval != 0;
  const bool first = fragment.offset == scan_at;
  Writer out(room);
  out.u8(0);  // progressively scanned
  out.u24(static_cast<std::uint32_t>(fragment.offset - scan_at));
  out.u8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(image->sampling) +
                                   (restarts ? type_with_restarts : 0)));
  out.u8(dynamic_tables);
  out.u8(eighths(image->width));
  out.u8(eighths(image->height));
  if (restarts) {
    out.u16(image->restart_interval);
    out.u16(not_aligned);
  }
  if (first) {
    out.u8(0);
    out.u8(0);  // all values have 8 bits
    out.u16(2 * 64);
    out.bytes(image->luminance);
    out.bytes(image->chrominance);
  }
  out.bytes(file.subspan(fragment.offset, fragment.size));
  return out.ok() ? out.size() : 0;
}

}  // namespace esp_peer::codec
