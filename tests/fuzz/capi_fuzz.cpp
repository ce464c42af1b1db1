// The C API driven by bytes, from four threads at once: two peers that know each other, over
// loopback alone. Whatever is called, with whatever, in whatever state: no crash, no leak, no race,
// and everything returns. What the threads do is in the bytes; in which order they come to it is
// the scheduler's, so TSan looks on in the replay.
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "esp_peer_ext.h"
#include "tests/fuzz/fuzz_parts.hpp"

namespace esp_peer::fuzz {
namespace {

constexpr std::size_t threads = 4;
constexpr std::size_t max_commands = 48;  // of one thread
// Nothing here waits for anything but a sleeping loop, which sleeps for two milliseconds.
[[maybe_unused]] constexpr unsigned longest_run_s = 60;

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : at_(data), left_(size) {}
  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *at_++;
  }
  std::string text(std::size_t most) {
    std::string out;
    for (std::size_t n = std::min<std::size_t>(byte(), most); n > 0 && left_ != 0; --n) {
      out += static_cast<char>(byte());
    }
    return out;
  }
  bool empty() const { return left_ == 0; }

 private:
  const std::uint8_t* at_;
  std::size_t left_;
};

struct Side {
  std::atomic<esp_peer_handle_t> handle = nullptr;
  Side* other = nullptr;
  std::atomic<std::uint8_t> habits = 0;  // what it does inside its callbacks, a bit each
  std::mutex mutex;
  std::string description;  // the last one, for what comes again
};

int give(Side& to, esp_peer_msg_type_t type, std::string text, int size) {
  esp_peer_msg_t message{type, reinterpret_cast<std::uint8_t*>(text.data()), size};
  return esp_peer_send_msg(to.handle, &message);
}

int send(Side& from, int type, std::uint16_t stream, std::string body) {
  esp_peer_data_frame_t frame{};
  std::memcpy(&frame.type, &type, sizeof(type));
  frame.stream_id = stream;
  frame.data = reinterpret_cast<std::uint8_t*>(body.data());
  frame.size = static_cast<int>(body.size());
  return esp_peer_send_data(from.handle, &frame);
}

// ---------------------------------------------------------------- callbacks

int on_state(esp_peer_state_t state, void* ctx) {
  Side& side = *static_cast<Side*>(ctx);
  const unsigned habits = side.habits;
  esp_peer_main_loop(side.handle);  // refused, unless another thread has put a new peer there
  esp_peer_ext_failure_t failure{};
  esp_peer_ext_get_failure(side.handle, &failure);
  if (habits & 1 && state == ESP_PEER_STATE_DISCONNECTED) esp_peer_new_connection(side.handle);
  if (habits & 2 && state == ESP_PEER_STATE_DATA_CHANNEL_CONNECTED) {
    char label[] = "made inside on_state";
    esp_peer_data_channel_cfg_t channel{};
    channel.label = label;
    esp_peer_create_data_channel(side.handle, &channel);
  }
  if (habits & 4 && state == ESP_PEER_STATE_PAIRED) esp_peer_disconnect(side.handle);
  if (habits & 8 && state == ESP_PEER_STATE_CONNECTED) esp_peer_close(side.handle);
  return -1;
}
int on_msg(esp_peer_msg_t* message, void* ctx) {
  Side& side = *static_cast<Side*>(ctx);
  require(message->data[message->size] == 0);
  const std::string text(reinterpret_cast<const char*>(message->data),
                         static_cast<std::size_t>(message->size));
  if (message->type == ESP_PEER_MSG_TYPE_SDP) {
    const std::lock_guard lock(side.mutex);
    side.description = text;
  }
  if (side.habits & 16) {
    esp_peer_update_ice_info(side.handle, ESP_PEER_ROLE_CONTROLLING, nullptr, 0);
  }
  give(*side.other, message->type, text, message->size);
  return 1;
}
int on_channel(esp_peer_data_channel_info_t* channel, void* ctx) {
  Side& side = *static_cast<Side*>(ctx);
  require(channel->label != nullptr);
  if (side.habits & 32) esp_peer_close_data_channel(side.handle, channel->label);
  return send(side, ESP_PEER_DATA_CHANNEL_STRING, channel->stream_id, "hello");
}
int on_data(esp_peer_data_frame_t* frame, void* ctx) {
  Side& side = *static_cast<Side*>(ctx);
  require(frame->data[frame->size] == 0);
  if (side.habits & 64 && frame->size < 100) {
    send(side, ESP_PEER_DATA_CHANNEL_DATA, 0,
         std::string(static_cast<std::size_t>(frame->size) + 1, 'x'));
  }
  return 0;
}
int on_audio_info(esp_peer_audio_stream_info_t* info, void*) {
  require(info->codec != ESP_PEER_AUDIO_CODEC_NONE);
  return -1;
}
int on_audio_data(esp_peer_audio_frame_t* frame, void* ctx) {
  require(frame->size > 0);
  esp_peer_audio_frame_t echo = *frame;
  if (echo.pts < 1000) return esp_peer_send_audio(static_cast<Side*>(ctx)->handle, &echo);
  return 0;
}
int on_video_info(esp_peer_video_stream_info_t* info, void*) {
  require(info->codec != ESP_PEER_VIDEO_CODEC_NONE);
  return -1;
}
int on_video_data(esp_peer_video_frame_t* frame, void* ctx) {
  require(frame->size > 0 && frame->data[frame->size] == 0);
  const esp_peer_handle_t handle = static_cast<Side*>(ctx)->handle;
  std::uint64_t time = 0;
  esp_peer_ext_get_frame_time(handle, &time);
  return frame->pts < 1000 ? esp_peer_send_video(handle, frame) : 0;
}
// In place or not, larger or smaller, and now and then nothing of all that.
int get_encoded_size(esp_peer_rtp_frame_t* frame, bool* in_place, void* ctx) {
  Side& side = *static_cast<Side*>(ctx);
  const unsigned habits = side.habits;
  require(frame->orig_size >= 12);
  require(!side.handle || esp_peer_main_loop(side.handle) != ESP_PEER_ERR_NONE);
  if (habits & 1 && frame->payload_type % 2 == 0) return ESP_PEER_ERR_NOT_SUPPORT;
  *in_place = habits & 2;
  if (habits & 4) frame->encoded_size += habits & 64 ? 1'000'000 : 4;
  if (habits & 8) frame->encoded_size -= 4;
  return habits & 128 ? ESP_PEER_ERR_FAIL : ESP_PEER_ERR_NONE;
}
int transform(esp_peer_rtp_frame_t* frame, void* ctx) {
  const unsigned habits = static_cast<Side*>(ctx)->habits;
  const std::uint32_t size = frame->encoded_size, kept = std::min(size, frame->orig_size);
  std::memmove(frame->encoded_data, frame->orig_data, kept);
  if (size > kept) std::memset(frame->encoded_data + kept, 1, size - kept);
  if (habits & 16) frame->encoded_data[size - 1] ^= 1;
  return habits & 32 ? ESP_PEER_ERR_BAD_DATA : ESP_PEER_ERR_NONE;
}
int on_writable(void* ctx) {
  std::uint32_t bytes = 0;
  return esp_peer_ext_buffered_amount(static_cast<Side*>(ctx)->handle, &bytes);
}

// ---------------------------------------------------------------- commands

void open(Side& side, Input& in) {
  const unsigned wishes = in.byte(), more = in.byte();
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  ext.loopback_only = true;
  ext.loop_wait_set = true;
  ext.loop_wait_ms = 2;
  ext.connect_timeout_ms = 200;
  ext.background_thread = wishes & 1;
  ext.trickle_out = wishes & 2;
  ext.on_writable = wishes & 4 ? on_writable : nullptr;
  ext.base.agent_recv_timeout = 2;
  ext.base.keep_role = wishes & 8;
  ext.base.data_ch_cfg.send_cache_size = wishes & 16 ? 1024 : 0;
  ext.base.data_ch_cfg.recv_cache_size = wishes & 32 ? 1024 : 0;
  esp_peer_cfg_t cfg{};
  cfg.role = wishes & 64 ? ESP_PEER_ROLE_CONTROLLED : ESP_PEER_ROLE_CONTROLLING;
  cfg.no_auto_reconnect = wishes & 128;
  cfg.enable_data_channel = (more & 3) != 3;
  cfg.manual_ch_create = more & 4;
  if (more & 128) {
    cfg.audio_info.codec = static_cast<esp_peer_audio_codec_t>(1 + wishes % 3);
    cfg.audio_dir = static_cast<esp_peer_media_dir_t>(1 + wishes / 3 % 3);
    cfg.on_audio_info = on_audio_info;
    cfg.on_audio_data = on_audio_data;
    cfg.video_info.codec = static_cast<esp_peer_video_codec_t>(1 + wishes / 2 % 2);
    cfg.video_dir = static_cast<esp_peer_media_dir_t>(wishes / 5 % 4);
    cfg.on_video_info = on_video_info;
    cfg.on_video_data = on_video_data;
    ext.sync_pts = wishes & 2;
    ext.base.rtp_cfg.video_recv_jitter.pli_send_interval = wishes & 8 ? 1 : 0;
  }
  cfg.extra_cfg = &ext;
  cfg.extra_size = more & 8 ? in.byte() : static_cast<int>(sizeof(ext));
  // Without the extension it would look at other interfaces, and wait longer.
  if (cfg.extra_size < static_cast<int>(offsetof(esp_peer_ext_cfg_t, background_thread))) {
    cfg.extra_size = sizeof(ext);
  }
  cfg.ctx = &side;
  if (!(more & 16)) cfg.on_state = on_state;
  cfg.on_msg = on_msg;
  if (!(more & 32)) cfg.on_channel_open = cfg.on_channel_close = on_channel;
  if (!(more & 64)) cfg.on_data = on_data;
  esp_peer_handle_t fresh = nullptr;
  if (esp_peer_open(&cfg, esp_peer_get_default_impl(), &fresh) != ESP_PEER_ERR_NONE) return;
  if (esp_peer_handle_t old = side.handle.exchange(fresh)) esp_peer_close(old);
}

void channel_command(Side& side, Input& in) {
  std::string label = in.text(20), protocol = in.text(20);
  const unsigned how = in.byte();
  esp_peer_ext_channel_cfg_t channel{};
  channel.base.label = how & 1 ? nullptr : label.data();
  channel.base.ordered = how & 2;
  const int type = (how >> 2) % 5;  // 3 and 4 are none
  std::memcpy(&channel.base.type, &type, sizeof(type));
  channel.base.max_retransmit_count = in.byte();
  channel.protocol = how & 32 ? protocol.c_str() : nullptr;
  channel.negotiated = how & 64;
  channel.stream_id = in.byte();
  if (how & 128) {
    esp_peer_create_data_channel(side.handle, &channel.base);
  } else {
    std::uint16_t stream = 0;
    esp_peer_ext_create_channel(side.handle, &channel, &stream);
  }
}

void message_command(Side& side, Input& in) {
  const unsigned how = in.byte();
  const auto type = static_cast<esp_peer_msg_type_t>(how % 3);
  std::string text;
  if (how & 4) {
    const std::lock_guard lock(side.other->mutex);
    text = side.other->description;
  }
  if (how & 8) text = "{\"candidate\":\"candidate:1 1 udp 1 127.0.0.1 9 typ host\"}";
  const std::string bytes = in.text(200);
  // Some of it changed, or all of it new.
  if (text.empty()) text = bytes;
  for (std::size_t i = 0; how & 16 && i + 1 < bytes.size(); i += 2) {
    text[static_cast<std::uint8_t>(bytes[i]) * 7 % text.size()] = bytes[i + 1];
  }
  const int size = static_cast<int>(text.size());
  give(side, type, std::move(text), size);
}

void command(Side& side, Input& in) {
  const esp_peer_handle_t handle = side.handle;
  switch (in.byte() % 20) {
    case 0:
      return open(side, in);
    case 1:
    case 2:
      esp_peer_new_connection(handle);
      return;
    case 3:
      return message_command(side, in);
    case 4:
      return channel_command(side, in);
    case 5: {
      const std::string label = in.text(20);
      esp_peer_close_data_channel(handle, label.c_str());
      return;
    }
    case 6: {
      const auto type = static_cast<int>(in.byte() % 4);
      const auto stream = static_cast<std::uint16_t>(in.byte() % 8);
      const std::size_t size = in.byte() * 16u;
      send(side, type, stream, std::string(size, 'x'));
      return;
    }
    case 7:
      esp_peer_disconnect(handle);
      return;
    case 8: {
      esp_peer_addr_t addr{};
      esp_peer_get_paired_addr(handle, &addr);
      return;
    }
    case 9: {
      std::string url = in.byte() & 1 ? "stun:127.0.0.1:9" : in.text(30);
      esp_peer_ice_server_cfg_t server{url.data(), nullptr, nullptr};
      const auto role = static_cast<esp_peer_role_t>(in.byte() % 2);
      // A name would be looked up, in a network that has none.
      if (url.find_first_of("abcdefghijklmnopqrstuvwxyz", 5) == url.npos) {
        esp_peer_update_ice_info(handle, role, &server, 1);
      }
      return;
    }
    case 10: {
      esp_peer_ext_stats_t stats{};
      stats.size = in.byte() % static_cast<std::uint32_t>(sizeof(stats)) + 4u;
      if (stats.size <= sizeof(stats)) esp_peer_ext_get_stats(handle, &stats);
      return;
    }
    case 11:
      esp_peer_ext_set_low_threshold(handle, in.byte() * 8u);
      return;
    case 12:
      side.habits = in.byte();
      return;
    case 13:
      esp_peer_close(handle);
      return;
    case 14: {
      esp_peer_audio_frame_t audio{};
      std::uint8_t sound[160] = {};
      audio.data = sound;
      audio.size = in.byte();
      audio.pts = in.byte() * 20u;
      if (audio.size <= 160) esp_peer_send_audio(handle, &audio);
      return;
    }
    case 15:
      esp_peer_ext_restart_ice(handle);
      return;
    case 16: {
      std::string picture("\0\0\0\1\x65", 5);
      picture.resize(5 + in.byte() * 32u, 'x');
      esp_peer_video_frame_t video{in.byte() * 20u, reinterpret_cast<std::uint8_t*>(picture.data()),
                                   static_cast<int>(picture.size())};
      esp_peer_send_video(handle, &video);
      esp_peer_main_loop(handle);
      return;
    }
    case 17: {
      const unsigned how = in.byte();
      esp_peer_rtp_transform_cb_t callbacks{get_encoded_size, transform};
      esp_peer_set_rtp_transformer(
          handle,
          how & 1 ? ESP_PEER_RTP_TRANSFORM_ROLE_SENDER : ESP_PEER_RTP_TRANSFORM_ROLE_RECEIVER,
          how & 2 ? &callbacks : nullptr, &side);
      esp_peer_main_loop(handle);
      return;
    }
    default:
      esp_peer_main_loop(handle);
      return;
  }
}

void run(std::array<Side, 2>& sides, Input in) {
  for (std::size_t i = 0; i < max_commands && !in.empty(); ++i) {
    command(sides[in.byte() % 2], in);
  }
}

[[noreturn, maybe_unused]] void on_alarm(int) {
  constexpr char text[] = "capi_fuzz: nothing returns any more\n";
  static_cast<void>(!write(2, text, sizeof(text) - 1));
  __builtin_trap();
}

}  // namespace
}  // namespace esp_peer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace esp_peer::fuzz;
#ifdef ESP_PEER_WATCHDOG  // libFuzzer has one of its own, on the same timer
  std::signal(SIGALRM, on_alarm);
  alarm(longest_run_s);
#endif
  std::array<Side, 2> sides;
  sides[0].other = &sides[1];
  sides[1].other = &sides[0];
  // The bytes are cut into one piece for each thread; the first two open the peers.
  Input opening(data, std::min<std::size_t>(size, 5));
  const bool connect = opening.byte() & 1;
  for (Side& side : sides) open(side, opening);
  if (connect) {
    for (Side& side : sides) esp_peer_new_connection(side.handle);
  }
  const std::size_t rest = size - std::min<std::size_t>(size, 5);
  std::vector<std::thread> running;
  for (std::size_t t = 0; t < threads; ++t) {
    const std::size_t begin = rest * t / threads, end = rest * (t + 1) / threads;
    running.emplace_back(
        [&sides, in = Input(data + (size - rest) + begin, end - begin)] { run(sides, in); });
  }
  for (std::thread& thread : running) thread.join();
  for (Side& side : sides) {
    if (side.handle) esp_peer_close(side.handle);
  }
  // Whoever is closed is gone for every function.
  for (Side& side : sides) {
    require(esp_peer_main_loop(side.handle) == ESP_PEER_ERR_INVALID_ARG);
  }
#ifdef ESP_PEER_WATCHDOG
  alarm(0);
#endif
  return 0;
}
