/* The four pieces that programs for esp_peer begin with: a full configuration, the automatic
 * channel, channels of one's own, and the tuning of the default implementation. Also C++20. */
#include <stdio.h>
#include <string.h>

#include "esp_peer.h"
#include "esp_peer_default.h"

static esp_peer_handle_t peers[2];
static int opened[2], heard[2], ready[2];

static int index_of(void* ctx) { return ctx == &peers[1]; }

static int on_state(esp_peer_state_t state, void* ctx) {
  if (state == ESP_PEER_STATE_DATA_CHANNEL_CONNECTED) ready[index_of(ctx)] = 1;
  return 0;
}
static int on_msg(esp_peer_msg_t* msg, void* ctx) {
  return esp_peer_send_msg(peers[1 - index_of(ctx)], msg);
}
static int on_video_info(esp_peer_video_stream_info_t* info, void* ctx) {
  (void)info, (void)ctx;
  return 0;
}
static int on_audio_info(esp_peer_audio_stream_info_t* info, void* ctx) {
  (void)info, (void)ctx;
  return 0;
}
static int on_audio_data(esp_peer_audio_frame_t* frame, void* ctx) {
  (void)frame, (void)ctx;
  return 0;
}
static int on_video_data(esp_peer_video_frame_t* frame, void* ctx) {
  (void)frame, (void)ctx;
  return 0;
}
static int on_channel_open(esp_peer_data_channel_info_t* ch, void* ctx) {
  (void)ch;
  opened[index_of(ctx)]++;
  return 0;
}
static int on_channel_close(esp_peer_data_channel_info_t* ch, void* ctx) {
  (void)ch, (void)ctx;
  return 0;
}
static int on_data(esp_peer_data_frame_t* frame, void* ctx) {
  (void)frame;
  heard[index_of(ctx)]++;
  return 0;
}

/* [tuning] */
static esp_peer_default_cfg_t tuning(void) {
  esp_peer_default_cfg_t peer_cfg;
  memset(&peer_cfg, 0, sizeof(peer_cfg)); /* a zero is the default */
  peer_cfg.agent_recv_timeout = 10;       /* ms; how long esp_peer_main_loop() waits */
  peer_cfg.data_ch_cfg.cache_timeout = 5000;
  peer_cfg.data_ch_cfg.send_cache_size = 1536;
  peer_cfg.data_ch_cfg.recv_cache_size = 1536;
  peer_cfg.rtp_cfg.audio_recv_jitter.cache_size = 1024;
  peer_cfg.rtp_cfg.send_pool_size = 1024;
  peer_cfg.rtp_cfg.send_queue_num = 10;
  peer_cfg.max_candidates = 8;
  peer_cfg.alive_binding_retries = 5;
  return peer_cfg;
}
/* [end] */

/* [open with a full configuration] */
static int open_peer(int i, bool manual_ch_create) {
  char stun_url[] = "stun:127.0.0.1:9";
  esp_peer_ice_server_cfg_t servers[] = {{.stun_url = stun_url, .user = NULL, .psw = NULL}};
  esp_peer_default_cfg_t peer_cfg = tuning();
  esp_peer_cfg_t cfg = {
      .server_lists = servers,
      .server_num = 1,
      .role = i == 0 ? ESP_PEER_ROLE_CONTROLLING : ESP_PEER_ROLE_CONTROLLED,
      .ice_trans_policy = ESP_PEER_ICE_TRANS_POLICY_ALL,
      .audio_info = {.codec = ESP_PEER_AUDIO_CODEC_G711A, .sample_rate = 8000, .channel = 1},
      .video_info = {.codec = ESP_PEER_VIDEO_CODEC_NONE, .width = 0, .height = 0, .fps = 0},
      .audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV,
      .video_dir = ESP_PEER_MEDIA_DIR_NONE,
      .no_auto_reconnect = true,
      .enable_data_channel = true,
      .manual_ch_create = manual_ch_create,
      .extra_cfg = &peer_cfg,
      .extra_size = sizeof(peer_cfg),
      .ctx = &peers[i],
      .on_state = on_state,
      .on_msg = on_msg,
      .on_video_info = on_video_info,
      .on_audio_info = on_audio_info,
      .on_audio_data = on_audio_data,
      .on_video_data = on_video_data,
      .on_channel_open = on_channel_open,
      .on_data = on_data,
      .on_channel_close = on_channel_close,
  };
  int ret = esp_peer_open(&cfg, esp_peer_get_default_impl(), &peers[i]);
  return ret == ESP_PEER_ERR_NONE ? esp_peer_new_connection(peers[i]) : ret;
}
/* [end] */

/* [automatic channel] */
static int send_on_the_automatic_channel(int from) {
  char text[] = "no channel was created here";
  esp_peer_data_frame_t frame = {
      .type = ESP_PEER_DATA_CHANNEL_DATA, /* stream_id 0: the one that opened by itself */
      .stream_id = 0,
      .data = (uint8_t*)text,
      .size = (int)sizeof(text)};
  return esp_peer_send_data(peers[from], &frame);
}
/* [end] */

/* [manual channel] */
static int create_channel(int by) { /* from ESP_PEER_STATE_DATA_CHANNEL_CONNECTED on */
  char label[] = "mine";
  esp_peer_data_channel_cfg_t ch_cfg = {
      .type = ESP_PEER_DATA_CHANNEL_RELIABLE,
      .ordered = true,
      .label = label,
  };
  return esp_peer_create_data_channel(peers[by], &ch_cfg);
}
/* [end] */

static int run_until(const int* a, const int* b) {
  for (int turns = 0; turns < 10000 && !(*a && *b); turns++) {
    esp_peer_main_loop(peers[0]);
    esp_peer_main_loop(peers[1]);
  }
  return *a && *b;
}

static int converse(bool manual_ch_create) {
  memset(opened, 0, sizeof(opened));
  memset(heard, 0, sizeof(heard));
  memset(ready, 0, sizeof(ready));
  if (open_peer(1, manual_ch_create) != ESP_PEER_ERR_NONE) return 1;
  if (open_peer(0, manual_ch_create) != ESP_PEER_ERR_NONE) return 2;
  if (!run_until(&ready[0], &ready[1])) return 3;
  if (manual_ch_create && create_channel(0) != ESP_PEER_ERR_NONE) return 4;
  if (!run_until(&opened[0], &opened[1])) return 5;
  if (send_on_the_automatic_channel(0) != ESP_PEER_ERR_NONE) return 6;
  if (send_on_the_automatic_channel(1) != ESP_PEER_ERR_NONE) return 7;
  if (!run_until(&heard[0], &heard[1])) return 8;
  esp_peer_close(peers[0]);
  esp_peer_close(peers[1]);
  return 0;
}

int main(void) {
  int failed = converse(false);
  if (failed == 0) failed = 10 * converse(true);
  printf(failed ? "failed at %d\n" : "all four work\n", failed);
  return failed;
}
