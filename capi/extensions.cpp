// The functions of esp_peer_ext.h.
#include "capi/config.hpp"
#include "capi/default_impl.hpp"
#include "capi/wrapper.hpp"

using namespace esp_peer::capi;

int esp_peer_ext_create_channel(esp_peer_handle_t peer, const esp_peer_ext_channel_cfg_t* ch_cfg,
                                uint16_t* stream_id) {
  return on_default_peer(peer, default_create_channel, ch_cfg, stream_id);
}

int esp_peer_ext_buffered_amount(esp_peer_handle_t peer, uint32_t* bytes) {
  return on_default_peer(peer, default_buffered_amount, bytes);
}

int esp_peer_ext_set_low_threshold(esp_peer_handle_t peer, uint32_t bytes) {
  return on_default_peer(peer, default_set_low_threshold, bytes);
}

int esp_peer_ext_get_stats(esp_peer_handle_t peer, esp_peer_ext_stats_t* stats) {
  return on_default_peer(peer, default_stats, stats);
}

int esp_peer_ext_get_failure(esp_peer_handle_t peer, esp_peer_ext_failure_t* failure) {
  return on_default_peer(peer, default_failure, failure);
}

int esp_peer_ext_get_frame_time(esp_peer_handle_t peer, uint64_t* ntp) {
  return on_default_peer(peer, default_frame_time, ntp);
}

int esp_peer_ext_restart_ice(esp_peer_handle_t peer) {
  return on_default_peer(peer, default_restart_ice);
}

const char* esp_peer_ext_failure_text(esp_peer_ext_failure_t failure) {
  switch (raw(failure)) {
    case ESP_PEER_EXT_FAILURE_NONE:
      return "the application wanted it";
    case ESP_PEER_EXT_FAILURE_NO_ADDRESS:
      return "there is no address to be reached at";
    case ESP_PEER_EXT_FAILURE_NO_PAIR:
      return "no path to the peer works";
    case ESP_PEER_EXT_FAILURE_HANDSHAKE_TIMEOUT:
      return "the DTLS handshake took too long";
    case ESP_PEER_EXT_FAILURE_HANDSHAKE_REFUSED:
      return "the DTLS handshake was refused";
    case ESP_PEER_EXT_FAILURE_WRONG_FINGERPRINT:
      return "the certificate is not the one of the description";
    case ESP_PEER_EXT_FAILURE_CONSENT_LOST:
      return "the peer answers no more";
    case ESP_PEER_EXT_FAILURE_CLOSED_BY_PEER:
      return "the peer closed the connection";
    case ESP_PEER_EXT_FAILURE_ASSOCIATION_LOST:
      return "the SCTP association ended";
    case ESP_PEER_EXT_FAILURE_REPLACED:
      return "the peer began a new connection";
    case ESP_PEER_EXT_FAILURE_NO_MEMORY:
      return "there was no memory";
    case ESP_PEER_EXT_FAILURE_RELAY_REFUSED:
      return "the TURN server refused our user name or password, or had no room";
  }
  return "of something unknown";
}
