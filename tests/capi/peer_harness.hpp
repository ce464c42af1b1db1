// Programs written against the C API, in a few lines: peers of one process, whose signalling is a
// function call. A test runs their loops itself, or gives each a thread.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "esp_peer_ext.h"
#include "tests/capi/story.hpp"

namespace esp_peer::test {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;

// Generous: what takes longer hangs.
constexpr Milliseconds patience = 20s;

// Until a thread of ours sleeps in the kernel, or is gone: it has come as far as it comes by
// itself. `thread` is 0 until it has said its gettid().
inline void until_asleep(const std::atomic<pid_t>& thread) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
    if (thread == 0) continue;
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string stat;
    if (!std::getline(file, stat) || stat.at(stat.rfind(')') + 2) == 'S') return;
  }
  ADD_FAILURE() << "it never rests";
}

struct Message {
  esp_peer_data_channel_type_t type;
  std::uint16_t stream;
  std::string body;
};

struct MediaFrame {
  std::uint32_t pts;
  std::string body;
  friend bool operator==(const MediaFrame&, const MediaFrame&) = default;
};
using AudioFrame = MediaFrame;
using VideoFrame = MediaFrame;

class Peer {
 public:
  Peer() {
    ext.loopback_only = true;
    ext.base.agent_recv_timeout = 20;
    cfg.enable_data_channel = true;
    cfg.no_auto_reconnect = true;
  }
  Peer(const Peer&) = delete;
  ~Peer() { close(); }

  int open(esp_peer_role_t role) {
    cfg.role = role;
    cfg.extra_cfg = &ext;
    cfg.extra_size = sizeof(ext);
    cfg.ctx = this;
    cfg.on_state = [](esp_peer_state_t s, void* ctx) { return self(ctx).note_state(s); };
    cfg.on_msg = [](esp_peer_msg_t* m, void* ctx) { return self(ctx).note_msg(m); };
    cfg.on_channel_open = [](esp_peer_data_channel_info_t* c, void* ctx) {
      return self(ctx).note_channel(true, c);
    };
    cfg.on_channel_close = [](esp_peer_data_channel_info_t* c, void* ctx) {
      return self(ctx).note_channel(false, c);
    };
    cfg.on_data = [](esp_peer_data_frame_t* f, void* ctx) { return self(ctx).note_data(f); };
    cfg.on_audio_info = [](esp_peer_audio_stream_info_t* i, void* ctx) {
      return self(ctx).note_audio_info(*i);
    };
    cfg.on_audio_data = [](esp_peer_audio_frame_t* f, void* ctx) {
      return self(ctx).note_audio(f);
    };
    cfg.on_video_info = [](esp_peer_video_stream_info_t* i, void* ctx) {
      return self(ctx).note_video_info(*i);
    };
    cfg.on_video_data = [](esp_peer_video_frame_t* f, void* ctx) {
      return self(ctx).note_video(f);
    };
    esp_peer_handle_t fresh = nullptr;
    const int result = esp_peer_open(&cfg, esp_peer_get_default_impl(), &fresh);
    handle = fresh;
    return result;
  }
  // A thread that does nothing but esp_peer_main_loop().
  void run() {
    running = true;
    loop = std::thread([this, h = handle.load()] {
      loop_thread = gettid();
      while (running && esp_peer_main_loop(h) != ESP_PEER_ERR_INVALID_ARG) {
      }
    });
  }
  void end_with_this_turn() { running = false; }
  void stop() {
    running = false;
    if (loop.joinable()) loop.join();
  }
  void close() {
    if (handle) esp_peer_close(handle);
    stop();
    handle = nullptr;
    story.end();
  }

  int send(std::string_view body, std::uint16_t stream = 0,
           esp_peer_data_channel_type_t type = ESP_PEER_DATA_CHANNEL_STRING) {
    std::string copy(body);
    esp_peer_data_frame_t frame{};
    frame.type = type;
    frame.stream_id = stream;
    frame.data = reinterpret_cast<std::uint8_t*>(copy.data());
    frame.size = static_cast<int>(copy.size());
    return esp_peer_send_data(handle, &frame);
  }
  int send_audio(std::uint32_t pts, std::string_view body) {
    std::string copy(body);
    esp_peer_audio_frame_t frame{pts, reinterpret_cast<std::uint8_t*>(copy.data()),
                                 static_cast<int>(copy.size())};
    return esp_peer_send_audio(handle, &frame);
  }
  int send_video(std::uint32_t pts, std::string_view body) {
    std::string copy(body);
    esp_peer_video_frame_t frame{pts, reinterpret_cast<std::uint8_t*>(copy.data()),
                                 static_cast<int>(copy.size())};
    return esp_peer_send_video(handle, &frame);
  }
  int create_channel(std::string label, bool ordered = true) {
    esp_peer_data_channel_cfg_t channel{};
    channel.ordered = ordered;
    channel.label = label.data();
    return esp_peer_create_data_channel(handle, &channel);
  }
  int give(esp_peer_msg_type_t type, std::string text) {
    esp_peer_msg_t message{type, reinterpret_cast<std::uint8_t*>(text.data()),
                           static_cast<int>(text.size())};
    return esp_peer_send_msg(handle, &message);
  }
  int give_sdp(std::string text) { return give(ESP_PEER_MSG_TYPE_SDP, std::move(text)); }
  int give_candidate(std::string text) {
    return give(ESP_PEER_MSG_TYPE_CANDIDATE, std::move(text));
  }

  // Waits, bounded, for something that callbacks of another thread bring about.
  template <class Condition>
  bool wait_for(Condition condition, Milliseconds limit = patience) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, limit, condition);
  }
  bool wait_state(esp_peer_state_t state, Milliseconds limit = patience) {
    return wait_for([&] { return has(state); }, limit);
  }
  // Of what was heard, with the lock or without another thread.
  bool has(esp_peer_state_t state) const { return count(state) != 0; }
  int count(esp_peer_state_t state) const {
    int n = 0;
    for (const auto s : states) n += s == state ? 1 : 0;
    return n;
  }
  std::vector<esp_peer_state_t> states_so_far() {
    const std::lock_guard lock(mutex);
    return states;
  }
  void forget() {
    const std::lock_guard lock(mutex);
    states.clear();
    descriptions.clear();
    candidates.clear();
    opened.clear();
    closed.clear();
    messages.clear();
    frames.clear();
    pictures.clear();
  }

  esp_peer_cfg_t cfg{};
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  std::atomic<esp_peer_handle_t> handle = nullptr;  // callbacks of the other peer read it too
  Peer* other = nullptr;                            // where on_msg goes

  // What a test does inside the callbacks, before they are noted. They come until the peer is gone:
  // what they use is declared before it.
  std::function<void(esp_peer_state_t)> on_state;
  std::function<void(const std::string&)> on_msg;
  std::function<std::string(std::string)> carry;  // what becomes of a description on its way
  std::function<void(bool open, const std::string& label, std::uint16_t stream)> on_channel;
  std::function<void(const Message&)> on_data;
  std::function<void(const esp_peer_audio_stream_info_t&)> on_audio_info;
  std::function<void(const AudioFrame&)> on_audio;
  std::function<void(const esp_peer_video_stream_info_t&)> on_video_info;
  std::function<void(const VideoFrame&)> on_video;

  std::atomic<pid_t> loop_thread = 0;  // that run() made

  // What was heard; under `mutex` while a loop runs.
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<esp_peer_state_t> states;
  std::vector<std::string> descriptions, candidates;
  std::vector<std::pair<std::string, std::uint16_t>> opened, closed;
  std::vector<Message> messages;
  std::vector<AudioFrame> frames;
  std::vector<VideoFrame> pictures;
  bool keep_messages = true;
  Story story;  // of all its handles; what is wrong in it fails the test
  std::atomic<std::size_t> received{0};
  int answer = -1;  // of every callback: nobody looks at it

 private:
  static Peer& self(void* ctx) { return *static_cast<Peer*>(ctx); }
  int note_state(esp_peer_state_t s) {
    story.hear_state(static_cast<peer::State>(s));
    if (on_state) on_state(s);
    const std::lock_guard lock(mutex);
    states.push_back(s);
    changed.notify_all();
    return answer;
  }
  int note_msg(esp_peer_msg_t* m) {
    const std::string text(reinterpret_cast<const char*>(m->data),
                           static_cast<std::size_t>(m->size));
    EXPECT_EQ(m->data[m->size], 0) << "on_msg ends with a zero byte";
    const bool is_candidate = m->type == ESP_PEER_MSG_TYPE_CANDIDATE;
    EXPECT_TRUE(is_candidate ? ext.trickle_out : m->type == ESP_PEER_MSG_TYPE_SDP) << m->type;
    if (on_msg) on_msg(text);
    {
      const std::lock_guard lock(mutex);
      (is_candidate ? candidates : descriptions).push_back(text);
      changed.notify_all();
    }
    if (other) {
      const int taken = other->give(m->type, carry && !is_candidate ? carry(text) : text);
      EXPECT_TRUE(taken == ESP_PEER_ERR_NONE ||
                  taken == ESP_PEER_ERR_INVALID_ARG /* it is closed */)
          << taken;
    }
    return answer;
  }
  int note_channel(bool open, esp_peer_data_channel_info_t* c) {
    story.hear_channel(open, c->stream_id);
    if (on_channel) on_channel(open, c->label, c->stream_id);
    const std::lock_guard lock(mutex);
    (open ? opened : closed).emplace_back(c->label, c->stream_id);
    changed.notify_all();
    return answer;
  }
  int note_data(esp_peer_data_frame_t* f) {
    EXPECT_EQ(f->data[f->size], 0) << "on_data ends with a zero byte";
    ++received;
    Message m{
        f->type, f->stream_id,
        std::string(reinterpret_cast<const char*>(f->data), static_cast<std::size_t>(f->size))};
    if (on_data) on_data(m);
    const std::lock_guard lock(mutex);
    if (keep_messages) messages.push_back(std::move(m));
    changed.notify_all();
    return answer;
  }

  int note_audio_info(const esp_peer_audio_stream_info_t& info) {
    if (on_audio_info) on_audio_info(info);
    return answer;
  }
  int note_audio(esp_peer_audio_frame_t* f) {
    AudioFrame frame{f->pts, std::string(reinterpret_cast<const char*>(f->data),
                                         static_cast<std::size_t>(f->size))};
    if (on_audio) on_audio(frame);
    const std::lock_guard lock(mutex);
    frames.push_back(std::move(frame));
    changed.notify_all();
    return answer;
  }
  int note_video_info(const esp_peer_video_stream_info_t& info) {
    if (on_video_info) on_video_info(info);
    return answer;
  }
  int note_video(esp_peer_video_frame_t* f) {
    EXPECT_EQ(f->data[f->size], 0) << "on_video_data ends with a zero byte";
    VideoFrame frame{f->pts, std::string(reinterpret_cast<const char*>(f->data),
                                         static_cast<std::size_t>(f->size))};
    if (on_video) on_video(frame);
    const std::lock_guard lock(mutex);
    pictures.push_back(std::move(frame));
    changed.notify_all();
    return answer;
  }

  std::atomic<bool> running{false};
  std::thread loop;
};

// Runs the loops of these peers in this thread until the condition holds.
template <class Condition>
bool pump(std::initializer_list<Peer*> peers, Condition condition, Milliseconds limit = patience) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    for (Peer* p : peers) {
      if (p->handle) esp_peer_main_loop(p->handle);
    }
  }
  return true;
}

// Two peers that know each other: "cat" offers, "sheep" answers.
struct Couple {
  Couple() {
    cat.other = &sheep;
    sheep.other = &cat;
  }
  ~Couple() { close(); }
  // Both, before either is destroyed: neither may be told of the other when that is gone.
  void close() {
    cat.close();
    sheep.close();
  }
  // For tests that run the loops themselves.
  void never_wait() {
    for (Peer* p : {&cat, &sheep}) {
      p->ext.loop_wait_set = true;
      p->ext.loop_wait_ms = 0;
    }
  }
  void open() {
    ASSERT_EQ(cat.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
    ASSERT_EQ(sheep.open(ESP_PEER_ROLE_CONTROLLED), ESP_PEER_ERR_NONE);
  }
  void begin() {
    ASSERT_EQ(esp_peer_new_connection(sheep.handle), ESP_PEER_ERR_NONE);
    ASSERT_EQ(esp_peer_new_connection(cat.handle), ESP_PEER_ERR_NONE);
  }
  void start() {
    begin();
    cat.run();
    sheep.run();
  }
  template <class Condition>
  bool pump_until(Condition condition) {
    return pump({&cat, &sheep}, condition);
  }
  // Both have said it; with threads.
  bool both_wait(esp_peer_state_t state) {
    return cat.wait_state(state) && sheep.wait_state(state);
  }
  void connect() {
    open();
    start();
    ASSERT_TRUE(both_wait(ESP_PEER_STATE_DATA_CHANNEL_CONNECTED));
  }
  void connect_with_channel() {
    connect();
    ASSERT_TRUE(both_wait(ESP_PEER_STATE_DATA_CHANNEL_OPENED));
  }
  // The same, in this thread alone.
  void connect_here() {
    never_wait();
    open();
    begin();
    const auto last = cat.cfg.manual_ch_create ? ESP_PEER_STATE_DATA_CHANNEL_CONNECTED
                                               : ESP_PEER_STATE_DATA_CHANNEL_OPENED;
    ASSERT_TRUE(pump_until([&] { return cat.has(last) && sheep.has(last); }));
  }

  Peer cat, sheep;
};

}  // namespace esp_peer::test
