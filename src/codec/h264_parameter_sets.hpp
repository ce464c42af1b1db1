// The parameter sets of an H.264 stream. A decoder needs them before a keyframe; encoders may give
// them once, and a peer may have begun to listen later.
#pragma once
#include "base/containers.hpp"
#include "codec/annex_b.hpp"

namespace esp_peer::codec {

class H264ParameterSets {
 public:
  explicit H264ParameterSets(Memory& memory) : memory_(memory), sets_(memory) {}

  // Remembers the sets of an access unit.
  void learn(Bytes access_unit);
  // How many bytes have to stand in front of this access unit: 0 unless it is a keyframe that comes
  // without sets, and there are some.
  std::size_t missing(Bytes access_unit) const;
  // They themselves, with start codes.
  void write(Writer& out) const;

 private:
  // Streams have one of each kind, or a few. Together at most this many, and this large.
  static constexpr std::size_t max_sets = 4, max_set = 512;

  void keep(Bytes set);
  void make_room(std::uint8_t type);

  Memory& memory_;
  Vector<Buffer> sets_;  // SPS before PPS
};

}  // namespace esp_peer::codec
