// A STUN message, read once into meaning [rfc8489#5, #14].
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/containers.hpp"
#include "crypto/provider.hpp"

namespace esp_peer::stun {

enum class Class : std::uint8_t { request, indication, success, error };
inline constexpr std::uint16_t binding = 0x001;  // the one method that ICE speaks

using TransactionId = std::array<std::byte, 12>;

inline constexpr std::uint32_t magic_cookie = 0x2112A442;
inline constexpr std::size_t header_size = 20;
inline constexpr std::size_t integrity_size = 4 + 20;         // MESSAGE-INTEGRITY with its header
inline constexpr std::size_t integrity_sha256_size = 4 + 32;  // [rfc8489#14.6] never cut short
inline constexpr std::size_t fingerprint_size = 4 + 4;        // FINGERPRINT with its header
inline constexpr std::uint32_t fingerprint_xor = 0x5354554E;  // "STUN" [rfc8489#14.7]

enum class Attribute : std::uint16_t {
  mapped_address = 0x0001,
  username = 0x0006,
  message_integrity = 0x0008,
  error_code = 0x0009,
  unknown_attributes = 0x000A,
  message_integrity_sha256 = 0x001C,
  xor_mapped_address = 0x0020,
  priority = 0x0024,
  use_candidate = 0x0025,
  software = 0x8022,
  fingerprint = 0x8028,
  ice_controlled = 0x8029,
  ice_controlling = 0x802A,
};

// Goes through attributes that have been found whole.
class AttributeReader {
 public:
  struct Entry {
    std::uint16_t type = 0;
    Bytes value;
  };
  explicit AttributeReader(Bytes attributes) : rest_(attributes) {}
  std::optional<Entry> next();

 private:
  Reader rest_;
};

struct Message {
  Class kind = Class::request;
  std::uint16_t method = 0;
  TransactionId id{};
  std::optional<std::string_view> username;
  std::optional<std::uint32_t> priority;
  std::optional<std::uint64_t> controlling, controlled;  // tie-breakers
  bool use_candidate = false;
  bool has_fingerprint = false;
  std::optional<Address> mapped;  // XOR-MAPPED-ADDRESS
  std::optional<std::uint16_t> error_code;
  // Comprehension-required ones that we do not know; further ones are not listed.
  FixedVector<std::uint16_t, 8> unknown_required;

  bool has_integrity() const { return integrity_at_ != 0; }
  // MESSAGE-INTEGRITY is there and right for this key [rfc8489#14.5].
  bool integrity_matches(crypto::Provider& crypto, Bytes key) const;
  // The same of MESSAGE-INTEGRITY-SHA256 [rfc8489#14.6].
  bool has_integrity_sha256() const { return integrity_sha256_at_ != 0; }
  bool integrity_sha256_matches(crypto::Provider& crypto, Bytes key) const;
  // All attributes in front of the first of the two, for usages that know more of them.
  AttributeReader attributes() const;

 private:
  friend std::optional<Message> parse(Bytes);
  // What is signed: up to the integrity attribute, with the length as if it were the last.
  struct Signed {
    std::array<std::byte, 2> length;
    std::array<Bytes, 3> parts;
  };
  void signed_parts(Signed& out, std::size_t at, std::size_t size) const;

  Bytes bytes_;
  std::size_t integrity_at_ = 0, integrity_sha256_at_ = 0;
};

// The first of two attributes of one type counts [rfc8489#14].
// Nothing unless header and every attribute hold together and FINGERPRINT, if there is one, is last
// and right. Views point into `datagram`.
std::optional<Message> parse(Bytes datagram);

}  // namespace esp_peer::stun
