/**
 * esp_peer: the default implementation and its tuning. A zero in any field means its default.
 */
#pragma once

#include <stdint.h>

#include "esp_peer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Data channels. */
typedef struct {
  uint16_t cache_timeout;   /**< ms that unreliable data is kept. Default 5000. */
  uint32_t send_cache_size; /**< Bytes, the largest message too. Default 100,000; at least 1500. */
  uint32_t recv_cache_size; /**< Bytes, the largest message too. Default 100,000; at least 1500. */
} esp_peer_default_data_ch_cfg_t;

/** Received media: of each source, while it waits for what was overtaken. */
typedef struct {
  uint16_t cache_timeout;     /**< ms that a packet may wait for one that is lost. Default 100. */
  uint16_t resend_delay;      /**< ms before a NACK, of video. Default 20. */
  uint16_t pli_send_interval; /**< ms between keyframe requests that nothing has caused; 0 = none.
                                 Of video. */
  uint32_t cache_size;        /**< Bytes. Default 100,000 for audio, 400,000 for video, where a
                                   whole picture has to fit, with 64 bytes for each packet of it:
                                   a larger one never comes. */
} esp_peer_default_jitter_cfg_t;

/** Media. What is sent again is video alone. */
typedef struct {
  esp_peer_default_jitter_cfg_t audio_recv_jitter;
  esp_peer_default_jitter_cfg_t video_recv_jitter;
  uint32_t send_pool_size; /**< Bytes kept for retransmission, and that wait to be sent; one picture
                                alone may be more, and is not kept then. Default 400,000. */
  uint32_t send_queue_num; /**< Packets kept for retransmission. Default 256. */
  uint16_t max_resend_count; /**< Of one packet. Default 3. */
} esp_peer_default_rtp_cfg_t;

/** The tuning; goes into extra_cfg of esp_peer_cfg_t. */
typedef struct {
  uint16_t agent_recv_timeout; /**< ms; esp_peer_main_loop() waits so long at most, and an SDP waits
                                    five times as long for the servers. Default 100. */
  esp_peer_default_data_ch_cfg_t data_ch_cfg;
  esp_peer_default_rtp_cfg_t rtp_cfg;
  bool keep_role;                /**< Else CONTROLLING again after a disconnect. */
  bool ipv6_support;             /**< IPv6 candidates, ours and the peer's. */
  bool tcp_support;              /**< TCP candidates. Comes in a later version. */
  uint8_t max_candidates;        /**< Our own. Default 16, and no more. */
  uint8_t max_tcp_connections;   /**< Default 4. */
  uint8_t alive_binding_retries; /**< x 6 s without an answer = lost. Default 5; 0xFF = never. */
  bool ice_use_lite_mode;        /**< The remote side is ICE lite. */
  bool insecure_skip_turn_cert_verify; /**< "turns:" without knowing whose server it is. Comes in a
                                            later version. */
} esp_peer_default_cfg_t;

/** Which ciphers DTLS prefers. */
typedef enum {
  ESP_PEER_DTLS_CIPHER_AUTO = 0,
  ESP_PEER_DTLS_CIPHER_AES_GCM = 1, /**< AES-GCM only. */
  ESP_PEER_DTLS_CIPHER_CHACHA = 2,  /**< ChaCha20 first, for machines without AES instructions. */
} esp_peer_dtls_cipher_pref_t;

/** The implementation to give to esp_peer_open(). Static. */
const esp_peer_ops_t* esp_peer_get_default_impl(void);

/**
 * Sets the preference for all handshakes that begin from now on.
 *
 * @return 0, or -1 for an unknown value.
 */
int esp_peer_set_dtls_cipher_pref(esp_peer_dtls_cipher_pref_t pref);

#ifdef __cplusplus
}
#endif
