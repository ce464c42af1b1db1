// Media is sealed by a transform of our own over OpenSSL's ciphers.
#include "backends/openssl_srtp/backend.hpp"
#include "capi/audio.hpp"

namespace esp_peer::capi {

srtp::Backend* media_backend() { return &openssl_srtp::backend(); }

}  // namespace esp_peer::capi
