// SRTP by libsrtp 2.
#pragma once
#include "srtp/transform.hpp"

namespace esp_peer::libsrtp {

// One for the process; any thread may use it.
srtp::Backend& backend();

}  // namespace esp_peer::libsrtp
