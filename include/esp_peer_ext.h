/**
 * esp_peer: what goes beyond the original. The original layouts never change; an extended
 * configuration begins with the default one and is recognised by its magic.
 *
 *   esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
 *   ext.loopback_only = true;
 *   cfg.extra_cfg = &ext;
 *   cfg.extra_size = sizeof(ext);
 */
#pragma once

#include <stddef.h>

#include "esp_peer_default.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_PEER_EXT_MAGIC 0x45535058u

/** Fields are only ever appended; those past `size` count as zero. */
typedef struct {
  esp_peer_default_cfg_t base;
  uint32_t magic; /**< ESP_PEER_EXT_MAGIC. */
  uint32_t size;  /**< sizeof(esp_peer_ext_cfg_t) of the program. */
  /** Called in esp_peer_main_loop(), when a connection begins, for each address of this machine;
   *  false leaves it out. `ctx` is that of esp_peer_cfg_t. NULL: all are used. */
  bool (*interface_filter)(const char* interface, const esp_peer_addr_t* addr, void* ctx);
  bool loopback_only;          /**< Only addresses of the loopback interface. */
  bool loop_wait_set;          /**< loop_wait_ms counts, also when it is 0. */
  uint16_t loop_wait_ms;       /**< Instead of agent_recv_timeout; 0 = never wait, if _set. */
  uint32_t connect_timeout_ms; /**< Patience before CONNECT_FAILED. Default 39,500 [rfc8863]. */
  /** A thread of ours, one for all peers that want it, does what esp_peer_main_loop() does; that
   *  then only calls the callbacks, in whose thread they come as ever, and waits for some. So the
   *  connection stays alive while a callback blocks, or when the loop is called late. What is not
   *  fetched holds the peer back, as far as recv_cache_size. Pictures and sound wait too, up to
   *  twice the cache_size of their kind; then the oldest that wait are lost, and as after
   *  any loss the next picture is a keyframe. `interface_filter` is called in our thread. */
  bool background_thread;
  /** Our description is said at once, and each candidate found later as a message of
   *  ESP_PEER_MSG_TYPE_CANDIDATE: "candidate:..." as browsers take it, and "end-of-candidates" when
   *  there are no more. esp_peer_send_msg() takes both. */
  bool trickle_out;
  /** The amount of esp_peer_ext_buffered_amount() was above the threshold of
   *  esp_peer_ext_set_low_threshold() and is not any more: time to send. May be NULL. */
  int (*on_writable)(void* ctx);
  /** The pts of the peer's pictures is put onto the timeline of its sound, so that what was taken
   *  together has the same pts. It leaps once for it, when reports about both have come: after a
   * few seconds. Else each pts is what the peer gave to esp_peer_send_audio() or _video(). */
  bool sync_pts;
} esp_peer_ext_cfg_t;

/** Every field at its default. */
#ifdef __cplusplus
#define ESP_PEER_EXT_CFG_DEFAULT                                                                \
  {                                                                                             \
    {}, ESP_PEER_EXT_MAGIC, sizeof(esp_peer_ext_cfg_t), NULL, false, false, 0, 0, false, false, \
        NULL, false                                                                             \
  }
#else
#define ESP_PEER_EXT_CFG_DEFAULT \
  { .magic = ESP_PEER_EXT_MAGIC, .size = sizeof(esp_peer_ext_cfg_t) }
#endif

/** Why a connection ended, or could not be made. Values are only ever added. */
typedef enum {
  ESP_PEER_EXT_FAILURE_NONE = 0,              /**< The application ended it; or none has ended. */
  ESP_PEER_EXT_FAILURE_NO_ADDRESS = 1,        /**< Gathering found no address to be reached at. */
  ESP_PEER_EXT_FAILURE_NO_PAIR = 2,           /**< No path to the peer works. */
  ESP_PEER_EXT_FAILURE_HANDSHAKE_TIMEOUT = 3, /**< DTLS was not done in time. */
  ESP_PEER_EXT_FAILURE_HANDSHAKE_REFUSED = 4, /**< DTLS could not agree. */
  ESP_PEER_EXT_FAILURE_WRONG_FINGERPRINT = 5, /**< The peer is not who its description says. */
  ESP_PEER_EXT_FAILURE_CONSENT_LOST = 6,      /**< The peer answers no more [rfc7675]. */
  ESP_PEER_EXT_FAILURE_CLOSED_BY_PEER = 7,    /**< The peer said that it leaves. */
  ESP_PEER_EXT_FAILURE_ASSOCIATION_LOST = 8,  /**< SCTP ended or was given up. */
  ESP_PEER_EXT_FAILURE_REPLACED = 9,          /**< The peer has begun anew, without us. */
  ESP_PEER_EXT_FAILURE_NO_MEMORY = 10,        /**< Or the TLS library failed. */
  ESP_PEER_EXT_FAILURE_RELAY_REFUSED = 11,    /**< No address, for a TURN server refused us. */
} esp_peer_ext_failure_t;

/**
 * Why the last connection is over: belongs to the last ESP_PEER_STATE_DISCONNECTED or
 * ESP_PEER_STATE_CONNECT_FAILED that was told, also inside that callback.
 *
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG, or _NOT_SUPPORT for a peer of another implementation, as
 *         every function here.
 */
int esp_peer_ext_get_failure(esp_peer_handle_t peer, esp_peer_ext_failure_t* failure);

/** The same in a few English words, for logs. Static. */
const char* esp_peer_ext_failure_text(esp_peer_ext_failure_t failure);

/** A channel to be created, with what the original does not know. */
typedef struct {
  esp_peer_data_channel_cfg_t base;
  const char* protocol; /**< At most 65,535 bytes; NULL is "". */
  uint16_t priority;    /**< 128, 256, 512 or 1024 [rfc8831#6.4]; 0 = 256, the normal one. */
  bool negotiated;      /**< Both sides create it, with the same stream_id: nothing is said. */
  uint16_t stream_id;   /**< Of a negotiated one; even and odd do not matter. Below 65,535. */
} esp_peer_ext_channel_cfg_t;

/**
 * As esp_peer_create_data_channel(). A negotiated channel is open at once (on_channel_open comes in
 * esp_peer_main_loop() as ever); what the other side sends before we have created ours is dropped.
 *
 * @param stream_id  Set on success; may be NULL.
 * @return As esp_peer_create_data_channel(); _INVALID_ARG also for a stream that is in use.
 */
int esp_peer_ext_create_channel(esp_peer_handle_t peer, const esp_peer_ext_channel_cfg_t* ch_cfg,
                                uint16_t* stream_id);

/**
 * How much of send_cache_size is in use, by messages of all channels together that the peer has not
 * acknowledged and by a little for each of them. 0 without a connection.
 *
 * @return ESP_PEER_ERR_NONE or _INVALID_ARG.
 */
int esp_peer_ext_buffered_amount(esp_peer_handle_t peer, uint32_t* bytes);

/**
 * Sets when on_writable is called; 0, the default, is when all has been acknowledged.
 *
 * @return ESP_PEER_ERR_NONE.
 */
int esp_peer_ext_set_low_threshold(esp_peer_handle_t peer, uint32_t bytes);

/** What went through a peer since it was opened. Fields are only ever appended. */
typedef struct {
  uint32_t size;          /**< Set by the caller: sizeof(esp_peer_ext_stats_t). */
  uint32_t round_trip_us; /**< To the peer and back, smoothed; 0 = not measured yet. */
  uint32_t buffered;      /**< As esp_peer_ext_buffered_amount(). */
  uint32_t channels;      /**< Open or being opened now. */
  uint64_t messages_sent, messages_received;     /**< On data channels. */
  uint64_t bytes_sent, bytes_received;           /**< Of these messages. */
  uint64_t datagrams_sent, datagrams_received;   /**< UDP, ICE and DTLS among them. */
  uint64_t wire_bytes_sent, wire_bytes_received; /**< Payload of these datagrams. */
} esp_peer_ext_stats_t;

/**
 * Fills as much of `stats` as the caller knows of; further bytes become 0.
 *
 * @return ESP_PEER_ERR_NONE or _INVALID_ARG (also for a size that has no room for itself).
 */
int esp_peer_ext_get_stats(esp_peer_handle_t peer, esp_peer_ext_stats_t* stats);

/**
 * When the frame was taken that on_audio_data or on_video_data is about, on the peer's own clock:
 * what belongs together of its sound and its pictures has the same time, whatever their pts.
 * Seconds since 1900 in the upper half, their fraction in the lower one [rfc3550#4]. Inside these
 * callbacks.
 *
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG, _WRONG_STATE (not in such a callback of this peer), or
 *         _NOT_EXISTS: the peer has not said yet.
 */
int esp_peer_ext_get_frame_time(esp_peer_handle_t peer, uint64_t* ntp);

/**
 * An ICE restart: a new SDP comes through on_msg and wants an answer, while what is connected goes
 * on; after 0xFF alive_binding_retries it brings back what has lost its consent. Of use when the
 * network has changed.
 *
 * @return ESP_PEER_ERR_NONE, _INVALID_ARG, or _WRONG_STATE before both descriptions are known.
 */
int esp_peer_ext_restart_ice(esp_peer_handle_t peer);

#ifdef __cplusplus
}
#endif
