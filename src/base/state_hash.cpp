#include "base/state_hash.hpp"

namespace esp_peer {

void StateHash::add(Bytes bytes) {
  for (const std::byte b : bytes) mix(std::to_integer<std::uint64_t>(b));
  mix(bytes.size());
}

// FNV-1a over words, stirred so that high bits count too.
void StateHash::mix(std::uint64_t v) {
  value_ = (value_ ^ v) * 0x100000001B3u;
  value_ ^= value_ >> 29;
}

}  // namespace esp_peer
