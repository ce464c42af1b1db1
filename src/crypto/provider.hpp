// What the core needs of a crypto library, and no more. Ciphers and handshakes are behind dtls/.
#pragma once
#include <array>
#include <span>

#include "base/bytes.hpp"

namespace esp_peer::crypto {

using Sha1Digest = std::array<std::byte, 20>;
using Sha256Digest = std::array<std::byte, 32>;
using Md5Digest = std::array<std::byte, 16>;

// One for the whole process, used from any thread: implementations keep no state between calls.
// Inputs in several parts are hashed as if joined.
class Provider {
 public:
  virtual Sha256Digest sha256(Bytes message) = 0;
  virtual Sha1Digest hmac_sha1(Bytes key, std::span<const Bytes> parts) = 0;
  virtual Sha256Digest hmac_sha256(Bytes key, std::span<const Bytes> parts) = 0;
  // For the long-term credential of TURN alone [rfc8489#18.5.1.1].
  virtual Md5Digest md5(Bytes message) = 0;

 protected:
  ~Provider() = default;
};

}  // namespace esp_peer::crypto
