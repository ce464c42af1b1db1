// Peers that film: a pair with video, and pictures of which each says what it is.
#pragma once
#include <string>
#include <vector>

#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {

// An access unit of H.264 with its pts in it; keyframes have parameter sets in front.
inline std::string access_unit(std::uint32_t pts, bool keyframe, std::size_t size = 7'000) {
  const std::string code("\0\0\0\1", 4);
  std::string out;
  if (keyframe) out = code + "\x67\x42\xC0\x1F\xDA\x01" + code + "\x68\xCE\x3C\x80";
  out += code + (keyframe ? "\x65" : "\x41") + std::to_string(pts) + " ";
  while (out.size() < size) out += static_cast<char>('a' + out.size() % 26);
  return out;
}

// Both can send and receive, and wait for what is late for as long as it takes: this machine may be
// busy.
struct Cameras : Couple {
  explicit Cameras(esp_peer_video_codec_t codec = ESP_PEER_VIDEO_CODEC_H264) {
    never_wait();
    for (Peer* p : {&cat, &sheep}) {
      p->cfg.video_info = {codec, 640, 480, 30};
      p->cfg.video_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
      p->ext.base.rtp_cfg.video_recv_jitter.cache_timeout = 60'000;
    }
  }
  bool pump_until(const std::function<bool()>& holds) { return pump({&cat, &sheep}, holds); }
  void connect() {
    open();
    meet();
  }
  void meet() {
    begin();
    ASSERT_TRUE(pump_until(
        [&] { return cat.has(ESP_PEER_STATE_CONNECTED) && sheep.has(ESP_PEER_STATE_CONNECTED); }));
  }
};

}  // namespace esp_peer::test
