// Where the payload of one packet comes from: a range of a frame that its sender keeps, so that a
// lost packet is written again without having been stored.
#pragma once
#include <cstddef>
#include <cstdint>

namespace esp_peer::codec {

struct Fragment {
  std::uint32_t offset = 0;  // in the frame
  std::uint16_t size = 0;
  std::uint8_t kind = 0;    // the codec's own
  std::uint8_t detail = 0;  // the codec's own
};

}  // namespace esp_peer::codec
