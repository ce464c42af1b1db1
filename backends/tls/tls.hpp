// The TLS library that the C API of this build stands on: openssl.cpp or mbedtls.cpp beside this
// file is linked, as ESP_PEER_TLS says.
#pragma once
#include "base/env.hpp"
#include "crypto/provider.hpp"
#include "dtls/endpoint.hpp"

namespace esp_peer::tls {

// One each for the process; any thread may use them.
dtls::Backend& dtls_backend();
crypto::Provider& crypto_provider();
Random& random();

}  // namespace esp_peer::tls
