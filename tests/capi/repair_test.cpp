// Video over a wire that loses packets: what the configuration says of repair is what happens.
#include <string>

#include "tests/capi/camera.hpp"
#include "tests/capi/local_network.hpp"

namespace esp_peer::test {
namespace {

using Clock = std::chrono::steady_clock;

// The cat films, the sheep watches. Of the cat's packets the wire loses the `lost`th, and all that
// is sent again if `loses_repeats`.
class Repair : public ::testing::Test {
 protected:
  Repair() {
    c.cat.carry = [&](std::string sdp) { return wire.carry(Wire::cat, std::move(sdp)); };
    c.sheep.carry = [&](std::string sdp) { return wire.carry(Wire::sheep, std::move(sdp)); };
    c.cat.cfg.video_dir = ESP_PEER_MEDIA_DIR_SEND_ONLY;
    wire.lose([&](Wire::Side from, const std::string& datagram) {
      if (from != Wire::cat || !is_rtp(datagram)) return false;
      const int type = datagram[1] & 0x7F;
      repeats += type == repeat_type;
      return type == repeat_type ? loses_repeats.load() : ++packets == lost;
    });
  }
  ~Repair() override { c.close(); }
  // [rfc5761#4, rfc7983#7]
  static bool is_rtp(const std::string& datagram) {
    const auto first = static_cast<unsigned char>(datagram.at(0));
    const auto second = static_cast<unsigned char>(datagram.at(1));
    return first >= 128 && first < 192 && (second < 192 || second > 223);
  }
  void connect() {
    c.connect();
    const std::string& sdp = c.cat.descriptions.at(0);
    const auto rtx = sdp.find(" rtx/90000");
    ASSERT_NE(rtx, sdp.npos);
    const auto number = sdp.rfind(':', rtx) + 1;
    repeat_type = std::stoi(sdp.substr(number, rtx - number));
  }
  // The second packet of a keyframe is lost; and another keyframe follows, if `goes_on`.
  void film(bool goes_on) {
    lost = packets + 2;
    begin = Clock::now();
    EXPECT_EQ(c.cat.send_video(1'000, access_unit(1'000, true)), ESP_PEER_ERR_NONE);
    if (goes_on) {
      EXPECT_EQ(c.cat.send_video(1'033, access_unit(1'033, true)), ESP_PEER_ERR_NONE);
    }
  }
  bool came(std::uint32_t pts) {
    return c.pump_until(
        [&] { return !c.sheep.pictures.empty() && c.sheep.pictures.back().pts == pts; });
  }
  esp_peer_default_jitter_cfg_t& jitter() { return c.sheep.ext.base.rtp_cfg.video_recv_jitter; }
  esp_peer_default_rtp_cfg_t& sending() { return c.cat.ext.base.rtp_cfg; }

  std::atomic<int> packets = 0, repeats = 0, lost = -1, repeat_type = -1;
  std::atomic<bool> loses_repeats = false;
  Clock::time_point begin;
  Wire wire;
  Cameras c;
};

// covers: changelog 25
TEST_F(Repair, what_is_lost_comes_again_after_resend_delay) {
  jitter().resend_delay = 300;
  connect();
  film(true);
  ASSERT_TRUE(came(1'033));
  EXPECT_EQ(c.sheep.pictures.size(), 2u) << "in their order";
  EXPECT_GE(Clock::now() - begin, 300ms);
  EXPECT_GE(repeats, 1);  // more where this machine is slower than the network
  EXPECT_FALSE(c.cat.has(ESP_PEER_STATE_VIDEO_PLI_RECEIVED));
}

TEST_F(Repair, what_is_lost_for_good_is_waited_for_as_long_as_cache_timeout) {
  jitter().cache_timeout = 3'000;
  loses_repeats = true;
  connect();
  film(true);
  ASSERT_TRUE(came(1'033));
  EXPECT_EQ(c.sheep.pictures.size(), 1u) << "and never shown broken";
  EXPECT_GE(Clock::now() - begin, 3s);
  EXPECT_GT(repeats, 1);
}

TEST_F(Repair, nothing_is_sent_again_more_often_than_max_resend_count) {
  jitter().cache_timeout = 3'000;
  sending().max_resend_count = 2;
  loses_repeats = true;
  connect();
  film(true);
  ASSERT_TRUE(came(1'033));
  EXPECT_EQ(repeats, 2);
}

TEST_F(Repair, what_is_behind_send_queue_num_is_not_kept) {
  jitter().cache_timeout = 1'000;
  sending().send_queue_num = 1;
  connect();
  film(true);
  ASSERT_TRUE(came(1'033));
  EXPECT_EQ(c.sheep.pictures.size(), 1u);
  EXPECT_EQ(repeats, 0);
}

TEST_F(Repair, nor_what_is_above_send_pool_size) {
  jitter().cache_timeout = 2'000;
  jitter().resend_delay = 1'000;  // all has left by then
  sending().send_pool_size = 1;
  connect();
  film(false);
  ASSERT_TRUE(c.pump_until([&] { return packets >= 6; }));
  ASSERT_TRUE(c.pump_until(
      [&] { return c.cat.send_video(1'033, access_unit(1'033, true)) == ESP_PEER_ERR_NONE; }));
  ASSERT_TRUE(came(1'033));
  EXPECT_EQ(c.sheep.pictures.size(), 1u);
  EXPECT_EQ(repeats, 0);
}

TEST_F(Repair, a_frame_above_cache_size_is_not_put_together) {
  jitter().cache_size = 4'000;
  connect();
  EXPECT_EQ(c.cat.send_video(1'000, access_unit(1'000, true)), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.cat.has(ESP_PEER_STATE_VIDEO_PLI_RECEIVED); }));
  EXPECT_EQ(c.cat.send_video(1'033, access_unit(1'033, true, 500)), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(came(1'033));
  EXPECT_EQ(c.sheep.pictures.size(), 1u);
}

}  // namespace
}  // namespace esp_peer::test
