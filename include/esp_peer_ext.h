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
  uint16_t loop_wait_ms;       /**< Instead of agent_recv_timeout; 0 = never wait. */
  uint32_t connect_timeout_ms; /**< Patience before CONNECT_FAILED. Default 39,500 [rfc8863]. */
  /** A thread of ours, one for all peers that want it, does what esp_peer_main_loop() does; that
   *  then only calls the callbacks, in whose thread they come as ever, and waits for some. So the
   *  connection stays alive while a callback blocks, or when the loop is called late. What is not
   *  fetched holds the peer back, as far as recv_cache_size. `interface_filter` is called in our
   *  thread. */
  bool background_thread;
  /** Our description is said at once, and each candidate found later as a message of
   *  ESP_PEER_MSG_TYPE_CANDIDATE: "candidate:..." as browsers take it, and "end-of-candidates" when
   *  there are no more. esp_peer_send_msg() takes both. */
  bool trickle_out;
} esp_peer_ext_cfg_t;

/** Every field at its default. */
#ifdef __cplusplus
#define ESP_PEER_EXT_CFG_DEFAULT \
  { {}, ESP_PEER_EXT_MAGIC, sizeof(esp_peer_ext_cfg_t), NULL, false, false, 0, 0, false, false }
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

#ifdef __cplusplus
}
#endif
