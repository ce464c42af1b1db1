// The index of an RTP packet: its sequence number, and how often that has wrapped [rfc3711#3.3.1].
#pragma once
#include <cstdint>
#include <optional>

namespace esp_peer::srtp {

inline constexpr std::uint64_t end_of_indices = std::uint64_t{1} << 48;

// That of the packet with this number where `highest` is the highest so far; nothing behind the
// last one, for no key may meet an index twice [rfc3711#9.1].
constexpr std::optional<std::uint64_t> packet_index(std::uint64_t highest, std::uint16_t sequence) {
  constexpr std::uint64_t wrap = 0x1'0000, half = wrap / 2;
  const std::uint64_t last = highest % wrap;
  std::uint64_t index = highest - last + sequence;
  if (last < half) {
    // Before the first rollover there is nothing to be late from: it is far ahead.
    if (sequence > last + half && index >= wrap) index -= wrap;
  } else if (sequence < last - half) {
    index += wrap;
  }
  if (index >= end_of_indices) return std::nullopt;
  return index;
}

}  // namespace esp_peer::srtp
