// What TURN says in STUN messages: methods, attributes, and a response read once into meaning
// [rfc8656#17, #18].
#pragma once
#include <cstdint>
#include <optional>

#include "stun/builder.hpp"
#include "stun/message.hpp"

namespace esp_peer::turn {

namespace method {
inline constexpr std::uint16_t allocate = 0x003, refresh = 0x004, send = 0x006, data = 0x007,
                               create_permission = 0x008, channel_bind = 0x009;
}

enum class Attribute : std::uint16_t {
  channel_number = 0x000C,
  lifetime = 0x000D,
  xor_peer_address = 0x0012,
  data = 0x0013,
  realm = 0x0014,
  nonce = 0x0015,
  xor_relayed_address = 0x0016,
  requested_address_family = 0x0017,
  requested_transport = 0x0019,
  password_algorithm = 0x001D,
  userhash = 0x001E,
  additional_address_family = 0x8000,
  address_error_code = 0x8001,
  password_algorithms = 0x8002,
  icmp = 0x8004,
  alternate_server = 0x8023,
};

enum class Family : std::uint8_t { v4 = 1, v6 = 2 };  // as on the wire [rfc8489#14.1]
inline Family family_of(const Address& address) {
  return address.is_v4() ? Family::v4 : Family::v6;
}

namespace error {
inline constexpr std::uint16_t try_alternate = 300, bad_request = 400, unauthenticated = 401,
                               forbidden = 403, allocation_mismatch = 437, stale_nonce = 438,
                               family_not_supported = 440, peer_family_mismatch = 443,
                               insufficient_capacity = 508;
}

// Realm and nonce may be as long as this [rfc8489#14.9, #14.10].
inline constexpr std::size_t max_quoted_text = 763;

struct Message {
  stun::Message stun;
  std::optional<std::uint32_t> lifetime;  // seconds
  std::optional<Address> relayed_v4, relayed_v6;
  std::optional<Address> peer;
  std::optional<Bytes> data;
  std::optional<std::string_view> realm, nonce;
  std::optional<Bytes> password_algorithms;
  std::optional<Address> alternate_v4, alternate_v6;
  bool knows_all_required = true;  // [rfc8489#6.3] else a response has failed
};

// Nothing for what is no STUN message, and where an attribute does not hold what it should.
// Attributes behind an integrity attribute are not read. Views point into `message`.
std::optional<Message> parse(Bytes message);

// It is for a TURN client, and not a Binding message on the same socket.
bool is_turn(Bytes message);

void write_family(stun::Builder& out, Attribute type, Family family);
void write_u32(stun::Builder& out, Attribute type, std::uint32_t value);

}  // namespace esp_peer::turn
