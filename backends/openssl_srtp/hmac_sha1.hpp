// HMAC-SHA1 under one key, for many messages [rfc2104].
#pragma once
#include <array>
#include <initializer_list>

#include "base/bytes.hpp"

namespace esp_peer::openssl_srtp {

class HmacSha1 {
 public:
  using Digest = std::array<std::byte, 20>;

  explicit HmacSha1(Bytes key);  // 64 bytes at most
  ~HmacSha1() { wipe(std::as_writable_bytes(std::span(states_))); }

  bool ok() const { return ok_; }
  // False = the library failed.
  bool digest(std::initializer_list<Bytes> parts, Digest& out) const;

 private:
  static constexpr std::size_t state_size = 96;  // of a SHA_CTX
  struct alignas(8) State {
    std::byte bytes[state_size];
  };
  std::array<State, 2> states_{};  // behind the key: of the inner and of the outer hash
  bool ok_ = false;
};

}  // namespace esp_peer::openssl_srtp
