// Hashes and randomness from Mbed TLS.
#pragma once
#include "base/env.hpp"
#include "crypto/provider.hpp"

namespace esp_peer::mbedtls {

// Any thread may use it; it allocates nothing.
crypto::Provider& provider();

// The process's cryptographic generator, for what is seen and for what is secret.
class SystemRandom final : public Random {
 public:
  void fill_public(MutableBytes out) override;
  void fill_secret(MutableBytes out) override;
};

// The same for the library's own calls; 0 = done.
int draw(void*, unsigned char* out, std::size_t size);

}  // namespace esp_peer::mbedtls
