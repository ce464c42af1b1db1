// The SRTP protection profiles that DTLS may agree on, by their numbers on the wire, and how long
// their keys are [rfc5764#4.1.2, rfc7714#14.2]. NULL ciphers and 32-bit tags are not among them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace esp_peer::crypto {

enum class SrtpProfile : std::uint16_t {
  aes128_cm_sha1_80 = 0x0001,
  aead_aes_128_gcm = 0x0007,
  aead_aes_256_gcm = 0x0008,
};

constexpr std::size_t key_size(SrtpProfile profile) {
  return profile == SrtpProfile::aead_aes_256_gcm ? 32 : 16;
}
constexpr std::size_t salt_size(SrtpProfile profile) {
  return profile == SrtpProfile::aes128_cm_sha1_80 ? 14 : 12;
}

}  // namespace esp_peer::crypto
