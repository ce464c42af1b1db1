// What all associations of the process share: an SSL_CTX for each order of ciphers.
#pragma once
#include <openssl/ssl.h>

#include "dtls/endpoint.hpp"

namespace esp_peer::openssl {

// nullptr when the library fails. `verify` is called with each peer certificate and the SSL of its
// association; what it says decides.
using Verify = bool (*)(SSL* ssl, X509* certificate);
SSL_CTX* context(dtls::CipherPreference ciphers, Verify verify);

}  // namespace esp_peer::openssl
