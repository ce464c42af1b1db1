// SRTP written down once more from RFC 3711 and RFC 7714 over OpenSSL's ciphers, for one direction:
// what every backend is compared with. Keeps no counters; whoever asks names them.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "crypto/srtp_profile.hpp"

namespace esp_peer::test {

using SrtpBytes = std::vector<std::byte>;

// AES in counter mode over zeros [rfc3711#4.1.1].
SrtpBytes aes_keystream(Bytes key, const std::array<std::byte, 16>& counter, std::size_t size);
// [rfc3711#4.3.3, rfc7714#11] With a derivation rate of zero.
SrtpBytes derive_srtp_key(Bytes master_key, Bytes master_salt, std::uint8_t label,
                          std::size_t size);
// The cipher text and its tag.
SrtpBytes aes_gcm(Bytes key, Bytes iv, Bytes associated, Bytes plaintext);

class SrtpReference {
 public:
  SrtpReference(crypto::SrtpProfile profile, Bytes master_key, Bytes master_salt);
  // With session keys as they are, as the vectors of RFC 7714 have them.
  static SrtpReference of_session_keys(crypto::SrtpProfile profile, Bytes key, Bytes salt);

  SrtpBytes seal_rtp(Bytes packet, std::uint32_t rollovers) const;
  SrtpBytes seal_rtcp(Bytes packet, std::uint32_t index, bool encrypted = true) const;

 private:
  struct Keys {
    SrtpBytes cipher, salt, authentication;
  };
  explicit SrtpReference(crypto::SrtpProfile profile) : profile_(profile) {}
  bool gcm() const { return profile_ != crypto::SrtpProfile::aes128_cm_sha1_80; }

  crypto::SrtpProfile profile_;
  Keys rtp_, rtcp_;
};

}  // namespace esp_peer::test
