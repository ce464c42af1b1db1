// Writes a STUN message into lent room.
#pragma once
#include <string_view>

#include "stun/message.hpp"

namespace esp_peer::stun {

class Builder {
 public:
  Builder(MutableBytes room, Class kind, std::uint16_t method, const TransactionId& id);

  void username(std::string_view value);
  void username(std::string_view to, std::string_view from);  // "to:from" [rfc8445#7.2.2]
  void priority(std::uint32_t value);
  void controlling(std::uint64_t tie_breaker);
  void controlled(std::uint64_t tie_breaker);
  void use_candidate();
  void xor_mapped_address(const Address& address);
  void error(std::uint16_t code, std::string_view reason);
  void unknown_attributes(std::span<const std::uint16_t> types);
  void xor_address(std::uint16_t type, const Address& address);
  void attribute(std::uint16_t type, Bytes value);
  void integrity(crypto::Provider& crypto, Bytes key);
  void integrity_sha256(crypto::Provider& crypto, Bytes key);
  // Ends the message. The size, or 0 when the room was too small.
  std::size_t finish();

 private:
  void begin(Attribute type, std::size_t size);
  void set_length(std::size_t of_body);

  TransactionId id_;
  Writer out_;
};

}  // namespace esp_peer::stun
