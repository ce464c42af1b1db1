#include "turn/message.hpp"

#include "stun/xor_address.hpp"
#include "turn/channel_data.hpp"

namespace esp_peer::turn {
namespace {

// ALTERNATE-SERVER is not masked [rfc8489#14.1, #14.15].
std::optional<Address> read_plain_address(Bytes value) {
  Reader r(value);
  r.skip(1);
  const std::uint8_t family = r.u8();
  const std::uint16_t port = r.u16();
  Address address = Address::v4(0, 0, 0, 0, port);
  if (family != 1 && family != 2) return std::nullopt;
  const std::size_t size = family == 1 ? 4 : 16;
  for (std::size_t i = 16 - size; i < 16; ++i) address.ip[i] = r.u8();
  if (!r.ok() || r.remaining() != 0) return std::nullopt;
  return address;
}

// The first address of each family counts.
bool keep_address(const std::optional<Address>& read, std::optional<Address>& v4,
                  std::optional<Address>& v6) {
  if (!read) return false;
  std::optional<Address>& place = read->is_v4() ? v4 : v6;
  if (!place) place = read;
  return true;
}

bool keep_text(Bytes value, std::optional<std::string_view>& place) {
  if (!place) place = as_text(value);
  return value.size() <= max_quoted_text;
}

bool is_known_to_stun(std::uint16_t type) {
  switch (static_cast<stun::Attribute>(type)) {
    case stun::Attribute::mapped_address:
    case stun::Attribute::username:
    case stun::Attribute::error_code:
    case stun::Attribute::unknown_attributes:
    case stun::Attribute::xor_mapped_address:
      return true;
    default:
      return false;
  }
}

// False when the value is malformed.
bool read_value(Message& m, std::uint16_t type, Bytes value) {
  Reader r(value);
  switch (static_cast<Attribute>(type)) {
    case Attribute::lifetime:
      if (!m.lifetime) m.lifetime = r.u32();
      return value.size() == 4;
    case Attribute::xor_relayed_address:
      return keep_address(stun::read_xor_address(value, m.stun.id), m.relayed_v4, m.relayed_v6);
    case Attribute::xor_peer_address:
      if (!m.peer) m.peer = stun::read_xor_address(value, m.stun.id);
      return m.peer.has_value();
    case Attribute::data:
      if (!m.data) m.data = value;
      return true;
    case Attribute::icmp:  // of what a peer could not be sent: ICE notices
      return true;
    case Attribute::realm:
      return keep_text(value, m.realm);
    case Attribute::nonce:
      return keep_text(value, m.nonce);
    case Attribute::password_algorithms:
      if (!m.password_algorithms) m.password_algorithms = value;
      return true;
    case Attribute::alternate_server:
      return keep_address(read_plain_address(value), m.alternate_v4, m.alternate_v6);
    case Attribute::channel_number:
    case Attribute::requested_address_family:
    case Attribute::requested_transport:
    case Attribute::password_algorithm:
    case Attribute::userhash:
    case Attribute::additional_address_family:
    case Attribute::address_error_code:
      return true;  // known, and of no use in what comes to us
  }
  if (type < 0x8000 && !is_known_to_stun(type)) m.knows_all_required = false;
  return true;
}

}  // namespace

std::optional<Message> parse(Bytes message) {
  const auto stun = stun::parse(message);
  if (!stun) return std::nullopt;
  Message m;
  m.stun = *stun;
  auto attributes = stun->attributes();
  while (const auto attribute = attributes.next()) {
    if (!read_value(m, attribute->type, attribute->value)) return std::nullopt;
  }
  return m;
}

bool is_turn(Bytes message) {
  if (is_channel_data(message)) return true;
  Reader r(message);
  const std::uint16_t type = r.u16();
  // All of our methods, and Binding, stand in the lowest four bits [rfc8489#5].
  return message.size() >= stun::header_size && (type & 0xFEE0) == 0 &&
         (type & 0x000F) != stun::binding;
}

void write_family(stun::Builder& out, Attribute type, Family family) {
  write_u32(out, type, static_cast<std::uint32_t>(family) << 24);
}

void write_u32(stun::Builder& out, Attribute type, std::uint32_t value) {
  std::array<std::byte, 4> bytes{};
  Writer(bytes).u32(value);
  out.attribute(static_cast<std::uint16_t>(type), bytes);
}

}  // namespace esp_peer::turn
