#include "datachannel/dcep.hpp"

namespace esp_peer::datachannel {
namespace {

constexpr std::uint8_t open_type = 0x03;
constexpr unsigned unordered_bit = 0x80;

}  // namespace

std::optional<OpenMessage> parse_open(Bytes message) {
  Reader r(message);
  const std::uint8_t type = r.u8();
  const unsigned channel = r.u8(), reliability = channel & ~unordered_bit;
  OpenMessage open;
  open.priority = r.u16();
  open.limit = r.u32();
  const std::uint16_t label_size = r.u16(), protocol_size = r.u16();
  open.label = as_text(r.bytes(label_size));
  open.protocol = as_text(r.bytes(protocol_size));
  if (!r.ok() || r.remaining() != 0 || type != open_type) return std::nullopt;
  if (reliability > static_cast<unsigned>(Reliability::lifetime)) return std::nullopt;
  open.ordered = (channel & unordered_bit) == 0;
  open.reliability = static_cast<Reliability>(reliability);
  return open;
}

bool is_ack(Bytes message) { return !message.empty() && message[0] == ack_message; }

std::size_t write_open(const OpenMessage& open, MutableBytes out) {
  if (open.label.size() > max_name || open.protocol.size() > max_name) return 0;
  const auto reliability = static_cast<unsigned>(open.reliability);
  Writer w(out);
  w.u8(open_type);
  w.u8(static_cast<std::uint8_t>(reliability | (open.ordered ? 0 : unordered_bit)));
  w.u16(open.priority);
  // [rfc8832#5.1] 0 for a reliable channel.
  w.u32(open.reliability == Reliability::reliable ? 0 : open.limit);
  w.u16(static_cast<std::uint16_t>(open.label.size()));
  w.u16(static_cast<std::uint16_t>(open.protocol.size()));
  w.text(open.label);
  w.text(open.protocol);
  return w.ok() ? w.size() : 0;
}

}  // namespace esp_peer::datachannel
