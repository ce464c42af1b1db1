/* A camera of JPEG pictures for a browser, which takes no MJPEG over RTP: each picture is one
 * message of a data channel. "The browser" is a second peer in this program.
 *
 *   mjpeg_channel PICTURE.jpg...
 *
 * A real browser shows what comes like this:
 *
 *   const pc = new RTCPeerConnection();
 *   pc.ondatachannel = ({channel}) => {
 *     channel.binaryType = 'blob';
 *     channel.onmessage = ({data}) => {
 *       URL.revokeObjectURL(image.src);
 *       image.src = URL.createObjectURL(data);
 *     };
 *   };
 *
 * (Programs on Espressif's esp_webrtc cut a picture into messages instead, each behind five bytes:
 * a flag for the last one with a number of seven bits, and a length of 32 bits, big-endian. Here
 * that is not needed: a message is as large as both caches allow, and comes whole or not at all.)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "esp_peer_default.h"

#define ROUNDS 20   /* each file so often */
#define SECONDS 120 /* and then it is over, whatever has come */

typedef struct {
  uint8_t* data;
  int size;
} picture_t;

static picture_t* pictures;
static int count;
static esp_peer_handle_t camera, browser;
static uint16_t stream; /* of the channel for pictures */
static int is_open, shown, broken;

static int on_msg(esp_peer_msg_t* msg, void* ctx) {
  return esp_peer_send_msg(ctx == &camera ? browser : camera, msg);
}

/* Nobody wants to see an old picture: what is lost for 100 ms is given up, and holds up nothing. */
static int on_camera_state(esp_peer_state_t state, void* ctx) {
  (void)ctx;
  if (state != ESP_PEER_STATE_DATA_CHANNEL_CONNECTED) return 0;
  esp_peer_data_channel_cfg_t cfg = {.type = ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_TIMEOUT,
                                     .ordered = false,
                                     .label = "mjpeg",
                                     .max_packet_lifetime = 100};
  return esp_peer_create_data_channel(camera, &cfg);
}

static int on_camera_channel(esp_peer_data_channel_info_t* ch, void* ctx) {
  (void)ctx;
  stream = ch->stream_id;
  is_open = strcmp(ch->label, "mjpeg") == 0;
  return 0;
}

static int on_browser_data(esp_peer_data_frame_t* frame, void* ctx) {
  (void)ctx;
  for (int i = 0; i < count; i++) {
    if (frame->size == pictures[i].size &&
        !memcmp(frame->data, pictures[i].data, (size_t)frame->size)) {
      return ++shown;
    }
  }
  return ++broken;
}

static int read_picture(const char* name, picture_t* picture) {
  FILE* file = fopen(name, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) return 0;
  picture->size = (int)ftell(file);
  picture->data = malloc((size_t)picture->size);
  rewind(file);
  const int whole = picture->data &&
                    fread(picture->data, 1, (size_t)picture->size, file) == (size_t)picture->size;
  fclose(file);
  return whole;
}

static esp_peer_handle_t open_peer(esp_peer_cfg_t cfg) {
  /* A picture has to fit into both caches. */
  esp_peer_default_cfg_t tuning = {
      .data_ch_cfg = {.send_cache_size = 400000, .recv_cache_size = 400000}};
  cfg.enable_data_channel = true;
  cfg.manual_ch_create = true;
  cfg.on_msg = on_msg;
  cfg.extra_cfg = &tuning;
  cfg.extra_size = sizeof(tuning);
  esp_peer_handle_t peer = NULL;
  esp_peer_open(&cfg, esp_peer_get_default_impl(), &peer);
  return peer;
}

int main(int argc, char** argv) {
  count = argc - 1;
  pictures = calloc((size_t)argc, sizeof(*pictures));
  for (int i = 0; pictures && i < count; i++) {
    if (!read_picture(argv[i + 1], &pictures[i])) {
      fprintf(stderr, "cannot read %s\n", argv[i + 1]);
      return 1;
    }
  }
  if (!pictures || count == 0) {
    fprintf(stderr, "usage: mjpeg_channel PICTURE.jpg...\n");
    return 1;
  }

  camera = open_peer((esp_peer_cfg_t){.role = ESP_PEER_ROLE_CONTROLLING,
                                      .ctx = &camera,
                                      .on_state = on_camera_state,
                                      .on_channel_open = on_camera_channel});
  browser = open_peer((esp_peer_cfg_t){
      .role = ESP_PEER_ROLE_CONTROLLED, .ctx = &browser, .on_data = on_browser_data});
  if (!camera || !browser) return 1;
  esp_peer_new_connection(browser);
  esp_peer_new_connection(camera);

  const time_t begin = time(NULL);
  int given = 0, skipped = 0;
  while (shown < ROUNDS * count && !broken && time(NULL) - begin < SECONDS) {
    esp_peer_main_loop(camera);
    esp_peer_main_loop(browser);
    if (!is_open) continue;
    picture_t* next = &pictures[given % count];
    esp_peer_data_frame_t frame = {ESP_PEER_DATA_CHANNEL_DATA, stream, next->data, next->size};
    const int sent = esp_peer_send_data(camera, &frame);
    if (sent == ESP_PEER_ERR_WOULD_BLOCK) {
      skipped++; /* the path is slower than the camera: this one is left out */
    } else if (sent != ESP_PEER_ERR_NONE) {
      fprintf(stderr, "a picture of %d bytes cannot be sent: %d\n", next->size, sent);
      return 1;
    }
    given++;
  }
  printf("%d pictures shown of %d, %d left out, %d broken\n", shown, given, skipped, broken);
  esp_peer_close(camera);
  esp_peer_close(browser);
  for (int i = 0; i < count; i++) free(pictures[i].data);
  free(pictures);
  return broken || shown < ROUNDS * count;
}
