// What a C program can pass and a C++ program may not: numbers that an enum has not.
#pragma once
#include <stddef.h>

#include "esp_peer.h"
#include "esp_peer_default.h"

#ifdef __cplusplus
extern "C" {
#endif

int open_with_role(esp_peer_cfg_t cfg, int role, esp_peer_handle_t* peer);
int update_ice_info_with_role(esp_peer_handle_t peer, int role);
int set_rtp_transformer_with_role(esp_peer_handle_t peer, int role);
int set_cipher_pref(int pref);
int send_msg_of_type(esp_peer_handle_t peer, int type, char* text, int size);

#ifdef __cplusplus
}
#endif
