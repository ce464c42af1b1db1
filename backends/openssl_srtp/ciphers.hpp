// AES and HMAC-SHA1 from OpenSSL, as SRTP wants them.
#pragma once
#include "srtp/cipher.hpp"

namespace esp_peer::openssl_srtp {

// One for the process; any thread may use it.
srtp::CipherLibrary& ciphers();

}  // namespace esp_peer::openssl_srtp
