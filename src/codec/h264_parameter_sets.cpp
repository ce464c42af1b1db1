#include "codec/h264_parameter_sets.hpp"

namespace esp_peer::codec {
namespace {

constexpr std::byte start_code[4] = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};

bool is_set(std::uint8_t type) { return type == nal_sps || type == nal_pps; }
// The first bytes tell one set from another of its kind: in an SPS profile, level and number, in a
// PPS its number.
bool same_set(Bytes a, Bytes b) {
  const std::uint8_t type = NalHeader(a).type();
  const std::size_t id = type == nal_sps ? 4 : 1;
  return type == NalHeader(b).type() && a.size() > id && b.size() > id && a[id] == b[id];
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

std::size_t H264ParameterSets::missing(Bytes access_unit) const {
  bool keyframe = false;
  NalReader units(access_unit);
  while (const auto unit = units.next()) {
    const std::uint8_t type = NalHeader(*unit).type();
    if (is_set(type)) return 0;
    keyframe = type == nal_idr;
    if (is_nal_type(type) && type <= nal_idr) break;  // pictures: no sets come behind them
  }
  std::size_t size = 0;
  for (const Buffer& set : sets_) size += sizeof start_code + set.size();
  return keyframe ? size : 0;
}

void H264ParameterSets::write(Writer& out) const {
  for (const Buffer& set : sets_) {
    out.bytes(start_code);
    out.bytes(set.bytes());
  }
}

}  // namespace esp_peer::codec
