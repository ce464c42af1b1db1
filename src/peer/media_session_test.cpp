// Two media sessions with the keys of one handshake: what video and SRTP do together.
#include "peer/media_session.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "backends/libsrtp/backend.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::peer {
namespace {

using test::at_ms;
using Octets = std::vector<std::byte>;

NegotiatedVideo negotiated(bool with_rtx, std::uint32_t ssrc) {
  NegotiatedVideo video;
  video.format = sdp::offered_format(sdp::VideoCodec::h264);
  video.format.nack = video.format.pli = true;
  if (!with_rtx) video.format.rtx_payload_type.reset();
  video.accepted.push_back(video.format);
  video.direction = sdp::Direction::sendrecv;
  video.local_ssrc = ssrc;
  video.local_rtx_ssrc = ssrc + 1;
  video.cname.assign("media");
  video.reduced_rtcp = true;
  return video;
}

Octets keyframe(std::size_t size) {
  Octets out;
  for (const int nal : {0x67, 0x68, 0x65}) {
    for (const int b : {0, 0, 0, 1, nal}) out.push_back(std::byte(b));
    for (std::size_t end = out.size() + (nal == 0x65 ? size : 8); out.size() < end;) {
      out.push_back(std::byte(1 + out.size() % 250));
    }
  }
  return out;
}

struct Side {
  Side(crypto::SrtpProfile profile, bool client, bool with_rtx) : keys(profile, client) {
    session.emplace(MediaLimits{}, keys, libsrtp::backend(), env.env);
    session->change(at_ms(0), std::nullopt, negotiated(with_rtx, client ? 10 : 20));
  }
  test::TestEnv env;
  MediaKeys keys;
  std::optional<MediaSession> session;
  std::multimap<std::int64_t, Octets> arriving;
};

// covers: bug 50
TEST(Media, lost_video_is_repaired_with_and_without_a_stream_for_repetitions_over_a_wrap) {
  struct Case {
    bool with_rtx;
    crypto::SrtpProfile profile;
    int frames;  // of some 25 packets
  };
  for (const Case& c : {Case{false, crypto::SrtpProfile::aead_aes_128_gcm, 2'850},
                        Case{false, crypto::SrtpProfile::aes128_cm_sha1_80, 100},
                        Case{true, crypto::SrtpProfile::aead_aes_128_gcm, 100}}) {
    Side camera(c.profile, true, c.with_rtx), screen(c.profile, false, c.with_rtx);
    std::uint64_t packets = 0;
    int shown = 0;
    const Octets frame = keyframe(27'000);
    for (std::int64_t ms = 1, given = 0; shown < c.frames && ms < c.frames * 33 + 1'000; ++ms) {
      if (ms % 33 == 0 && given < c.frames) {
        ++given;
        ASSERT_TRUE(camera.session->send_video(at_ms(ms), std::uint32_t(ms), frame));
      }
      for (Side* from : {&camera, &screen}) {
        Side& to = from == &camera ? screen : camera;
        from->session->on_deadline(at_ms(ms));
        Octets room(1232);
        while (const std::size_t size = from->session->write_packet(at_ms(ms), room)) {
          packets += from == &camera;
          if (from == &camera && packets % 19 == 0) continue;  // lost
          to.arriving.emplace(ms + 10, Octets(room.begin(), room.begin() + long(size)));
        }
      }
      for (Side* side : {&camera, &screen}) {
        for (; !side->arriving.empty() && side->arriving.begin()->first <= ms;
             side->arriving.erase(side->arriving.begin())) {
          side->session->on_packet(at_ms(ms), side->arriving.begin()->second);
        }
      }
      while (const auto got = screen.session->read_video(at_ms(ms))) {
        ++shown;
        ASSERT_TRUE(equal(got->data.bytes(), frame)) << got->pts;
      }
    }
    EXPECT_GE(packets, static_cast<std::uint64_t>(c.frames) * 25);
    EXPECT_GE(shown, c.frames * 99 / 100) << (c.with_rtx ? "with" : "without") << " RTX";
  }
}

}  // namespace
}  // namespace esp_peer::peer
