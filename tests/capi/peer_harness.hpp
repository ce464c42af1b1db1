// Programs written against the C API, in a few lines: two peers of one process, whose signalling is
// a function call, each with a thread of its own.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "esp_peer_ext.h"

namespace esp_peer::test {

using namespace std::chrono_literals;

struct Message {
  esp_peer_data_channel_type_t type;
  std::uint16_t stream;
  std::string body;
};

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
    return esp_peer_open(&cfg, esp_peer_get_default_impl(), &handle);
  }
  void run() {
    running = true;
    loop = std::thread([this] {
      while (running) {
        if (esp_peer_main_loop(handle) != ESP_PEER_ERR_NONE) std::this_thread::sleep_for(1ms);
      }
    });
  }
  void stop() {
    running = false;
    if (loop.joinable()) loop.join();
  }
  void close() {
    if (handle) esp_peer_close(handle);
    stop();
    handle = nullptr;
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
  int create_channel(const char* label) {
    std::string copy(label);
    esp_peer_data_channel_cfg_t channel{};
    channel.ordered = true;
    channel.label = copy.data();
    return esp_peer_create_data_channel(handle, &channel);
  }
  int give(esp_peer_msg_type_t type, std::string text) {
    esp_peer_msg_t message{type, reinterpret_cast<std::uint8_t*>(text.data()),
                           static_cast<int>(text.size())};
    return esp_peer_send_msg(handle, &message);
  }

  // Waits, bounded, for something that callbacks bring about.
  template <class Condition>
  bool wait_for(Condition condition, std::chrono::milliseconds patience = 10s) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, patience, condition);
  }
  bool wait_state(esp_peer_state_t state, std::chrono::milliseconds patience = 10s) {
    return wait_for([&] { return has(state); }, patience);
  }
  bool has(esp_peer_state_t state) const {
    for (const auto s : states) {
      if (s == state) return true;
    }
    return false;
  }

  esp_peer_cfg_t cfg{};
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  esp_peer_handle_t handle = nullptr;
  Peer* other = nullptr;  // where on_msg goes
  std::function<void(esp_peer_state_t)> on_state;
  std::function<void(const Message&)> on_data;

  // What was heard; under `mutex`.
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<esp_peer_state_t> states;
  std::vector<std::string> descriptions;
  std::vector<std::pair<std::string, std::uint16_t>> opened, closed;
  std::vector<Message> messages;
  bool keep_messages = true;
  std::atomic<std::size_t> received{0};

 private:
  static Peer& self(void* ctx) { return *static_cast<Peer*>(ctx); }
  int note_state(esp_peer_state_t s) {
    if (on_state) on_state(s);
    const std::lock_guard lock(mutex);
    states.push_back(s);
    changed.notify_all();
    return 0;
  }
  int note_msg(esp_peer_msg_t* m) {
    const std::string text(reinterpret_cast<const char*>(m->data),
                           static_cast<std::size_t>(m->size));
    EXPECT_EQ(m->data[m->size], 0) << "on_msg ends with a zero byte";
    {
      const std::lock_guard lock(mutex);
      descriptions.push_back(text);
      changed.notify_all();
    }
    if (other) {
      EXPECT_EQ(other->give(m->type, text), ESP_PEER_ERR_NONE);
    }
    return -1;  // nobody looks at it
  }
  int note_channel(bool open, esp_peer_data_channel_info_t* c) {
    const std::lock_guard lock(mutex);
    (open ? opened : closed).emplace_back(c->label, c->stream_id);
    changed.notify_all();
    return 0;
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
    return -1;
  }

  std::atomic<bool> running{false};
  std::thread loop;
};

// Two peers that know each other: "cat" offers, "sheep" answers.
struct Couple {
  Couple() {
    cat.other = &sheep;
    sheep.other = &cat;
  }
  ~Couple() {
    // Neither may be told of the other when that is gone.
    cat.close();
    sheep.close();
  }
  void open() {
    ASSERT_EQ(cat.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
    ASSERT_EQ(sheep.open(ESP_PEER_ROLE_CONTROLLED), ESP_PEER_ERR_NONE);
  }
  void start() {
    ASSERT_EQ(sheep.handle ? esp_peer_new_connection(sheep.handle) : -1, ESP_PEER_ERR_NONE);
    ASSERT_EQ(esp_peer_new_connection(cat.handle), ESP_PEER_ERR_NONE);
    cat.run();
    sheep.run();
  }
  void connect() {
    open();
    start();
    ASSERT_TRUE(cat.wait_state(ESP_PEER_STATE_DATA_CHANNEL_CONNECTED));
    ASSERT_TRUE(sheep.wait_state(ESP_PEER_STATE_DATA_CHANNEL_CONNECTED));
  }
  void connect_with_channel() {
    connect();
    ASSERT_TRUE(cat.wait_state(ESP_PEER_STATE_DATA_CHANNEL_OPENED));
    ASSERT_TRUE(sheep.wait_state(ESP_PEER_STATE_DATA_CHANNEL_OPENED));
  }
  Peer cat, sheep;
};

}  // namespace esp_peer::test
