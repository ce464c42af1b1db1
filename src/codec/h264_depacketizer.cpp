#include "codec/h264_depacketizer.hpp"

namespace esp_peer::codec {
namespace {

constexpr std::uint8_t fu_start = 0x80, fu_end = 0x40, fu_type = 0x1F;

// Goes through the payloads twice: once to count, once to write. `Out` takes runs of bytes.
template <class Out>
class Joiner {
 public:
  explicit Joiner(Out& out) : out_(out) {}

  bool join(std::span<const Buffer> payloads) {
    for (const Buffer& payload : payloads) {
      if (payload.size() != 0 && !add(payload.bytes())) return false;
    }
    return !open_;
  }

 private:
  bool add(Bytes payload) {
    const std::uint8_t type = NalHeader(payload).type();
    if (type == nal_fu_a) return add_part(payload);
    if (open_) return false;  // [rfc6184#5.8] nothing comes between two parts
    if (type == nal_stap_a) return add_aggregate(payload);
    return is_nal_type(type) && add_unit(payload);
  }
  bool add_unit(Bytes unit) {
    begin_unit();
    out_.bytes(unit);
    return true;
  }
  bool add_aggregate(Bytes payload) {
    Reader in(payload);
    in.skip(1);
    while (in.remaining() != 0) {
      const Bytes unit = in.bytes(in.u16());
      if (unit.empty() || !is_nal_type(NalHeader(unit).type())) return false;
      add_unit(unit);
    }
    return in.ok();
  }
  bool add_part(Bytes payload) {
    Reader in(payload);
    const NalHeader indicator(in.u8());
    const std::uint8_t header = in.u8();
    const bool first = header & fu_start, last = header & fu_end;
    // [rfc6184#5.8] A unit in one part alone is forbidden. Some send it, and it is whole.
    if (!in.ok() || first == open_ || !is_nal_type(header & fu_type)) return false;
    if (first) {
      begin_unit();
      const std::byte octet{
          static_cast<std::uint8_t>(indicator.without_type() | (header & fu_type))};
      out_.bytes(Bytes(&octet, 1));
    }
    out_.bytes(in.rest());
    open_ = !last;
    return true;
  }
  void begin_unit() {
    static constexpr std::byte code[4] = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};
    out_.bytes(code);
  }

  Out& out_;
  bool open_ = false;  // parts of a unit have come, but not the last
};

struct Counter {
  std::size_t size = 0;
  void bytes(Bytes run) { size += run.size(); }
};

}  // namespace

std::optional<Buffer> join_h264(std::span<const Buffer> payloads, Memory& memory) {
  Counter counter;
  if (!Joiner(counter).join(payloads) || counter.size == 0) return std::nullopt;
  Buffer access_unit = Buffer::with_size(memory, counter.size);
  if (!access_unit) return std::nullopt;
  Writer writer(access_unit.bytes());
  Joiner(writer).join(payloads);
  return access_unit;
}

bool is_h264_keyframe(Bytes access_unit) {
  NalReader units(access_unit);
  while (const auto unit = units.next()) {
    // Streams without IDR pictures say in an SEI message where one may begin.
    if (NalHeader(*unit).type() == nal_idr || is_recovery_point(*unit)) return true;
  }
  return false;
}

bool begins_h264_stream(Bytes access_unit) {
  NalReader units(access_unit);
  while (const auto unit = units.next()) {
    const std::uint8_t type = NalHeader(*unit).type();
    if (type == nal_delimiter || type == nal_sps) return true;
    if (is_picture(type)) return false;
  }
  return false;
}

bool has_upper_edge(Bytes access_unit) {
  NalReader units(access_unit);
  while (const auto unit = units.next()) {
    if (!is_picture(NalHeader(*unit).type())) continue;
    // [H.264 7.3.3] A slice begins with the number of its first macroblock: 0 is a single bit.
    return unit->size() > 1 && std::to_integer<unsigned>((*unit)[1]) >= 0x80;
  }
  return false;
}

}  // namespace esp_peer::codec
