/**
 * esp_peer: types that the other headers share.
 *
 * Names, values, order and layout are those of esp_peer 1.5.4, so that programs written for it
 * compile unchanged.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a function answers. Negative values are errors. */
typedef enum {
  ESP_PEER_ERR_NONE = 0,          /**< Done. */
  ESP_PEER_ERR_INVALID_ARG = -1,  /**< NULL, out of range, or a handle that is closed. */
  ESP_PEER_ERR_NO_MEM = -2,       /**< No memory. */
  ESP_PEER_ERR_WRONG_STATE = -3,  /**< Not now. */
  ESP_PEER_ERR_NOT_SUPPORT = -4,  /**< Not in this build, or not negotiated. */
  ESP_PEER_ERR_NOT_EXISTS = -5,   /**< No such channel. */
  ESP_PEER_ERR_FAIL = -6,         /**< Something else. */
  ESP_PEER_ERR_OVER_LIMITED = -7, /**< Larger or more than can ever be taken. */
  ESP_PEER_ERR_BAD_DATA = -8,     /**< Not to be understood. */
  ESP_PEER_ERR_WOULD_BLOCK = -9,  /**< No room now: try again later. */
} esp_peer_err_t;

/** A STUN or TURN server. The strings are copied by the functions that take it. */
typedef struct {
  char* stun_url; /**< "stun:host:port", "turn:..." or "turns:..." [rfc7064, rfc7065]. */
  char* user;     /**< User name for TURN, or NULL. */
  char* psw;      /**< Password for TURN, or NULL. */
} esp_peer_ice_server_cfg_t;

/** Who makes the first offer, and the first role in ICE. */
typedef enum {
  ESP_PEER_ROLE_CONTROLLING = 0, /**< We offer. */
  ESP_PEER_ROLE_CONTROLLED = 1,  /**< We answer. */
} esp_peer_role_t;

/** An address and port. */
typedef struct {
  uint8_t family; /**< AF_INET or AF_INET6. */
  uint16_t port;  /**< In host order. */
  union {
    uint8_t ipv4[4];
    uint8_t ipv6[16];
  };
} esp_peer_addr_t;

/** Which way an RTP transformer works. */
typedef enum {
  ESP_PEER_RTP_TRANSFORM_ROLE_SENDER = 0,   /**< On packets before they are sent. */
  ESP_PEER_RTP_TRANSFORM_ROLE_RECEIVER = 1, /**< On packets that were received. */
} esp_peer_rtp_transform_role_t;

/** An RTP packet in the hands of a transformer: header [rfc3550#5.1] and payload. */
typedef struct {
  uint8_t* orig_data;    /**< The packet as it is. */
  uint32_t orig_size;    /**< Bytes. */
  uint8_t* encoded_data; /**< Where the transformed packet goes: room of the encoded_size that was
                              asked for, or, in place, orig_data. */
  uint32_t encoded_size; /**< Bytes of that packet. */
  uint8_t payload_type;  /**< RTP payload type. */
} esp_peer_rtp_frame_t;

/**
 * A transformer of RTP packets, e.g. for encryption from end to end. Number and source in the
 * header stay as they are. On its way out a packet may grow by 64 bytes, of those received each to
 * 2048. What it drops is as lost on the network; so may be the rest of a picture that is half sent
 * when it is set.
 *
 * Of what is received it sees the packets that can be shown or heard, each once, not always in
 * their order: none that has come twice or too late, or of a payload type that was not agreed on.
 * Only what it has dropped may come again.
 *
 * It is called in the middle of the work of its peer, whose lock is held, in any thread that uses
 * that: functions of peers answer ESP_PEER_ERR_WRONG_STATE there, and it must not wait for a lock
 * whose holder may be in a function of this peer, for that one waits too.
 */
typedef struct {
  /** Sets encoded_size, which is orig_size before, and whether the work is done in orig_data.
   *  @return 0 to go on, ESP_PEER_ERR_NOT_SUPPORT to leave this packet alone, else drop it. */
  int (*get_encoded_size)(esp_peer_rtp_frame_t* frame, bool* in_place, void* ctx);
  /** Does the work, and may set encoded_size once more, to less. @return 0, else the packet is
   *  dropped. */
  int (*transform)(esp_peer_rtp_frame_t* frame, void* ctx);
} esp_peer_rtp_transform_cb_t;

#ifdef __cplusplus
}
#endif
