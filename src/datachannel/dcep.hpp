// The Data Channel Establishment Protocol on the wire [rfc8832#5].
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"

namespace esp_peer::datachannel {

enum class Reliability : std::uint8_t { reliable, retransmits, lifetime };  // as in the low bits

struct OpenMessage {
  bool ordered = true;
  Reliability reliability = Reliability::reliable;
  std::uint16_t priority = 256;
  std::uint32_t limit = 0;  // retransmissions, or milliseconds
  std::string_view label, protocol;
};

inline constexpr std::size_t open_header_size = 12;
inline constexpr std::byte ack_message{0x02};

std::optional<OpenMessage> parse_open(Bytes message);
bool is_ack(Bytes message);
// The size written; 0 when `out` is too small or a text is longer than 65,535 bytes.
std::size_t write_open(const OpenMessage& open, MutableBytes out);

}  // namespace esp_peer::datachannel
