// The C headers against the table of esp_peer 1.5.4: every value, size and offset, on machines of
// 32 and of 64 bits. To compile is to pass; layout_cxx_test.cpp compiles it as C++ too.
#include <stddef.h>
#include <stdint.h>

#include "esp_peer.h"
#include "esp_peer_default.h"
#include "esp_peer_ext.h"
#include "esp_peer_types.h"

#ifdef __cplusplus
#define CHECK(condition, text) static_assert(condition, text)
#else
#define CHECK(condition, text) _Static_assert(condition, text)
#endif

#if UINTPTR_MAX == 0xFFFFFFFFu
#define PICK(ilp32, lp64) (ilp32)
#else
#define PICK(ilp32, lp64) (lp64)
#endif

#define VALUE(name, number) CHECK((int)(name) == (number), #name " is " #number)
#define SIZE(type, ilp32, lp64) CHECK(sizeof(type) == PICK(ilp32, lp64), "sizeof " #type)
#define AT(type, field, ilp32, lp64) \
  CHECK(offsetof(type, field) == PICK(ilp32, lp64), "offset of " #type "." #field)
// C has no other way to ask for the type of a member without an object.
#define FIELD(type, field, bytes) \
  CHECK(sizeof(((type*)0)->field) == (bytes), "size of " #type "." #field)

// Values.
VALUE(ESP_PEER_ERR_NONE, 0);
VALUE(ESP_PEER_ERR_INVALID_ARG, -1);
VALUE(ESP_PEER_ERR_NO_MEM, -2);
VALUE(ESP_PEER_ERR_WRONG_STATE, -3);
VALUE(ESP_PEER_ERR_NOT_SUPPORT, -4);
VALUE(ESP_PEER_ERR_NOT_EXISTS, -5);
VALUE(ESP_PEER_ERR_FAIL, -6);
VALUE(ESP_PEER_ERR_OVER_LIMITED, -7);
VALUE(ESP_PEER_ERR_BAD_DATA, -8);
VALUE(ESP_PEER_ERR_WOULD_BLOCK, -9);

VALUE(ESP_PEER_STATE_CLOSED, 0);
VALUE(ESP_PEER_STATE_DISCONNECTED, 1);
VALUE(ESP_PEER_STATE_NEW_CONNECTION, 2);
VALUE(ESP_PEER_STATE_CANDIDATE_GATHERING, 3);
VALUE(ESP_PEER_STATE_PAIRING, 4);
VALUE(ESP_PEER_STATE_PAIRED, 5);
VALUE(ESP_PEER_STATE_CONNECTING, 6);
VALUE(ESP_PEER_STATE_CONNECTED, 7);
VALUE(ESP_PEER_STATE_CONNECT_FAILED, 8);
VALUE(ESP_PEER_STATE_DATA_CHANNEL_CONNECTED, 9);
VALUE(ESP_PEER_STATE_DATA_CHANNEL_OPENED, 10);
VALUE(ESP_PEER_STATE_DATA_CHANNEL_CLOSED, 11);
VALUE(ESP_PEER_STATE_DATA_CHANNEL_DISCONNECTED, 12);
VALUE(ESP_PEER_STATE_REMOTE_AUDIO_TRACK_ADDED, 13);
VALUE(ESP_PEER_STATE_REMOTE_AUDIO_TRACK_REMOVED, 14);
VALUE(ESP_PEER_STATE_REMOTE_VIDEO_TRACK_ADDED, 15);
VALUE(ESP_PEER_STATE_REMOTE_VIDEO_TRACK_REMOVED, 16);
VALUE(ESP_PEER_STATE_VIDEO_PLI_RECEIVED, 17);

VALUE(ESP_PEER_VIDEO_CODEC_NONE, 0);
VALUE(ESP_PEER_VIDEO_CODEC_H264, 1);
VALUE(ESP_PEER_VIDEO_CODEC_MJPEG, 2);
VALUE(ESP_PEER_AUDIO_CODEC_NONE, 0);
VALUE(ESP_PEER_AUDIO_CODEC_G711A, 1);
VALUE(ESP_PEER_AUDIO_CODEC_G711U, 2);
VALUE(ESP_PEER_AUDIO_CODEC_OPUS, 3);
VALUE(ESP_PEER_DATA_CHANNEL_NONE, 0);
VALUE(ESP_PEER_DATA_CHANNEL_DATA, 1);
VALUE(ESP_PEER_DATA_CHANNEL_STRING, 2);
VALUE(ESP_PEER_MEDIA_DIR_NONE, 0);
VALUE(ESP_PEER_MEDIA_DIR_SEND_ONLY, 1);
VALUE(ESP_PEER_MEDIA_DIR_RECV_ONLY, 2);
VALUE(ESP_PEER_MEDIA_DIR_SEND_RECV, 3);
VALUE(ESP_PEER_ICE_TRANS_POLICY_ALL, 0);
VALUE(ESP_PEER_ICE_TRANS_POLICY_RELAY, 1);
VALUE(ESP_PEER_MSG_TYPE_NONE, 0);
VALUE(ESP_PEER_MSG_TYPE_SDP, 1);
VALUE(ESP_PEER_MSG_TYPE_CANDIDATE, 2);
VALUE(ESP_PEER_DATA_CHANNEL_RELIABLE, 0);
VALUE(ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_TIMEOUT, 1);
VALUE(ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_RETX, 2);
VALUE(ESP_PEER_RTP_TRANSFORM_ROLE_SENDER, 0);
VALUE(ESP_PEER_RTP_TRANSFORM_ROLE_RECEIVER, 1);
VALUE(ESP_PEER_ROLE_CONTROLLING, 0);
VALUE(ESP_PEER_ROLE_CONTROLLED, 1);
VALUE(ESP_PEER_DTLS_CIPHER_AUTO, 0);
VALUE(ESP_PEER_DTLS_CIPHER_AES_GCM, 1);
VALUE(ESP_PEER_DTLS_CIPHER_CHACHA, 2);

// Every enum is four bytes wide, the handle is a pointer.
SIZE(esp_peer_err_t, 4, 4);
SIZE(esp_peer_state_t, 4, 4);
SIZE(esp_peer_video_codec_t, 4, 4);
SIZE(esp_peer_audio_codec_t, 4, 4);
SIZE(esp_peer_data_channel_type_t, 4, 4);
SIZE(esp_peer_media_dir_t, 4, 4);
SIZE(esp_peer_ice_trans_policy_t, 4, 4);
SIZE(esp_peer_msg_type_t, 4, 4);
SIZE(esp_peer_data_channel_reliable_type_t, 4, 4);
SIZE(esp_peer_rtp_transform_role_t, 4, 4);
SIZE(esp_peer_role_t, 4, 4);
SIZE(esp_peer_dtls_cipher_pref_t, 4, 4);
SIZE(esp_peer_handle_t, 4, 8);

// Structs of esp_peer_types.h.
SIZE(esp_peer_ice_server_cfg_t, 12, 24);
AT(esp_peer_ice_server_cfg_t, stun_url, 0, 0);
AT(esp_peer_ice_server_cfg_t, user, 4, 8);
AT(esp_peer_ice_server_cfg_t, psw, 8, 16);

SIZE(esp_peer_addr_t, 20, 20);
AT(esp_peer_addr_t, family, 0, 0);
FIELD(esp_peer_addr_t, family, 1);
AT(esp_peer_addr_t, port, 2, 2);
FIELD(esp_peer_addr_t, port, 2);
AT(esp_peer_addr_t, ipv4, 4, 4);
FIELD(esp_peer_addr_t, ipv4, 4);
AT(esp_peer_addr_t, ipv6, 4, 4);
FIELD(esp_peer_addr_t, ipv6, 16);

SIZE(esp_peer_rtp_frame_t, 20, 32);
AT(esp_peer_rtp_frame_t, orig_data, 0, 0);
AT(esp_peer_rtp_frame_t, orig_size, 4, 8);
AT(esp_peer_rtp_frame_t, encoded_data, 8, 16);
AT(esp_peer_rtp_frame_t, encoded_size, 12, 24);
AT(esp_peer_rtp_frame_t, payload_type, 16, 28);
FIELD(esp_peer_rtp_frame_t, payload_type, 1);

SIZE(esp_peer_rtp_transform_cb_t, 8, 16);
AT(esp_peer_rtp_transform_cb_t, get_encoded_size, 0, 0);
AT(esp_peer_rtp_transform_cb_t, transform, 4, 8);

// Structs of esp_peer.h.
SIZE(esp_peer_video_stream_info_t, 16, 16);
AT(esp_peer_video_stream_info_t, codec, 0, 0);
AT(esp_peer_video_stream_info_t, width, 4, 4);
AT(esp_peer_video_stream_info_t, height, 8, 8);
AT(esp_peer_video_stream_info_t, fps, 12, 12);

SIZE(esp_peer_audio_stream_info_t, 12, 12);
AT(esp_peer_audio_stream_info_t, codec, 0, 0);
AT(esp_peer_audio_stream_info_t, sample_rate, 4, 4);
AT(esp_peer_audio_stream_info_t, channel, 8, 8);
FIELD(esp_peer_audio_stream_info_t, channel, 1);

SIZE(esp_peer_video_frame_t, 12, 24);
AT(esp_peer_video_frame_t, pts, 0, 0);
AT(esp_peer_video_frame_t, data, 4, 8);
AT(esp_peer_video_frame_t, size, 8, 16);
SIZE(esp_peer_audio_frame_t, 12, 24);
AT(esp_peer_audio_frame_t, pts, 0, 0);
AT(esp_peer_audio_frame_t, data, 4, 8);
AT(esp_peer_audio_frame_t, size, 8, 16);

SIZE(esp_peer_data_frame_t, 16, 24);
AT(esp_peer_data_frame_t, type, 0, 0);
AT(esp_peer_data_frame_t, stream_id, 4, 4);
FIELD(esp_peer_data_frame_t, stream_id, 2);
AT(esp_peer_data_frame_t, data, 8, 8);
AT(esp_peer_data_frame_t, size, 12, 16);

SIZE(esp_peer_msg_t, 12, 24);
AT(esp_peer_msg_t, type, 0, 0);
AT(esp_peer_msg_t, data, 4, 8);
AT(esp_peer_msg_t, size, 8, 16);

SIZE(esp_peer_data_channel_cfg_t, 16, 24);
AT(esp_peer_data_channel_cfg_t, type, 0, 0);
AT(esp_peer_data_channel_cfg_t, ordered, 4, 4);
AT(esp_peer_data_channel_cfg_t, label, 8, 8);
AT(esp_peer_data_channel_cfg_t, max_retransmit_count, 12, 16);
FIELD(esp_peer_data_channel_cfg_t, max_retransmit_count, 2);
AT(esp_peer_data_channel_cfg_t, max_packet_lifetime, 12, 16);
FIELD(esp_peer_data_channel_cfg_t, max_packet_lifetime, 2);

SIZE(esp_peer_data_channel_info_t, 8, 16);
AT(esp_peer_data_channel_info_t, label, 0, 0);
AT(esp_peer_data_channel_info_t, stream_id, 4, 8);
FIELD(esp_peer_data_channel_info_t, stream_id, 2);

SIZE(esp_peer_cfg_t, 104, 160);
AT(esp_peer_cfg_t, server_lists, 0, 0);
AT(esp_peer_cfg_t, server_num, 4, 8);
FIELD(esp_peer_cfg_t, server_num, 1);
AT(esp_peer_cfg_t, role, 8, 12);
AT(esp_peer_cfg_t, ice_trans_policy, 12, 16);
AT(esp_peer_cfg_t, audio_info, 16, 20);
AT(esp_peer_cfg_t, video_info, 28, 32);
AT(esp_peer_cfg_t, audio_dir, 44, 48);
AT(esp_peer_cfg_t, video_dir, 48, 52);
AT(esp_peer_cfg_t, no_auto_reconnect, 52, 56);
AT(esp_peer_cfg_t, enable_data_channel, 53, 57);
AT(esp_peer_cfg_t, manual_ch_create, 54, 58);
AT(esp_peer_cfg_t, extra_cfg, 56, 64);
AT(esp_peer_cfg_t, extra_size, 60, 72);
AT(esp_peer_cfg_t, ctx, 64, 80);
AT(esp_peer_cfg_t, on_state, 68, 88);
AT(esp_peer_cfg_t, on_msg, 72, 96);
AT(esp_peer_cfg_t, on_video_info, 76, 104);
AT(esp_peer_cfg_t, on_audio_info, 80, 112);
AT(esp_peer_cfg_t, on_audio_data, 84, 120);
AT(esp_peer_cfg_t, on_video_data, 88, 128);
AT(esp_peer_cfg_t, on_channel_open, 92, 136);
AT(esp_peer_cfg_t, on_data, 96, 144);
AT(esp_peer_cfg_t, on_channel_close, 100, 152);

SIZE(esp_peer_ops_t, 56, 112);
AT(esp_peer_ops_t, open, 0, 0);
AT(esp_peer_ops_t, new_connection, 4, 8);
AT(esp_peer_ops_t, update_ice_info, 8, 16);
AT(esp_peer_ops_t, send_msg, 12, 24);
AT(esp_peer_ops_t, send_video, 16, 32);
AT(esp_peer_ops_t, send_audio, 20, 40);
AT(esp_peer_ops_t, send_data, 24, 48);
AT(esp_peer_ops_t, create_data_channel, 28, 56);
AT(esp_peer_ops_t, close_data_channel, 32, 64);
AT(esp_peer_ops_t, main_loop, 36, 72);
AT(esp_peer_ops_t, disconnect, 40, 80);
AT(esp_peer_ops_t, query, 44, 88);
AT(esp_peer_ops_t, close, 48, 96);
AT(esp_peer_ops_t, set_rtp_transformer, 52, 104);

// Structs of esp_peer_default.h.
SIZE(esp_peer_default_data_ch_cfg_t, 12, 12);
AT(esp_peer_default_data_ch_cfg_t, cache_timeout, 0, 0);
FIELD(esp_peer_default_data_ch_cfg_t, cache_timeout, 2);
AT(esp_peer_default_data_ch_cfg_t, send_cache_size, 4, 4);
AT(esp_peer_default_data_ch_cfg_t, recv_cache_size, 8, 8);

SIZE(esp_peer_default_jitter_cfg_t, 12, 12);
AT(esp_peer_default_jitter_cfg_t, cache_timeout, 0, 0);
AT(esp_peer_default_jitter_cfg_t, resend_delay, 2, 2);
AT(esp_peer_default_jitter_cfg_t, pli_send_interval, 4, 4);
FIELD(esp_peer_default_jitter_cfg_t, pli_send_interval, 2);
AT(esp_peer_default_jitter_cfg_t, cache_size, 8, 8);

SIZE(esp_peer_default_rtp_cfg_t, 36, 36);
AT(esp_peer_default_rtp_cfg_t, audio_recv_jitter, 0, 0);
AT(esp_peer_default_rtp_cfg_t, video_recv_jitter, 12, 12);
AT(esp_peer_default_rtp_cfg_t, send_pool_size, 24, 24);
AT(esp_peer_default_rtp_cfg_t, send_queue_num, 28, 28);
AT(esp_peer_default_rtp_cfg_t, max_resend_count, 32, 32);
FIELD(esp_peer_default_rtp_cfg_t, max_resend_count, 2);

SIZE(esp_peer_default_cfg_t, 60, 60);
AT(esp_peer_default_cfg_t, agent_recv_timeout, 0, 0);
FIELD(esp_peer_default_cfg_t, agent_recv_timeout, 2);
AT(esp_peer_default_cfg_t, data_ch_cfg, 4, 4);
AT(esp_peer_default_cfg_t, rtp_cfg, 16, 16);
AT(esp_peer_default_cfg_t, keep_role, 52, 52);
AT(esp_peer_default_cfg_t, ipv6_support, 53, 53);
AT(esp_peer_default_cfg_t, tcp_support, 54, 54);
AT(esp_peer_default_cfg_t, max_candidates, 55, 55);
FIELD(esp_peer_default_cfg_t, max_candidates, 1);
AT(esp_peer_default_cfg_t, max_tcp_connections, 56, 56);
AT(esp_peer_default_cfg_t, alive_binding_retries, 57, 57);
AT(esp_peer_default_cfg_t, ice_use_lite_mode, 58, 58);
AT(esp_peer_default_cfg_t, insecure_skip_turn_cert_verify, 59, 59);

// Our extension begins with the default configuration, and its head never moves.
AT(esp_peer_ext_cfg_t, base, 0, 0);
AT(esp_peer_ext_cfg_t, magic, 60, 60);
AT(esp_peer_ext_cfg_t, size, 64, 64);
AT(esp_peer_ext_cfg_t, interface_filter, 68, 72);
AT(esp_peer_ext_cfg_t, loopback_only, 72, 80);
AT(esp_peer_ext_cfg_t, loop_wait_set, 73, 81);
AT(esp_peer_ext_cfg_t, loop_wait_ms, 74, 82);
AT(esp_peer_ext_cfg_t, connect_timeout_ms, 76, 84);
AT(esp_peer_ext_cfg_t, background_thread, 80, 88);
AT(esp_peer_ext_cfg_t, trickle_out, 81, 89);
AT(esp_peer_ext_cfg_t, on_writable, 84, 96);

// A message for signalling may be cast to one of the original's signalling library: same fields.
FIELD(esp_peer_msg_t, type, 4);
FIELD(esp_peer_msg_t, size, 4);

// Every function with its signature, in a table that the linker has to fill.
typedef struct {
  int (*open)(esp_peer_cfg_t*, const esp_peer_ops_t*, esp_peer_handle_t*);
  int (*new_connection)(esp_peer_handle_t);
  int (*create_data_channel)(esp_peer_handle_t, esp_peer_data_channel_cfg_t*);
  int (*close_data_channel)(esp_peer_handle_t, const char*);
  int (*update_ice_info)(esp_peer_handle_t, esp_peer_role_t, esp_peer_ice_server_cfg_t*, int);
  int (*set_rtp_transformer)(esp_peer_handle_t, esp_peer_rtp_transform_role_t,
                             esp_peer_rtp_transform_cb_t*, void*);
  int (*send_msg)(esp_peer_handle_t, esp_peer_msg_t*);
  int (*send_video)(esp_peer_handle_t, esp_peer_video_frame_t*);
  int (*send_audio)(esp_peer_handle_t, esp_peer_audio_frame_t*);
  int (*send_data)(esp_peer_handle_t, esp_peer_data_frame_t*);
  int (*main_loop)(esp_peer_handle_t);
  int (*disconnect)(esp_peer_handle_t);
  int (*query)(esp_peer_handle_t);
  int (*get_paired_addr)(esp_peer_handle_t, esp_peer_addr_t*);
  int (*close)(esp_peer_handle_t);
  int (*pre_generate_cert)(void);
  const esp_peer_ops_t* (*get_default_impl)(void);
  int (*set_dtls_cipher_pref)(esp_peer_dtls_cipher_pref_t);
} all_functions_t;

extern const all_functions_t esp_peer_all_functions;
const all_functions_t esp_peer_all_functions = {
    esp_peer_open,
    esp_peer_new_connection,
    esp_peer_create_data_channel,
    esp_peer_close_data_channel,
    esp_peer_update_ice_info,
    esp_peer_set_rtp_transformer,
    esp_peer_send_msg,
    esp_peer_send_video,
    esp_peer_send_audio,
    esp_peer_send_data,
    esp_peer_main_loop,
    esp_peer_disconnect,
    esp_peer_query,
    esp_peer_get_paired_addr,
    esp_peer_close,
    esp_peer_pre_generate_cert,
    esp_peer_get_default_impl,
    esp_peer_set_dtls_cipher_pref,
};

extern const esp_peer_ext_cfg_t esp_peer_test_extension;
const esp_peer_ext_cfg_t esp_peer_test_extension = ESP_PEER_EXT_CFG_DEFAULT;
