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
  // What a keyframe that comes without sets of a kind, or of both, lacks of those that are known.
  struct Gap {
    std::size_t at = 0, size = 0;  // bytes; of none the size is 0
    bool sps = false, pps = false;
  };
  Gap gap(Bytes access_unit) const;
  // A copy with what it lacks; empty without memory for it.
  Buffer complete(Bytes access_unit, const Gap& gap) const;

 private:
  // Streams have one of each kind, or a few. Together at most this many, and this large.
  static constexpr std::size_t max_sets = 4, max_set = 512;

  static bool fills(const Gap& gap, Bytes set);
  void keep(Bytes set);
  void make_room(std::uint8_t type);

  Memory& memory_;
  Vector<Buffer> sets_;  // SPS before PPS
};

}  // namespace esp_peer::codec
