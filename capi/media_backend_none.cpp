// This build carries no media.
#include "capi/audio.hpp"

namespace esp_peer::capi {

srtp::Backend* media_backend() { return nullptr; }

}  // namespace esp_peer::capi
