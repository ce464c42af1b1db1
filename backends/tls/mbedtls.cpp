#include "backends/mbedtls/backend.hpp"
#include "backends/mbedtls/provider.hpp"
#include "backends/tls/tls.hpp"

namespace esp_peer::tls {

dtls::Backend& dtls_backend() { return mbedtls::backend(); }
crypto::Provider& crypto_provider() { return mbedtls::provider(); }
Random& random() {
  static mbedtls::SystemRandom* const instance = new mbedtls::SystemRandom;  // outlives every peer
  return *instance;
}

}  // namespace esp_peer::tls
