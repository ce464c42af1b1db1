// Sound and pictures that come and go while two programs are connected, and what each is told.
#include <string>

#include "tests/capi/camera.hpp"
#include "tests/capi/local_network.hpp"

namespace esp_peer::test {
namespace {

std::string replaced(std::string text, std::size_t from, const std::string& that,
                     const std::string& instead) {
  const auto at = text.find(that, from);
  EXPECT_NE(at, text.npos) << that;
  return at == text.npos ? text : text.replace(at, that.size(), instead);
}
std::string with_direction(std::string sdp, const std::string& section, const std::string& line) {
  const auto at = sdp.find("m=" + section);
  return replaced(std::move(sdp), at, "a=sendrecv\r\n", line + "\r\n");
}
// As browsers write it: no port, not in the bundle, and the transport with the section that stays.
std::string without_media(std::string sdp) {
  const auto candidates = take_lines(sdp, "a=candidate:");
  take_lines(sdp, "a=end-of-candidates");
  sdp = replaced(std::move(sdp), 0, "BUNDLE 0 1 2", "BUNDLE 2");
  for (const std::string section : {"m=audio ", "m=video "}) {
    const auto port = sdp.find(section) + section.size();
    sdp.replace(port, sdp.find(' ', port) - port, "0");
  }
  for (const std::string& candidate : candidates) sdp += candidate + "\r\n";
  return sdp;
}

class Tracks : public ::testing::Test {
 protected:
  Tracks() {
    for (Peer* p : {&c.cat, &c.sheep}) {
      p->cfg.audio_info = {ESP_PEER_AUDIO_CODEC_OPUS, 48'000, 2};
      p->cfg.audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
      p->ext.base.rtp_cfg.audio_recv_jitter.cache_timeout = 60'000;
    }
  }
  ~Tracks() override { c.close(); }
  // The cat offers anew, which is changed on its way as if she had another application; both hear
  // what has become of it.
  void renegotiate(const std::function<std::string(std::string)>& edit) {
    c.cat.carry = edit;
    const auto cat = c.cat.descriptions.size(), sheep = c.sheep.descriptions.size();
    ASSERT_EQ(esp_peer_ext_restart_ice(c.cat.handle), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.pump_until(
        [&] { return c.cat.descriptions.size() > cat && c.sheep.descriptions.size() > sheep; }));
    const auto told = c.cat.received + c.sheep.received;  // behind it
    ASSERT_EQ(c.cat.send("over the fence"), ESP_PEER_ERR_NONE);
    ASSERT_EQ(c.sheep.send("and back"), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.pump_until([&] { return c.cat.received + c.sheep.received == told + 2; }));
  }
  void expect_sound(Peer& from, Peer& to, int answer = ESP_PEER_ERR_NONE) {
    pts += 33;
    EXPECT_EQ(from.send_audio(pts, "sound"), answer);
    if (answer != ESP_PEER_ERR_NONE) return;
    EXPECT_TRUE(c.pump_until([&] { return !to.frames.empty() && to.frames.back().pts == pts; }));
  }
  void expect_picture(Peer& from, Peer& to, int answer = ESP_PEER_ERR_NONE) {
    pts += 33;
    EXPECT_EQ(from.send_video(pts, access_unit(pts, true)), answer);
    if (answer != ESP_PEER_ERR_NONE) return;
    EXPECT_TRUE(
        c.pump_until([&] { return !to.pictures.empty() && to.pictures.back().pts == pts; }));
  }
  void expect_all(int answer = ESP_PEER_ERR_NONE) {
    expect_sound(c.cat, c.sheep, answer);
    expect_sound(c.sheep, c.cat, answer);
    expect_picture(c.cat, c.sheep, answer);
    expect_picture(c.sheep, c.cat, answer);
  }
  static std::vector<int> told_about_tracks(const Peer& peer) {
    std::vector<int> told;
    for (const auto state : peer.states) {
      if (state >= ESP_PEER_STATE_REMOTE_AUDIO_TRACK_ADDED &&
          state <= ESP_PEER_STATE_REMOTE_VIDEO_TRACK_REMOVED) {
        told.push_back(state);
      }
    }
    return told;
  }
  static constexpr int sound = ESP_PEER_STATE_REMOTE_AUDIO_TRACK_ADDED,
                       no_sound = ESP_PEER_STATE_REMOTE_AUDIO_TRACK_REMOVED,
                       pictures = ESP_PEER_STATE_REMOTE_VIDEO_TRACK_ADDED,
                       no_pictures = ESP_PEER_STATE_REMOTE_VIDEO_TRACK_REMOVED;
  static std::string as_it_is(std::string sdp) { return sdp; }

  Cameras c;
  std::uint32_t pts = 0;
};

// covers: changelog 10
TEST_F(Tracks, that_are_removed_and_added_again_are_told_on_both_sides) {
  c.connect();
  ASSERT_TRUE(c.pump_until([&] {
    return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
           c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
  }));
  expect_all();
  renegotiate(as_it_is);
  EXPECT_TRUE(told_about_tracks(c.cat).empty()) << "nothing has changed";
  EXPECT_TRUE(told_about_tracks(c.sheep).empty());

  renegotiate(without_media);
  const std::vector<int> gone{no_sound, no_pictures};
  EXPECT_EQ(told_about_tracks(c.cat), gone);
  EXPECT_EQ(told_about_tracks(c.sheep), gone);
  expect_all(ESP_PEER_ERR_NOT_SUPPORT);

  renegotiate(as_it_is);
  const std::vector<int> back{no_sound, no_pictures, sound, pictures};
  EXPECT_EQ(told_about_tracks(c.cat), back);
  EXPECT_EQ(told_about_tracks(c.sheep), back);
  expect_all();
}

// covers: changelog 10, changelog 41
TEST_F(Tracks, are_told_to_who_hears_them_and_not_to_who_sends_them) {
  c.connect();
  ASSERT_TRUE(c.pump_until([&] {
    return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
           c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
  }));
  expect_all();
  // She wants to show nothing any more, and to hear nothing.
  renegotiate([](std::string sdp) {
    return with_direction(with_direction(std::move(sdp), "audio", "a=sendonly"), "video",
                          "a=recvonly");
  });
  EXPECT_EQ(told_about_tracks(c.sheep), std::vector<int>{no_pictures});
  EXPECT_EQ(told_about_tracks(c.cat), std::vector<int>{no_sound});
  expect_sound(c.cat, c.sheep);
  expect_sound(c.sheep, c.cat, ESP_PEER_ERR_NOT_SUPPORT);
  expect_picture(c.sheep, c.cat);

  renegotiate(as_it_is);
  EXPECT_EQ(told_about_tracks(c.sheep), (std::vector<int>{no_pictures, pictures}));
  EXPECT_EQ(told_about_tracks(c.cat), (std::vector<int>{no_sound, sound}));
  expect_all();
}

}  // namespace
}  // namespace esp_peer::test
