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
 * No lock is held while a callback runs, so a callback may call every function but
 * esp_peer_main_loop() of its own peer. What a callback returns is not looked at. (An RTP
 * transformer is none of these callbacks: see esp_peer_rtp_transform_cb_t.)
 *
 * Memory: what is passed in belongs to the caller and may be freed when the call returns. What is
 * passed to a callback is valid until the callback returns.
 *
 * Errors: every function answers ESP_PEER_ERR_INVALID_ARG for a handle that is NULL, closed or
 * foreign, and ESP_PEER_ERR_NOT_SUPPORT where the implementation lacks the operation.
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
  /* By a description that comes while connected, never by the first: */
  ESP_PEER_STATE_REMOTE_AUDIO_TRACK_ADDED = 13,   /**< Both sides now let the peer send sound. */
  ESP_PEER_STATE_REMOTE_AUDIO_TRACK_REMOVED = 14, /**< No more: refused, or turned around. */
  ESP_PEER_STATE_REMOTE_VIDEO_TRACK_ADDED = 15,   /**< Both sides now let the peer send video. */
  ESP_PEER_STATE_REMOTE_VIDEO_TRACK_REMOVED = 16, /**< No more: refused, or turned around. */
  ESP_PEER_STATE_VIDEO_PLI_RECEIVED = 17, /**< The peer asks for a keyframe. However often it does,
                                               this comes at most every 300 ms. */
} esp_peer_state_t;

/** What video is. */
typedef enum {
  ESP_PEER_VIDEO_CODEC_NONE = 0,
  ESP_PEER_VIDEO_CODEC_H264 = 1,  /**< Annex B. */
  ESP_PEER_VIDEO_CODEC_MJPEG = 2, /**< Baseline JPEG files [rfc2435]. Browsers take none: to them an
                                       application sends it as data. */
} esp_peer_video_codec_t;

/** What audio is. */
typedef enum {
  ESP_PEER_AUDIO_CODEC_NONE = 0,
  ESP_PEER_AUDIO_CODEC_G711A = 1, /**< A-law. */
  ESP_PEER_AUDIO_CODEC_G711U = 2, /**< µ-law. */
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

/** Which paths may be used. */
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

/** A stream of video. */
typedef struct {
  esp_peer_video_codec_t codec;
  int width;  /**< Pixels. */
  int height; /**< Pixels. */
  int fps;    /**< Frames a second. */
} esp_peer_video_stream_info_t;

/** A stream of audio. */
typedef struct {
  esp_peer_audio_codec_t codec;
  uint32_t sample_rate; /**< Hz; 0 = the codec's own. */
  uint8_t channel;      /**< 1 = mono, 2 = stereo. */
} esp_peer_audio_stream_info_t;

/** A picture: one access unit, or one file. */
typedef struct {
  uint32_t pts;  /**< Milliseconds. */
  uint8_t* data; /**< When received, a zero byte follows that size does not count. */
  int size;      /**< Bytes. */
} esp_peer_video_frame_t;

/** A frame of the codec: one packet. */
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

/** What becomes of a message that is lost on its way. */
typedef enum {
  ESP_PEER_DATA_CHANNEL_RELIABLE = 0,                 /**< It is sent again until it has arrived. */
  ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_TIMEOUT = 1, /**< Given up after a time. */
  ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_RETX = 2,    /**< Given up after so many tries. */
} esp_peer_data_channel_reliable_type_t;

/** A channel to be created. */
typedef struct {
  esp_peer_data_channel_reliable_type_t type;
  bool ordered; /**< Messages are delivered in the order in which they were sent. */
  char* label;  /**< At most 65,535 bytes; "" is one too. Need not be unique. */
  union {
    uint16_t max_retransmit_count; /**< Of PARTIAL_RELIABLE_RETX; 0 = sent once. */
    uint16_t max_packet_lifetime;  /**< Of PARTIAL_RELIABLE_TIMEOUT, in milliseconds; 0 =
                                        cache_timeout of the configuration. */
  };
} esp_peer_data_channel_cfg_t;

/** A channel in a callback. */
typedef struct {
  const char* label;
  uint16_t stream_id;
} esp_peer_data_channel_info_t;

/** What a peer is to be. Read during esp_peer_open() only, with all it points to. Every callback
 *  may be NULL. */
typedef struct {
  esp_peer_ice_server_cfg_t* server_lists; /**< server_num of them, or NULL. */
  uint8_t server_num;                      /**< At most 8. */
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
  /** Carry this to the other side: our description, with all our candidates in it. */
  int (*on_msg)(esp_peer_msg_t* msg, void* ctx);
  /** What video has been agreed on. */
  int (*on_video_info)(esp_peer_video_stream_info_t* info, void* ctx);
  /** What audio has been agreed on. */
  int (*on_audio_info)(esp_peer_audio_stream_info_t* info, void* ctx);
  /** A frame of audio has come. */
  int (*on_audio_data)(esp_peer_audio_frame_t* frame, void* ctx);
  /** A picture has come, whole. The first one is a keyframe, and so is the next one after a loss
   *  that could not be repaired. */
  int (*on_video_data)(esp_peer_video_frame_t* frame, void* ctx);
  /** A channel is open, whoever created it; ESP_PEER_STATE_DATA_CHANNEL_OPENED follows. */
  int (*on_channel_open)(esp_peer_data_channel_info_t* ch, void* ctx);
  /** A message has come, whole. */
  int (*on_data)(esp_peer_data_frame_t* frame, void* ctx);
  /** A channel is closed, or was created here and the peer will not open it;
   *  ESP_PEER_STATE_DATA_CHANNEL_CLOSED follows. */
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
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG (also for a role, policy or URL that is none),
 *         _OVER_LIMITED (too many servers), _NO_MEM, _FAIL (the system has no descriptors left), or
 *         what another implementation says.
 */
int esp_peer_open(esp_peer_cfg_t* cfg, const esp_peer_ops_t* ops, esp_peer_handle_t* peer);

/**
 * Begins an attempt to connect, says NEW_CONNECTION before it returns; everything else happens in
 * esp_peer_main_loop(). After DISCONNECTED or CONNECT_FAILED it may be called again, or is not
 * needed where no_auto_reconnect is false.
 *
 * @return ESP_PEER_ERR_NONE, also while an attempt has not said its SDP yet; _WRONG_STATE later;
 *         _NOT_SUPPORT when the configuration leaves nothing to connect for.
 */
int esp_peer_new_connection(esp_peer_handle_t peer);

/**
 * Creates a data channel. After ESP_PEER_STATE_DATA_CHANNEL_CONNECTED; on_channel_open follows.
 *
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG (no label, or too long), _WRONG_STATE (no association
 *         yet), _OVER_LIMITED (no stream left), _NO_MEM.
 */
int esp_peer_create_data_channel(esp_peer_handle_t peer, esp_peer_data_channel_cfg_t* ch_cfg);

/**
 * Closes the channels of this label: nothing can be sent or is heard on them any more, and
 * on_channel_close follows for those that were open. The other side hears of it [rfc8831#6.7]
 * behind all that was sent before.
 *
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG (no label) or _NOT_EXISTS.
 */
int esp_peer_close_data_channel(esp_peer_handle_t peer, const char* label);

/**
 * Replaces the ICE servers, and the role. Before a pair is found the servers are asked at once and
 * the SDP is said again; afterwards they are for the next connection. The role counts at once while
 * no SDP has been said, else from the next esp_peer_new_connection() on.
 *
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG for a role or URL that is none, _OVER_LIMITED for more
 * than 8 servers (the old ones are kept).
 */
int esp_peer_update_ice_info(esp_peer_handle_t peer, esp_peer_role_t role,
                             esp_peer_ice_server_cfg_t* server, int server_num);

/**
 * Sets the RTP transformer of a direction; NULL takes it away. It is given each RTP packet whole,
 * header first, before SRTP seals it or after SRTP has opened it: to add a header extension, or to
 * encrypt the payload from end to end. A packet that is sent again goes as it went the first time.
 * It stays over disconnects; when this returns, what was there before is in use no more.
 *
 * @param transform_cb  Copied.
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG (a role that is none, a function that is NULL), or
 *         _NOT_SUPPORT in a build without media.
 */
int esp_peer_set_rtp_transformer(esp_peer_handle_t peer, esp_peer_rtp_transform_role_t role,
                                 esp_peer_rtp_transform_cb_t* transform_cb, void* ctx);

/**
 * Takes a message of the other side: a description, or one candidate, as "candidate:...",
 * "a=candidate:..." or a JSON object with a "candidate" member. It ends after msg->size bytes, or
 * at a zero byte among them.
 *
 * @return ESP_PEER_ERR_NONE, also for duplicates, .local candidates and the end of candidates;
 *         _INVALID_ARG (NULL, no size, no type), _BAD_DATA (not to be understood), _NOT_SUPPORT
 *         (nothing in it that can be used, or the peer has begun anew: take it again after
 *         esp_peer_new_connection()), _WRONG_STATE (an answer, and we have not offered),
 *         _OVER_LIMITED (one candidate too many, or more than 64 KiB), _NO_MEM.
 */
int esp_peer_send_msg(esp_peer_handle_t peer, esp_peer_msg_t* msg);

/**
 * Sends a picture of the agreed codec: an access unit of H.264, its NAL units behind start codes,
 * or a baseline JPEG file. It is copied, and leaves in packets at a pace that spares the network's
 * queues; its pts, in milliseconds, comes out at the peer unchanged. On
 * ESP_PEER_STATE_VIDEO_PLI_RECEIVED the next one should be a keyframe.
 *
 * Packets cannot carry H.264 with lengths in the place of start codes, as files of MP4 have it. Of
 * JPEG they carry [RFC 2435] one baseline scan of at most 2040 pixels a side, 4:2:0 or 4:2:2, with
 * the standard Huffman tables. A side that is no multiple of 8 comes out as the next one, with up
 * to 7 pixels more.
 *
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG (no frame, no data, no size), _WRONG_STATE (not
 * connected), _NOT_SUPPORT (no video was agreed on, the direction forbids it, or it is nothing that
 * packets can carry), _WOULD_BLOCK (leave it out: with what waits already it is more than
 * send_pool_size, than the peer's b= lines allow, or than a path that loses so much shall carry; or
 * it refers to a picture that was left out), _OVER_LIMITED (more than 32,768 packets: some 38 MB)
 * or _NO_MEM. Where nothing waits one picture may be larger than send_pool_size: a keyframe has to
 * go. Behind a picture that was left out only a keyframe is taken, and
 * ESP_PEER_STATE_VIDEO_PLI_RECEIVED asks for one as soon as there is room: who meets this often
 * gives more than the path carries, and does better with fewer bits.
 */
int esp_peer_send_video(esp_peer_handle_t peer, esp_peer_video_frame_t* frame);

/**
 * Sends a frame of audio of the configured codec, in one packet, at once. Its pts, in milliseconds,
 * comes out at the peer unchanged. Where the network takes nothing the last 16 frames wait, and of
 * these the oldest makes room: sound that comes late is worth less than what comes now.
 *
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG (no frame, no data, no size), _WRONG_STATE (not
 * connected), _NOT_SUPPORT (no audio was agreed on, or the direction forbids it), _WOULD_BLOCK
 * (leave it out: more than the peer's b= lines allow, or nothing arrives at present), _OVER_LIMITED
 * (more than the 1136 bytes that fit into a packet) or _NO_MEM.
 */
int esp_peer_send_audio(esp_peer_handle_t peer, esp_peer_audio_frame_t* frame);

/**
 * Sends a message on a data channel, whole or not at all; never waits.
 *
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG (a type that is none, a negative size), _WRONG_STATE (no
 * channel is open), _NOT_EXISTS (no such channel), _OVER_LIMITED (larger than the peer or
 * send_cache_size ever takes), _WOULD_BLOCK (the send cache is full now).
 */
int esp_peer_send_data(esp_peer_handle_t peer, esp_peer_data_frame_t* frame);

/**
 * Does what there is to do and calls the callbacks. Returns as soon as there was something, else
 * after agent_recv_timeout. Call it again and again.
 *
 * @return ESP_PEER_ERR_NONE; _WRONG_STATE from a second thread or from a callback; _NO_MEM when
 *         something could not be told for want of memory.
 */
int esp_peer_main_loop(esp_peer_handle_t peer);

/**
 * Ends the connection: says so to the peer, and closes the channels and says DISCONNECTED to the
 * application before it returns. The handle can connect again; it does not by itself. Messages that
 * have not arrived are lost. A callback that the loop is in may still run; nothing follows it.
 *
 * @return ESP_PEER_ERR_NONE, also when there is nothing to end.
 */
int esp_peer_disconnect(esp_peer_handle_t peer);

/** Prints to standard error what the peer is doing, in one line. @return ESP_PEER_ERR_NONE. */
int esp_peer_query(esp_peer_handle_t peer);

/**
 * Where the peer is.
 *
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG, or _WRONG_STATE before ESP_PEER_STATE_PAIRED and after
 * the end.
 */
int esp_peer_get_paired_addr(esp_peer_handle_t peer, esp_peer_addr_t* addr);

/**
 * Disconnects, says CLOSED and frees. Also while other threads are in functions of this peer: they
 * return, and this call waits for them and the callbacks they are in. From a callback of this peer
 * it does not wait, and the last one out frees. (Two callbacks in two threads that close each
 * other's peers would wait for ever.)
 *
 * @return ESP_PEER_ERR_NONE.
 */
int esp_peer_close(esp_peer_handle_t peer);

/**
 * Makes a key and certificate now, so that no connection has to wait for it. Used by all later
 * connections of the process; each call replaces it. Without it each connection makes its own,
 * which gives nobody a name to follow you by.
 *
 * @return ESP_PEER_ERR_NONE or _FAIL.
 */
int esp_peer_pre_generate_cert(void);

#ifdef __cplusplus
}
#endif
