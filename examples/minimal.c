/* Two peers in one program: one offers, the other answers, and they say hello. */
#include <stdio.h>

#include "esp_peer_ext.h"

static esp_peer_handle_t peers[2];
static int greetings;

static int on_msg(esp_peer_msg_t* msg, void* ctx) { /* signalling: here, a function call */
  return esp_peer_send_msg(ctx == &peers[0] ? peers[1] : peers[0], msg);
}

static int on_channel_open(esp_peer_data_channel_info_t* ch, void* ctx) {
  char hello[] = "hello";
  esp_peer_data_frame_t frame = {.type = ESP_PEER_DATA_CHANNEL_STRING,
                                 .stream_id = ch->stream_id,
                                 .data = (uint8_t*)hello,
                                 .size = 5};
  return esp_peer_send_data(*(esp_peer_handle_t*)ctx, &frame);
}

static int on_data(esp_peer_data_frame_t* frame, void* ctx) {
  printf("peer %d heard: %s\n", ctx == &peers[1], (char*)frame->data);
  return ++greetings;
}

int main(void) {
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  ext.loopback_only = true;
  ext.base.agent_recv_timeout = 10;
  for (int i = 0; i < 2; i++) {
    esp_peer_cfg_t cfg = {.role = i == 0 ? ESP_PEER_ROLE_CONTROLLING : ESP_PEER_ROLE_CONTROLLED,
                          .enable_data_channel = true,
                          .extra_cfg = &ext,
                          .extra_size = sizeof(ext),
                          .ctx = &peers[i],
                          .on_msg = on_msg,
                          .on_channel_open = on_channel_open,
                          .on_data = on_data};
    if (esp_peer_open(&cfg, esp_peer_get_default_impl(), &peers[i]) != ESP_PEER_ERR_NONE) return 1;
    esp_peer_new_connection(peers[i]);
  }
  for (int i = 0; i < 1000 && greetings < 2; i++) {
    esp_peer_main_loop(peers[0]);
    esp_peer_main_loop(peers[1]);
  }
  esp_peer_close(peers[0]);
  esp_peer_close(peers[1]);
  return greetings == 2 ? 0 : 1;
}
