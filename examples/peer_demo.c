/*
 * The cat and the sheep: two peers in one program, each with a thread of its own. They connect, the
 * cat asks, the sheep answers, both make sounds meanwhile, they part, and do it all again; memory
 * must stay as it was.
 *
 *   peer_demo [rounds]        5 by default
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "esp_peer_ext.h"

#define DIM "\033[2m"
#define BOLD "\033[1m"
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

#ifndef WITH_AUDIO /* CMake knows */
#define WITH_AUDIO 0
#endif

enum { QUESTIONS = 3, SOUNDS = 25, SOUND_MS = 20, SOUND_BYTES = 160, PATIENCE_MS = 10000 };

typedef struct demo_peer {
  const char* name;
  const char* colour;
  struct demo_peer* other;
  esp_peer_handle_t handle;
  pthread_t loop, voice;
  uint32_t pts; /* of the next sound; goes on from round to round */
  atomic_bool running, open, disconnected;
  atomic_int heard, sounds, wrong_sounds;
} demo_peer_t;

static const char* const questions[QUESTIONS] = {"Who are you?", "What do you eat?",
                                                 "Are we encrypted?"};
static const char* const answers[QUESTIONS] = {"A sheep, and you are the cat.", "Grass. Not cats.",
                                               "DTLS 1.2, and I checked your fingerprint."};
static bool use_colour;
static struct timespec began;

static int elapsed_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int)((now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000);
}

static const char* paint(const char* code) { return use_colour ? code : ""; }

__attribute__((format(printf, 2, 3))) static void say(const demo_peer_t* peer, const char* format,
                                                      ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  printf("%s%7d ms%s  %s%-5s  %s%s\n", paint(DIM), elapsed_ms(), paint(PLAIN), paint(peer->colour),
         peer->name, text, paint(PLAIN));
}

static void say_path(const demo_peer_t* peer) {
  esp_peer_addr_t addr;
  char text[INET6_ADDRSTRLEN] = "?";
  if (esp_peer_get_paired_addr(peer->handle, &addr) != ESP_PEER_ERR_NONE) return;
  inet_ntop(addr.family, addr.ipv6, text, sizeof(text)); /* ipv4 begins there too */
  say(peer, "found a path to %s port %u", text, addr.port);
}

static int on_state(esp_peer_state_t state, void* ctx) {
  demo_peer_t* peer = ctx;
  switch (state) {
    case ESP_PEER_STATE_PAIRED:
      say_path(peer);
      break;
    case ESP_PEER_STATE_CONNECTED:
      say(peer, "is connected: encrypted, and the other is who it said");
      break;
    case ESP_PEER_STATE_CONNECT_FAILED:
      say(peer, "could not connect");
      break;
    case ESP_PEER_STATE_DISCONNECTED:
      say(peer, "is disconnected");
      peer->disconnected = true;
      break;
    default:
      break;
  }
  return 0;
}

/* Signalling: what one says, the other is given. */
static int on_msg(esp_peer_msg_t* msg, void* ctx) {
  demo_peer_t* peer = ctx;
  say(peer, "says who it is and where: an SDP of %d bytes", msg->size);
  return esp_peer_send_msg(peer->other->handle, msg);
}

static int send_text(demo_peer_t* peer, const char* text) {
  char copy[128];
  snprintf(copy, sizeof(copy), "%s", text);
  esp_peer_data_frame_t frame = {
      .type = ESP_PEER_DATA_CHANNEL_DATA, .data = (uint8_t*)copy, .size = (int)strlen(copy) + 1};
  return esp_peer_send_data(peer->handle, &frame);
}

static int on_channel_open(esp_peer_data_channel_info_t* channel, void* ctx) {
  demo_peer_t* peer = ctx;
  say(peer, "has the channel \"%s\" open", channel->label);
  peer->open = true;
  return 0;
}

static int on_data(esp_peer_data_frame_t* frame, void* ctx) {
  demo_peer_t* peer = ctx;
  const char* text = (const char*)frame->data;
  say(peer, "hears: %s", text);
  peer->heard++; /* before the answer: the other may hear that at once */
  for (int i = 0; i < QUESTIONS; i++) {
    if (strcmp(text, questions[i]) == 0) send_text(peer, answers[i]);
  }
  return 0;
}

/* A sound says in its first bytes what its pts was, so that the other sees whether it still is. */
static int on_audio_data(esp_peer_audio_frame_t* frame, void* ctx) {
  demo_peer_t* peer = ctx;
  uint32_t said = ~frame->pts;
  if (frame->size == SOUND_BYTES) memcpy(&said, frame->data, sizeof(said));
  if (said == frame->pts) {
    peer->sounds++;
  } else {
    peer->wrong_sounds++;
  }
  return 0;
}

static void* make_sounds(void* ctx) {
  demo_peer_t* peer = ctx;
  for (int i = 0; WITH_AUDIO && i < SOUNDS && peer->running; i++) {
    uint8_t sound[SOUND_BYTES] = {0};
    memcpy(sound, &peer->pts, sizeof(peer->pts));
    esp_peer_audio_frame_t frame = {.pts = peer->pts, .data = sound, .size = sizeof(sound)};
    if (esp_peer_send_audio(peer->handle, &frame) != ESP_PEER_ERR_NONE) peer->wrong_sounds++;
    peer->pts += SOUND_MS;
    usleep(2000);
  }
  return NULL;
}

static bool all_sounds_came(const demo_peer_t* peer) {
  for (int waited = 0; WITH_AUDIO && waited < PATIENCE_MS && peer->sounds < SOUNDS; waited++) {
    usleep(1000);
  }
  return !WITH_AUDIO || (peer->sounds == SOUNDS && peer->wrong_sounds == 0);
}

static void* loop(void* ctx) {
  demo_peer_t* peer = ctx;
  while (peer->running) esp_peer_main_loop(peer->handle);
  return NULL;
}

static bool wait_for(atomic_bool* flag) {
  for (int waited = 0; waited < PATIENCE_MS && !*flag; waited++) usleep(1000);
  return *flag;
}

static bool open_peer(demo_peer_t* peer, esp_peer_role_t role) {
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  ext.loopback_only = true; /* the demo never touches the network */
  ext.base.data_ch_cfg.send_cache_size = ext.base.data_ch_cfg.recv_cache_size = 1536;
  ext.base.rtp_cfg.audio_recv_jitter.cache_size = ext.base.rtp_cfg.send_pool_size = 1024;
  ext.base.rtp_cfg.send_queue_num = 10;
  esp_peer_cfg_t cfg = {
      .role = role,
      .audio_info = {.codec = ESP_PEER_AUDIO_CODEC_G711A, .sample_rate = 8000, .channel = 1},
      .audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV,
      .no_auto_reconnect = true,
      .enable_data_channel = true,
      .extra_cfg = &ext,
      .extra_size = sizeof(ext),
      .ctx = peer,
      .on_state = on_state,
      .on_msg = on_msg,
      .on_audio_data = on_audio_data,
      .on_channel_open = on_channel_open,
      .on_data = on_data};
  peer->running = true;
  peer->open = peer->disconnected = false;
  peer->heard = peer->sounds = peer->wrong_sounds = 0;
  return esp_peer_open(&cfg, esp_peer_get_default_impl(), &peer->handle) == ESP_PEER_ERR_NONE;
}

static bool talk(demo_peer_t* cat, demo_peer_t* sheep) {
  for (int i = 0; i < QUESTIONS; i++) {
    if (send_text(cat, questions[i]) != ESP_PEER_ERR_NONE) return false;
    for (int waited = 0; waited < PATIENCE_MS && cat->heard <= i; waited++) usleep(1000);
    if (cat->heard != i + 1 || sheep->heard != i + 1) return false;
  }
  return true;
}

static bool round_trip(demo_peer_t* cat, demo_peer_t* sheep, int* connected_in_ms) {
  const int begin = elapsed_ms();
  if (!open_peer(cat, ESP_PEER_ROLE_CONTROLLING) || !open_peer(sheep, ESP_PEER_ROLE_CONTROLLED)) {
    return false;
  }
  pthread_create(&cat->loop, NULL, loop, cat);
  pthread_create(&sheep->loop, NULL, loop, sheep);
  esp_peer_new_connection(sheep->handle);
  esp_peer_new_connection(cat->handle);
  bool ok = wait_for(&cat->open) && wait_for(&sheep->open);
  *connected_in_ms = elapsed_ms() - begin;
  if (ok) {
    pthread_create(&cat->voice, NULL, make_sounds, cat);
    pthread_create(&sheep->voice, NULL, make_sounds, sheep);
    ok = talk(cat, sheep);
    pthread_join(cat->voice, NULL);
    pthread_join(sheep->voice, NULL);
    ok = all_sounds_came(cat) && all_sounds_came(sheep) && ok;
  }
  esp_peer_disconnect(cat->handle);
  ok = wait_for(&sheep->disconnected) && ok;

  cat->running = sheep->running = false;
  pthread_join(cat->loop, NULL);
  pthread_join(sheep->loop, NULL);
  esp_peer_close(cat->handle);
  esp_peer_close(sheep->handle);
  return ok;
}

int main(int argc, char** argv) {
  /* glibc counts what each thread caches as in use: without these caches the figure is exact. */
  if (!getenv("GLIBC_TUNABLES")) {
    setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
    execv("/proc/self/exe", argv);
  }
  const int rounds = argc > 1 ? atoi(argv[1]) : 5;
  demo_peer_t cat = {.name = "cat", .colour = "\033[33m"};
  demo_peer_t sheep = {.name = "sheep", .colour = "\033[36m"};
  cat.other = &sheep;
  sheep.other = &cat;
  use_colour = isatty(STDOUT_FILENO);
  clock_gettime(CLOCK_MONOTONIC, &began);

  size_t settled = 0, in_use = 0;
  for (int round = 1; round <= rounds; round++) {
    int connected_in_ms = 0;
    printf("%sRound %d%s\n", paint(BOLD), round, paint(PLAIN));
    if (!round_trip(&cat, &sheep, &connected_in_ms)) {
      printf("Round %d failed.\n", round);
      return 1;
    }
    in_use = mallinfo2().uordblks;
    if (round == 1) settled = in_use; /* with what OpenSSL makes once and keeps */
    printf("            %sopen after %d ms, %d questions answered, ", paint(GREEN), connected_in_ms,
           QUESTIONS);
    if (WITH_AUDIO) printf("%d sounds each way at their time, ", SOUNDS);
    printf("heap in use: %zu bytes%s\n", in_use, paint(PLAIN));
  }
  if (in_use > settled + 1024) {
    printf("Memory grew from %zu to %zu bytes.\n", settled, in_use);
    return 1;
  }
  printf("%s%d rounds, every question answered, memory as it was.%s\n", paint(BOLD), rounds,
         paint(PLAIN));
  return 0;
}
