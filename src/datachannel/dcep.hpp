// The Data Channel Establishment Protocol on the wire [rfc8832#5].
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "sctp/types.hpp"

namespace esp_peer::datachannel {

using sctp::Reliability;  // as in the low bits of the channel type

struct OpenMessage {
  bool ordered = true;
  Reliability reliability = Reliability::reliable;
  std::uint16_t priority = 256;
  std::uint32_t limit = 0;  // retransmissions or milliseconds; without meaning if reliable
  // Any bytes: that they are UTF-8 is the application's affair.
  std::string_view label{}, protocol{};
};

inline constexpr std::size_t open_header_size = 12;
inline constexpr std::size_t max_name = 0xFFFF;  // of label and of protocol
inline constexpr std::byte ack_message{0x02};

// Nothing for other types, unknown channel types, and lengths that are not those of the message.
std::optional<OpenMessage> parse_open(Bytes message);
// Of one byte by the book; Pion sends four.
bool is_ack(Bytes message);
// The size written; 0 when `out` is too small or a text is longer than max_name.
std::size_t write_open(const OpenMessage& open, MutableBytes out);

}  // namespace esp_peer::datachannel
