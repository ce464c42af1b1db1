// The two CRCs of the house: STUN's FINGERPRINT and SCTP's packet checksum.
#pragma once
#include <cstdint>

#include "base/bytes.hpp"

namespace esp_peer::crypto {

// CRC-32 of ISO-HDLC, as in Ethernet and zip [rfc8489#14.7].
std::uint32_t crc32(Bytes bytes);

// CRC-32C, Castagnoli's polynomial [rfc9260#A]. `bytes` may come in pieces.
class Crc32c {
 public:
  void add(Bytes bytes);
  std::uint32_t value() const { return ~state_; }

 private:
  std::uint32_t state_ = 0xFFFFFFFFu;
};
std::uint32_t crc32c(Bytes bytes);

}  // namespace esp_peer::crypto
