// The error codes, each with the call that earns it.
#include <string>

#include "tests/capi/out_of_range.h"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

constexpr char candidate[] = "candidate:1 1 udp 2130706431 127.0.0.1 9 typ host";

// An idle peer.
class Errors : public testing::Test {
 protected:
  void SetUp() override {
    peer.ext.loop_wait_set = true;
    ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  }
  // Until its offer is out.
  void offer() {
    ASSERT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(pump({&peer}, [&] { return !peer.descriptions.empty(); }));
  }
  Peer peer;
};

// covers: changelog 42
TEST_F(Errors, a_message_has_a_type_and_a_size) {
  char text[] = "v=0";
  EXPECT_EQ(esp_peer_send_msg(peer.handle, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(send_msg_of_type(peer.handle, ESP_PEER_MSG_TYPE_SDP, nullptr, 3),
            ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(send_msg_of_type(peer.handle, ESP_PEER_MSG_TYPE_SDP, text, 0),
            ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(send_msg_of_type(peer.handle, ESP_PEER_MSG_TYPE_SDP, text, -1),
            ESP_PEER_ERR_INVALID_ARG);
  for (const int type : {int{ESP_PEER_MSG_TYPE_NONE}, 3, -1, 1000}) {
    EXPECT_EQ(send_msg_of_type(peer.handle, type, text, 3), ESP_PEER_ERR_INVALID_ARG) << type;
  }
}

TEST_F(Errors, a_description_that_cannot_be_read_is_bad_data) {
  EXPECT_EQ(peer.give_sdp("hello"), ESP_PEER_ERR_BAD_DATA);
  EXPECT_EQ(peer.give_sdp("{\"sdp\":\"v=0\"}"), ESP_PEER_ERR_BAD_DATA);
  offer();
  EXPECT_EQ(peer.give_sdp("hello"), ESP_PEER_ERR_BAD_DATA);
  EXPECT_EQ(peer.states.back(), ESP_PEER_STATE_CANDIDATE_GATHERING) << "and changes nothing";
}

// covers: changelog 7
TEST_F(Errors, a_description_with_nothing_for_us_is_not_supported) {
  const std::string audio_only =
      "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=setup:actpass\r\n"
      "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
      "a=fingerprint:sha-256 " +
      std::string("00:").append(std::string(90, '0')) + "\r\na=rtpmap:111 opus/48000/2\r\n";
  EXPECT_EQ(peer.give_sdp(audio_only), ESP_PEER_ERR_NOT_SUPPORT);
}

// covers: changelog 24
TEST_F(Errors, candidates) {
  EXPECT_EQ(peer.give_candidate("nonsense"), ESP_PEER_ERR_BAD_DATA);
  EXPECT_EQ(peer.give_candidate("candidate:1 1 udp 1 192.0.2.1 99999 typ host"),
            ESP_PEER_ERR_BAD_DATA);
  EXPECT_EQ(peer.give_candidate("{\"sdpMid\":\"0\"}"), ESP_PEER_ERR_BAD_DATA);
  EXPECT_EQ(peer.give_candidate("candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype passive"),
            ESP_PEER_ERR_NOT_SUPPORT)
      << "a transport that is not enabled";
  EXPECT_EQ(peer.give_candidate("candidate:1 1 udp 1 2001:db8::1 9 typ host"),
            ESP_PEER_ERR_NOT_SUPPORT)
      << "a family that is not enabled";
  EXPECT_EQ(peer.give_candidate("candidate:1 1 udp 1 4ab5b7ac-1.local 9 typ host"),
            ESP_PEER_ERR_NONE);
  EXPECT_EQ(peer.give_candidate("a=end-of-candidates"), ESP_PEER_ERR_NONE);
  EXPECT_EQ(peer.give_candidate("{\"candidate\":\"\",\"sdpMid\":\"0\"}"), ESP_PEER_ERR_NONE);
}

TEST_F(Errors, duplicate_candidates_are_fine_and_too_many_are_told) {
  offer();
  EXPECT_EQ(peer.give_candidate(candidate), ESP_PEER_ERR_NONE);
  EXPECT_EQ(peer.give_candidate(candidate), ESP_PEER_ERR_NONE) << "a duplicate";
  int result = ESP_PEER_ERR_NONE, taken = 1;
  for (; taken < 1000 && result == ESP_PEER_ERR_NONE; ++taken) {
    result = peer.give_candidate("candidate:1 1 udp 2130706431 127.0.0.1 " +
                                 std::to_string(1000 + taken) + " typ host");
  }
  EXPECT_EQ(result, ESP_PEER_ERR_OVER_LIMITED);
  EXPECT_GE(taken, 16);
}

TEST_F(Errors, too_many_candidates_before_a_connection_are_told_too) {
  int result = ESP_PEER_ERR_NONE;
  for (int i = 0; i < 1000 && result == ESP_PEER_ERR_NONE; ++i) {
    result = peer.give_candidate("candidate:1 1 udp 2130706431 127.0.0.1 " +
                                 std::to_string(1000 + i) + " typ host");
  }
  EXPECT_EQ(result, ESP_PEER_ERR_OVER_LIMITED);
}

// covers: changelog 42
TEST_F(Errors, data_frames) {
  std::uint8_t byte = 0;
  esp_peer_data_frame_t frame{};
  frame.type = ESP_PEER_DATA_CHANNEL_NONE;
  frame.data = &byte;
  frame.size = 1;
  EXPECT_EQ(esp_peer_send_data(peer.handle, &frame), ESP_PEER_ERR_INVALID_ARG);
  frame.type = ESP_PEER_DATA_CHANNEL_DATA;
  frame.size = -1;
  EXPECT_EQ(esp_peer_send_data(peer.handle, &frame), ESP_PEER_ERR_INVALID_ARG);
  frame.data = nullptr;
  frame.size = 1;
  EXPECT_EQ(esp_peer_send_data(peer.handle, &frame), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_send_data(peer.handle, nullptr), ESP_PEER_ERR_INVALID_ARG);
  frame.size = 0;
  EXPECT_EQ(esp_peer_send_data(peer.handle, &frame), ESP_PEER_ERR_WRONG_STATE)
      << "legal, but no channel is open";
}

TEST_F(Errors, media_that_nobody_asked_for_is_not_there) {
  std::uint8_t byte = 0;
  esp_peer_audio_frame_t audio{0, &byte, 1};
  esp_peer_video_frame_t video{0, &byte, 1};
  EXPECT_EQ(esp_peer_send_audio(peer.handle, &audio), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(esp_peer_send_video(peer.handle, &video), ESP_PEER_ERR_NOT_SUPPORT);
  audio.size = video.size = 0;
  EXPECT_EQ(esp_peer_send_audio(peer.handle, &audio), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_send_video(peer.handle, &video), ESP_PEER_ERR_INVALID_ARG);
  audio = {0, nullptr, 1};
  video = {0, nullptr, 1};
  EXPECT_EQ(esp_peer_send_audio(peer.handle, &audio), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_send_video(peer.handle, &video), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(set_rtp_transformer_with_role(peer.handle, 0), ESP_PEER_ERR_NONE) << "nor missed";
  EXPECT_EQ(set_rtp_transformer_with_role(peer.handle, 1), ESP_PEER_ERR_NONE);
  EXPECT_EQ(set_rtp_transformer_with_role(peer.handle, 2), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(set_rtp_transformer_with_role(nullptr, 0), ESP_PEER_ERR_INVALID_ARG);
}

TEST_F(Errors, channels_before_there_is_an_association) {
  esp_peer_data_channel_cfg_t channel{};
  EXPECT_EQ(esp_peer_create_data_channel(peer.handle, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_create_data_channel(peer.handle, &channel), ESP_PEER_ERR_INVALID_ARG)
      << "no label";
  char label[] = "x";
  channel.label = label;
  channel.type = static_cast<esp_peer_data_channel_reliable_type_t>(3);
  EXPECT_EQ(esp_peer_create_data_channel(peer.handle, &channel), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(peer.create_channel("x"), ESP_PEER_ERR_WRONG_STATE);
  EXPECT_EQ(esp_peer_close_data_channel(peer.handle, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_close_data_channel(peer.handle, "x"), ESP_PEER_ERR_NOT_EXISTS);
}

TEST_F(Errors, disconnecting_an_idle_peer_is_nothing) {
  EXPECT_EQ(esp_peer_disconnect(peer.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(peer.states.empty());
}

TEST_F(Errors, a_second_new_connection_is_nothing_before_the_sdp_and_wrong_afterwards) {
  EXPECT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(pump({&peer}, [&] { return !peer.descriptions.empty(); }));
  EXPECT_EQ(peer.count(ESP_PEER_STATE_NEW_CONNECTION), 1);
  EXPECT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_WRONG_STATE);
  EXPECT_EQ(peer.count(ESP_PEER_STATE_NEW_CONNECTION), 1);
}

TEST_F(Errors, no_address_before_there_is_a_pair) {
  esp_peer_addr_t addr{};
  EXPECT_EQ(esp_peer_get_paired_addr(peer.handle, &addr), ESP_PEER_ERR_WRONG_STATE);
  EXPECT_EQ(esp_peer_get_paired_addr(peer.handle, nullptr), ESP_PEER_ERR_INVALID_ARG);
  offer();
  EXPECT_EQ(esp_peer_get_paired_addr(peer.handle, &addr), ESP_PEER_ERR_WRONG_STATE);
}

TEST_F(Errors, wrong_servers_and_roles) {
  char url[] = "http://example.org", good[] = "stun:127.0.0.1:9";
  esp_peer_ice_server_cfg_t server{url, nullptr, nullptr};
  const auto update = [&](esp_peer_ice_server_cfg_t* list, int n) {
    return esp_peer_update_ice_info(peer.handle, ESP_PEER_ROLE_CONTROLLING, list, n);
  };
  EXPECT_EQ(update(&server, 1), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(update(nullptr, 1), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(update(&server, -1), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(update_ice_info_with_role(peer.handle, 2), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(update(nullptr, 0), ESP_PEER_ERR_NONE);
  server.stun_url = good;
  EXPECT_EQ(update(&server, 1), ESP_PEER_ERR_NONE);
  std::vector<esp_peer_ice_server_cfg_t> many(9, server);
  EXPECT_EQ(update(many.data(), 8), ESP_PEER_ERR_NONE);
  EXPECT_EQ(update(many.data(), 9), ESP_PEER_ERR_OVER_LIMITED);
  many[3].stun_url = nullptr;
  EXPECT_EQ(update(many.data(), 9), ESP_PEER_ERR_NONE) << "an empty place is no server";
}

TEST(OpenErrors, a_configuration_that_makes_no_sense) {
  esp_peer_handle_t handle = nullptr;
  esp_peer_cfg_t cfg{};
  EXPECT_EQ(open_with_role(cfg, 2, &handle), ESP_PEER_ERR_INVALID_ARG);
  cfg.server_num = 1;
  EXPECT_EQ(open_with_role(cfg, 0, &handle), ESP_PEER_ERR_INVALID_ARG);
  char url[] = "stun:";
  esp_peer_ice_server_cfg_t server{url, nullptr, nullptr};
  cfg.server_lists = &server;
  EXPECT_EQ(open_with_role(cfg, 0, &handle), ESP_PEER_ERR_INVALID_ARG);
  cfg.server_num = 0;
  cfg.extra_size = -1;
  EXPECT_EQ(open_with_role(cfg, 0, &handle), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(handle, nullptr);
}

TEST(OpenErrors, a_peer_with_nothing_to_connect_for_says_so) {
  Peer peer;
  peer.cfg.enable_data_channel = false;
  ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_TRUE(peer.states.empty());
}

// covers: changelog 3
TEST(ProcessWide, the_cipher_preference_has_three_values) {
  EXPECT_EQ(esp_peer_set_dtls_cipher_pref(ESP_PEER_DTLS_CIPHER_CHACHA), 0);
  EXPECT_EQ(esp_peer_set_dtls_cipher_pref(ESP_PEER_DTLS_CIPHER_AES_GCM), 0);
  EXPECT_EQ(esp_peer_set_dtls_cipher_pref(ESP_PEER_DTLS_CIPHER_AUTO), 0);
  EXPECT_EQ(set_cipher_pref(3), -1);
  EXPECT_EQ(set_cipher_pref(-1), -1);
}

// With a connection.
class ConnectedErrors : public testing::Test {
 protected:
  void SetUp() override { c.connect_here(); }
  Couple c;
};

TEST_F(ConnectedErrors, an_unknown_stream_does_not_exist) {
  EXPECT_EQ(c.cat.send("x", 777), ESP_PEER_ERR_NOT_EXISTS);
  EXPECT_EQ(c.cat.send("x", 0), ESP_PEER_ERR_NONE);
}

TEST_F(ConnectedErrors, a_message_that_never_fits_is_over_the_limit) {
  // Both caches are 100,000 bytes, and the peer has said so in its description.
  EXPECT_EQ(c.cat.send(std::string(100'001, 'x')), ESP_PEER_ERR_OVER_LIMITED);
  EXPECT_EQ(c.cat.send(std::string(1 << 20, 'x')), ESP_PEER_ERR_OVER_LIMITED);
  EXPECT_EQ(c.cat.send(std::string(65'536, 'x')), ESP_PEER_ERR_NONE);
}

TEST_F(ConnectedErrors, a_full_send_cache_would_block_until_there_is_room) {
  int result = ESP_PEER_ERR_NONE, sent = 0;
  for (; sent < 1000 && result == ESP_PEER_ERR_NONE; ++sent) {
    result = c.cat.send(std::string(10'000, 'x'));
  }
  EXPECT_EQ(result, ESP_PEER_ERR_WOULD_BLOCK);
  ASSERT_TRUE(c.pump_until([&] { return c.cat.send("again") == ESP_PEER_ERR_NONE; }));
  const auto expected = static_cast<std::size_t>(sent);  // one was refused, one came on top
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.received == expected; }));
  EXPECT_EQ(c.sheep.messages.back().body, "again");
}

TEST_F(ConnectedErrors, no_stream_is_left_in_the_end) {
  int result = ESP_PEER_ERR_NONE, made = 0;
  for (; made < 70'000 && result == ESP_PEER_ERR_NONE; ++made) {
    result = c.cat.create_channel("x");
    esp_peer_main_loop(c.sheep.handle);
    esp_peer_main_loop(c.cat.handle);
  }
  EXPECT_EQ(result, ESP_PEER_ERR_OVER_LIMITED);
  EXPECT_EQ(made, 1024) << "with the automatic one, and without the one too many";
}

TEST_F(ConnectedErrors, after_the_end_nothing_is_sent) {
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(c.cat.send("x"), ESP_PEER_ERR_WRONG_STATE);
  EXPECT_EQ(c.cat.create_channel("x"), ESP_PEER_ERR_WRONG_STATE);
  EXPECT_EQ(esp_peer_close_data_channel(c.cat.handle, "esp_channel"), ESP_PEER_ERR_NOT_EXISTS);
  esp_peer_addr_t addr{};
  EXPECT_EQ(esp_peer_get_paired_addr(c.cat.handle, &addr), ESP_PEER_ERR_WRONG_STATE);
}

}  // namespace
}  // namespace esp_peer::test
