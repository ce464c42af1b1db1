#include "tests/capi/out_of_range.h"

int open_with_role(esp_peer_cfg_t cfg, int role, esp_peer_handle_t* peer) {
  cfg.role = (esp_peer_role_t)role;
  return esp_peer_open(&cfg, esp_peer_get_default_impl(), peer);
}

int update_ice_info_with_role(esp_peer_handle_t peer, int role) {
  return esp_peer_update_ice_info(peer, (esp_peer_role_t)role, NULL, 0);
}

int set_rtp_transformer_with_role(esp_peer_handle_t peer, int role) {
  return esp_peer_set_rtp_transformer(peer, (esp_peer_rtp_transform_role_t)role, NULL, NULL);
}

int set_cipher_pref(int pref) {
  return esp_peer_set_dtls_cipher_pref((esp_peer_dtls_cipher_pref_t)pref);
}

int send_msg_of_type(esp_peer_handle_t peer, int type, char* text, int size) {
  esp_peer_msg_t message = {
      .type = (esp_peer_msg_type_t)type, .data = (uint8_t*)text, .size = size};
  return esp_peer_send_msg(peer, &message);
}
