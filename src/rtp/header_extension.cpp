#include "rtp/header_extension.hpp"

namespace esp_peer::rtp {
namespace {

constexpr std::uint16_t one_byte_form = 0xBEDE;                          // [rfc8285#4.2]
constexpr std::uint16_t two_byte_form = 0x1000, two_byte_mask = 0xFFF0;  // [rfc8285#4.3]
constexpr unsigned padding = 0, reserved = 15;

}  // namespace

ExtensionReader::ExtensionReader(const Packet& packet) {
  if (!packet.extension_profile) return;
  two_bytes_ = (*packet.extension_profile & two_byte_mask) == two_byte_form;
  if (two_bytes_ || *packet.extension_profile == one_byte_form) rest_ = packet.extension;
}

std::optional<ExtensionElement> ExtensionReader::next() {
  Reader in(rest_);
  rest_ = {};  // unless an element is found
  while (in.remaining() != 0) {
    const unsigned first = in.u8();
    ExtensionElement element;
    if (two_bytes_) {
      // [rfc8285#4.1.2] A byte of padding has no length.
      if (first == padding) continue;
      element.id = static_cast<std::uint8_t>(first);
      element.data = in.bytes(in.u8());
    } else {
      element.id = static_cast<std::uint8_t>(first >> 4);
      // [rfc8285#4.2] What is behind this one is not looked at.
      if (element.id == reserved) return std::nullopt;
      if (first == padding) continue;
      element.data = in.bytes((first & 0x0F) + 1);
      // Nobody may use this number for an element; its length is as good as any other's.
      if (element.id == padding) continue;
    }
    if (!in.ok()) return std::nullopt;
    rest_ = in.rest();
    return element;
  }
  return std::nullopt;
}

Bytes find_extension(const Packet& packet, std::uint8_t id) {
  if (id == 0) return {};
  ExtensionReader elements(packet);
  while (const auto element = elements.next()) {
    if (element->id == id) return element->data;
  }
  return {};
}

}  // namespace esp_peer::rtp
