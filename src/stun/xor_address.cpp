#include "stun/xor_address.hpp"

namespace esp_peer::stun {
namespace {

constexpr std::uint8_t family_v4 = 1, family_v6 = 2;

// The cookie, and for IPv6 the transaction id behind it.
std::array<std::uint8_t, 16> mask_of(const TransactionId& id) {
  std::array<std::uint8_t, 16> mask{0x21, 0x12, 0xA4, 0x42};
  for (std::size_t i = 0; i < id.size(); ++i) mask[4 + i] = std::to_integer<std::uint8_t>(id[i]);
  return mask;
}

}  // namespace

std::optional<Address> read_xor_address(Bytes value, const TransactionId& id) {
  Reader r(value);
  r.skip(1);
  const std::uint8_t family = r.u8();
  Address address = Address::v4(0, 0, 0, 0, 0);
  address.port = static_cast<std::uint16_t>(r.u16() ^ magic_cookie >> 16);
  const auto mask = mask_of(id);
  const std::size_t size = family == family_v4 ? 4 : 16, at = 16 - size;
  if (family != family_v4 && family != family_v6) return std::nullopt;
  for (std::size_t i = 0; i < size; ++i) {
    address.ip[at + i] = static_cast<std::uint8_t>(r.u8() ^ mask[i]);
  }
  if (!r.ok() || r.remaining() != 0) return std::nullopt;
  return address;
}

void write_xor_address(Writer& out, const Address& address, const TransactionId& id) {
  const auto mask = mask_of(id);
  const std::size_t size = address.is_v4() ? 4 : 16, at = 16 - size;
  out.u8(0);
  out.u8(address.is_v4() ? family_v4 : family_v6);
  out.u16(static_cast<std::uint16_t>(address.port ^ magic_cookie >> 16));
  for (std::size_t i = 0; i < size; ++i) {
    out.u8(static_cast<std::uint8_t>(address.ip[at + i] ^ mask[i]));
  }
}

}  // namespace esp_peer::stun
