// How much a peer likes to get: b= lines of its session and of its sections.
#include <gtest/gtest.h>

#include <string>

#include "sdp/description.hpp"

namespace esp_peer::sdp {
namespace {

struct Wish {
  Bandwidth session, audio, video;
};
Wish wish_of(const std::string& session, const std::string& audio, const std::string& video) {
  static Description d;
  const std::string transport =
      "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\n"
      "a=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\na=rtcp-mux\r\n";
  const std::string text = "v=0\r\no=- 42 1 IN IP4 0.0.0.0\r\ns=-\r\n" + session +
                           "t=0 0\r\na=group:BUNDLE a v\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" +
                           audio + transport + "a=mid:a\r\nm=video 9 UDP/TLS/RTP/SAVPF 102\r\n" +
                           video + transport + "a=mid:v\r\na=rtpmap:102 H264/90000\r\n";
  EXPECT_TRUE(parse(text, d));
  Remote remote;
  EXPECT_TRUE(read_remote(d, {false, AudioCodec::g711u, VideoCodec::h264}, remote));
  if (!remote.audio || !remote.video) return {};
  return {remote.bandwidth, remote.audio->bandwidth, remote.video->bandwidth};
}
Bandwidth of_video(const std::string& lines) { return wish_of("", "", lines).video; }

constexpr std::uint64_t unlimited = Bandwidth::unlimited;

// covers: must rfc8834#7.1b
TEST(Bandwidth, each_section_has_its_own_and_the_session_one_for_all) {
  const Wish wish = wish_of("b=AS:2000\r\n", "b=AS:80\r\n", "b=AS:300\r\nb=TIAS:280000\r\n");
  EXPECT_EQ(wish.session, (Bandwidth{250'000, unlimited}));
  EXPECT_EQ(wish.audio, (Bandwidth{10'000, unlimited}));
  EXPECT_EQ(wish.video, (Bandwidth{37'500, 35'000}));
  EXPECT_EQ(wish_of("", "", "").video, Bandwidth());
  EXPECT_EQ(Bandwidth(), (Bandwidth{Bandwidth::unlimited, Bandwidth::unlimited}));
}

// [rfc8866#5.8] CT is a limit too, and what is not known is passed over.
TEST(Bandwidth, of_several_lines_the_lowest_counts_and_unknown_ones_do_not) {
  EXPECT_EQ(of_video("b=AS:300\r\nb=CT:200\r\nb=AS:500\r\n"), (Bandwidth{25'000, unlimited}));
  EXPECT_EQ(of_video("b=RS:800\r\nb=RR:2400\r\nb=X-YZ:128\r\nb=as:1\r\nb=ASX:1\r\n"), Bandwidth());
  const Bandwidth lower = lower_of({1'000, 900}, {2'000, 800});
  EXPECT_EQ(lower, (Bandwidth{1'000, 800}));
}

TEST(Bandwidth, hostile_numbers_are_no_limit_or_the_largest) {
  for (const char* line : {"b=AS:", "b=AS:-1", "b=AS:1e3", "b=AS:0x10", "b=AS", "b=", "b=TIAS:+5",
                           "b=AS:3,5", "b=AS:12kbit"}) {
    EXPECT_EQ(of_video(std::string(line) + "\r\n"), Bandwidth()) << line;
  }
  const Bandwidth huge =
      of_video("b=AS:99999999999999999999999999999999\r\nb=TIAS:18446744073709551616\r\n");
  EXPECT_EQ(huge, (Bandwidth{0xFFFF'FFFFull * 125, 0xFFFF'FFFFull / 8}));
  EXPECT_EQ(of_video("b=AS: 300 \r\n"), (Bandwidth{37'500, unlimited}));
}

// [rfc3264#5.1] "A value of zero … indicates that no media should be sent."
TEST(Bandwidth, zero_is_none_and_a_few_bits_are_more_than_that) {
  EXPECT_TRUE(of_video("b=AS:0\r\n").is_zero());
  EXPECT_TRUE(of_video("b=TIAS:0\r\n").is_zero());
  EXPECT_FALSE(of_video("b=TIAS:5\r\n").is_zero());
}

}  // namespace
}  // namespace esp_peer::sdp
