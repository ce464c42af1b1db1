// Media is sealed by libsrtp.
#include "backends/libsrtp/backend.hpp"
#include "capi/audio.hpp"

namespace esp_peer::capi {

srtp::Backend* media_backend() { return &libsrtp::backend(); }

}  // namespace esp_peer::capi
