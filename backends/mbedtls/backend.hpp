// DTLS by Mbed TLS 2.28.
#pragma once
#include "dtls/endpoint.hpp"

namespace esp_peer::mbedtls {

// One for the process; any thread may use it.
dtls::Backend& backend();

}  // namespace esp_peer::mbedtls
