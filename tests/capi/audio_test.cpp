// Audio of the C API: frames and their pts in both directions, what is told of it and when, and
// which calls are mistakes.
#include <cstring>

#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

struct Talkers : Couple {
  explicit Talkers(esp_peer_audio_codec_t codec = ESP_PEER_AUDIO_CODEC_G711A) {
    never_wait();
    for (Peer* p : {&cat, &sheep}) {
      const bool opus = codec == ESP_PEER_AUDIO_CODEC_OPUS;
      p->cfg.audio_info = {codec, opus ? 48000u : 8000u, std::uint8_t(opus ? 2 : 1)};
      p->cfg.audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
    }
  }
  bool pump_until(const std::function<bool()>& holds) { return pump({&cat, &sheep}, holds); }
  void connect() {
    open();
    begin();
    ASSERT_TRUE(pump_until(
        [&] { return cat.has(ESP_PEER_STATE_CONNECTED) && sheep.has(ESP_PEER_STATE_CONNECTED); }));
  }
};

TEST(Audio, frames_come_with_their_pts_for_every_codec_beside_questions_and_answers) {
  for (const auto codec :
       {ESP_PEER_AUDIO_CODEC_G711A, ESP_PEER_AUDIO_CODEC_G711U, ESP_PEER_AUDIO_CODEC_OPUS}) {
    Talkers t(codec);
    t.connect();
    ASSERT_TRUE(t.pump_until([&] {
      return t.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
             t.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
    }));
    std::vector<AudioFrame> sent;
    for (std::uint32_t pts = 1'000'000; pts < 1'001'000; pts += 20) {
      sent.push_back({pts, std::string(160, char(pts / 20))});
      EXPECT_EQ(t.cat.send_audio(pts, sent.back().body), ESP_PEER_ERR_NONE);
      EXPECT_EQ(t.sheep.send_audio(pts, sent.back().body), ESP_PEER_ERR_NONE);
      EXPECT_TRUE(t.pump_until([&] {
        return t.cat.frames.size() == sent.size() && t.sheep.frames.size() == sent.size();
      }));
    }
    EXPECT_EQ(t.cat.send("what is this?"), ESP_PEER_ERR_NONE);
    EXPECT_TRUE(t.pump_until([&] { return t.sheep.messages.size() == 1; }));
    EXPECT_EQ(t.cat.frames, sent);
    EXPECT_EQ(t.sheep.frames, sent);
  }
}

TEST(Audio, alone_needs_no_data_channel) {
  Talkers t;
  t.cat.cfg.enable_data_channel = t.sheep.cfg.enable_data_channel = false;
  t.connect();
  EXPECT_EQ(t.cat.send_audio(7, "frame"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(t.pump_until([&] { return t.sheep.frames.size() == 1; }));
  EXPECT_EQ(t.sheep.frames[0], (AudioFrame{7, "frame"}));
  EXPECT_FALSE(t.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_CONNECTED));
  EXPECT_EQ(t.cat.send("no channel"), ESP_PEER_ERR_WRONG_STATE);
}

TEST(Audio, what_it_is_is_told_once_before_the_description_to_both) {
  std::vector<std::string> order;
  Talkers t;
  t.cat.cfg.audio_info.sample_rate = 0;
  for (Peer* p : {&t.cat, &t.sheep}) {
    const std::string name = p == &t.cat ? "cat" : "sheep";
    p->on_audio_info = [&order, name](const esp_peer_audio_stream_info_t& info) {
      EXPECT_EQ(info.codec, ESP_PEER_AUDIO_CODEC_G711A);
      EXPECT_EQ(info.channel, 1);
      order.push_back(name + " " + std::to_string(info.sample_rate));
    };
    p->on_msg = [&order, name](const std::string&) { order.push_back(name + " speaks"); };
  }
  t.connect();
  EXPECT_EQ(order, (std::vector<std::string>{"cat 0", "cat speaks", "sheep 8000", "sheep speaks"}));
}

// covers: changelog 41
TEST(Audio, the_direction_follows_what_both_descriptions_allow) {
  Talkers t;
  t.cat.cfg.audio_dir = ESP_PEER_MEDIA_DIR_SEND_ONLY;
  t.connect();
  EXPECT_EQ(t.sheep.send_audio(0, "frame"), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(t.cat.send_audio(0, "frame"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(t.pump_until([&] { return t.sheep.frames.size() == 1; }));
}

// covers: changelog 42
TEST(Audio, wrong_calls_are_told_what_is_wrong) {
  Talkers t;
  t.open();
  EXPECT_EQ(t.cat.send_audio(0, "frame"), ESP_PEER_ERR_WRONG_STATE);
  t.begin();
  EXPECT_EQ(t.cat.send_audio(0, "frame"), ESP_PEER_ERR_WRONG_STATE);
  ASSERT_TRUE(t.pump_until([&] {
    return t.cat.has(ESP_PEER_STATE_CONNECTED) && t.sheep.has(ESP_PEER_STATE_CONNECTED);
  }));
  EXPECT_EQ(t.cat.send_audio(0, ""), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_send_audio(t.cat.handle, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(t.cat.send_audio(0, std::string(2000, 'x')), ESP_PEER_ERR_OVER_LIMITED);
  EXPECT_EQ(t.cat.send_audio(0, "frame"), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_disconnect(t.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(t.cat.send_audio(0, "frame"), ESP_PEER_ERR_WRONG_STATE);
}

TEST(Audio, a_peer_without_audio_makes_it_unsupported_and_data_goes_on) {
  Talkers t;
  t.sheep.cfg.audio_info = {};
  t.sheep.cfg.audio_dir = ESP_PEER_MEDIA_DIR_NONE;
  t.connect();
  EXPECT_EQ(t.cat.send_audio(0, "frame"), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(t.sheep.send_audio(0, "frame"), ESP_PEER_ERR_NOT_SUPPORT);
  ASSERT_TRUE(t.pump_until([&] { return t.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED); }));
}

TEST(Audio, null_callbacks_are_nobody_to_tell) {
  Talkers t;
  t.open();
  esp_peer_cfg_t silent = t.sheep.cfg;
  silent.on_audio_data = nullptr;
  silent.on_audio_info = nullptr;
  t.sheep.close();
  esp_peer_handle_t handle = nullptr;
  ASSERT_EQ(esp_peer_open(&silent, esp_peer_get_default_impl(), &handle), ESP_PEER_ERR_NONE);
  t.sheep.handle = handle;
  t.begin();
  ASSERT_TRUE(t.pump_until([&] {
    return t.cat.has(ESP_PEER_STATE_CONNECTED) && t.sheep.has(ESP_PEER_STATE_CONNECTED);
  }));
  EXPECT_EQ(t.cat.send_audio(0, "frame"), ESP_PEER_ERR_NONE);
  EXPECT_EQ(t.sheep.send_audio(0, "frame"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(t.pump_until([&] { return t.cat.frames.size() == 1; }));
}

TEST(Audio, codecs_and_directions_that_are_none_open_no_peer) {
  for (const int wrong : {-1, 4, 1000}) {
    Peer codec, direction;
    std::memcpy(&codec.cfg.audio_info.codec, &wrong, sizeof(wrong));
    EXPECT_EQ(codec.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_INVALID_ARG);
    std::memcpy(&direction.cfg.audio_dir, &wrong, sizeof(wrong));
    EXPECT_EQ(direction.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_INVALID_ARG);
  }
}

// As messages are, see threads_test.cpp. Each frame is heard before the next one is said.
TEST(Audio, leaves_soon_while_another_thread_sleeps_in_the_loop) {
  Talkers t;
  t.cat.ext.loop_wait_ms = 60'000;
  t.sheep.ext.loop_wait_ms = 20;
  t.open();
  t.start();
  ASSERT_TRUE(t.both_wait(ESP_PEER_STATE_CONNECTED));
  const auto begin = std::chrono::steady_clock::now();
  std::vector<AudioFrame> sent;
  for (std::uint32_t pts = 0; pts < 600; pts += 20) {
    until_asleep(t.cat.loop_thread);
    sent.push_back({pts, std::string(160, char(pts / 20))});
    ASSERT_EQ(t.cat.send_audio(pts, sent.back().body), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(t.sheep.wait_for([&] { return t.sheep.frames.size() == sent.size(); }));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, patience);
  EXPECT_EQ(t.sheep.frames, sent);
  t.close();
}

TEST(Audio, is_sent_from_any_thread_while_the_loops_run_and_peers_disconnect) {
  for (int round = 0; round < 3; ++round) {
    Talkers t;
    for (Peer* p : {&t.cat, &t.sheep}) p->ext.loop_wait_ms = 20;
    // An answer from inside of the callback is no deadlock.
    t.sheep.on_audio = [&](const AudioFrame& frame) { t.sheep.send_audio(frame.pts, frame.body); };
    t.open();
    t.begin();
    t.cat.run();
    t.sheep.run();
    ASSERT_TRUE(t.cat.wait_state(ESP_PEER_STATE_CONNECTED));
    ASSERT_TRUE(t.sheep.wait_state(ESP_PEER_STATE_CONNECTED));
    std::vector<std::thread> threads;
    std::atomic<bool> go_on{true};
    for (std::uint32_t n = 0; n < 3; ++n) {
      threads.emplace_back([&, n] {
        for (std::uint32_t pts = n; go_on; pts += 3) {
          t.cat.send_audio(pts, "frame");
          std::this_thread::yield();
        }
      });
    }
    EXPECT_TRUE(t.cat.wait_for([&] { return t.cat.frames.size() > 100; }));
    EXPECT_EQ(esp_peer_disconnect(t.cat.handle), ESP_PEER_ERR_NONE);
    go_on = false;
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(t.sheep.wait_state(ESP_PEER_STATE_DISCONNECTED));
    t.close();
  }
}

}  // namespace
}  // namespace esp_peer::test
