// DTLS by OpenSSL.
#pragma once
#include "dtls/endpoint.hpp"

namespace esp_peer::openssl {

// One for the process; any thread may use it.
dtls::Backend& backend();

}  // namespace esp_peer::openssl
