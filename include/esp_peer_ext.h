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
} esp_peer_ext_cfg_t;

/** Every field at its default. */
#ifdef __cplusplus
#define ESP_PEER_EXT_CFG_DEFAULT \
  { {}, ESP_PEER_EXT_MAGIC, sizeof(esp_peer_ext_cfg_t), NULL, false, false, 0, 0 }
#else
#define ESP_PEER_EXT_CFG_DEFAULT \
  { .magic = ESP_PEER_EXT_MAGIC, .size = sizeof(esp_peer_ext_cfg_t) }
#endif

#ifdef __cplusplus
}
#endif
