/* A browser's RTCPeerConnection and what takes its place: the pieces that docs/migration.md shows,
 * in one program. Two peers connect, each of them with all that a web page would have. Also C++. */
#include <stdio.h>
#include <string.h>

#include "esp_peer_ext.h"

typedef struct page {
  esp_peer_handle_t pc;
  struct page* remote; /* the other side of the signalling channel */
  int connected, channels, closed, messages, candidates, audio_frames, pictures, writable;
  int keyframe_wanted;
} page_t;

static page_t pages[2];

/* Signalling: a WebSocket in a real program, a function call in this one. */
static int signal_to(page_t* remote, esp_peer_msg_t* msg);

/* [onicecandidate, createOffer, createAnswer, setLocalDescription] */
static int on_msg(esp_peer_msg_t* msg, void* ctx) {
  page_t* page = (page_t*)ctx;
  if (msg->type == ESP_PEER_MSG_TYPE_CANDIDATE) {
    page->candidates++; /* with trickle_out alone: "candidate:..." or "end-of-candidates" */
  } else {
    /* ESP_PEER_MSG_TYPE_SDP: our offer or our answer. Nobody has to ask for it, or to set it. */
  }
  return signal_to(page->remote, msg); /* msg->data is a C string of msg->size characters */
}
/* [end] */

/* [onconnectionstatechange] */
static int on_state(esp_peer_state_t state, void* ctx) {
  page_t* page = (page_t*)ctx;
  esp_peer_ext_failure_t why;
  switch (state) {
    case ESP_PEER_STATE_NEW_CONNECTION: /* "connecting" */
      break;
    case ESP_PEER_STATE_CONNECTED: /* "connected" */
      page->connected = 1;
      break;
    case ESP_PEER_STATE_CONNECT_FAILED: /* "failed"; tried again unless no_auto_reconnect */
    case ESP_PEER_STATE_DISCONNECTED:   /* "disconnected" */
      page->connected = 0;
      if (esp_peer_ext_get_failure(page->pc, &why) == ESP_PEER_ERR_NONE) {
        printf("over: %s\n", esp_peer_ext_failure_text(why));
      }
      break;
    case ESP_PEER_STATE_CLOSED: /* "closed" */
      break;
    case ESP_PEER_STATE_VIDEO_PLI_RECEIVED: /* nothing of a browser's: it obeys by itself */
      page->keyframe_wanted = 1;
      break;
    default:
      break;
  }
  return 0;
}
/* [end] */

/* [ontrack] */
static int on_audio_info(esp_peer_audio_stream_info_t* info, void* ctx) {
  (void)ctx; /* what was agreed on: open a decoder for it */
  printf("audio: codec %d\n", (int)info->codec);
  return 0;
}

static int on_audio_data(esp_peer_audio_frame_t* frame, void* ctx) {
  ((page_t*)ctx)->audio_frames++; /* frame->size bytes of the codec, played at frame->pts ms */
  return frame->size > 0 ? 0 : -1;
}
/* [end] */

/* [ontrack, of video] */
static int on_video_info(esp_peer_video_stream_info_t* info, void* ctx) {
  (void)ctx;
  printf("video: codec %d\n", (int)info->codec);
  return 0;
}

static int on_video_data(esp_peer_video_frame_t* frame, void* ctx) {
  ((page_t*)ctx)->pictures++; /* a whole picture, for a decoder; the first is a keyframe */
  return frame->size > 4 ? 0 : -1;
}
/* [end] */

/* [ondatachannel, onopen] */
static int on_channel_open(esp_peer_data_channel_info_t* channel, void* ctx) {
  page_t* page = (page_t*)ctx;
  page->channels++; /* ours and the other side's alike; stream_id is what to send on */
  printf("channel \"%s\" is open on stream %u\n", channel->label, (unsigned)channel->stream_id);
  return 0;
}
/* [end] */

/* [onmessage] */
static int on_data(esp_peer_data_frame_t* frame, void* ctx) {
  page_t* page = (page_t*)ctx;
  if (frame->type == ESP_PEER_DATA_CHANNEL_STRING) { /* event.data is a string */
    printf("heard: %s\n", (const char*)frame->data); /* a zero byte follows */
  }
  page->messages++;
  return 0;
}
/* [end] */

/* [onclose] */
static int on_channel_close(esp_peer_data_channel_info_t* channel, void* ctx) {
  ((page_t*)ctx)->closed++; /* whoever closed it; and each open one when the connection ends */
  printf("channel \"%s\" is closed\n", channel->label);
  return 0;
}
/* [end] */

/* [onbufferedamountlow] */
static int on_writable(void* ctx) {
  ((page_t*)ctx)->writable++; /* ext.on_writable; in esp_peer_main_loop() as all others */
  return 0;
}
/* [end] */

/* [new RTCPeerConnection] */
static int new_peer_connection(page_t* page, esp_peer_role_t role) {
  char url[] = "stun:127.0.0.1:9"; /* nobody answers there, and nobody waits for it */
  esp_peer_ice_server_cfg_t servers[1];
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  esp_peer_cfg_t cfg;
  memset(servers, 0, sizeof(servers));
  memset(&cfg, 0, sizeof(cfg));
  servers[0].stun_url = url; /* iceServers */
  ext.trickle_out = true;    /* as a browser does; else the SDP has all candidates in it */
  ext.on_writable = on_writable;
  ext.loopback_only = true; /* this program alone */
  cfg.server_lists = servers;
  cfg.server_num = 1;
  cfg.role = role;                /* CONTROLLING: who calls createOffer */
  cfg.enable_data_channel = true; /* pc.createDataChannel("esp_channel") of the DTLS client */
  cfg.audio_info.codec = ESP_PEER_AUDIO_CODEC_G711A; /* pc.addTransceiver("audio") */
  cfg.audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
  cfg.video_info.codec = ESP_PEER_VIDEO_CODEC_H264; /* pc.addTransceiver("video") */
  cfg.video_info.width = 640;
  cfg.video_info.height = 480;
  cfg.video_info.fps = 30;
  cfg.video_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
  cfg.extra_cfg = &ext;
  cfg.extra_size = sizeof(ext);
  cfg.ctx = page;
  cfg.on_state = on_state;
  cfg.on_msg = on_msg;
  cfg.on_audio_info = on_audio_info;
  cfg.on_audio_data = on_audio_data;
  cfg.on_video_info = on_video_info;
  cfg.on_video_data = on_video_data;
  cfg.on_channel_open = on_channel_open;
  cfg.on_channel_close = on_channel_close;
  cfg.on_data = on_data;
  if (esp_peer_open(&cfg, esp_peer_get_default_impl(), &page->pc) != ESP_PEER_ERR_NONE) return -1;
  return esp_peer_new_connection(page->pc); /* from here on it connects by itself */
}
/* [end] */

/* [setRemoteDescription, addIceCandidate] */
static int signal_to(page_t* remote, esp_peer_msg_t* msg) {
  return esp_peer_send_msg(remote->pc, msg); /* an offer is answered by itself, through on_msg */
}
/* [end] */

/* [dataChannel.send] */
static int send_text(page_t* page, uint16_t stream_id, const char* text) {
  esp_peer_data_frame_t frame;
  int result;
  memset(&frame, 0, sizeof(frame));
  frame.type = ESP_PEER_DATA_CHANNEL_STRING; /* send("..."); _DATA is send(arrayBuffer) */
  frame.stream_id = stream_id;               /* 0: the first channel */
  frame.data = (uint8_t*)text;
  frame.size = (int)strlen(text);
  result = esp_peer_send_data(page->pc, &frame);
  /* A browser buffers without end; here ESP_PEER_ERR_WOULD_BLOCK says that send_cache_size is full:
   * try again later, or when esp_peer_ext_cfg_t.on_writable is called. */
  return result;
}
/* [end] */

/* [bufferedAmountLowThreshold] */
static int send_all_that_fits(page_t* page, uint16_t stream_id) {
  uint8_t block[1000] = {0};
  esp_peer_data_frame_t frame;
  int sent = 0;
  memset(&frame, 0, sizeof(frame));
  frame.type = ESP_PEER_DATA_CHANNEL_DATA;
  frame.stream_id = stream_id;
  frame.data = block;
  frame.size = (int)sizeof(block);
  esp_peer_ext_set_low_threshold(page->pc, 16 * 1024);
  while (esp_peer_send_data(page->pc, &frame) == ESP_PEER_ERR_NONE) sent++;
  return sent; /* WOULD_BLOCK: on_writable says when to go on */
}
/* [end] */

/* [negotiated] */
static int create_negotiated(page_t* page) {
  char label[] = "agreed";
  esp_peer_ext_channel_cfg_t channel;
  memset(&channel, 0, sizeof(channel));
  channel.base.label = label;
  channel.base.ordered = true; /* a browser's default; a zero is unordered */
  channel.protocol = "json";
  channel.negotiated = true; /* both sides do this, each by itself */
  channel.stream_id = 7;     /* {id: 7} */
  return esp_peer_ext_create_channel(page->pc, &channel, NULL);
}
/* [end] */

/* [setConfiguration] */
static int set_configuration(page_t* page, esp_peer_role_t role) {
  char url[] = "stun:127.0.0.1:10";
  esp_peer_ice_server_cfg_t servers[1];
  memset(servers, 0, sizeof(servers));
  servers[0].stun_url = url;
  return esp_peer_update_ice_info(page->pc, role, servers, 1); /* the role too: give the same */
}
/* [end] */

/* [addTrack] */
static int send_frame(page_t* page, uint32_t pts, const uint8_t* coded, int size) {
  esp_peer_audio_frame_t frame; /* 20 ms of G.711: 160 bytes; the encoder is yours */
  frame.pts = pts;              /* milliseconds; the other side hears the same number */
  frame.data = (uint8_t*)coded;
  frame.size = size;
  return esp_peer_send_audio(page->pc, &frame); /* from CONNECTED on; one frame, one packet */
}
/* [end] */

/* The encoder of a real program; an access unit begins each of its units with 00 00 00 01. */
static int encode(int keyframe, const uint8_t** coded) {
  static const uint8_t key[] = {0, 0, 0, 1, 0x67, 0x42, 0xC0, 0x1F, 0xDA, 1, /* parameter sets */
                                0, 0, 0, 1, 0x68, 0xCE, 0x3C, 0x80, 0,    0, 0, 1, 0x65, 0x88};
  static const uint8_t other[] = {0, 0, 0, 1, 0x41, 0x9A};
  *coded = keyframe ? key : other;
  return keyframe ? (int)sizeof(key) : (int)sizeof(other);
}

/* [addTrack, of video] */
static int send_picture(page_t* page, uint32_t pts) {
  const uint8_t* coded;
  const int size = encode(page->keyframe_wanted, &coded); /* with parameter sets, if it is one */
  esp_peer_video_frame_t frame;
  int result;
  frame.pts = pts;              /* milliseconds, on the same clock as the sound's */
  frame.data = (uint8_t*)coded; /* a whole access unit, start codes in it */
  frame.size = size;            /* however large: it goes in as many packets as it takes */
  result = esp_peer_send_video(page->pc, &frame);
  if (result == ESP_PEER_ERR_NONE) page->keyframe_wanted = 0;
  return result; /* WOULD_BLOCK: the path is full; leave it out, and let a keyframe be the next */
}
/* [end] */

/* [the event loop] */
static void run_until(const int* what, int value) {
  /* Usually a thread for each peer: while (running) esp_peer_main_loop(peer); */
  for (int turns = 0; *what < value && turns < 10000; turns++) {
    esp_peer_main_loop(pages[0].pc); /* sleeps until something happens, 100 ms at most */
    esp_peer_main_loop(pages[1].pc);
  }
}
/* [end] */

int main(void) {
  pages[0].remote = &pages[1];
  pages[1].remote = &pages[0];
  if (new_peer_connection(&pages[1], ESP_PEER_ROLE_CONTROLLED) != ESP_PEER_ERR_NONE) return 1;
  if (new_peer_connection(&pages[0], ESP_PEER_ROLE_CONTROLLING) != ESP_PEER_ERR_NONE) return 2;
  run_until(&pages[0].channels, 1);
  run_until(&pages[1].channels, 1);
  if (!pages[0].connected || !pages[1].connected) return 3;
  if (send_text(&pages[0], 0, "from a browser's point of view") != ESP_PEER_ERR_NONE) return 4;
  run_until(&pages[1].messages, 1);
  if (pages[1].messages != 1) return 5;
  {
    uint8_t silence[160];
    memset(silence, 0xD5, sizeof(silence));
    if (send_frame(&pages[0], 20, silence, (int)sizeof(silence)) != ESP_PEER_ERR_NONE) return 10;
    run_until(&pages[1].audio_frames, 1);
    if (pages[1].audio_frames != 1) return 11;
  }
  /* Nobody begins to see in the middle: who hears no keyframe asks for one. */
  for (uint32_t pts = 0; pages[1].pictures == 0 && pts < 33 * 10000; pts += 33) {
    if (send_picture(&pages[0], pts) != ESP_PEER_ERR_NONE) return 22;
    esp_peer_main_loop(pages[0].pc);
    esp_peer_main_loop(pages[1].pc);
  }
  if (pages[1].pictures == 0) return 23;

  /* [createDataChannel] */
  {
    char label[] = "chat";
    esp_peer_data_channel_cfg_t channel;
    memset(&channel, 0, sizeof(channel)); /* {ordered: false, maxRetransmits: 0} */
    channel.type = ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_RETX;
    channel.label = label;
    if (esp_peer_create_data_channel(pages[0].pc, &channel) != ESP_PEER_ERR_NONE) return 6;
  }
  /* [end] */
  run_until(&pages[1].channels, 2);
  if (pages[1].channels != 2) return 7;

  {
    const int heard = pages[1].messages, writable = pages[0].writable;
    const int sent = send_all_that_fits(&pages[0], 0);
    if (sent < 50) return 12;
    run_until(&pages[0].writable, writable + 1);
    if (pages[0].writable == writable) return 13;
    run_until(&pages[1].messages, heard + sent);
    if (pages[1].messages != heard + sent) return 14;
  }

  if (create_negotiated(&pages[0]) != ESP_PEER_ERR_NONE) return 15;
  if (create_negotiated(&pages[1]) != ESP_PEER_ERR_NONE) return 16;
  {
    const int heard = pages[1].messages;
    if (send_text(&pages[0], 7, "nothing was said of this channel") != ESP_PEER_ERR_NONE) return 17;
    run_until(&pages[1].messages, heard + 1);
    if (pages[1].messages != heard + 1) return 18;
  }

  /* [channel.close] */
  if (esp_peer_close_data_channel(pages[0].pc, "chat") != ESP_PEER_ERR_NONE) return 19;
  /* [end] */
  run_until(&pages[0].closed, 1);
  run_until(&pages[1].closed, 1);
  if (pages[0].closed != 1 || pages[1].closed != 1) return 20;

  if (set_configuration(&pages[0], ESP_PEER_ROLE_CONTROLLING) != ESP_PEER_ERR_NONE) return 21;

  /* [getStats, bufferedAmount] */
  {
    esp_peer_ext_stats_t stats;
    uint32_t waiting = 0;
    stats.size = sizeof(stats);
    if (esp_peer_ext_get_stats(pages[0].pc, &stats) != ESP_PEER_ERR_NONE) return 8;
    if (esp_peer_ext_buffered_amount(pages[0].pc, &waiting) != ESP_PEER_ERR_NONE) return 9;
    printf("%u messages sent, %u bytes wait\n", (unsigned)stats.messages_sent, (unsigned)waiting);
  }
  /* [end] */

  /* [pc.close] */
  esp_peer_close(pages[0].pc); /* DISCONNECTED and CLOSED are said before it returns */
  esp_peer_close(pages[1].pc);
  /* [end] */
  puts("what a page does is done");
  return 0;
}
