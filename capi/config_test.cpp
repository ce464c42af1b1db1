#include "capi/config.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <vector>

namespace esp_peer::capi {
namespace {

Config read(const esp_peer_cfg_t& cfg) {
  auto config = read_config(cfg);
  EXPECT_TRUE(config);
  return *config;
}

void expect_defaults(const Config& c) {
  EXPECT_EQ(c.loop_wait, milliseconds(100));
  EXPECT_EQ(c.session.gathering_timeout, milliseconds(500)) << "five times agent_recv_timeout";
  EXPECT_EQ(c.session.send_buffer, 100'000u);
  EXPECT_EQ(c.session.receive_buffer, 100'000u);
  EXPECT_EQ(c.message_lifetime_ms, 5000);
  EXPECT_EQ(c.session.max_candidates, 16);
  EXPECT_EQ(c.session.consent_misses, 5);
  EXPECT_EQ(c.session.connect_timeout, milliseconds(39'500));
  EXPECT_FALSE(c.session.keep_role);
  EXPECT_FALSE(c.session.remote_lite);
  EXPECT_FALSE(c.ipv6);
  EXPECT_FALSE(c.loopback_only);
  EXPECT_EQ(c.interface_filter, nullptr);
}

TEST(Config, without_an_extra_configuration_everything_is_at_its_default) {
  const Config c = read(esp_peer_cfg_t{});
  expect_defaults(c);
  EXPECT_EQ(c.session.role, ice::Role::controlling);
  EXPECT_TRUE(c.session.auto_reconnect);
  EXPECT_FALSE(c.session.data);
  EXPECT_TRUE(c.session.automatic_channel);
  EXPECT_FALSE(c.session.relay_only);
}

TEST(Config, a_zero_is_the_default) {
  esp_peer_default_cfg_t zeros{};
  esp_peer_cfg_t cfg{};
  cfg.extra_cfg = &zeros;
  cfg.extra_size = sizeof(zeros);
  expect_defaults(read(cfg));
}

TEST(Config, every_field_arrives) {
  esp_peer_default_cfg_t tuning{};
  tuning.agent_recv_timeout = 20;
  tuning.data_ch_cfg = {1234, 200'000, 300'000};
  tuning.keep_role = tuning.ipv6_support = tuning.ice_use_lite_mode = true;
  tuning.max_candidates = 3;
  tuning.alive_binding_retries = 0xFF;
  esp_peer_cfg_t cfg{};
  cfg.role = ESP_PEER_ROLE_CONTROLLED;
  cfg.ice_trans_policy = ESP_PEER_ICE_TRANS_POLICY_RELAY;
  cfg.no_auto_reconnect = cfg.enable_data_channel = cfg.manual_ch_create = true;
  cfg.extra_cfg = &tuning;
  cfg.extra_size = sizeof(tuning);
  const Config c = read(cfg);
  EXPECT_EQ(c.loop_wait, milliseconds(20));
  EXPECT_EQ(c.session.gathering_timeout, milliseconds(100));
  EXPECT_EQ(c.message_lifetime_ms, 1234);
  EXPECT_EQ(c.session.incomplete_lifetime, milliseconds(1234));
  EXPECT_EQ(c.session.send_buffer, 200'000u);
  EXPECT_EQ(c.session.receive_buffer, 300'000u);
  EXPECT_TRUE(c.session.keep_role);
  EXPECT_TRUE(c.ipv6);
  EXPECT_TRUE(c.session.remote_lite);
  EXPECT_EQ(c.session.max_candidates, 3);
  EXPECT_EQ(c.session.consent_misses, 0xFF);
  EXPECT_EQ(c.session.role, ice::Role::controlled);
  EXPECT_TRUE(c.session.relay_only);
  EXPECT_FALSE(c.session.auto_reconnect);
  EXPECT_TRUE(c.session.data);
  EXPECT_FALSE(c.session.automatic_channel);
}

TEST(Config, a_size_of_zero_means_the_whole_struct) {
  esp_peer_default_cfg_t tuning{};
  tuning.keep_role = true;
  esp_peer_cfg_t cfg{};
  cfg.extra_cfg = &tuning;
  cfg.extra_size = 0;
  EXPECT_TRUE(read(cfg).session.keep_role);
}

TEST(Config, of_a_smaller_struct_nothing_behind_its_end_is_read) {
  for (std::size_t size = 1; size <= sizeof(esp_peer_default_cfg_t); ++size) {
    // A heap block of exactly that size, for the sanitizer.
    std::vector<unsigned char> bytes(size, 0);
    bytes[0] = 20;  // agent_recv_timeout
    if (size > 53) bytes[53] = 1;
    esp_peer_cfg_t cfg{};
    cfg.extra_cfg = bytes.data();
    cfg.extra_size = static_cast<int>(size);
    const Config c = read(cfg);
    EXPECT_EQ(c.loop_wait, milliseconds(20));
    EXPECT_EQ(c.ipv6, size > 53);
  }
}

TEST(Config, small_caches_are_raised_to_what_sctp_needs) {
  esp_peer_default_cfg_t tuning{};
  tuning.data_ch_cfg = {0, 1, 1499};
  esp_peer_cfg_t cfg{};
  cfg.extra_cfg = &tuning;
  const Config c = read(cfg);
  EXPECT_EQ(c.session.send_buffer, 1500u);
  EXPECT_EQ(c.session.receive_buffer, 1500u);
}

TEST(Config, a_cache_without_end_is_a_large_one) {
  esp_peer_default_cfg_t tuning{};
  tuning.data_ch_cfg = {0, 0xFFFF'FFFF, 0xFFFF'FFFF};
  esp_peer_cfg_t cfg{};
  cfg.extra_cfg = &tuning;
  const Config c = read(cfg);
  // What is added to it must fit into 32 bits.
  EXPECT_EQ(c.session.send_buffer, 1u << 30);
  EXPECT_EQ(c.session.receive_buffer, 1u << 30);
}

TEST(Config, the_extension_is_known_by_its_magic) {
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  ext.loopback_only = true;
  ext.loop_wait_set = true;
  ext.loop_wait_ms = 0;
  ext.connect_timeout_ms = 1000;
  ext.base.agent_recv_timeout = 30;
  ext.interface_filter = [](const char*, const esp_peer_addr_t*, void*) { return true; };
  esp_peer_cfg_t cfg{};
  cfg.extra_cfg = &ext;
  cfg.extra_size = sizeof(ext);
  Config c = read(cfg);
  EXPECT_TRUE(c.loopback_only);
  EXPECT_EQ(c.loop_wait, milliseconds(0)) << "never wait";
  EXPECT_EQ(c.session.gathering_timeout, milliseconds(150));
  EXPECT_EQ(c.session.connect_timeout, seconds(1));
  EXPECT_EQ(c.interface_filter, ext.interface_filter);

  ext.magic ^= 1;
  c = read(cfg);
  EXPECT_FALSE(c.loopback_only) << "some larger struct of somebody else";
  EXPECT_EQ(c.loop_wait, milliseconds(30)) << "which still begins with the default one";
}

// Only "never wait" looks like a field that nobody has set.
TEST(Config, a_wait_that_is_not_zero_needs_no_flag_beside_it) {
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  esp_peer_cfg_t cfg{};
  cfg.extra_cfg = &ext;
  cfg.extra_size = sizeof(ext);
  EXPECT_EQ(read(cfg).loop_wait, milliseconds(100));
  ext.loop_wait_ms = 7;
  EXPECT_EQ(read(cfg).loop_wait, milliseconds(7));
  EXPECT_EQ(read(cfg).session.gathering_timeout, milliseconds(500)) << "which is another patience";
}

TEST(Config, fields_behind_the_extensions_size_count_as_zero) {
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  ext.loopback_only = true;
  ext.connect_timeout_ms = 1000;
  ext.size = offsetof(esp_peer_ext_cfg_t, connect_timeout_ms);
  esp_peer_cfg_t cfg{};
  cfg.extra_cfg = &ext;
  cfg.extra_size = sizeof(ext);
  Config c = read(cfg);
  EXPECT_TRUE(c.loopback_only);
  EXPECT_EQ(c.session.connect_timeout, milliseconds(39'500));

  ext.size = sizeof(ext);
  cfg.extra_size = offsetof(esp_peer_ext_cfg_t, size);
  EXPECT_FALSE(read(cfg).loopback_only) << "its head is not whole";
  // A program of the future has more fields than we know.
  struct Longer {
    esp_peer_ext_cfg_t known = ESP_PEER_EXT_CFG_DEFAULT;
    unsigned char unknown[64] = {1, 2, 3};
  } longer;
  longer.known.size = sizeof(longer);
  longer.known.loopback_only = true;
  cfg.extra_cfg = &longer;
  cfg.extra_size = sizeof(longer);
  EXPECT_TRUE(read(cfg).loopback_only);
}

// Each version of the struct that ever was ends somewhere.
TEST(Config, of_an_older_extension_nothing_behind_its_end_is_read) {
  for (std::size_t size = 0; size <= sizeof(esp_peer_ext_cfg_t); ++size) {
    esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
    ext.size = static_cast<std::uint32_t>(size);
    ext.loopback_only = ext.background_thread = ext.trickle_out = ext.sync_pts = true;
    ext.connect_timeout_ms = 1000;
    ext.on_writable = [](void*) { return 0; };
    // A heap block of exactly that size, for the sanitizer; from 1 on, as 0 means all of the base.
    if (size == 0) continue;
    std::vector<unsigned char> bytes(size);
    std::memcpy(bytes.data(), &ext, size);
    esp_peer_cfg_t cfg{};
    cfg.extra_cfg = bytes.data();
    cfg.extra_size = static_cast<int>(size);
    const Config c = read(cfg);
    const auto has = [&](std::size_t offset, std::size_t field) { return size >= offset + field; };
    EXPECT_EQ(c.loopback_only, has(offsetof(esp_peer_ext_cfg_t, loopback_only), 1)) << size;
    EXPECT_EQ(c.background_thread, has(offsetof(esp_peer_ext_cfg_t, background_thread), 1)) << size;
    EXPECT_EQ(c.session.trickle_out, has(offsetof(esp_peer_ext_cfg_t, trickle_out), 1)) << size;
    EXPECT_EQ(c.session.sync_pts, has(offsetof(esp_peer_ext_cfg_t, sync_pts), 1)) << size;
    if (has(offsetof(esp_peer_ext_cfg_t, on_writable), sizeof(ext.on_writable))) {
      EXPECT_EQ(c.on_writable, ext.on_writable);
    }
  }
}

// A size that ends within a field, as no program of ours can have it, takes no half of a pointer.
TEST(Config, a_callback_of_which_there_is_half_is_none) {
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  ext.on_writable = [](void*) { return 0; };
  ext.interface_filter = [](const char*, const esp_peer_addr_t*, void*) { return true; };
  esp_peer_cfg_t cfg{};
  cfg.extra_cfg = &ext;
  cfg.extra_size = sizeof(ext);
  ext.size = offsetof(esp_peer_ext_cfg_t, on_writable) + 4;
  EXPECT_EQ(read(cfg).on_writable, nullptr);
  ext.size = offsetof(esp_peer_ext_cfg_t, interface_filter) + 4;
  EXPECT_EQ(read(cfg).interface_filter, nullptr);
}

TEST(Config, the_tuning_of_media_arrives) {
  esp_peer_default_cfg_t tuning{};
  tuning.rtp_cfg.audio_recv_jitter = {150, 0, 0, 11'000};
  tuning.rtp_cfg.video_recv_jitter = {250, 35, 2'000, 22'000};
  tuning.rtp_cfg.send_pool_size = 33'000;
  tuning.rtp_cfg.send_queue_num = 44;
  tuning.rtp_cfg.max_resend_count = 5;
  esp_peer_cfg_t cfg{};
  cfg.video_info = {ESP_PEER_VIDEO_CODEC_MJPEG, 320, 240, 15};
  cfg.video_dir = ESP_PEER_MEDIA_DIR_SEND_ONLY;
  cfg.extra_cfg = &tuning;
  cfg.extra_size = sizeof(tuning);
  const Config c = read(cfg);
  EXPECT_EQ(c.session.audio_jitter.longest_hold, milliseconds(150));
  EXPECT_EQ(c.session.audio_jitter.most_bytes, 11'000u);
  const peer::VideoLimits& limits = c.session.video_limits;
  EXPECT_EQ(limits.receiver.buffer.longest_hold, milliseconds(250));
  EXPECT_EQ(limits.receiver.buffer.resend_delay, milliseconds(35));
  EXPECT_EQ(limits.receiver.buffer.most_bytes, 22'000u);
  EXPECT_EQ(limits.receiver.pli_interval, milliseconds(2'000));
  EXPECT_EQ(limits.sender.most_bytes, 33'000u);
  EXPECT_EQ(limits.sender.most_packets, 44u);
  EXPECT_EQ(limits.sender.most_resends, 5);
  EXPECT_EQ(c.session.video.codec, sdp::VideoCodec::mjpeg);
  EXPECT_EQ(c.session.video.direction, sdp::Direction::sendonly);
  EXPECT_EQ(c.session.video.width, 320u);
  EXPECT_EQ(c.session.video.height, 240u);
  EXPECT_EQ(c.session.video.frames_per_second, 15u);
}

TEST(Config, the_tuning_of_media_has_the_defaults_of_the_original) {
  const Config c = read(esp_peer_cfg_t{});
  EXPECT_EQ(c.session.audio_jitter.longest_hold, milliseconds(100));
  EXPECT_EQ(c.session.audio_jitter.most_bytes, 100'000u);
  const peer::VideoLimits& limits = c.session.video_limits;
  EXPECT_EQ(limits.receiver.buffer.longest_hold, milliseconds(100));
  EXPECT_EQ(limits.receiver.buffer.resend_delay, milliseconds(20));
  EXPECT_EQ(limits.receiver.buffer.most_bytes, 400'000u);
  EXPECT_EQ(limits.receiver.pli_interval, milliseconds(0));
  EXPECT_EQ(limits.sender.most_bytes, 400'000u);
  EXPECT_EQ(limits.sender.most_packets, 256u);
  EXPECT_EQ(limits.sender.most_resends, 3);
}

TEST(Config, mistakes_are_told) {
  esp_peer_cfg_t cfg{};
  const int no_role = 7;
  std::memcpy(&cfg.role, &no_role, sizeof(no_role));
  EXPECT_EQ(read_config(cfg).error().code, Errc::invalid_argument);
  cfg.role = ESP_PEER_ROLE_CONTROLLING;
  const int no_policy = 2;
  std::memcpy(&cfg.ice_trans_policy, &no_policy, sizeof(no_policy));
  EXPECT_FALSE(read_config(cfg)) << "who wants a relay must not be taken for one who does not";
  cfg.ice_trans_policy = ESP_PEER_ICE_TRANS_POLICY_ALL;
  cfg.extra_size = -1;
  EXPECT_EQ(read_config(cfg).error().code, Errc::invalid_argument);
  cfg.extra_size = 0;
  cfg.server_num = 1;
  EXPECT_EQ(read_config(cfg).error().code, Errc::invalid_argument) << "no list";
  char url[] = "http://192.0.2.1";
  esp_peer_ice_server_cfg_t server{url, nullptr, nullptr};
  cfg.server_lists = &server;
  EXPECT_EQ(read_config(cfg).error().code, Errc::invalid_argument) << "no STUN URL";
}

TEST(Config, servers_are_read_and_empty_ones_left_out) {
  char stun[] = "stun:192.0.2.1:3479", turn[] = "turn:turn.example.org?transport=udp", empty[] = "";
  const esp_peer_ice_server_cfg_t list[] = {{nullptr, nullptr, nullptr},
                                            {stun, nullptr, nullptr},
                                            {empty, nullptr, nullptr},
                                            {turn, nullptr, nullptr}};
  peer::Servers servers;
  ASSERT_TRUE(read_servers(list, 4, servers));
  ASSERT_EQ(servers.size(), 2u);
  EXPECT_EQ(servers[0].host.view(), "192.0.2.1");
  EXPECT_EQ(servers[0].port, 3479);
  EXPECT_TRUE(servers[1].turn);
  EXPECT_TRUE(read_servers(nullptr, 0, servers));
  EXPECT_TRUE(servers.empty());
  EXPECT_EQ(read_servers(list, -1, servers).code(), Errc::invalid_argument);
  const std::vector<esp_peer_ice_server_cfg_t> many(peer::max_servers + 1,
                                                    {stun, nullptr, nullptr});
  EXPECT_EQ(read_servers(many.data(), static_cast<int>(many.size()), servers).code(),
            Errc::over_limit);
}

TEST(Config, addresses_are_of_their_family_with_the_port_in_host_order) {
  const auto v4 = to_c_address(Address::v4(192, 0, 2, 7, 4660));
  EXPECT_EQ(v4.family, AF_INET);
  EXPECT_EQ(v4.port, 4660);
  EXPECT_EQ(v4.ipv4[0], 192);
  EXPECT_EQ(v4.ipv4[3], 7);
  const auto v6 = to_c_address(*parse_ip("2001:db8::1", 9));
  EXPECT_EQ(v6.family, AF_INET6);
  EXPECT_EQ(v6.ipv6[0], 0x20);
  EXPECT_EQ(v6.ipv6[15], 1);
}

TEST(Config, our_error_codes_are_theirs) {
  EXPECT_EQ(to_c_error(Errc::ok), ESP_PEER_ERR_NONE);
  EXPECT_EQ(to_c_error(Errc::invalid_argument), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(to_c_error(Errc::no_memory), ESP_PEER_ERR_NO_MEM);
  EXPECT_EQ(to_c_error(Errc::wrong_state), ESP_PEER_ERR_WRONG_STATE);
  EXPECT_EQ(to_c_error(Errc::unsupported), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(to_c_error(Errc::not_found), ESP_PEER_ERR_NOT_EXISTS);
  EXPECT_EQ(to_c_error(Errc::failed), ESP_PEER_ERR_FAIL);
  EXPECT_EQ(to_c_error(Errc::over_limit), ESP_PEER_ERR_OVER_LIMITED);
  EXPECT_EQ(to_c_error(Errc::bad_data), ESP_PEER_ERR_BAD_DATA);
  EXPECT_EQ(to_c_error(Errc::would_block), ESP_PEER_ERR_WOULD_BLOCK);
}

}  // namespace
}  // namespace esp_peer::capi
