// Video of the C API: pictures and their pts in both directions, what is told of it and when, who
// asks for keyframes, and which calls are mistakes.
#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/capi/camera.hpp"

namespace esp_peer::test {
namespace {

std::string jpeg(const char* name) {
  std::ifstream in(std::string(ESP_PEER_TEST_MEDIA "/") + name, std::ios::binary);
  std::string file{std::istreambuf_iterator<char>(in), {}};
  EXPECT_FALSE(file.empty()) << name;
  return file;
}
// The coded picture: what stands behind the header of its one scan, up to the end of the image.
std::string scan_of(const std::string& file) {
  const auto header = file.find("\xFF\xDA");
  const auto length = static_cast<unsigned char>(file.at(header + 3));
  const auto begin = header + 2 + length;
  return file.substr(begin, file.rfind("\xFF\xD9") - begin);
}

// covers: changelog 39
TEST(Video, pictures_come_whole_with_their_pts_both_ways_beside_sound_and_data) {
  Cameras c;
  for (Peer* p : {&c.cat, &c.sheep}) {
    p->cfg.audio_info = {ESP_PEER_AUDIO_CODEC_OPUS, 48'000, 2};
    p->cfg.audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
  }
  c.connect();
  ASSERT_TRUE(c.pump_until([&] {
    return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
           c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
  }));
  std::vector<VideoFrame> sent;
  for (std::uint32_t pts = 47'721'800; sent.size() < 60; pts += 33) {  // 2^32 / 90 is among them
    const bool keyframe = sent.size() % 20 == 0;
    sent.push_back({pts, access_unit(pts, keyframe, keyframe ? 30'000 : 3'000)});
    for (Peer* p : {&c.cat, &c.sheep}) {
      EXPECT_EQ(p->send_video(pts, sent.back().body), ESP_PEER_ERR_NONE);
      EXPECT_EQ(p->send_audio(pts, "sound"), ESP_PEER_ERR_NONE);
      EXPECT_EQ(p->send("words"), ESP_PEER_ERR_NONE);
    }
    ASSERT_TRUE(c.pump_until([&] {
      return c.cat.pictures.size() == sent.size() && c.sheep.pictures.size() == sent.size();
    }));
  }
  EXPECT_EQ(c.cat.pictures, sent);
  EXPECT_EQ(c.sheep.pictures, sent);
  EXPECT_TRUE(c.pump_until([&] {
    return c.cat.frames.size() == 60 && c.sheep.frames.size() == 60 && c.cat.received == 60 &&
           c.sheep.received == 60;
  }));
  EXPECT_FALSE(c.cat.has(ESP_PEER_STATE_VIDEO_PLI_RECEIVED));
}

TEST(Video, mjpeg_comes_as_the_same_picture_both_ways) {
  for (const char* name : {"smpte_420.jpg", "smpte_422.jpg"}) {
    Cameras c(ESP_PEER_VIDEO_CODEC_MJPEG);
    c.connect();
    const std::string given = jpeg(name);
    for (std::uint32_t pts : {1'000u, 1'040u}) {
      EXPECT_EQ(c.cat.send_video(pts, given), ESP_PEER_ERR_NONE);
      ASSERT_TRUE(c.pump_until([&] { return !c.sheep.pictures.empty(); }));
      const VideoFrame came = c.sheep.pictures.back();
      c.sheep.pictures.clear();
      EXPECT_EQ(came.pts, pts);
      EXPECT_EQ(came.body.substr(0, 2), "\xFF\xD8");
      EXPECT_EQ(scan_of(came.body), scan_of(given));
      // What was made of its packets is a file like any other.
      EXPECT_EQ(c.sheep.send_video(pts, came.body), ESP_PEER_ERR_NONE);
      ASSERT_TRUE(c.pump_until([&] { return !c.cat.pictures.empty(); }));
      EXPECT_EQ(c.cat.pictures.back(), came);
      c.cat.pictures.clear();
    }
    EXPECT_EQ(c.cat.send_video(0, "no picture"), ESP_PEER_ERR_NOT_SUPPORT);
  }
}

TEST(Video, alone_needs_no_data_channel) {
  Cameras c;
  c.cat.cfg.enable_data_channel = c.sheep.cfg.enable_data_channel = false;
  c.connect();
  EXPECT_EQ(c.cat.send_video(7, access_unit(7, true)), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return c.sheep.pictures.size() == 1; }));
  EXPECT_EQ(c.sheep.pictures.at(0), (VideoFrame{7, access_unit(7, true)}));
  EXPECT_FALSE(c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_CONNECTED));
}

TEST(Video, what_it_is_is_told_once_before_the_description_to_both) {
  std::vector<std::string> order;
  Cameras c;
  c.sheep.cfg.video_info.width = 320;
  for (Peer* p : {&c.cat, &c.sheep}) {
    const std::string name = p == &c.cat ? "cat" : "sheep";
    p->on_video_info = [&order, name](const esp_peer_video_stream_info_t& info) {
      EXPECT_EQ(info.codec, ESP_PEER_VIDEO_CODEC_H264);
      EXPECT_EQ(info.height, 480);
      EXPECT_EQ(info.fps, 30);
      order.push_back(name + " " + std::to_string(info.width));
    };
    p->on_msg = [&order, name](const std::string&) { order.push_back(name + " speaks"); };
  }
  c.connect();
  EXPECT_EQ(order,
            (std::vector<std::string>{"cat 640", "cat speaks", "sheep 320", "sheep speaks"}));
}

// covers: changelog 1
TEST(Video, who_cannot_show_anything_asks_for_a_keyframe) {
  Cameras c;
  c.cat.cfg.enable_data_channel = c.sheep.cfg.enable_data_channel = false;
  c.connect();
  EXPECT_EQ(c.cat.send_video(0, access_unit(0, false)), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.cat.has(ESP_PEER_STATE_VIDEO_PLI_RECEIVED); }));
  EXPECT_TRUE(c.sheep.pictures.empty()) << "which nobody could decode";
  EXPECT_EQ(c.cat.send_video(33, access_unit(33, true)), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return c.sheep.pictures.size() == 1; }));
  EXPECT_EQ(c.cat.states.back(), ESP_PEER_STATE_VIDEO_PLI_RECEIVED) << "as it is no other state";
  EXPECT_FALSE(c.sheep.has(ESP_PEER_STATE_VIDEO_PLI_RECEIVED)) << "it sends nothing";
}

// covers: changelog 1, changelog 27
TEST(Video, keyframes_are_asked_for_at_the_interval_but_told_three_times_a_second_at_most) {
  Cameras c;
  c.sheep.ext.base.rtp_cfg.video_recv_jitter.pli_send_interval = 10;
  c.connect();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(c.cat.send_video(0, access_unit(0, true)), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.cat.count(ESP_PEER_STATE_VIDEO_PLI_RECEIVED) >= 4; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 900ms);
  EXPECT_EQ(c.sheep.pictures.size(), 1u) << "asked for without need";
}

// covers: changelog 33
TEST(Video, the_profile_of_h264_follows_the_offer) {
  Cameras c;
  const std::string ours = "profile-level-id=42e01f", theirs = "profile-level-id=42001f";
  c.cat.carry = [&](std::string offer) {
    EXPECT_NE(offer.find(ours), offer.npos);
    for (auto at = offer.find(ours); at != offer.npos; at = offer.find(ours)) {
      offer.replace(at, ours.size(), theirs);
    }
    return offer;
  };
  c.connect();
  EXPECT_NE(c.sheep.descriptions.at(0).find(theirs), std::string::npos);
  EXPECT_EQ(c.sheep.descriptions.at(0).find(ours), std::string::npos);
  EXPECT_EQ(c.sheep.send_video(0, access_unit(0, true)), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return c.cat.pictures.size() == 1; }));
}

// covers: changelog 41
TEST(Video, the_direction_follows_what_both_descriptions_allow) {
  Cameras c;
  c.cat.cfg.video_dir = ESP_PEER_MEDIA_DIR_SEND_ONLY;
  c.connect();
  EXPECT_EQ(c.sheep.send_video(0, access_unit(0, true)), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(c.cat.send_video(0, access_unit(0, true)), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return c.sheep.pictures.size() == 1; }));
}

TEST(Video, of_another_codec_is_refused_and_sound_and_data_go_on) {
  Cameras c;
  c.sheep.cfg.video_info.codec = ESP_PEER_VIDEO_CODEC_MJPEG;
  for (Peer* p : {&c.cat, &c.sheep}) {
    p->cfg.audio_info = {ESP_PEER_AUDIO_CODEC_G711A, 8'000, 1};
    p->cfg.audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
  }
  c.connect();
  EXPECT_EQ(c.cat.send_video(0, access_unit(0, true)), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(c.sheep.send_video(0, jpeg("smpte_420.jpg")), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(c.cat.send_audio(0, "sound"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] {
    return c.sheep.frames.size() == 1 && c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
  }));
}

TEST(Video, a_peer_without_video_makes_it_unsupported_and_data_goes_on) {
  Cameras c;
  c.sheep.cfg.video_info = {};
  c.sheep.cfg.video_dir = ESP_PEER_MEDIA_DIR_NONE;
  c.connect();
  EXPECT_EQ(c.cat.send_video(0, access_unit(0, true)), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(c.sheep.send_video(0, access_unit(0, true)), ESP_PEER_ERR_NOT_SUPPORT);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED); }));
}

// covers: changelog 42
TEST(Video, wrong_calls_are_told_what_is_wrong) {
  Cameras c;
  c.open();
  const std::string picture = access_unit(0, true);
  EXPECT_EQ(c.cat.send_video(0, picture), ESP_PEER_ERR_WRONG_STATE);
  c.begin();
  EXPECT_EQ(c.cat.send_video(0, picture), ESP_PEER_ERR_WRONG_STATE);
  ASSERT_TRUE(c.pump_until([&] {
    return c.cat.has(ESP_PEER_STATE_CONNECTED) && c.sheep.has(ESP_PEER_STATE_CONNECTED);
  }));
  EXPECT_EQ(c.cat.send_video(0, ""), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_send_video(c.cat.handle, nullptr), ESP_PEER_ERR_INVALID_ARG);
  esp_peer_video_frame_t frame{0, nullptr, 4};
  EXPECT_EQ(esp_peer_send_video(c.cat.handle, &frame), ESP_PEER_ERR_INVALID_ARG);
  std::uint8_t byte = 0;
  frame = {0, &byte, -1};
  EXPECT_EQ(esp_peer_send_video(c.cat.handle, &frame), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(c.cat.send_video(0, std::string(3, '\0')), ESP_PEER_ERR_NOT_SUPPORT) << "no NAL unit";
  EXPECT_EQ(c.cat.send_video(0, std::string("\0\0\0\7\x65"
                                            "avcc",
                                            9)),
            ESP_PEER_ERR_NOT_SUPPORT)
      << "a length, and no start code";
  EXPECT_EQ(c.cat.send_video(0, picture), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(c.cat.send_video(0, picture), ESP_PEER_ERR_WRONG_STATE);
}

TEST(Video, more_than_the_path_carries_would_block_and_a_keyframe_of_a_megabyte_arrives) {
  Cameras c;
  c.sheep.ext.base.rtp_cfg.video_recv_jitter.cache_size = 4'000'000;
  c.connect();
  ASSERT_TRUE(c.pump_until([&] {
    return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
           c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
  }));
  EXPECT_EQ(c.cat.send_video(0, access_unit(0, true, 1'000'000)), ESP_PEER_ERR_NONE);
  EXPECT_EQ(c.cat.send_video(33, access_unit(33, false)), ESP_PEER_ERR_WOULD_BLOCK);
  EXPECT_EQ(c.cat.send("words"), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.received == 1; }));
  EXPECT_TRUE(c.sheep.pictures.empty()) << "words do not queue behind it";
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.pictures.size() == 1; }));
  EXPECT_EQ(c.sheep.pictures[0].body, access_unit(0, true, 1'000'000));
  // What refers to the picture that was left out is of no use either.
  EXPECT_EQ(c.cat.send_video(66, access_unit(66, false)), ESP_PEER_ERR_WOULD_BLOCK);
  EXPECT_TRUE(c.pump_until([&] { return c.cat.has(ESP_PEER_STATE_VIDEO_PLI_RECEIVED); }));
  EXPECT_EQ(c.cat.send_video(99, access_unit(99, true)), ESP_PEER_ERR_NONE);
  EXPECT_EQ(c.cat.send_video(132, access_unit(132, false)), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.pictures.size() == 3; }));
  EXPECT_EQ(c.sheep.pictures[1].pts, 99u);
}

TEST(Video, says_when_it_was_taken_and_comes_on_the_timeline_of_the_sound_if_that_is_wanted) {
  Cameras c;
  constexpr std::uint32_t apart = 1'000'000;
  std::uint64_t sound_time = 0, picture_time = 0;
  std::vector<int> answers;
  for (Peer* p : {&c.cat, &c.sheep}) {
    p->cfg.audio_info = {ESP_PEER_AUDIO_CODEC_OPUS, 48'000, 2};
    p->cfg.audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
  }
  c.sheep.ext.sync_pts = true;
  c.sheep.on_audio = [&](const AudioFrame&) {
    answers.push_back(esp_peer_ext_get_frame_time(c.sheep.handle, &sound_time));
    std::uint64_t other = 0;
    EXPECT_EQ(esp_peer_ext_get_frame_time(c.cat.handle, &other), ESP_PEER_ERR_WRONG_STATE);
  };
  c.sheep.on_video = [&](const VideoFrame&) {
    answers.push_back(esp_peer_ext_get_frame_time(c.sheep.handle, &picture_time));
  };
  c.connect();
  std::uint64_t time = 0;
  EXPECT_EQ(esp_peer_ext_get_frame_time(c.sheep.handle, &time), ESP_PEER_ERR_WRONG_STATE);
  EXPECT_EQ(esp_peer_ext_get_frame_time(c.sheep.handle, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_ext_get_frame_time(nullptr, &time), ESP_PEER_ERR_INVALID_ARG);
  std::uint32_t pts = 0;
  auto next = std::chrono::steady_clock::now();
  ASSERT_TRUE(c.pump_until([&] {  // until the reports have come
    if (std::chrono::steady_clock::now() >= next) {
      next += 20ms;
      EXPECT_EQ(c.cat.send_audio(pts, "sound"), ESP_PEER_ERR_NONE);
      EXPECT_EQ(c.cat.send_video(pts + apart, access_unit(pts, true, 200)), ESP_PEER_ERR_NONE);
      pts += 20;
    }
    return sound_time != 0 && picture_time != 0 && !c.sheep.pictures.empty() &&
           c.sheep.pictures.back().pts < apart;
  }));
  EXPECT_EQ(answers.front(), ESP_PEER_ERR_NOT_EXISTS) << "nobody had reported yet";
  EXPECT_EQ(c.sheep.pictures.front().pts, apart);
  // They were sent one after the other; how busy this machine was between them, nobody knows.
  EXPECT_NEAR(c.sheep.pictures.back().pts, c.sheep.frames.back().pts, 1'000);
  EXPECT_NEAR(static_cast<double>(picture_time >> 32), static_cast<double>(sound_time >> 32), 2);
  const auto unix_time = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  EXPECT_NEAR(static_cast<double>(sound_time >> 32),
              static_cast<double>(unix_time.count()) + 2'208'988'800.0, 60);  // since 1900
}

TEST(Video, null_callbacks_are_nobody_to_tell) {
  Cameras c;
  c.open();
  esp_peer_cfg_t silent = c.sheep.cfg;
  silent.on_video_data = nullptr;
  silent.on_video_info = nullptr;
  c.sheep.close();
  esp_peer_handle_t handle = nullptr;
  ASSERT_EQ(esp_peer_open(&silent, esp_peer_get_default_impl(), &handle), ESP_PEER_ERR_NONE);
  c.sheep.handle = handle;
  c.meet();
  EXPECT_EQ(c.cat.send_video(0, access_unit(0, true)), ESP_PEER_ERR_NONE);
  EXPECT_EQ(c.sheep.send_video(0, access_unit(0, true)), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return c.cat.pictures.size() == 1; }));
}

TEST(Video, codecs_and_directions_that_are_none_open_no_peer) {
  for (const int wrong : {-1, 3, 1000}) {
    Peer codec;
    std::memcpy(&codec.cfg.video_info.codec, &wrong, sizeof(wrong));
    EXPECT_EQ(codec.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_INVALID_ARG);
  }
  for (const int wrong : {-1, 4, 1000}) {
    Peer direction;
    std::memcpy(&direction.cfg.video_dir, &wrong, sizeof(wrong));
    EXPECT_EQ(direction.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_INVALID_ARG);
  }
}

TEST(Video, is_sent_while_the_loop_sleeps) {
  Cameras c;
  c.cat.ext.loop_wait_ms = 20'000;
  c.sheep.ext.loop_wait_ms = 20;
  c.open();
  c.begin();
  c.cat.run();
  c.sheep.run();
  ASSERT_TRUE(c.both_wait(ESP_PEER_STATE_CONNECTED));
  std::vector<VideoFrame> sent;
  for (std::uint32_t pts = 0; pts < 330; pts += 33) {
    until_asleep(c.cat.loop_thread);
    sent.push_back({pts, access_unit(pts, pts == 0)});
    EXPECT_EQ(c.cat.send_video(pts, sent.back().body), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.sheep.wait_for([&] { return c.sheep.pictures.size() == sent.size(); }));
  }
  EXPECT_EQ(c.sheep.pictures, sent);
  c.close();
}

TEST(Video, is_sent_from_any_thread_while_the_loops_run_and_peers_disconnect) {
  for (int round = 0; round < 3; ++round) {
    Cameras c;
    for (Peer* p : {&c.cat, &c.sheep}) p->ext.loop_wait_ms = 20;
    // An answer from inside of the callback is no deadlock.
    c.sheep.on_video = [&](const VideoFrame& frame) { c.sheep.send_video(frame.pts, frame.body); };
    c.open();
    c.begin();
    c.cat.run();
    c.sheep.run();
    ASSERT_TRUE(c.both_wait(ESP_PEER_STATE_CONNECTED));
    std::vector<std::thread> threads;
    std::atomic<bool> go_on{true};
    for (std::uint32_t n = 0; n < 3; ++n) {
      threads.emplace_back([&, n] {
        for (std::uint32_t pts = n; go_on; pts += 3) {
          c.cat.send_video(pts, access_unit(pts, true, 500));
          std::this_thread::yield();
        }
      });
    }
    EXPECT_TRUE(c.cat.wait_for([&] { return c.cat.pictures.size() > 50; }));
    EXPECT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
    go_on = false;
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(c.sheep.wait_state(ESP_PEER_STATE_DISCONNECTED));
    c.close();
  }
}

}  // namespace
}  // namespace esp_peer::test
