#include "stun/builder.hpp"

#include "crypto/crc32.hpp"
#include "stun/xor_address.hpp"

namespace esp_peer::stun {
namespace {

std::uint16_t type_of(Class kind, std::uint16_t method) {
  const auto c = static_cast<unsigned>(kind);
  const unsigned m = method;
  return static_cast<std::uint16_t>((m & 0x000F) | (c & 1) << 4 | (m & 0x0070) << 1 | (c & 2) << 7 |
                                    (m & 0x0F80) << 2);
}

}  // namespace

Builder::Builder(MutableBytes room, Class kind, std::uint16_t method, const TransactionId& id)
    : id_(id), out_(room) {
  out_.u16(type_of(kind, method));
  out_.u16(0);
  out_.u32(magic_cookie);
  out_.bytes(id);
}

void Builder::username(std::string_view value) {
  attribute(static_cast<std::uint16_t>(Attribute::username), as_bytes(value));
}

void Builder::username(std::string_view to, std::string_view from) {
  begin(Attribute::username, to.size() + 1 + from.size());
  out_.text(to);
  out_.u8(':');
  out_.text(from);
  out_.pad_to_multiple_of(4);
}

void Builder::priority(std::uint32_t value) {
  begin(Attribute::priority, 4);
  out_.u32(value);
}

void Builder::controlling(std::uint64_t tie_breaker) {
  begin(Attribute::ice_controlling, 8);
  out_.u64(tie_breaker);
}

void Builder::controlled(std::uint64_t tie_breaker) {
  begin(Attribute::ice_controlled, 8);
  out_.u64(tie_breaker);
}

void Builder::use_candidate() { begin(Attribute::use_candidate, 0); }

void Builder::xor_mapped_address(const Address& address) {
  xor_address(static_cast<std::uint16_t>(Attribute::xor_mapped_address), address);
}

void Builder::xor_address(std::uint16_t type, const Address& address) {
  begin(static_cast<Attribute>(type), address.is_v4() ? 8 : 20);
  write_xor_address(out_, address, id_);
}

void Builder::attribute(std::uint16_t type, Bytes value) {
  begin(static_cast<Attribute>(type), value.size());
  out_.bytes(value);
  out_.pad_to_multiple_of(4);
}

void Builder::error(std::uint16_t code, std::string_view reason) {
  begin(Attribute::error_code, 4 + reason.size());
  out_.u16(0);
  out_.u8(static_cast<std::uint8_t>(code / 100));
  out_.u8(static_cast<std::uint8_t>(code % 100));
  out_.text(reason);
  out_.pad_to_multiple_of(4);
}

void Builder::unknown_attributes(std::span<const std::uint16_t> types) {
  begin(Attribute::unknown_attributes, types.size() * 2);
  for (const std::uint16_t type : types) out_.u16(type);
  out_.pad_to_multiple_of(4);
}

void Builder::integrity(crypto::Provider& crypto, Bytes key) {
  set_length(out_.size() - header_size + integrity_size);
  const Bytes parts[] = {out_.written()};
  const auto digest = crypto.hmac_sha1(key, parts);
  begin(Attribute::message_integrity, digest.size());
  out_.bytes(digest);
}

void Builder::integrity_sha256(crypto::Provider& crypto, Bytes key) {
  set_length(out_.size() - header_size + integrity_sha256_size);
  const Bytes parts[] = {out_.written()};
  const auto digest = crypto.hmac_sha256(key, parts);
  begin(Attribute::message_integrity_sha256, digest.size());
  out_.bytes(digest);
}

std::size_t Builder::finish() {
  set_length(out_.size() - header_size + fingerprint_size);
  const std::uint32_t crc = crypto::crc32(out_.written()) ^ fingerprint_xor;
  begin(Attribute::fingerprint, 4);
  out_.u32(crc);
  return out_.ok() ? out_.size() : 0;
}

void Builder::begin(Attribute type, std::size_t size) {
  out_.u16(static_cast<std::uint16_t>(type));
  out_.u16(static_cast<std::uint16_t>(size));
}

void Builder::set_length(std::size_t of_body) {
  out_.patch_u16(2, static_cast<std::uint16_t>(of_body));
}

}  // namespace esp_peer::stun
