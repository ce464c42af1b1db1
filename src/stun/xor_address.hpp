// XOR-MAPPED-ADDRESS and its relatives [rfc8489#14.2].
#pragma once
#include <optional>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "stun/message.hpp"

namespace esp_peer::stun {

std::optional<Address> read_xor_address(Bytes value, const TransactionId& id);
void write_xor_address(Writer& out, const Address& address, const TransactionId& id);

}  // namespace esp_peer::stun
