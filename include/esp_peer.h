/**
 * esp_peer: a WebRTC PeerConnection.
 *
 * Open a peer, start a connection, carry what on_msg says to the other side and what comes from
 * there to esp_peer_send_msg(), and call esp_peer_main_loop() again and again. Signalling is yours.
 *
 * Threads: functions may be called from any thread, also from callbacks, on any peer.
 * esp_peer_main_loop() of one peer runs in one thread at a time. Callbacks run in the thread that
 * calls esp_peer_main_loop(), except for the states that esp_peer_new_connection(),
 * esp_peer_disconnect() and esp_peer_close() report: those come from the thread that calls these.
 * No lock is held while a callback runs. What a callback returns is not looked at.
 */
#pragma once

#include "esp_peer_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How far a connection has come. */
typedef enum {
  ESP_PEER_STATE_CLOSED = 0,                 /**< The handle is closed. */
  ESP_PEER_STATE_DISCONNECTED = 1,           /**< The connection is over. */
  ESP_PEER_STATE_NEW_CONNECTION = 2,         /**< An attempt begins. */
  ESP_PEER_STATE_CANDIDATE_GATHERING = 3,    /**< Finding out our addresses. */
  ESP_PEER_STATE_PAIRING = 4,                /**< The other description is known; ICE checks run. */
  ESP_PEER_STATE_PAIRED = 5,                 /**< A pair of addresses works. */
  ESP_PEER_STATE_CONNECTING = 6,             /**< The DTLS handshake runs. */
  ESP_PEER_STATE_CONNECTED = 7,              /**< Encrypted, and the peer is who it said. */
  ESP_PEER_STATE_CONNECT_FAILED = 8,         /**< No connection could be made. */
  ESP_PEER_STATE_DATA_CHANNEL_CONNECTED = 9, /**< Channels may be created. */
  ESP_PEER_STATE_DATA_CHANNEL_OPENED = 10,   /**< A channel is open; after on_channel_open. */
  ESP_PEER_STATE_DATA_CHANNEL_CLOSED = 11,   /**< A channel is closed; after on_channel_close. */
  ESP_PEER_STATE_DATA_CHANNEL_DISCONNECTED = 12, /**< No more channels. */
  ESP_PEER_STATE_REMOTE_AUDIO_TRACK_ADDED = 13,
  ESP_PEER_STATE_REMOTE_AUDIO_TRACK_REMOVED = 14,
  ESP_PEER_STATE_REMOTE_VIDEO_TRACK_ADDED = 15,
  ESP_PEER_STATE_REMOTE_VIDEO_TRACK_REMOVED = 16,
  ESP_PEER_STATE_VIDEO_PLI_RECEIVED = 17, /**< The peer asks for a keyframe. */
} esp_peer_state_t;

typedef enum {
  ESP_PEER_VIDEO_CODEC_NONE = 0,
  ESP_PEER_VIDEO_CODEC_H264 = 1,
  ESP_PEER_VIDEO_CODEC_MJPEG = 2,
} esp_peer_video_codec_t;

typedef enum {
  ESP_PEER_AUDIO_CODEC_NONE = 0,
  ESP_PEER_AUDIO_CODEC_G711A = 1,
  ESP_PEER_AUDIO_CODEC_G711U = 2,
  ESP_PEER_AUDIO_CODEC_OPUS = 3,
} esp_peer_audio_codec_t;

/** What a data message is. */
typedef enum {
  ESP_PEER_DATA_CHANNEL_NONE = 0,
  ESP_PEER_DATA_CHANNEL_DATA = 1,   /**< Bytes. */
  ESP_PEER_DATA_CHANNEL_STRING = 2, /**< UTF-8. */
} esp_peer_data_channel_type_t;

/** Directions of media; a bit mask. */
typedef enum {
  ESP_PEER_MEDIA_DIR_NONE = 0,
  ESP_PEER_MEDIA_DIR_SEND_ONLY = 1,
  ESP_PEER_MEDIA_DIR_RECV_ONLY = 2,
  ESP_PEER_MEDIA_DIR_SEND_RECV = 3,
} esp_peer_media_dir_t;

typedef enum {
  ESP_PEER_ICE_TRANS_POLICY_ALL = 0,   /**< Any path. */
  ESP_PEER_ICE_TRANS_POLICY_RELAY = 1, /**< Through a TURN server only. */
} esp_peer_ice_trans_policy_t;

/** What a signalling message holds. */
typedef enum {
  ESP_PEER_MSG_TYPE_NONE = 0,
  ESP_PEER_MSG_TYPE_SDP = 1,       /**< An offer or answer. */
  ESP_PEER_MSG_TYPE_CANDIDATE = 2, /**< One more candidate. */
} esp_peer_msg_type_t;

typedef struct {
  esp_peer_video_codec_t codec;
  int width;
  int height;
  int fps;
} esp_peer_video_stream_info_t;

typedef struct {
  esp_peer_audio_codec_t codec;
  uint32_t sample_rate; /**< Hz; 0 = the codec's own. */
  uint8_t channel;
} esp_peer_audio_stream_info_t;

typedef struct {
  uint32_t pts; /**< Milliseconds. */
  uint8_t* data;
  int size; /**< Bytes. */
} esp_peer_video_frame_t;

typedef struct {
  uint32_t pts; /**< Milliseconds. */
  uint8_t* data;
  int size; /**< Bytes. */
} esp_peer_audio_frame_t;

/** A message of a data channel. */
typedef struct {
  esp_peer_data_channel_type_t type;
  uint16_t stream_id; /**< When sent, 0 is the channel 0 if it is open, else the first open one. */
  uint8_t* data;      /**< When received, a zero byte follows that size does not count. */
  int size;           /**< Bytes; 0 is a message too. */
} esp_peer_data_frame_t;

/** A signalling message. */
typedef struct {
  esp_peer_msg_type_t type;
  uint8_t* data; /**< In on_msg a zero byte follows. */
  int size;      /**< Bytes, that zero not counted. */
} esp_peer_msg_t;

typedef enum {
  ESP_PEER_DATA_CHANNEL_RELIABLE = 0,
  ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_TIMEOUT = 1, /**< Given up after a time. */
  ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_RETX = 2,    /**< Given up after so many tries. */
} esp_peer_data_channel_reliable_type_t;

/** A channel to be created. */
typedef struct {
  esp_peer_data_channel_reliable_type_t type;
  bool ordered;
  char* label; /**< Copied. At most 65,535 bytes. */
  union {
    uint16_t max_retransmit_count; /**< Of PARTIAL_RELIABLE_RETX; 0 = sent once. */
    uint16_t max_packet_lifetime;  /**< Of PARTIAL_RELIABLE_TIMEOUT, in milliseconds. */
  };
} esp_peer_data_channel_cfg_t;

/** A channel in a callback; the label is valid during it. */
typedef struct {
  const char* label;
  uint16_t stream_id;
} esp_peer_data_channel_info_t;

/** What a peer is to be. Read during esp_peer_open() only, with all it points to. */
typedef struct {
  esp_peer_ice_server_cfg_t* server_lists; /**< server_num of them, or NULL. */
  uint8_t server_num;
  esp_peer_role_t role;
  esp_peer_ice_trans_policy_t ice_trans_policy;
  esp_peer_audio_stream_info_t audio_info; /**< What we send. */
  esp_peer_video_stream_info_t video_info; /**< What we send. */
  esp_peer_media_dir_t audio_dir;
  esp_peer_media_dir_t video_dir;
  bool no_auto_reconnect;   /**< Else a lost connection is built anew, with a new SDP. */
  bool enable_data_channel; /**< Data channels. */
  bool manual_ch_create;    /**< Else the DTLS client opens the channel "esp_channel" by itself. */
  void* extra_cfg;          /**< The implementation's own: esp_peer_default_cfg_t, or NULL. */
  int extra_size;           /**< Its size in bytes; 0 = the whole struct. */
  void* ctx;                /**< Given to every callback. */

  /** The state has changed. */
  int (*on_state)(esp_peer_state_t state, void* ctx);
  /** Carry this to the other side. */
  int (*on_msg)(esp_peer_msg_t* msg, void* ctx);
  int (*on_video_info)(esp_peer_video_stream_info_t* info, void* ctx);
  int (*on_audio_info)(esp_peer_audio_stream_info_t* info, void* ctx);
  int (*on_audio_data)(esp_peer_audio_frame_t* frame, void* ctx);
  int (*on_video_data)(esp_peer_video_frame_t* frame, void* ctx);
  int (*on_channel_open)(esp_peer_data_channel_info_t* ch, void* ctx);
  /** A message has come; its data is valid during the call. */
  int (*on_data)(esp_peer_data_frame_t* frame, void* ctx);
  int (*on_channel_close)(esp_peer_data_channel_info_t* ch, void* ctx);
} esp_peer_cfg_t;

/** A peer. Never dereferenced: one that is closed or foreign gives ESP_PEER_ERR_INVALID_ARG. */
typedef void* esp_peer_handle_t;

/** An implementation. esp_peer_get_default_impl() gives ours; a member may be NULL. */
typedef struct {
  int (*open)(esp_peer_cfg_t* cfg, esp_peer_handle_t* peer);
  int (*new_connection)(esp_peer_handle_t peer);
  int (*update_ice_info)(esp_peer_handle_t peer, esp_peer_role_t role,
                         esp_peer_ice_server_cfg_t* server, int server_num);
  int (*send_msg)(esp_peer_handle_t peer, esp_peer_msg_t* msg);
  int (*send_video)(esp_peer_handle_t peer, esp_peer_video_frame_t* frame);
  int (*send_audio)(esp_peer_handle_t peer, esp_peer_audio_frame_t* frame);
  int (*send_data)(esp_peer_handle_t peer, esp_peer_data_frame_t* frame);
  int (*create_data_channel)(esp_peer_handle_t peer, esp_peer_data_channel_cfg_t* ch_cfg);
  int (*close_data_channel)(esp_peer_handle_t peer, const char* label);
  int (*main_loop)(esp_peer_handle_t peer);
  int (*disconnect)(esp_peer_handle_t peer);
  void (*query)(esp_peer_handle_t peer);
  int (*close)(esp_peer_handle_t peer);
  int (*set_rtp_transformer)(esp_peer_handle_t peer, esp_peer_rtp_transform_role_t role,
                             esp_peer_rtp_transform_cb_t* transform_cb, void* ctx);
} esp_peer_ops_t;

/**
 * Opens a peer. Nothing is sent yet.
 *
 * @param cfg   Read during the call only.
 * @param ops   The implementation; copied.
 * @param peer  Set on success only.
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG, _NO_MEM, _NOT_SUPPORT, or what the implementation says.
 */
int esp_peer_open(esp_peer_cfg_t* cfg, const esp_peer_ops_t* ops, esp_peer_handle_t* peer);

/**
 * Begins an attempt to connect; everything else happens in esp_peer_main_loop().
 *
 * @return ESP_PEER_ERR_NONE, also while an attempt has not said its SDP yet; _WRONG_STATE later.
 */
int esp_peer_new_connection(esp_peer_handle_t peer);

/**
 * Creates a data channel. After ESP_PEER_STATE_DATA_CHANNEL_CONNECTED; on_channel_open follows.
 *
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG (no label), _WRONG_STATE (no association yet),
 *         _OVER_LIMITED (no stream left).
 */
int esp_peer_create_data_channel(esp_peer_handle_t peer, esp_peer_data_channel_cfg_t* ch_cfg);

/** Closes the channels of this label. @return ESP_PEER_ERR_NONE or _NOT_EXISTS. */
int esp_peer_close_data_channel(esp_peer_handle_t peer, const char* label);

/**
 * Replaces the ICE servers, and the role of the next connection. Before a pair is found the servers
 * are asked at once and the SDP is said again; afterwards they are for the next connection.
 *
 * @return ESP_PEER_ERR_NONE, or _INVALID_ARG for a URL that is none (the old servers are kept).
 */
int esp_peer_update_ice_info(esp_peer_handle_t peer, esp_peer_role_t role,
                             esp_peer_ice_server_cfg_t* server, int server_num);

/** Sets the RTP transformer of a direction; NULL takes it away. */
int esp_peer_set_rtp_transformer(esp_peer_handle_t peer, esp_peer_rtp_transform_role_t role,
                                 esp_peer_rtp_transform_cb_t* transform_cb, void* ctx);

/**
 * Takes a message of the other side: a description, or one candidate, as "candidate:...",
 * "a=candidate:..." or a JSON object with a "candidate" member. Exactly msg->size bytes are read.
 *
 * @return ESP_PEER_ERR_NONE, also for duplicates and .local candidates; _INVALID_ARG, _BAD_DATA,
 *         _NOT_SUPPORT (nothing in it that can be used), _OVER_LIMITED (one candidate too many).
 */
int esp_peer_send_msg(esp_peer_handle_t peer, esp_peer_msg_t* msg);

int esp_peer_send_video(esp_peer_handle_t peer, esp_peer_video_frame_t* frame);
int esp_peer_send_audio(esp_peer_handle_t peer, esp_peer_audio_frame_t* frame);

/**
 * Sends a message on a data channel; never waits.
 *
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG, _WRONG_STATE (no channel is open), _NOT_EXISTS (no such
 *         channel), _OVER_LIMITED (larger than the peer or send_cache_size ever takes),
 *         _WOULD_BLOCK (the send cache is full now).
 */
int esp_peer_send_data(esp_peer_handle_t peer, esp_peer_data_frame_t* frame);

/**
 * Does what there is to do and calls the callbacks. Returns as soon as there was something, else
 * after agent_recv_timeout. Call it again and again.
 *
 * @return ESP_PEER_ERR_NONE; _WRONG_STATE from a second thread or from a callback.
 */
int esp_peer_main_loop(esp_peer_handle_t peer);

/** Ends the connection, says DISCONNECTED before it returns; the handle can connect again. */
int esp_peer_disconnect(esp_peer_handle_t peer);

/** Prints to standard error what the peer is doing. */
int esp_peer_query(esp_peer_handle_t peer);

/** Where the peer is. @return ESP_PEER_ERR_NONE, or _WRONG_STATE before ESP_PEER_STATE_PAIRED. */
int esp_peer_get_paired_addr(esp_peer_handle_t peer, esp_peer_addr_t* addr);

/**
 * Disconnects and frees. Also while another thread is in esp_peer_main_loop(), which then returns;
 * this call waits for it. From a callback it returns at once, and the last one out frees.
 */
int esp_peer_close(esp_peer_handle_t peer);

/**
 * Makes a key and certificate now, so that no connection has to wait for it. Used by all later
 * connections of the process; each call replaces it.
 *
 * @return ESP_PEER_ERR_NONE or _FAIL.
 */
int esp_peer_pre_generate_cert(void);

#ifdef __cplusplus
}
#endif
