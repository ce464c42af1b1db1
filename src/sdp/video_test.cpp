// Video in descriptions: which format, what may be asked with, in offers and answers.
#include "sdp/video.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/sdp_samples.hpp"

namespace esp_peer::sdp {
namespace {

const std::string head = "v=0\r\no=- 42 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
const std::string transport =
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\n"
    "a=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\n";

std::optional<RemoteVideo> understood(const std::string& text, VideoCodec codec) {
  static Description d;
  Remote remote;
  EXPECT_TRUE(parse(text, d));
  const Status usable = read_remote(d, {true, AudioCodec::opus, codec}, remote);
  EXPECT_TRUE(usable) << usable.error().what;
  if (remote.video) remote.video->mid = {};  // it would point into a text that is gone
  return remote.video;
}
// What a section with these formats and attributes means, beside nothing else.
std::optional<VideoFormat> format_in(const std::string& formats, const std::string& attributes,
                                     VideoCodec codec = VideoCodec::h264) {
  static Description d;
  const std::string text = head + "m=video 9 UDP/TLS/RTP/SAVPF " + formats + "\r\na=rtcp-mux\r\n" +
                           attributes + transport;
  EXPECT_TRUE(parse(text, d));
  Remote remote;
  if (!read_remote(d, {false, AudioCodec::none, codec}, remote)) return std::nullopt;
  return remote.video->format;
}
Local with_video(Setup setup, VideoCodec codec, Direction direction = Direction::sendrecv) {
  Local local = our_side(setup);
  local.candidates = local.candidates.first(1);
  local.video = {codec, direction, 4'000'000'001, 4'000'000'002, "our-name"};
  return local;
}
std::string offer_of(const Local& local) {
  std::vector<char> room(5000);
  auto size = write_offer(local, room);
  EXPECT_TRUE(size);
  return size ? std::string(room.data(), *size) : std::string();
}
std::string answer_to(const std::string& offer, const Local& local) {
  static Description d;
  EXPECT_TRUE(parse(offer, d));
  std::vector<char> room(9000);
  auto size = write_answer(local, d, room);
  EXPECT_TRUE(size);
  return size ? std::string(room.data(), *size) : std::string();
}
bool has(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

const std::string h264 = "a=rtpmap:102 H264/90000\r\n";

TEST(SdpVideo, an_offer_of_ours_says_all_that_a_browser_wants_to_know) {
  const std::string offer = offer_of(with_video(Setup::actpass, VideoCodec::h264));
  EXPECT_TRUE(has(offer, "a=group:BUNDLE 0 1\r\n"));
  EXPECT_TRUE(has(offer,
                  "a=mid:0\r\na=extmap:1/recvonly urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
                  "a=sendrecv\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
                  "a=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack\r\na=rtcp-fb:102 nack pli\r\n"
                  "a=rtcp-fb:102 ccm fir\r\na=fmtp:102 level-asymmetry-allowed=1;"
                  "packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:103 rtx/90000\r\n"
                  "a=fmtp:103 apt=102\r\na=msid:esp_stream v0\r\n"
                  "a=ssrc-group:FID 4000000001 4000000002\r\na=ssrc:4000000001 cname:our-name\r\n"
                  "a=ssrc:4000000002 cname:our-name\r\na=ice-ufrag:"));
  EXPECT_TRUE(has(offer, " UDP/TLS/RTP/SAVPF 102 103\r\n"));
  const auto again = understood(offer, VideoCodec::h264);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->format, offered_format(VideoCodec::h264));
  EXPECT_EQ(again->ssrcs.size(), 2u);
}

// Nothing of ours stands behind these: a browser that was promised them would steer by silence.
TEST(SdpVideo, congestion_feedback_that_we_do_not_give_is_never_agreed_on) {
  const auto says_nothing_of_it = [](const std::string& text) {
    EXPECT_FALSE(text.empty());
    for (const char* name : {"transport-cc", "goog-remb", "transport-wide-cc", "ack ccfb"}) {
      EXPECT_FALSE(has(text, name)) << name;
    }
  };
  for (const VideoCodec codec : {VideoCodec::h264, VideoCodec::mjpeg}) {
    Local local = with_video(Setup::actpass, codec);
    local.audio = {AudioCodec::opus, Direction::sendrecv, 4'000'000'003, "our-name"};
    says_nothing_of_it(offer_of(local));
  }
  const std::string offer = sample("chromium_offer");
  ASSERT_TRUE(has(offer, "transport-cc") && has(offer, "goog-remb"));
  Local local = with_video(Setup::active, VideoCodec::h264);
  local.audio = {AudioCodec::opus, Direction::sendrecv, 4'000'000'003, "our-name"};
  const std::string answer = answer_to(offer, local);
  EXPECT_TRUE(has(answer, "H264/90000"));
  says_nothing_of_it(answer);
}

TEST(SdpVideo, audio_comes_first_then_video_then_data) {
  Local local = with_video(Setup::actpass, VideoCodec::h264);
  local.audio = {AudioCodec::opus, Direction::sendrecv, 7, "our-name"};
  const std::string offer = offer_of(local);
  EXPECT_TRUE(has(offer, "a=group:BUNDLE 0 1 2\r\n"));
  EXPECT_LT(offer.find("m=audio"), offer.find("m=video"));
  EXPECT_LT(offer.find("m=video"), offer.find("m=application"));
  const auto once = offer.find("a=candidate:");
  EXPECT_NE(once, std::string::npos);
  EXPECT_GT(offer.find("m=video"), once) << "candidates stand in the first section";
  EXPECT_EQ(offer.find("a=candidate:", once + 1), std::string::npos);
}

TEST(SdpVideo, who_does_not_send_names_no_source) {
  const std::string offer =
      offer_of(with_video(Setup::actpass, VideoCodec::h264, Direction::recvonly));
  EXPECT_TRUE(has(offer, "a=recvonly\r\n"));
  EXPECT_FALSE(has(offer, "a=ssrc"));
  EXPECT_FALSE(has(offer, "a=msid"));
}

TEST(SdpVideo, mjpeg_has_its_static_payload_type) {
  const std::string offer = offer_of(with_video(Setup::actpass, VideoCodec::mjpeg));
  EXPECT_TRUE(has(offer, "a=rtpmap:26 JPEG/90000\r\n"));
  EXPECT_FALSE(has(offer, "packetization-mode"));
  EXPECT_TRUE(format_in("26", "", VideoCodec::mjpeg));
  EXPECT_FALSE(format_in("26", "", VideoCodec::h264));
}

TEST(SdpVideo, real_peers_are_understood) {
  struct Real {
    const char* file;
    std::uint8_t payload_type, rtx;
    bool fragments;
  };
  for (const Real& real :
       {Real{"chromium_offer", 108, 109, true}, Real{"firefoxgmp_offer", 126, 127, true},
        Real{"chromium_h264only_offer", 0, 0, true}, Real{"aiortc_offer_h264", 0, 0, true},
        Real{"gst_offer_h264", 0, 0, true}, Real{"ndc_offer_h264", 0, 0, true}}) {
    static Description d;
    const std::string text = sample(real.file);
    ASSERT_TRUE(parse(text, d)) << real.file;
    Remote remote;
    ASSERT_TRUE(read_remote(d, {true, AudioCodec::opus, VideoCodec::h264}, remote) ||
                read_remote(d, {false, AudioCodec::none, VideoCodec::h264}, remote))
        << real.file;
    ASSERT_TRUE(remote.video) << real.file;
    const VideoFormat& format = remote.video->format;
    if (real.payload_type) {
      EXPECT_EQ(format.payload_type, real.payload_type) << real.file;
      EXPECT_EQ(format.rtx_payload_type, real.rtx) << real.file;
      EXPECT_TRUE(format.nack && format.pli && format.fir) << real.file;
    }
    EXPECT_EQ(format.fragments, real.fragments) << real.file;
    EXPECT_EQ(format.profile_level_id >> 16, 0x42u) << real.file;
  }
}

// Two cameras, or one in three sizes: of sections that carry the same the first is taken.
TEST(SdpVideo, of_real_peers_with_several_streams_one_is_taken) {
  struct Real {
    const char* file;
    const char* mid;
    std::uint8_t payload_type, rtx;
    Direction direction;
    std::size_t ssrcs, pairs;
  };
  for (const Real& real :
       {Real{"chromium_twovideo_offer", "1", 108, 109, Direction::sendrecv, 2, 1},
        Real{"chromium_twovideo_answer", "1", 108, 109, Direction::sendrecv, 2, 1},
        Real{"firefoxgmp_twovideo_offer", "1", 126, 127, Direction::sendrecv, 2, 1},
        Real{"firefoxgmp_twovideo_answer", "1", 126, 127, Direction::sendrecv, 2, 1},
        Real{"chromium_simulcast_offer", "0", 108, 109, Direction::sendonly, 0, 0},
        Real{"chromium_simulcast_answer", "0", 108, 109, Direction::recvonly, 2, 1},
        Real{"firefoxgmp_simulcast_offer", "0", 126, 127, Direction::sendonly, max_ssrcs, 2},
        Real{"firefoxgmp_simulcast_answer", "0", 126, 127, Direction::recvonly, 1, 0}}) {
    SCOPED_TRACE(real.file);
    static Description d;
    const std::string text = sample(real.file);
    ASSERT_TRUE(parse(text, d));
    Remote remote;
    ASSERT_TRUE(read_remote(d, {false, AudioCodec::opus, VideoCodec::h264}, remote));
    ASSERT_TRUE(remote.video);
    EXPECT_EQ(remote.video->mid, real.mid);
    EXPECT_EQ(remote.video->format.payload_type, real.payload_type);
    EXPECT_EQ(remote.video->format.rtx_payload_type, real.rtx);
    EXPECT_TRUE(remote.video->format.fragments);
    EXPECT_EQ(remote.video->direction, real.direction);
    EXPECT_EQ(remote.video->ssrcs.size(), real.ssrcs);
    EXPECT_EQ(remote.video->rtx_pairs.size(), real.pairs);
  }
}

TEST(SdpVideo, the_other_camera_and_the_other_sizes_are_refused) {
  Local local = with_video(Setup::active, VideoCodec::h264);
  local.data = false;
  const auto sections = [](const std::string& text, const std::string& begin) {
    std::size_t count = 0;
    for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at + 1)) ++count;
    return count;
  };
  for (const char* name : {"chromium_twovideo_offer", "firefoxgmp_twovideo_offer"}) {
    const std::string answer = answer_to(sample(name), local);
    EXPECT_EQ(sections(answer, "m=video "), 2u) << name;
    EXPECT_EQ(sections(answer, "m=video 0 "), 1u) << name;
    EXPECT_LT(answer.find("H264"), answer.find("m=video 0 ")) << name;
  }
  for (const char* name : {"chromium_simulcast_offer", "firefoxgmp_simulcast_offer"}) {
    const std::string answer = answer_to(sample(name), local);
    EXPECT_EQ(sections(answer, "m=video "), 1u) << name;
    EXPECT_EQ(sections(answer, "m=video 0 "), 0u) << name;
    EXPECT_FALSE(has(answer, "simulcast")) << "[rfc8853#5.3.2] one is what comes then";
    EXPECT_FALSE(has(answer, "a=rid:"));
    EXPECT_TRUE(has(answer, "a=recvonly\r\n"));
  }
}

TEST(SdpVideo, vp8_alone_is_refused_and_the_session_goes_on) {
  static Description d;
  const std::string offer = sample("firefox_offer");
  ASSERT_TRUE(parse(offer, d));
  Local local = with_video(Setup::active, VideoCodec::h264);
  const std::string answer = answer_to(offer, local);
  EXPECT_TRUE(has(answer, "m=video 0 "));
  EXPECT_FALSE(has(answer, "m=application 0 "));
}

TEST(SdpVideo, an_answer_speaks_with_the_offers_numbers) {
  const std::string answer =
      answer_to(sample("firefoxgmp_offer"), with_video(Setup::active, VideoCodec::h264));
  EXPECT_TRUE(has(answer, "UDP/TLS/RTP/SAVPF 126 127\r\n"));
  EXPECT_TRUE(has(answer, "a=fmtp:126 level-asymmetry-allowed=1;packetization-mode=1;"));
  EXPECT_TRUE(has(answer, "a=fmtp:127 apt=126\r\n"));
  EXPECT_FALSE(has(answer, "VP8"));
}

TEST(SdpVideo, fragments_are_preferred_and_single_units_will_do) {
  const std::string mode_0 = "a=fmtp:102 packetization-mode=0\r\n";
  EXPECT_FALSE(format_in("102", h264 + mode_0)->fragments);
  EXPECT_FALSE(format_in("102", h264)->fragments);  // [rfc6184#8.1] none named is 0
  const auto best = format_in(
      "102 108",
      h264 + mode_0 + "a=rtpmap:108 h264/90000\r\na=fmtp:108 x=1; packetization-mode=1\r\n");
  EXPECT_EQ(best->payload_type, 108);
  EXPECT_TRUE(best->fragments);
  EXPECT_FALSE(format_in("102", h264 + "a=fmtp:102 packetization-mode=2\r\n"));
}

TEST(SdpVideo, blanks_around_parameters_mean_nothing) {
  const auto format =
      format_in("102", h264 + "a=fmtp:102 packetization-mode=1 ; profile-level-id=640c1f ;x=1\r\n");
  ASSERT_TRUE(format);
  EXPECT_TRUE(format->fragments);
  EXPECT_EQ(format->profile_level_id, 0x640C1Fu);
}

// [rfc6184#8.1] Where none is named, baseline of level 1.
TEST(SdpVideo, the_profile_has_a_default) {
  EXPECT_EQ(format_in("102", h264)->profile_level_id, 0x42000Au);
}

TEST(SdpVideo, rtx_belongs_to_the_format_that_it_names) {
  const std::string rtx = "a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=";
  EXPECT_EQ(format_in("102 103", h264 + rtx + "102\r\n")->rtx_payload_type, 103);
  EXPECT_FALSE(format_in("102 103", h264 + rtx + "104\r\n")->rtx_payload_type);
  EXPECT_FALSE(format_in("102", h264 + rtx + "102\r\n")->rtx_payload_type) << "not in the m-line";
}

TEST(SdpVideo, feedback_is_for_one_format_or_for_all) {
  EXPECT_FALSE(format_in("102", h264)->nack);
  EXPECT_TRUE(format_in("102", h264 + "a=rtcp-fb:102 nack\r\n")->nack);
  EXPECT_FALSE(format_in("102", h264 + "a=rtcp-fb:102 nack\r\n")->pli);
  EXPECT_TRUE(format_in("102", h264 + "a=rtcp-fb:* nack pli\r\n")->pli);
  EXPECT_FALSE(format_in("102", h264 + "a=rtcp-fb:* nack pli\r\n")->nack);
  EXPECT_TRUE(format_in("102", h264 + "a=rtcp-fb:102 ccm fir\r\n")->fir);
  EXPECT_FALSE(format_in("102", h264 + "a=rtcp-fb:104 nack\r\n")->nack);
}

// A section of H.264, bundled with the first one, which has the transport.
std::string section(const std::string& mid, const std::string& direction,
                    const std::string& codec = "H264/90000") {
  return "m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=mid:" + mid + "\r\na=" + direction +
         "\r\na=rtcp-mux\r\na=rtpmap:102 " + codec + "\r\n" + transport;
}
// What an answer does with each of the sections: "mid port direction".
std::vector<std::string> answered(const std::string& mids, const std::string& sections,
                                  Direction ours = Direction::sendrecv) {
  static Description d;
  const std::string answer = answer_to(head + "a=group:BUNDLE " + mids + "\r\n" + sections,
                                       with_video(Setup::active, VideoCodec::h264, ours));
  EXPECT_TRUE(parse(answer, d)) << answer;
  std::vector<std::string> out;
  for (const Media& m : d.media) {
    const char* directions[] = {"inactive", "sendonly", "recvonly", "sendrecv"};
    out.push_back(std::string(m.mid) + (d.rejected(m) ? " refused" : " taken") + " " +
                  directions[static_cast<int>(m.direction)]);
    EXPECT_EQ(d.in_bundle(m), !d.rejected(m)) << answer;
  }
  return out;
}

// [rfc6184#8.2.2] Without its parameters a format of a mode that we do not speak would be one that
// we do, and the next offer of ours would take that section and refuse the one that is agreed on.
TEST(SdpVideo, a_section_that_idles_keeps_the_parameters_of_its_format) {
  static Description d;
  const std::string interleaved = "a=fmtp:102 packetization-mode=2;profile-level-id=42e01f\r\n";
  const std::string answer =
      answer_to(head + "a=group:BUNDLE a b\r\n" + section("a", "sendrecv") + interleaved +
                    section("b", "inactive") + "a=fmtp:102 packetization-mode=1\r\n",
                with_video(Setup::active, VideoCodec::h264));
  EXPECT_TRUE(has(answer, interleaved)) << answer;
  ASSERT_TRUE(parse(answer, d));
  Remote back;
  ASSERT_TRUE(read_remote(d, {true, AudioCodec::none, VideoCodec::h264}, back));
  ASSERT_TRUE(back.video);
  EXPECT_EQ(back.video->section, 1u) << answer;
}

// [rfc3264#6, rfc8829#5.3.1]
TEST(SdpVideo, of_several_sections_the_first_that_is_of_use_is_taken_and_the_others_refused) {
  using Sections = std::vector<std::string>;
  EXPECT_EQ(answered("a b c", section("a", "sendrecv") + section("b", "sendrecv") +
                                  section("c", "sendrecv")),
            (Sections{"a taken sendrecv", "b refused inactive", "c refused inactive"}));
  // Another codec comes first, whose section keeps its transport alive.
  EXPECT_EQ(answered("a b", section("a", "sendrecv", "VP8/90000") + section("b", "sendrecv")),
            (Sections{"a taken inactive", "b taken sendrecv"}));
  // The browser has stopped its first track and shares another one.
  EXPECT_EQ(answered("a b", section("a", "inactive") + section("b", "sendonly")),
            (Sections{"a taken inactive", "b taken recvonly"}));
  // Of no use is also what only we could send, and do not.
  EXPECT_EQ(
      answered("a b", section("a", "recvonly") + section("b", "sendonly"), Direction::recvonly),
      (Sections{"a taken inactive", "b taken recvonly"}));
  EXPECT_EQ(answered("a b", section("a", "recvonly") + section("b", "sendonly")),
            (Sections{"a taken sendonly", "b refused inactive"}));
  EXPECT_EQ(answered("a b", section("a", "inactive") + section("b", "inactive")),
            (Sections{"a taken inactive", "b refused inactive"}));
}

// A browser may watch us in one section and show its camera in another one.
TEST(SdpVideo, of_several_sections_the_one_that_carries_most_is_taken) {
  using Sections = std::vector<std::string>;
  EXPECT_EQ(answered("a b", section("a", "recvonly") + section("b", "sendrecv")),
            (Sections{"a taken inactive", "b taken sendrecv"}));
  EXPECT_EQ(answered("a b c", section("a", "inactive") + section("b", "sendonly") +
                                  section("c", "sendrecv")),
            (Sections{"a taken inactive", "b refused inactive", "c taken sendrecv"}));
  // What we do not do is no reason.
  EXPECT_EQ(
      answered("a b", section("a", "recvonly") + section("b", "sendrecv"), Direction::sendonly),
      (Sections{"a taken sendonly", "b refused inactive"}));
}

// covers: changelog 33
TEST(SdpVideo, the_answer_names_the_profile_of_the_offer) {
  const std::string profile = "a=fmtp:102 packetization-mode=1;profile-level-id=";
  for (const std::string id : {"42e01f", "640c1f", "4d0032"}) {
    const std::string answer = answer_to(head + section("0", "sendrecv") + profile + id + "\r\n",
                                         with_video(Setup::active, VideoCodec::h264));
    EXPECT_TRUE(has(answer, "profile-level-id=" + id + "\r\n")) << answer;
  }
  // [rfc6184#8.2.2] Constrained baseline, which every decoder has, before high.
  const auto best = format_in("100 102",
                              "a=rtpmap:100 H264/90000\r\na=fmtp:100 "
                              "packetization-mode=1;profile-level-id=640c1f\r\n" +
                                  h264 + profile + "42e01f\r\n");
  EXPECT_EQ(best->payload_type, 102);
}

// [rfc6184#8.1] Table 5: each has names of its own, and further constraints.
TEST(SdpVideo, constrained_baseline_is_preferred_then_baseline) {
  const auto preferred = [](const std::string& first, const std::string& second) {
    const std::string fmtp = " packetization-mode=1;profile-level-id=";
    const auto best =
        format_in("100 102", "a=rtpmap:100 H264/90000\r\na=fmtp:100" + fmtp + first + "\r\n" +
                                 h264 + "a=fmtp:102" + fmtp + second + "\r\n");
    return best->payload_type == 100 ? first : second;
  };
  for (const std::string constrained : {"42e01f", "42c00d", "424028", "4d801f", "58c01f"}) {
    for (const std::string other : {"42001f", "42801f", "4d001f", "4d401f", "58801f", "640c1f"}) {
      EXPECT_EQ(preferred(constrained, other), constrained);
      EXPECT_EQ(preferred(other, constrained), constrained);
    }
  }
  EXPECT_EQ(preferred("640c1f", "42001f"), "42001f");
  EXPECT_EQ(preferred("42001f", "640c1f"), "42001f");
  EXPECT_EQ(preferred("42e01f", "42c01f"), "42e01f") << "as the peer likes it";
}

// [H.264 Annex A] Table A-1.
TEST(SdpVideo, the_level_has_room_for_the_pictures) {
  EXPECT_EQ(h264_level(0, 0, 0), 31) << "not known";
  EXPECT_EQ(h264_level(320, 240, 15), 31) << "what others take us for is not lowered";
  EXPECT_EQ(h264_level(1280, 720, 30), 31);
  EXPECT_EQ(h264_level(1280, 720, 60), 32);
  EXPECT_EQ(h264_level(1280, 960, 30), 32);
  EXPECT_EQ(h264_level(1920, 1080, 30), 40);
  EXPECT_EQ(h264_level(1920, 1080, 0), 40);
  EXPECT_EQ(h264_level(1920, 1080, 60), 42);
  EXPECT_EQ(h264_level(2560, 1440, 30), 50);
  EXPECT_EQ(h264_level(3840, 2160, 30), 51);
  EXPECT_EQ(h264_level(3840, 2160, 60), 52);
  EXPECT_EQ(h264_level(7680, 4320, 30), 52) << "there is no higher one";
  EXPECT_EQ(h264_level(0xFFFF'FFFF, 0xFFFF'FFFF, 0xFFFF'FFFF), 52);
  EXPECT_EQ(h264_level(640, 480, 0xFFFF'FFFF), 52);
}

// [rfc8285#5, rfc9143#15, rfc8852#3]
TEST(SdpVideo, how_packets_name_their_section_and_stream_is_taken_as_offered) {
  const std::string sdes = " urn:ietf:params:rtp-hdrext:sdes:";
  const std::string offer = head + section("0", "sendrecv") + "a=extmap:9" + sdes + "mid\r\n" +
                            "a=extmap:200/sendonly" + sdes + "rtp-stream-id with more\r\n" +
                            "a=extmap:11" + sdes + "repaired-rtp-stream-id\r\n" +
                            "a=extmap:3 urn:3gpp:video-orientation\r\na=extmap:0" + sdes +
                            "mid\r\na=extmap:256" + sdes + "mid\r\na=extmap:\r\na=extmap:7\r\n";
  static Description d;
  ASSERT_TRUE(parse(offer, d));
  const auto video = read_video(d.media[0], VideoCodec::h264, false);
  ASSERT_TRUE(video);
  EXPECT_EQ(video->extensions.mid, 9);
  EXPECT_EQ(video->extensions.rid, 200);
  EXPECT_EQ(video->extensions.repaired_rid, 11);
  const Local local = with_video(Setup::active, VideoCodec::h264);
  const std::string answer = answer_to(offer, local);
  EXPECT_TRUE(has(answer, "a=extmap:9/recvonly" + sdes + "mid\r\na=extmap:200/recvonly" + sdes +
                              "rtp-stream-id\r\na=extmap:11/recvonly" + sdes +
                              "repaired-rtp-stream-id\r\n"));
  EXPECT_FALSE(has(answer, "orientation"));
  EXPECT_FALSE(has(answer_to(head + section("0", "sendrecv"), local), "extmap"));
}

// [rfc5576#4.2]
TEST(SdpVideo, which_source_repeats_which_is_read) {
  const auto pairs = [](const std::string& lines) {
    static Description d;
    const std::string text = head + section("0", "sendrecv") + lines;  // views point into it
    EXPECT_TRUE(parse(text, d));
    std::string out;
    const auto video = read_video(d.media[0], VideoCodec::h264, false);
    for (const RtxPair& pair : video->rtx_pairs) {
      out += std::to_string(pair.source) + ">" + std::to_string(pair.rtx) + " ";
    }
    return out;
  };
  EXPECT_EQ(pairs("a=ssrc-group:FID 5 6\r\na=ssrc-group:FID 4294967295 8\r\n"),
            "5>6 4294967295>8 ");
  EXPECT_EQ(pairs("a=ssrc-group:SIM 5 6\r\na=ssrc-group:FID 5\r\na=ssrc-group:FID x y\r\n"
                  "a=ssrc-group:FID 0 6\r\na=ssrc-group:FID 4294967296 6\r\na=ssrc-group:\r\n"),
            "");
  std::string many;
  for (int i = 1; i < 100; ++i) many += "a=ssrc-group:FID 1 " + std::to_string(i) + "\r\n";
  EXPECT_EQ(pairs(many), "1>1 1>2 ");
}

TEST(SdpVideo, nonsense_in_its_lines_does_no_harm) {
  for (const char* line :
       {"a=fmtp:\r\n", "a=fmtp:102\r\n", "a=fmtp:102 ;;;=;\r\n", "a=fmtp:999 apt=102\r\n",
        "a=rtcp-fb:\r\n", "a=rtcp-fb:102\r\n", "a=rtpmap:102\r\n",
        "a=fmtp:102 profile-level-id=zz\r\n", "a=fmtp:103 apt=300\r\n"}) {
    const auto format = format_in("102", std::string(line) + h264);
    ASSERT_TRUE(format) << line;
    EXPECT_EQ(format->payload_type, 102) << line;
  }
}

}  // namespace
}  // namespace esp_peer::sdp
