#include "stun/message.hpp"

#include "crypto/crc32.hpp"
#include "stun/xor_address.hpp"

namespace esp_peer::stun {
namespace {

// [rfc8489#5] The class bits stand between the bits of the method.
Class class_of(std::uint16_t type) { return static_cast<Class>((type >> 7 & 2) | (type >> 4 & 1)); }
std::uint16_t method_of(std::uint16_t type) {
  return static_cast<std::uint16_t>((type & 0x000F) | (type >> 1 & 0x0070) | (type >> 2 & 0x0F80));
}

constexpr std::size_t max_username = 508;  // bytes, fewer than 509 [rfc8489#14.3]

bool already_read(const Message& m, Attribute type) {
  switch (type) {
    case Attribute::username:
      return m.username.has_value();
    case Attribute::priority:
      return m.priority.has_value();
    case Attribute::ice_controlling:
      return m.controlling.has_value();
    case Attribute::ice_controlled:
      return m.controlled.has_value();
    case Attribute::xor_mapped_address:
      return m.mapped.has_value();
    case Attribute::error_code:
      return m.error_code.has_value();
    default:
      return false;
  }
}

// False when the value is malformed: the whole message is dropped.
bool read_value(Message& m, std::uint16_t type, Bytes value) {
  if (already_read(m, static_cast<Attribute>(type))) return true;
  Reader r(value);
  switch (static_cast<Attribute>(type)) {
    case Attribute::username:
      m.username = as_text(value);
      return value.size() <= max_username;
    case Attribute::priority:
      m.priority = r.u32();
      return r.ok() && r.remaining() == 0;
    case Attribute::use_candidate:
      m.use_candidate = true;
      return value.empty();
    case Attribute::ice_controlling:
      m.controlling = r.u64();
      return r.ok() && r.remaining() == 0;
    case Attribute::ice_controlled:
      m.controlled = r.u64();
      return r.ok() && r.remaining() == 0;
    case Attribute::xor_mapped_address:
      m.mapped = read_xor_address(value, m.id);
      return m.mapped.has_value();
    case Attribute::error_code: {
      r.skip(2);
      const unsigned hundreds = r.u8() & 7u, rest = r.u8();
      m.error_code = static_cast<std::uint16_t>(hundreds * 100 + rest);
      return r.ok() && hundreds >= 3 && hundreds <= 6 && rest < 100;
    }
    case Attribute::mapped_address:
    case Attribute::unknown_attributes:
      return true;  // known, and of no use here
    default:
      if (type < 0x8000) m.unknown_required.push_back(type);
      return true;
  }
}

bool fingerprint_matches(Bytes before, Bytes value) {
  Reader r(value);
  return value.size() == 4 && r.u32() == (crypto::crc32(before) ^ fingerprint_xor);
}

}  // namespace

std::optional<Message> parse(Bytes datagram) {
  Message m;
  Reader r(datagram);
  const std::uint16_t type = r.u16(), length = r.u16();
  const std::uint32_t cookie = r.u32();
  copy_bytes(r.bytes(m.id.size()), m.id);
  if (!r.ok() || (type & 0xC000) != 0 || cookie != magic_cookie) return std::nullopt;
  if (length % 4 != 0 || length != r.remaining()) return std::nullopt;
  m.kind = class_of(type);
  m.method = method_of(type);
  m.bytes_ = datagram;

  while (r.remaining() > 0) {
    const std::size_t at = datagram.size() - r.remaining();
    const std::uint16_t attribute = r.u16(), size = r.u16();
    const Bytes value = r.bytes(size);
    r.skip((4u - size % 4u) % 4u);
    if (!r.ok() || m.has_fingerprint) return std::nullopt;  // nothing may follow FINGERPRINT
    if (attribute == static_cast<std::uint16_t>(Attribute::fingerprint)) {
      if (!fingerprint_matches(datagram.first(at), value)) return std::nullopt;
      m.has_fingerprint = true;
    } else if (attribute == static_cast<std::uint16_t>(Attribute::message_integrity_sha256)) {
      if (size == 32 && !m.has_integrity_sha256()) m.integrity_sha256_at_ = at;
    } else if (m.has_integrity()) {
      continue;  // [rfc8489#14.5] what follows MESSAGE-INTEGRITY is not covered by it
    } else if (attribute == static_cast<std::uint16_t>(Attribute::message_integrity)) {
      if (size != 20) return std::nullopt;
      m.integrity_at_ = at;
    } else if (!read_value(m, attribute, value)) {
      return std::nullopt;
    }
  }
  return m;
}

bool Message::integrity_matches(crypto::Provider& crypto, Bytes key) const {
  if (!has_integrity()) return false;
  Signed what;
  signed_parts(what, integrity_at_, integrity_size);
  return equal_constant_time(crypto.hmac_sha1(key, what.parts),
                             bytes_.subspan(integrity_at_ + 4, 20));
}

bool Message::integrity_sha256_matches(crypto::Provider& crypto, Bytes key) const {
  if (!has_integrity_sha256()) return false;
  Signed what;
  signed_parts(what, integrity_sha256_at_, integrity_sha256_size);
  return equal_constant_time(crypto.hmac_sha256(key, what.parts),
                             bytes_.subspan(integrity_sha256_at_ + 4, 32));
}

AttributeReader Message::attributes() const {
  std::size_t end = bytes_.size();
  if (has_integrity()) end = std::min(end, integrity_at_);
  if (has_integrity_sha256()) end = std::min(end, integrity_sha256_at_);
  return AttributeReader(bytes_.subspan(header_size, end - header_size));
}

void Message::signed_parts(Signed& out, std::size_t at, std::size_t size) const {
  Writer(out.length).u16(static_cast<std::uint16_t>(at - header_size + size));
  out.parts = {bytes_.first(2), out.length, bytes_.subspan(4, at - 4)};
}

std::optional<AttributeReader::Entry> AttributeReader::next() {
  if (rest_.remaining() < 4) return std::nullopt;
  Entry entry;
  entry.type = rest_.u16();
  const std::uint16_t size = rest_.u16();
  entry.value = rest_.bytes(size);
  rest_.skip((4u - size % 4u) % 4u);
  return rest_.ok() ? std::optional(entry) : std::nullopt;
}

}  // namespace esp_peer::stun
