// Two media sessions with the keys of one handshake: what video and SRTP do together.
#include "peer/media_session.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "backends/libsrtp/backend.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::peer {
namespace {

using test::at_ms;
using Octets = std::vector<std::byte>;

NegotiatedVideo negotiated(sdp::VideoCodec codec, bool with_rtx, std::uint32_t ssrc) {
  NegotiatedVideo video;
  video.format = sdp::offered_format(codec);
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

// A picture of a camera, its scan filled up: nobody here looks at it.
Octets jpeg(std::size_t size) {
  std::ifstream in(ESP_PEER_TEST_MEDIA "/smpte_420.jpg", std::ios::binary);
  const std::vector<char> chars{std::istreambuf_iterator<char>(in), {}};
  const Bytes file = std::as_bytes(std::span(chars));
  EXPECT_GT(file.size(), 2u);
  Octets out(file.begin(), file.end() - 2);
  while (out.size() < size) out.push_back(std::byte(out.size() % 250));
  out.insert(out.end(), file.end() - 2, file.end());
  return out;
}

// From end to end: the payload is another one on its way, and a byte longer.
struct Scrambling final : rtp::Transformer {
  bool transforms(rtp::Way) const override { return true; }
  std::size_t transform(rtp::Way way, MutableBytes room, std::size_t size) override {
    for (std::size_t i = rtp::header_size; i < size; ++i) room[i] ^= std::byte{0x5A};
    if (way == rtp::Way::in) return size - 1;
    room[size] = std::byte{1};
    return size + 1;
  }
};

struct Case {
  bool with_rtx = true;
  crypto::SrtpProfile profile = crypto::SrtpProfile::aead_aes_128_gcm;
  sdp::VideoCodec codec = sdp::VideoCodec::h264;
  rtp::Transformer* transformer = nullptr;
  bool only_ends_arrive = false;  // of pictures, at the first attempt; else 18 packets of 19
  int frames = 2'850;             // of some 25 packets
  int delay_ms = 10;
};

struct Side {
  Side(const Case& c, bool client) : keys(c.profile, client) {
    session.emplace(MediaLimits{}, keys, libsrtp::backend(), env.env);
    if (c.transformer) session->use(*c.transformer);
    session->change(at_ms(0), std::nullopt, negotiated(c.codec, c.with_rtx, ssrc(client)));
  }
  static std::uint32_t ssrc(bool client) { return client ? 10 : 20; }
  test::TestEnv env;
  MediaKeys keys;
  std::optional<MediaSession> session;
  std::multimap<std::int64_t, Octets> arriving;
  std::uint64_t packets = 0, repetitions = 0;
  int shown = 0;
};

// Both film, and each sees the other.
void play(const Case& c) {
  Side left(c, true), right(c, false);
  const bool h264 = c.codec == sdp::VideoCodec::h264;
  const Octets frame = h264 ? keyframe(27'000) : jpeg(27'000);
  std::int64_t ms = 1;
  for (int given = 0; ms < c.frames * 33 + 1'000; ++ms) {
    if (ms % 33 == 0 && given < c.frames) {
      ++given;
      for (Side* side : {&left, &right}) {
        ASSERT_TRUE(side->session->send_video(at_ms(ms), std::uint32_t(ms), frame));
      }
    }
    for (Side* from : {&left, &right}) {
      Side& to = from == &left ? right : left;
      from->session->on_deadline(at_ms(ms));
      Octets room(1232);
      while (const std::size_t size = from->session->write_packet(at_ms(ms), room)) {
        Bytes packet = Bytes(room).first(size);
        if (!rtp::is_rtcp(packet)) {
          const bool repetition = Reader(packet.subspan(8)).u32() != Side::ssrc(from == &left);
          const bool ends = (packet[1] & std::byte{0x80}) != std::byte{0};
          ++from->packets;
          from->repetitions += repetition;
          if (c.only_ends_arrive ? !repetition && !ends : from->packets % 19 == 0) continue;
        }
        to.arriving.emplace(ms + c.delay_ms, Octets(packet.begin(), packet.end()));
      }
    }
    for (Side* side : {&left, &right}) {
      for (; !side->arriving.empty() && side->arriving.begin()->first <= ms;
           side->arriving.erase(side->arriving.begin())) {
        side->session->on_packet(at_ms(ms), side->arriving.begin()->second);
      }
      while (const auto got = side->session->read_video(at_ms(ms))) {
        ++side->shown;
        const Bytes bytes = got->data.bytes();
        // A receiver of JPEG writes the headers anew.
        const std::size_t same = h264 ? frame.size() : 25'000;
        ASSERT_GE(bytes.size(), same);
        ASSERT_TRUE(equal(bytes.last(same), Bytes(frame).last(same))) << got->pts;
        ASSERT_TRUE(!h264 || bytes.size() == same);
      }
    }
  }
  for (const Side* side : {&left, &right}) {
    EXPECT_GT(side->packets, 70'000u);
    EXPECT_GE(side->shown, c.frames * 99 / 100) << (c.with_rtx ? "with" : "without") << " RTX";
    if (c.only_ends_arrive) {
      EXPECT_GT(side->repetitions, 65'536u + 1'000);
    }
  }
}

// covers: bug 50
TEST(Media, lost_video_is_repaired_without_a_stream_for_repetitions_over_a_wrap) {
  for (const auto profile :
       {crypto::SrtpProfile::aead_aes_128_gcm, crypto::SrtpProfile::aes128_cm_sha1_80}) {
    Case c;
    c.with_rtx = false;
    c.profile = profile;
    play(c);
  }
}

// covers: bug 50
TEST(Media, a_stream_for_repetitions_repairs_it_over_a_wrap_of_either) {
  Case c;
  play(c);
  c.only_ends_arrive = true;
  c.frames = 2'950;
  c.delay_ms = 2;  // [rfc8083#4.3] or it were more than what TCP would send ten times
  play(c);
}

TEST(Media, motion_jpeg_is_repaired_over_a_wrap) {
  Case c;
  c.codec = sdp::VideoCodec::mjpeg;
  play(c);
}

TEST(Media, what_an_application_transforms_is_repaired_over_a_wrap) {
  Scrambling scrambling;
  Case c;
  c.transformer = &scrambling;
  play(c);
}

}  // namespace
}  // namespace esp_peer::peer
