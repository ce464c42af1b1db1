// What the wrapper asks of the default implementation beside its operations.
#pragma once
#include <cstdint>

#include "capi/api.hpp"

namespace esp_peer::capi {

// This thread is in a callback that comes in the middle of a peer's work.
bool in_rtp_transformer();

// `inner` is the implementation's own handle, not the one of esp_peer_open().
int default_paired_addr(esp_peer_handle_t inner, esp_peer_addr_t* addr);
int default_create_channel(esp_peer_handle_t inner, const esp_peer_ext_channel_cfg_t* config,
                           std::uint16_t* stream);
int default_buffered_amount(esp_peer_handle_t inner, std::uint32_t* bytes);
int default_set_low_threshold(esp_peer_handle_t inner, std::uint32_t bytes);
int default_stats(esp_peer_handle_t inner, esp_peer_ext_stats_t* stats);
int default_failure(esp_peer_handle_t inner, esp_peer_ext_failure_t* failure);
int default_frame_time(esp_peer_handle_t inner, std::uint64_t* ntp);
int default_restart_ice(esp_peer_handle_t inner);

}  // namespace esp_peer::capi
