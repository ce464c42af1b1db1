// Which section a packet is for, where audio and video share one path [rfc9143#9.2].
#include "peer/media_session.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "backends/libsrtp/backend.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::peer {
namespace {

using test::at_ms;

constexpr auto profile = crypto::SrtpProfile::aead_aes_128_gcm;
using namespace std::string_view_literals;
constexpr auto keyframe = "\x78\0\2\x67s\0\2\x65p"sv;  // SPS and picture in one packet
constexpr std::uint8_t sound = 111, picture = 102, repeated = 103;

NegotiatedAudio agreed_audio() {
  NegotiatedAudio audio;
  audio.format = sdp::offered_format(sdp::AudioCodec::opus);
  audio.accepted_payload_types.push_back(sound);
  audio.direction = sdp::Direction::recvonly;
  audio.local_ssrc = 1;
  audio.mid.assign("snd");
  audio.extensions.mid = 4;
  audio.remote_ssrcs.push_back(1000);
  return audio;
}
NegotiatedVideo agreed_video() {
  NegotiatedVideo video;
  video.format = sdp::offered_format(sdp::VideoCodec::h264);
  video.accepted.push_back(video.format);
  video.direction = sdp::Direction::recvonly;
  video.local_ssrc = 2;
  video.mid.assign("pic");
  video.extensions = {4, 10, 11};
  for (const std::uint32_t ssrc : {2000u, 2001u}) video.remote_ssrcs.push_back(ssrc);
  video.rtx_pairs.push_back({2000, 2001});
  return video;
}

struct Receiving {
  test::TestEnv env{1}, sender_env{2};
  MediaKeys keys{profile, false};
  MediaSession session{{}, keys, libsrtp::backend(), env.env};
  srtp::Session sender{profile, Bytes(keys.exported).first(srtp::exported_size(profile)), true,
                       libsrtp::backend(), sender_env.env};
  std::int64_t ms = 1000;

  Receiving() { session.change(at_ms(ms), agreed_audio(), agreed_video()); }

  // "4:snd", one element of the short form; what came of it: a, v, or nothing.
  std::string hear(std::uint32_t ssrc, std::uint8_t type, std::uint16_t sequence,
                   std::string_view extension = {}, std::string_view payload = keyframe,
                   std::uint32_t timestamp = 0) {
    std::vector<std::byte> room(1300);
    Writer out(room);
    rtp::write(out, {true, type, sequence, timestamp, rtp::Ssrc{ssrc}});
    if (!extension.empty()) {
      room[0] |= std::byte{0x10};
      const auto colon = extension.find(':');
      const auto text = extension.substr(colon + 1);
      out.u16(0xBEDE);
      out.u16(static_cast<std::uint16_t>((text.size() + 4) / 4));
      out.u8(static_cast<std::uint8_t>(std::stoul(std::string(extension.substr(0, colon))) << 4 |
                                       (text.size() - 1)));
      out.text(text);
      out.pad_to_multiple_of(4);
    }
    out.text(payload);
    ms += 5;
    const std::size_t size = sender.seal_rtp(room, out.size());
    EXPECT_NE(size, 0u);
    session.on_packet(at_ms(ms), MutableBytes(room).first(size));
    std::string came;
    while (session.read_audio()) came += 'a';
    while (session.read_video(at_ms(ms))) came += 'v';
    return came;
  }
};

TEST(MediaSession, a_packet_that_names_its_section_belongs_to_it) {
  Receiving r;
  EXPECT_EQ(r.hear(7, sound, 1, "4:snd"), "a");
  EXPECT_EQ(r.hear(8, picture, 1, "4:pic"), "v");
  EXPECT_EQ(r.hear(9, picture, 1, "4:old"), "") << "a section that we refused";
  EXPECT_EQ(r.hear(10, picture, 1, "5:snd"), "v") << "another extension";
  // [rfc9143#9.2] A payload type that is not of its section is not decoded.
  EXPECT_EQ(r.hear(11, sound, 1, "4:pic"), "");
}

TEST(MediaSession, a_source_that_has_named_its_section_need_not_say_it_again) {
  Receiving r;
  EXPECT_EQ(r.hear(8, picture, 1, "4:pic"), "v");
  EXPECT_EQ(r.hear(8, picture, 2), "v");
  EXPECT_EQ(r.hear(8, sound, 3), "") << "it does not move with its payload type";
  EXPECT_EQ(r.hear(7, sound, 1, "4:snd"), "a");
  EXPECT_EQ(r.hear(7, picture, 2), "") << "nor does this one";
}

TEST(MediaSession, an_announced_source_belongs_to_its_section) {
  Receiving r;
  EXPECT_EQ(r.hear(1000, sound, 1), "a");
  EXPECT_EQ(r.hear(2000, picture, 1), "v");
  EXPECT_EQ(r.hear(1000, picture, 2), "");
  EXPECT_EQ(r.hear(2000, sound, 2), "");
}

// covers: must rfc8834#4.1-4.9
TEST(MediaSession, of_one_that_nobody_announced_its_payload_type_tells) {
  Receiving r;
  EXPECT_EQ(r.hear(5, sound, 1), "a");
  EXPECT_EQ(r.hear(6, picture, 1), "v");
}

// covers: must rfc4588#4
TEST(MediaSession, a_repeated_packet_finds_its_source_by_description_name_or_need) {
  struct Way {
    std::uint32_t source, rtx;
    std::string_view name, repaired_name;
  };
  for (const Way& way :
       {Way{2000, 2001, "", ""}, Way{50, 51, "10:hi", "11:hi"}, Way{60, 61, "", ""}}) {
    Receiving r;
    // Another source that is as far, and lacks nothing.
    for (std::uint16_t i = 1; i <= 4; ++i) r.hear(90, picture, i, "", "\x65other", 3'000u * i);
    EXPECT_EQ(r.hear(way.source, picture, 1, way.name), "v");
    EXPECT_EQ(r.hear(way.source, picture, 3, "", "\x65three", 9'000), "");
    EXPECT_EQ(r.hear(way.rtx, repeated, 700, way.repaired_name, "\0\2\x65two"sv, 6'000), "vv")
        << way.rtx;
    EXPECT_EQ(r.hear(way.rtx, repeated, 701, way.repaired_name, "\0\2\x65two"sv, 6'000), "");
    EXPECT_EQ(r.hear(way.rtx, repeated, 702, way.repaired_name, "\0"sv, 6'000), "") << "no number";
  }
}

TEST(MediaSession, a_repeated_packet_that_two_sources_lack_is_nobodys) {
  Receiving r;
  for (const std::uint32_t source : {60u, 70u}) {
    EXPECT_EQ(r.hear(source, picture, 1), "v");
    EXPECT_EQ(r.hear(source, picture, 3, "", "\x65three", 9'000), "");
  }
  EXPECT_EQ(r.hear(61, repeated, 700, "", "\0\2\x65two"sv, 6'000), "");
}

}  // namespace
}  // namespace esp_peer::peer
