// What stands between the header of an RTP packet and its payload: elements with numbers, which a
// description gives a meaning [rfc8285].
#pragma once
#include <cstdint>
#include <optional>

#include "rtp/packet.hpp"

namespace esp_peer::rtp {

struct ExtensionElement {
  std::uint8_t id = 0;  // 1…255
  Bytes data;           // may be empty
};

// The elements, one after the other; none of an extension of another kind. One whose length reaches
// beyond the end is the end.
class ExtensionReader {
 public:
  explicit ExtensionReader(const Packet& packet);
  std::optional<ExtensionElement> next();

 private:
  Bytes rest_;
  bool two_bytes_ = false;  // in front of each element
};

// What the element with this number says; empty without one. id 0 stands for none.
Bytes find_extension(const Packet& packet, std::uint8_t id);

}  // namespace esp_peer::rtp
