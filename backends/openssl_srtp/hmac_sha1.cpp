// exception: these calls are deprecated since OpenSSL 3.0, for EVP. That allocates twice for each
// message, also where a context is used again, and takes a third longer for a packet of audio.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "backends/openssl_srtp/hmac_sha1.hpp"

#include <openssl/sha.h>

#include <cstring>

namespace esp_peer::openssl_srtp {

HmacSha1::HmacSha1(Bytes key) {
  static_assert(sizeof(SHA_CTX) == state_size);
  if (key.size() > SHA_CBLOCK) return;
  ok_ = true;
  for (const std::byte pad : {std::byte{0x36}, std::byte{0x5C}}) {
    std::array<std::byte, SHA_CBLOCK> block{};
    copy_bytes(key, block);
    for (std::byte& b : block) b ^= pad;
    SHA_CTX state;
    ok_ = ok_ && SHA1_Init(&state) == 1 && SHA1_Update(&state, block.data(), block.size()) == 1;
    std::memcpy(&states_[pad == std::byte{0x5C}], &state, sizeof(state));
    wipe(block);
    wipe(std::as_writable_bytes(std::span(&state, 1)));
  }
}

bool HmacSha1::digest(std::initializer_list<Bytes> parts, Digest& out) const {
  auto* const raw = reinterpret_cast<unsigned char*>(out.data());
  SHA_CTX state;
  std::memcpy(&state, &states_[0], sizeof(state));
  for (const Bytes part : parts) {
    if (SHA1_Update(&state, part.data(), part.size()) != 1) return false;
  }
  if (SHA1_Final(raw, &state) != 1) return false;
  std::memcpy(&state, &states_[1], sizeof(state));
  return SHA1_Update(&state, raw, out.size()) == 1 && SHA1_Final(raw, &state) == 1;
}

}  // namespace esp_peer::openssl_srtp
