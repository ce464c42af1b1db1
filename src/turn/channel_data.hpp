// ChannelData: four bytes in front of what goes to a peer or comes from it [rfc8656#12.4].
#pragma once
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace esp_peer::turn {

using ChannelNumber = std::uint16_t;
inline constexpr ChannelNumber first_channel = 0x4000, last_channel = 0x4FFF;  // [rfc8656#12]
inline constexpr std::size_t channel_data_header = 4;

struct ChannelData {
  ChannelNumber channel = 0;
  MutableBytes payload;
};

// [rfc7983#7]
inline bool is_channel_data(Bytes message) {
  return !message.empty() && (std::to_integer<unsigned>(message[0]) & 0xF0) == 0x40;
}

// Nothing where the claimed length is not there. What stands behind it is padding [rfc8656#12.5].
inline std::optional<ChannelData> parse_channel_data(MutableBytes message) {
  Reader r(message);
  const ChannelNumber channel = r.u16();
  const std::size_t length = r.u16();
  if (!r.ok() || !is_channel_data(message) || r.remaining() < length) return std::nullopt;
  return ChannelData{channel, message.subspan(channel_data_header, length)};
}

}  // namespace esp_peer::turn
