#include "codec/h264_parameter_sets.hpp"

#include <optional>

namespace esp_peer::codec {
namespace {

constexpr std::byte start_code[4] = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};

bool is_set(std::uint8_t type) { return type == nal_sps || type == nal_pps; }

// A number that begins with the first of these bits [H.264 9.1]. Those of sets are at most 255, and
// so short that no emulation prevention stands in them.
std::optional<unsigned> exp_golomb(Bytes bytes) {
  const auto bit = [bytes](std::size_t i) {
    return std::to_integer<unsigned>(bytes[i / 8]) >> (7 - i % 8) & 1;
  };
  const std::size_t bits = 8 * bytes.size();
  std::size_t zeros = 0;
  while (zeros < bits && bit(zeros) == 0) ++zeros;
  if (zeros > 8 || 2 * zeros + 1 > bits) return std::nullopt;
  unsigned value = 0;
  for (std::size_t i = zeros; i <= 2 * zeros; ++i) value = value << 1 | bit(i);
  return value - 1;
}

// Behind the header, of an SPS behind profile and level [H.264 7.3.2.1.1, 7.3.2.2].
std::optional<unsigned> number_of(Bytes set) {
  const std::size_t front = NalHeader(set).type() == nal_sps ? 4 : 1;
  return set.size() > front ? exp_golomb(set.subspan(front)) : std::nullopt;
}
bool same_set(Bytes a, Bytes b) {
  return NalHeader(a).type() == NalHeader(b).type() && number_of(a) == number_of(b);
}

}  // namespace

void H264ParameterSets::learn(Bytes access_unit) {
  NalReader units(access_unit);
  while (const auto unit = units.next()) {
    if (is_set(NalHeader(*unit).type())) keep(*unit);
  }
}

void H264ParameterSets::keep(Bytes set) {
  if (set.size() > max_set) return;
  for (Buffer& kept : sets_) {
    if (!same_set(kept.bytes(), set)) continue;
    if (!equal(kept.bytes(), set)) {
      if (Buffer fresh = Buffer::copy_of(memory_, set)) kept = std::move(fresh);
    }
    return;
  }
  if (sets_.size() == max_sets) make_room(NalHeader(set).type());
  Buffer copy = Buffer::copy_of(memory_, set);
  if (!copy) return;
  std::size_t place = sets_.size();  // SPS before PPS
  while (place > 0 && NalHeader(sets_[place - 1].bytes()).type() > NalHeader(set).type()) --place;
  // Without memory for it it is not kept.
  static_cast<void>(sets_.insert(place, std::move(copy)));
}

// An older one of the same kind goes: without any of the other kind, none is of use.
void H264ParameterSets::make_room(std::uint8_t type) {
  std::size_t index = 0;
  while (index + 1 < sets_.size() && NalHeader(sets_[index].bytes()).type() != type) ++index;
  sets_.erase(index);
}

H264ParameterSets::Gap H264ParameterSets::gap(Bytes access_unit) const {
  Gap gap;
  gap.sps = gap.pps = true;
  bool keyframe = false;
  NalReader units(access_unit);
  while (const auto unit = units.next()) {
    const std::uint8_t type = NalHeader(*unit).type();
    // [H.264 7.4.1.2.3] Nothing comes before a delimiter; and a PPS is read with its SPS.
    if (type == nal_delimiter || type == nal_sps) {
      gap.at = static_cast<std::size_t>(unit->data() + unit->size() - access_unit.data());
    }
    gap.sps = gap.sps && type != nal_sps;
    gap.pps = gap.pps && type != nal_pps;
    keyframe = keyframe || type == nal_idr || is_recovery_point(*unit);
    if (is_picture(type)) break;  // no sets come behind them
  }
  for (const Buffer& set : sets_) {
    if (keyframe && fills(gap, set.bytes())) gap.size += sizeof start_code + set.size();
  }
  return gap;
}

bool H264ParameterSets::fills(const Gap& gap, Bytes set) {
  return NalHeader(set).type() == nal_sps ? gap.sps : gap.pps;
}

Buffer H264ParameterSets::complete(Bytes access_unit, const Gap& gap) const {
  Buffer whole = Buffer::with_size(memory_, access_unit.size() + gap.size);
  if (!whole) return whole;
  Writer out(whole.bytes());
  out.bytes(access_unit.first(gap.at));
  for (const Buffer& set : sets_) {
    if (gap.size == 0 || !fills(gap, set.bytes())) continue;
    out.bytes(start_code);
    out.bytes(set.bytes());
  }
  out.bytes(access_unit.subspan(gap.at));
  return whole;
}

}  // namespace esp_peer::codec
