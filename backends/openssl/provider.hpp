// Hashes and randomness from OpenSSL.
#pragma once
#include "base/env.hpp"
#include "crypto/provider.hpp"

namespace esp_peer::openssl {

// Any thread may use it.
crypto::Provider& provider();

// The process's cryptographic generator, for what is seen and for what is secret.
class SystemRandom final : public Random {
 public:
  void fill_public(MutableBytes out) override;
  void fill_secret(MutableBytes out) override;
};

}  // namespace esp_peer::openssl
