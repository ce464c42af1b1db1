/* Opens a peer, lets it say its offer, and closes it: 0 when there was one. */
#include <stdio.h>
#include <string.h>

#include "esp_peer_ext.h"

static int on_msg(esp_peer_msg_t* msg, void* ctx) {
  *(int*)ctx =
      msg->type == ESP_PEER_MSG_TYPE_SDP && strstr((const char*)msg->data, "m=application") != NULL;
  return 0;
}

int main(void) {
  int offered = 0;
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  ext.loopback_only = true;
  esp_peer_cfg_t cfg = {.role = ESP_PEER_ROLE_CONTROLLING,
                        .enable_data_channel = true,
                        .extra_cfg = &ext,
                        .extra_size = sizeof(ext),
                        .ctx = &offered,
                        .on_msg = on_msg};
  esp_peer_handle_t peer = NULL;
  if (esp_peer_open(&cfg, esp_peer_get_default_impl(), &peer) != ESP_PEER_ERR_NONE) return 1;
  if (esp_peer_new_connection(peer) != ESP_PEER_ERR_NONE) return 2;
  for (int i = 0; i < 50 && !offered; i++) esp_peer_main_loop(peer);
  if (esp_peer_close(peer) != ESP_PEER_ERR_NONE) return 3;
  puts(offered ? "an offer was made" : "no offer came");
  return offered ? 0 : 4;
}
