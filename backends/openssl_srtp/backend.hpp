// SRTP by a transform of our own over OpenSSL's ciphers.
#pragma once
#include "srtp/transform.hpp"

namespace esp_peer::openssl_srtp {

// One for the process; any thread may use it.
srtp::Backend& backend();

}  // namespace esp_peer::openssl_srtp
