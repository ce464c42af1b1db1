// What the wrapper asks of the default implementation beside its operations.
#pragma once
#include "capi/api.hpp"

namespace esp_peer::capi {

// `inner` is the implementation's own handle, not the one of esp_peer_open().
int default_paired_addr(esp_peer_handle_t inner, esp_peer_addr_t* addr);
int default_failure(esp_peer_handle_t inner, esp_peer_ext_failure_t* failure);

}  // namespace esp_peer::capi
