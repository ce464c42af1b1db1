// Cuts an access unit of H.264 into the payloads of its packets [rfc6184#5].
#pragma once
#include <optional>

#include "codec/annex_b.hpp"
#include "codec/fragment.hpp"

namespace esp_peer::codec {

// [rfc6184#6.2, 6.3] `packetization-mode` of the format.
enum class H264Mode : std::uint8_t { single_nal_unit = 0, non_interleaved = 1 };

class H264Packetizer {
 public:
  // The access unit, with start codes, stays where it is for as long as fragments are written.
  H264Packetizer(Bytes access_unit, H264Mode mode, std::size_t max_payload)
      : frame_(access_unit), units_(access_unit), mode_(mode), max_payload_(max_payload) {
    unit_ = next_unit();
  }

  // The next payload: several small units together (STAP-A), one unit, or a part of one (FU-A).
  std::optional<Fragment> next();
  // A unit of mode 0 was too large for a packet, and is left out: the frame is of no use.
  bool too_large() const { return too_large_; }

  // The payload, at most `max_payload` bytes; 0 when `out` is too small.
  static std::size_t write(Bytes access_unit, const Fragment& fragment, MutableBytes out);

 private:
  std::optional<Bytes> next_unit();
  std::uint32_t offset_of(Bytes unit) const {
    return static_cast<std::uint32_t>(unit.data() - frame_.data());
  }
  std::optional<Fragment> next_part();
  std::optional<Fragment> next_whole();

  Bytes frame_;
  NalReader units_;
  H264Mode mode_;
  std::size_t max_payload_;
  std::optional<Bytes> unit_;  // the next to go
  std::size_t done_ = 0;       // of it, in parts that are gone
  bool too_large_ = false;
};

}  // namespace esp_peer::codec
