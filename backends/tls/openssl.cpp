#include "backends/openssl/backend.hpp"
#include "backends/openssl/provider.hpp"
#include "backends/tls/tls.hpp"

namespace esp_peer::tls {

dtls::Backend& dtls_backend() { return openssl::backend(); }
crypto::Provider& crypto_provider() { return openssl::provider(); }
Random& random() {
  static openssl::SystemRandom* const instance = new openssl::SystemRandom;  // outlives every peer
  return *instance;
}

}  // namespace esp_peer::tls
