#include "backends/openssl/backend.hpp"

#include "backends/common/library_backend.hpp"
#include "backends/openssl/endpoint.hpp"

namespace esp_peer::openssl {

dtls::Backend& backend() {
  using Backend = dtls::LibraryBackend<Endpoint, Identity>;
  static Backend* const instance = new Backend;  // outlives every endpoint
  return *instance;
}

}  // namespace esp_peer::openssl
