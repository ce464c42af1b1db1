/* Of a build without data channels, audio and video: all that there is not says so. */
#include <stdio.h>

#include "esp_peer_ext.h"

static int nothing(esp_peer_rtp_frame_t* frame, void* ctx) {
  (void)frame, (void)ctx;
  return 0;
}
static int none_of_it(esp_peer_rtp_frame_t* frame, bool* in_place, void* ctx) {
  (void)frame, (void)in_place, (void)ctx;
  return ESP_PEER_ERR_NOT_SUPPORT;
}

int main(void) {
  esp_peer_cfg_t cfg = {.enable_data_channel = true,
                        .audio_info = {.codec = ESP_PEER_AUDIO_CODEC_OPUS},
                        .audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV,
                        .video_info = {.codec = ESP_PEER_VIDEO_CODEC_H264},
                        .video_dir = ESP_PEER_MEDIA_DIR_SEND_RECV};
  esp_peer_handle_t peer = NULL;
  if (esp_peer_open(&cfg, esp_peer_get_default_impl(), &peer) != ESP_PEER_ERR_NONE) return 1;
  uint8_t byte = 0;
  esp_peer_data_frame_t data = {ESP_PEER_DATA_CHANNEL_DATA, 0, &byte, 1};
  esp_peer_audio_frame_t sound = {0, &byte, 1};
  esp_peer_video_frame_t picture = {0, &byte, 1};
  esp_peer_data_channel_cfg_t channel = {.label = "channel"};
  esp_peer_ext_channel_cfg_t negotiated = {.base = channel, .negotiated = true, .stream_id = 1};
  esp_peer_rtp_transform_cb_t transformer = {none_of_it, nothing};
  const int answers[] = {
      esp_peer_new_connection(peer),
      esp_peer_send_data(peer, &data),
      esp_peer_create_data_channel(peer, &channel),
      esp_peer_ext_create_channel(peer, &negotiated, NULL),
      esp_peer_close_data_channel(peer, "channel"),
      esp_peer_send_audio(peer, &sound),
      esp_peer_send_video(peer, &picture),
      esp_peer_set_rtp_transformer(peer, ESP_PEER_RTP_TRANSFORM_ROLE_SENDER, &transformer, NULL),
  };
  int wrong = 0;
  for (unsigned i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
    if (answers[i] == ESP_PEER_ERR_NOT_SUPPORT) continue;
    fprintf(stderr, "call %u answered %d\n", i, answers[i]);
    wrong = 2;
  }
  if (esp_peer_close(peer) != ESP_PEER_ERR_NONE) return 3;
  return wrong;
}
