#include "codec/h264_packetizer.hpp"

#include <algorithm>

namespace esp_peer::codec {
namespace {

enum Kind : std::uint8_t { whole, aggregate, part_first, part_middle, part_last };

constexpr std::size_t unit_size_size = 2;  // in front of each unit of a STAP-A
constexpr std::size_t fu_header_size = 2;
constexpr std::uint8_t fu_start = 0x80, fu_end = 0x40;

// [rfc6184#5.7.1] F of any, the greatest NRI of all.
void write_aggregate(Bytes range, Writer& out) {
  const MutableBytes header = out.take(1);
  std::uint8_t forbidden = 0, importance = 0;
  NalReader units(range);
  while (const auto unit = units.next()) {
    const NalHeader nal(*unit);
    if (!is_nal_type(nal.type())) continue;
    forbidden = forbidden | (nal.octet & 0x80);
    importance = std::max<std::uint8_t>(importance, nal.octet & 0x60);
    out.u16(static_cast<std::uint16_t>(unit->size()));
    out.bytes(*unit);
  }
  if (!header.empty()) header[0] = std::byte(forbidden | importance | nal_stap_a);
}

}  // namespace

std::optional<Bytes> H264Packetizer::next_unit() {
  done_ = 0;
  while (const auto unit = units_.next()) {
    if (is_nal_type(NalHeader(*unit).type())) return unit;
  }
  return std::nullopt;
}

std::optional<Fragment> H264Packetizer::next() {
  while (unit_) {
    if (unit_->size() <= max_payload_) return next_whole();
    if (mode_ == H264Mode::non_interleaved && max_payload_ > fu_header_size) return next_part();
    too_large_ = true;
    unit_ = next_unit();
  }
  return std::nullopt;
}

std::optional<Fragment> H264Packetizer::next_whole() {
  const Bytes first = *unit_;
  Fragment fragment{offset_of(first), static_cast<std::uint16_t>(first.size()), whole, 0};
  std::size_t payload = 1 + unit_size_size + first.size();
  unit_ = next_unit();
  while (mode_ == H264Mode::non_interleaved && unit_ &&
         payload + unit_size_size + unit_->size() <= max_payload_) {
    const std::size_t end = offset_of(*unit_) + unit_->size();
    if (end - fragment.offset > UINT16_MAX) break;  // zeros in between without end
    payload += unit_size_size + unit_->size();
    fragment.size = static_cast<std::uint16_t>(end - fragment.offset);
    fragment.kind = aggregate;
    unit_ = next_unit();
  }
  return fragment;
}

// [rfc6184#5.8] Parts of equal size: a last packet of a few bytes would cost as much as a full one.
std::optional<Fragment> H264Packetizer::next_part() {
  const std::size_t room = max_payload_ - fu_header_size;
  const std::size_t body = unit_->size() - 1;  // its first byte travels in the header of each part
  const std::size_t rest = body - done_;
  const std::size_t parts_left = (rest + room - 1) / room;
  const std::size_t size = (rest + parts_left - 1) / parts_left;
  const Fragment fragment{static_cast<std::uint32_t>(offset_of(*unit_) + 1 + done_),
                          static_cast<std::uint16_t>(size),
                          done_ == 0        ? part_first
                          : parts_left == 1 ? part_last
                                            : part_middle,
                          NalHeader(*unit_).octet};
  done_ += size;
  if (done_ == body) unit_ = next_unit();
  return fragment;
}

std::size_t H264Packetizer::write(Bytes access_unit, const Fragment& fragment, MutableBytes room) {
  const Bytes range = access_unit.subspan(fragment.offset, fragment.size);
  Writer out(room);
  if (fragment.kind == aggregate) {
    write_aggregate(range, out);
  } else {
    if (fragment.kind != whole) {
      const NalHeader nal(fragment.detail);
      out.u8(nal.without_type() | nal_fu_a);
      out.u8(static_cast<std::uint8_t>((fragment.kind == part_first  ? fu_start
                                        : fragment.kind == part_last ? fu_end
                                                                     : 0) |
                                       nal.type()));
    }
    out.bytes(range);
  }
  return out.ok() ? out.size() : 0;
}

}  // namespace esp_peer::codec
