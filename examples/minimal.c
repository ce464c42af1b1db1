/* Two peers in one program: one offers, the other answers, and they say hello. */
#include <stdio.h>

#include "esp_peer_default.h"

static esp_peer_handle_t peers[2];
static int greetings;

static int on_msg(esp_peer_msg_t* msg, void* ctx) { /* signalling: here, a function call */
  return esp_peer_send_msg(ctx == &peers[0] ? peers[1] : peers[0], msg);
}

static int on_channel_open(esp_peer_data_channel_info_t* ch, void* ctx) {
  char text[] = "hello";
  esp_peer_data_frame_t hello = {ESP_PEER_DATA_CHANNEL_STRING, ch->stream_id, (uint8_t*)text, 5};
  return esp_peer_send_data(*(esp_peer_handle_t*)ctx, &hello);
}

static int on_data(esp_peer_data_frame_t* frame, void* ctx) {
  printf("peer %d heard: %s\n", ctx == &peers[1], (char*)frame->data);
  return ++greetings;
}

int main(void) {
  for (int i = 0; i < 2; i++) {
    esp_peer_cfg_t cfg = {.role = i == 0 ? ESP_PEER_ROLE_CONTROLLING : ESP_PEER_ROLE_CONTROLLED,
                          .enable_data_channel = true,
                          .ctx = &peers[i],
                          .on_msg = on_msg,
                          .on_channel_open = on_channel_open,
                          .on_data = on_data};
    if (esp_peer_open(&cfg, esp_peer_get_default_impl(), &peers[i]) != ESP_PEER_ERR_NONE) return 1;
    esp_peer_new_connection(peers[i]);
  }
  while (greetings < 2) {
    esp_peer_main_loop(peers[0]);
    esp_peer_main_loop(peers[1]);
  }
  esp_peer_close(peers[0]);
  esp_peer_close(peers[1]);
  return 0;
}
