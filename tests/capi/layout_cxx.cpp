// The same table as C++, and the designated initialisers that users write: C++ wants the members in
// their order.
#include "tests/capi/layout.c"

[[maybe_unused]] static const esp_peer_default_cfg_t users_tuning = {
    .agent_recv_timeout = 500,
    .data_ch_cfg = {.cache_timeout = 5000, .send_cache_size = 1536, .recv_cache_size = 1536},
    .rtp_cfg = {.audio_recv_jitter = {.cache_timeout = 100,
                                      .resend_delay = 20,
                                      .pli_send_interval = 0,
                                      .cache_size = 1024},
                .video_recv_jitter = {.cache_timeout = 100,
                                      .resend_delay = 20,
                                      .pli_send_interval = 0,
                                      .cache_size = 1024},
                .send_pool_size = 1024,
                .send_queue_num = 10,
                .max_resend_count = 3},
    .keep_role = true,
    .ipv6_support = true,
    .tcp_support = false,
    .max_candidates = 16,
    .max_tcp_connections = 4,
    .alive_binding_retries = 5,
    .ice_use_lite_mode = false,
    .insecure_skip_turn_cert_verify = false,
};

[[maybe_unused]] static const esp_peer_cfg_t users_configuration = {
    .server_lists = nullptr,
    .server_num = 0,
    .role = ESP_PEER_ROLE_CONTROLLING,
    .ice_trans_policy = ESP_PEER_ICE_TRANS_POLICY_ALL,
    .audio_info = {.codec = ESP_PEER_AUDIO_CODEC_OPUS, .sample_rate = 48000, .channel = 2},
    .video_info = {.codec = ESP_PEER_VIDEO_CODEC_H264, .width = 640, .height = 480, .fps = 15},
    .audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV,
    .video_dir = ESP_PEER_MEDIA_DIR_SEND_ONLY,
    .no_auto_reconnect = true,
    .enable_data_channel = true,
    .manual_ch_create = false,
    .extra_cfg = nullptr,
    .extra_size = 0,
    .ctx = nullptr,
    .on_state = nullptr,
    .on_msg = nullptr,
    .on_video_info = nullptr,
    .on_audio_info = nullptr,
    .on_audio_data = nullptr,
    .on_video_data = nullptr,
    .on_channel_open = nullptr,
    .on_data = nullptr,
    .on_channel_close = nullptr,
};

[[maybe_unused]] static const esp_peer_data_channel_cfg_t users_channel = {
    .type = ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_RETX,
    .ordered = true,
    .label = nullptr,
    .max_retransmit_count = 0,
};

[[maybe_unused]] static const esp_peer_data_channel_cfg_t users_other_channel = {
    .type = ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_TIMEOUT,
    .ordered = false,
    .label = nullptr,
    .max_packet_lifetime = 150,
};
