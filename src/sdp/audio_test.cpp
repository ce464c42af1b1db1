// Audio in descriptions: which section, payload type and direction, in offers and answers.
#include "sdp/audio.hpp"

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
const std::string audio_line = "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\n";
const std::string opus = "a=rtpmap:111 opus/48000/2\r\n";
const std::string data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n";
const std::string audio_offer = head + audio_line + "a=rtcp-mux\r\n" + opus + transport;
// As browsers write it.
const std::string both = head + "a=group:BUNDLE a d\r\n" + audio_line +
                         "a=mid:a\r\na=rtcp-mux\r\n" + opus + transport + data + "a=mid:d\r\n" +
                         transport;

struct Understood {
  Errc code = Errc::ok;
  bool data = false;
  std::optional<RemoteAudio> audio;
};
Understood understood(const std::string& text, AudioCodec codec, bool want_data = true) {
  static Description d;
  Remote remote;
  EXPECT_TRUE(parse(text, d));
  const Status usable = read_remote(d, {want_data, codec}, remote);
  if (!usable) return {usable.code(), false, {}};
  // The mid would point into a text that is gone.
  if (remote.audio) remote.audio->mid = {};
  return {Errc::ok, remote.data.has_value(), remote.audio};
}
int payload_type(const std::string& text, AudioCodec codec) {
  const auto audio = understood(text, codec).audio;
  return audio ? audio->format.payload_type : -1;
}
// The payload type of G.711µ in a section with these formats and attributes.
int g711u_in(const std::string& formats, const std::string& attributes) {
  return payload_type(head + "m=audio 9 UDP/TLS/RTP/SAVPF " + formats + "\r\na=rtcp-mux\r\n" +
                          attributes + transport,
                      AudioCodec::g711u);
}
Local with_audio(Setup setup, AudioCodec codec, Direction direction = Direction::sendrecv) {
  Local local = our_side(setup);
  local.candidates = local.candidates.first(1);
  local.audio = {codec, direction, 4'000'000'001, "our-name"};
  return local;
}
std::string offer_of(const Local& local) {
  std::vector<char> room(5000);
  auto size = write_offer(local, room);
  EXPECT_TRUE(size);
  return {room.data(), size ? *size : 0};
}
std::string answer_of(const Local& local, const std::string& offer) {
  static Description d;
  EXPECT_TRUE(parse(offer, d));
  std::vector<char> room(70'000);
  auto size = write_answer(local, d, room);
  EXPECT_TRUE(size) << size.error().what;
  return {room.data(), size ? *size : 0};
}
std::string reoffer_of(const Local& local, const std::string& ours) {
  static Description d;
  EXPECT_TRUE(parse(ours, d));
  std::vector<char> room(70'000);
  auto size = write_reoffer(local, d, room);
  EXPECT_TRUE(size);
  return {room.data(), size ? *size : 0};
}
bool has(const std::string& text, std::string_view piece) { return text.find(piece) != text.npos; }

// ---------------------------------------------------------------- directions

// covers: changelog 41
TEST(Direction, is_what_both_sides_allow) {
  using enum Direction;
  for (const Direction ours : {inactive, sendonly, recvonly, sendrecv}) {
    for (const Direction theirs : {inactive, sendonly, recvonly, sendrecv}) {
      const Direction both_allow = agreed(ours, theirs);
      EXPECT_EQ(sends(both_allow), sends(ours) && receives(theirs));
      EXPECT_EQ(receives(both_allow), receives(ours) && sends(theirs));
      EXPECT_EQ(mirrored(both_allow), agreed(theirs, ours)) << "both sides see it alike";
    }
  }
}

// ---------------------------------------------------------------- what a section says

TEST(Audio, the_payload_type_of_our_codec_is_found) {
  EXPECT_EQ(payload_type(audio_offer, AudioCodec::opus), 111);
  EXPECT_EQ(payload_type(audio_offer, AudioCodec::g711u), 0);
  EXPECT_EQ(payload_type(audio_offer, AudioCodec::g711a), 8);
  EXPECT_EQ(payload_type(audio_offer, AudioCodec::none), -1);
  const auto format = understood(audio_offer, AudioCodec::opus).audio->format;
  EXPECT_EQ(format.clock_rate, 48'000u);
  EXPECT_EQ(understood(audio_offer, AudioCodec::g711a).audio->format.clock_rate, 8000u);
}

TEST(Audio, opus_is_opus_whatever_its_number_and_its_case) {
  for (const std::string name : {"opus/48000/2", "OPUS/48000/2", "Opus/48000/2"}) {
    const std::string text = replaced(replaced(audio_offer, "111", "96"), "opus/48000/2", name);
    EXPECT_EQ(payload_type(text, AudioCodec::opus), 96) << name;
  }
  for (const std::string name : {"opus/48000", "opus/16000/2", "opus/48000/20", "opus/48000/2/1",
                                 "opus", "opusx/48000/2", "xopus/48000/2", ""}) {
    EXPECT_EQ(payload_type(replaced(audio_offer, "opus/48000/2", name), AudioCodec::opus), -1)
        << name;
  }
}

TEST(Audio, static_payload_types_need_no_rtpmap_and_can_be_called_otherwise) {
  EXPECT_EQ(g711u_in("0", ""), 0);
  EXPECT_EQ(g711u_in("0", "a=rtpmap:0 PCMU/8000\r\n"), 0);
  EXPECT_EQ(g711u_in("0", "a=rtpmap:0 pcmu/8000/1\r\n"), 0);
  EXPECT_EQ(g711u_in("0", "a=rtpmap:0 PCMU/16000\r\n"), -1) << "another clock";
  EXPECT_EQ(g711u_in("0", "a=rtpmap:0 PCMU/8000/2\r\n"), -1) << "stereo";
  EXPECT_EQ(g711u_in("0", "a=rtpmap:0 GSM/8000\r\n"), -1);
  EXPECT_EQ(g711u_in("97 0", "a=rtpmap:97 PCMU/8000\r\n"), 97) << "the first that is offered";
  EXPECT_EQ(g711u_in("8", ""), -1);
  EXPECT_EQ(g711u_in("0 8", "a=rtpmap:97 PCMU/8000\r\n"), 0) << "97 is not in the m-line";
}

// [rfc7587#6.1, #7.1]
TEST(Audio, what_the_peer_says_of_opus_is_read_for_the_number_that_is_taken) {
  const auto said = [](const std::string& lines) {
    return understood(audio_offer + lines, AudioCodec::opus).audio->opus;
  };
  EXPECT_EQ(said(""), OpusParameters{});
  EXPECT_EQ(said("a=fmtp:110 stereo=1\r\na=fmtp:111\r\na=fmtp:\r\n"), OpusParameters{});
  EXPECT_EQ(said("a=fmtp:111 stereo=0;sprop-stereo=2;cbr=;useinbandfec=11;usedtx;;=1\r\n"),
            OpusParameters{});
  // The second example of [rfc7587#7].
  EXPECT_EQ(said("a=fmtp:111 maxplaybackrate=16000; sprop-maxcapturerate=16000; "
                 "maxaveragebitrate=20000; stereo=1; useinbandfec=1; usedtx=0\r\n"),
            (OpusParameters{.stereo = true,
                            .in_band_fec = true,
                            .max_playback_rate = 16'000,
                            .max_average_bitrate = 20'000}));
  EXPECT_EQ(
      said("a=fmtp:111 sprop-stereo=1 ;cbr=1;usedtx=1\r\n"),
      (OpusParameters{.sprop_stereo = true, .constant_bitrate = true, .discontinuous = true}));
  // "Values outside the range 6000 to 510000 SHOULD be ignored."
  for (const char* wrong :
       {"5999", "510001", "4294967296", "18446744073709551616", "-1", "x", ""}) {
    EXPECT_EQ(said("a=fmtp:111 maxaveragebitrate=" + std::string(wrong) + "\r\n"),
              OpusParameters{});
  }
  for (const char* wrong : {"7999", "48001", "4294975296", "x", ""}) {
    EXPECT_EQ(said("a=fmtp:111 maxplaybackrate=" + std::string(wrong) + "\r\n"), OpusParameters{});
  }
}

// A fuzzer found that we took the last of two, and answered with the first.
TEST(Audio, of_two_meanings_of_one_number_the_first_counts) {
  const std::string opus_first = "a=rtpmap:111 opus/48000/2\r\na=rtpmap:111 opaque/48000/2\r\n";
  const std::string opus_last = "a=rtpmap:111 opaque/48000/2\r\na=rtpmap:111 opus/48000/2\r\n";
  const auto in = [](const std::string& attributes) {
    return payload_type(head + audio_line + "a=rtcp-mux\r\n" + attributes + transport,
                        AudioCodec::opus);
  };
  EXPECT_EQ(in(opus_first), 111);
  EXPECT_EQ(in(opus_last), -1);
  EXPECT_EQ(in("a=rtpmap:111 opaque\x02/48000/2\r\n" + opus), 111)
      << "what cannot be repeated is none";
}

// covers: bug 44, must rfc5761#4
TEST(Audio, payload_types_end_at_127_and_leave_room_for_rtcp) {
  const auto dynamic = [](const std::string& number) {
    return g711u_in(number, "a=rtpmap:" + number + " PCMU/8000\r\n");
  };
  for (const int usable : {0, 1, 34, 35, 63, 96, 97, 126, 127}) {
    EXPECT_EQ(dynamic(std::to_string(usable)), usable);
  }
  for (const int rtcp : {64, 65, 72, 76, 90, 95}) EXPECT_EQ(dynamic(std::to_string(rtcp)), -1);
  for (const char* wrong :
       {"128", "255", "256", "32768", "65535", "65536", "2147483647", "2147483648", "4294967295",
        "4294967296", "4294967392", "9223372036854775808", "18446744073709551712", "-1", "x"}) {
    EXPECT_EQ(dynamic(wrong), -1) << wrong;
  }
}

// covers: bug 44
TEST(Audio, attributes_of_time_do_no_arithmetic) {
  for (const char* n : {"0", "20", "65536", "2147483648", "4294967296", "9223372036854775808"}) {
    const std::string text = audio_offer + "a=ptime:" + n + "\r\na=maxptime:" + n +
                             "\r\na=fmtp:111 maxptime=" + n + "\r\n";
    EXPECT_EQ(payload_type(text, AudioCodec::opus), 111);
  }
}

TEST(Audio, ssrcs_are_counted_once_up_to_a_bound) {
  const auto ssrcs = [](const std::string& lines) {
    return understood(audio_offer + lines, AudioCodec::opus).audio->ssrcs;
  };
  EXPECT_EQ(ssrcs("").size(), 0u);
  const auto one = ssrcs("a=ssrc:7 cname:x\r\na=ssrc:7 msid:s t\r\n");
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0], 7u);
  const auto edges = ssrcs(
      "a=ssrc:4294967295 cname:x\r\na=ssrc:4294967296 cname:x\r\n"
      "a=ssrc:0 cname:x\r\na=ssrc:-1 cname:x\r\na=ssrc: cname:x\r\n"
      "a=ssrc:18446744073709551617 cname:x\r\n");
  ASSERT_EQ(edges.size(), 1u);
  EXPECT_EQ(edges[0], 0xFFFF'FFFFu);
  std::string many;
  for (int i = 1; i <= 1000; ++i) many += "a=ssrc:" + std::to_string(i) + " cname:x\r\n";
  EXPECT_EQ(ssrcs(many).size(), max_ssrcs);
}

TEST(Audio, reduced_rtcp_and_direction_are_handed_on) {
  EXPECT_FALSE(understood(audio_offer, AudioCodec::opus).audio->reduced_rtcp);
  EXPECT_TRUE(understood(audio_offer + "a=rtcp-rsize\r\n", AudioCodec::opus).audio->reduced_rtcp);
  EXPECT_EQ(understood(audio_offer, AudioCodec::opus).audio->direction, Direction::sendrecv);
  EXPECT_EQ(understood(audio_offer + "a=recvonly\r\n", AudioCodec::opus).audio->direction,
            Direction::recvonly);
}

// covers: must rfc8834#4.1-4.9
TEST(Audio, every_profile_of_rtp_is_taken_for_dtls_srtp) {
  for (const std::string profile : {"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF",
                                    "RTP/SAVP", "RTP/AVPF", "RTP/AVP", "TCP/DTLS/RTP/SAVPF"}) {
    const std::string text = replaced(audio_offer, "UDP/TLS/RTP/SAVPF", profile);
    EXPECT_EQ(payload_type(text, AudioCodec::opus), 111) << profile;
    EXPECT_TRUE(has(answer_of(with_audio(Setup::active, AudioCodec::opus), text),
                    " " + profile + " 111\r\n"));
    EXPECT_EQ(understood(without(text, "a=fingerprint:sha-256 AB:CD\r\n"), AudioCodec::opus).code,
              Errc::bad_data)
        << "and nothing without a fingerprint";
  }
  EXPECT_EQ(payload_type(replaced(audio_offer, "UDP/TLS/RTP/SAVPF", "UDP/BFCP"), AudioCodec::opus),
            -1);
}

TEST(Audio, that_wants_rtcp_on_a_port_of_its_own_is_refused) {
  const std::string text = without(audio_offer, "a=rtcp-mux\r\n");
  EXPECT_EQ(payload_type(text, AudioCodec::opus), -1);
  EXPECT_EQ(payload_type(text + "a=rtcp-mux-only\r\n", AudioCodec::opus), 111);
  EXPECT_EQ(payload_type(without(both, "a=rtcp-mux\r\n"), AudioCodec::opus), 111)
      << "in a bundle there is no such port";
}

// ---------------------------------------------------------------- audio beside data

TEST(Audio, and_data_share_one_transport_or_data_is_alone) {
  EXPECT_TRUE(understood(both, AudioCodec::opus).audio);
  EXPECT_TRUE(understood(both, AudioCodec::opus).data);
  for (const auto& apart :
       {without(both, "a=group:BUNDLE a d\r\n"), replaced(both, " a d", " d")}) {
    EXPECT_FALSE(understood(apart, AudioCodec::opus).audio);
    EXPECT_TRUE(understood(apart, AudioCodec::opus).data);
    const std::string answer = answer_of(with_audio(Setup::active, AudioCodec::opus), apart);
    EXPECT_TRUE(has(answer, "m=audio 0 UDP"));
    EXPECT_TRUE(has(answer, "m=application 4711 UDP"));
  }
}

TEST(Audio, alone_is_enough_and_so_is_data) {
  EXPECT_EQ(understood(audio_offer, AudioCodec::opus).code, Errc::ok);
  EXPECT_EQ(understood(audio_offer, AudioCodec::none).code, Errc::unsupported);
  EXPECT_FALSE(understood(both, AudioCodec::opus, false).data) << "we want none";
  EXPECT_TRUE(understood(both, AudioCodec::opus, false).audio);
  EXPECT_EQ(understood(head + data + transport, AudioCodec::opus, false).code, Errc::unsupported);
  EXPECT_EQ(understood(replaced(both, "111 opus/48000/2", "111 speex/8000"), AudioCodec::opus).code,
            Errc::ok)
      << "data still works";
}

TEST(Audio, saves_a_description_whose_data_section_is_broken) {
  const std::string broken = without(both, "a=sctp-port:5000\r\n");
  EXPECT_EQ(understood(broken, AudioCodec::none).code, Errc::bad_data);
  EXPECT_TRUE(understood(broken, AudioCodec::opus).audio);
  EXPECT_FALSE(understood(broken, AudioCodec::opus).data);
  EXPECT_TRUE(
      has(answer_of(with_audio(Setup::active, AudioCodec::opus), broken), "m=application 0 UDP"));
}

// ---------------------------------------------------------------- what we write

TEST(WriteAudio, an_offer_of_audio_and_data_line_by_line) {
  const std::string ours =
      "a=ice-ufrag:uFrA\r\na=ice-pwd:passwordpasswordpasswo\r\na=fingerprint:" +
      std::string(our_fingerprint) + "\r\na=setup:actpass\r\n";
  EXPECT_EQ(offer_of(with_audio(Setup::actpass, AudioCodec::opus)),
            "v=0\r\n"
            "o=- 4611686018427387904 3 IN IP4 0.0.0.0\r\n"
            "s=-\r\n"
            "t=0 0\r\n"
            "a=ice-options:trickle ice2\r\n"
            "a=ice-pacing:5\r\n"
            "a=group:BUNDLE 0 1\r\n"
            "m=audio 4711 UDP/TLS/RTP/SAVPF 111\r\n"
            "c=IN IP4 192.0.2.1\r\n"
            "a=mid:0\r\n"
            "a=extmap:1/recvonly urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
            "a=sendrecv\r\n"
            "a=rtcp-mux\r\n"
            "a=rtcp-rsize\r\n"
            "a=rtpmap:111 opus/48000/2\r\n"
            "a=fmtp:111 minptime=10;useinbandfec=1\r\n"
            "a=msid:esp_stream a0\r\n"
            "a=ssrc:4000000001 cname:our-name\r\n" +
                ours +
                "a=candidate:1 1 udp 2130706431 192.0.2.1 4711 typ host\r\n"
                "a=end-of-candidates\r\n"
                "m=application 4711 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                "c=IN IP4 192.0.2.1\r\n"
                "a=mid:1\r\n"
                "a=sctp-port:5000\r\n"
                "a=max-message-size:262144\r\n"
                "a=x-esp-peer:1\r\n" +
                ours);
}

// [rfc7587#6.1] Without a word a sender gives one channel, whatever the m-line says.
TEST(WriteAudio, who_plays_and_has_two_channels_says_so) {
  Local local = with_audio(Setup::actpass, AudioCodec::opus);
  EXPECT_FALSE(has(offer_of(local), "stereo"));
  local.audio.stereo = true;
  EXPECT_TRUE(
      has(offer_of(local), "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1\r\n"));
  local.audio.codec = AudioCodec::g711a;
  EXPECT_FALSE(has(offer_of(local), "stereo"));
}

TEST(WriteAudio, g711_by_its_static_numbers) {
  const std::string a = offer_of(with_audio(Setup::actpass, AudioCodec::g711a));
  EXPECT_TRUE(has(a, "SAVPF 8\r\n") && has(a, "a=rtpmap:8 PCMA/8000\r\n"));
  const std::string u = offer_of(with_audio(Setup::actpass, AudioCodec::g711u));
  EXPECT_TRUE(has(u, "SAVPF 0\r\n") && has(u, "a=rtpmap:0 PCMU/8000\r\n"));
  EXPECT_FALSE(has(u, "a=fmtp"));
}

TEST(WriteAudio, an_offer_of_audio_alone) {
  Local local = with_audio(Setup::actpass, AudioCodec::g711a);
  local.data = false;
  const std::string offer = offer_of(local);
  EXPECT_TRUE(has(offer, "a=group:BUNDLE 0\r\n"));
  EXPECT_FALSE(has(offer, "m=application"));
  const std::string answer = answer_of(with_audio(Setup::active, AudioCodec::g711a), offer);
  EXPECT_TRUE(has(answer, "m=audio 4711 UDP/TLS/RTP/SAVPF 8\r\n"));
  EXPECT_FALSE(has(answer, "m=application"));
}

// covers: changelog 49
TEST(WriteAudio, the_track_is_announced_only_where_we_send) {
  using enum Direction;
  for (const Direction ours : {inactive, sendonly, recvonly, sendrecv}) {
    const std::string offer = offer_of(with_audio(Setup::actpass, AudioCodec::opus, ours));
    EXPECT_EQ(has(offer, "a=msid:esp_stream a0\r\n"), sends(ours));
    EXPECT_EQ(has(offer, "a=ssrc:4000000001 cname:our-name\r\n"), sends(ours));
  }
}

// covers: changelog 41
TEST(WriteAudio, the_direction_of_an_answer_is_what_both_allow) {
  using enum Direction;
  const auto answered = [](Direction ours, const std::string& theirs) {
    return answer_of(with_audio(Setup::active, AudioCodec::opus, ours),
                     replaced(both, "a=mid:a\r\n", "a=mid:a\r\na=" + theirs + "\r\n"));
  };
  EXPECT_TRUE(has(answered(sendrecv, "sendrecv"), "a=sendrecv\r\n"));
  EXPECT_TRUE(has(answered(sendrecv, "sendonly"), "a=recvonly\r\n"));
  EXPECT_TRUE(has(answered(sendrecv, "recvonly"), "a=sendonly\r\n"));
  EXPECT_TRUE(has(answered(sendonly, "sendrecv"), "a=sendonly\r\n"));
  EXPECT_TRUE(has(answered(sendonly, "sendonly"), "a=inactive\r\n"));
  EXPECT_TRUE(has(answered(recvonly, "inactive"), "a=inactive\r\n"));
}

TEST(WriteAudio, number_and_reduced_rtcp_of_an_answer_are_those_of_the_offer) {
  const Local local = with_audio(Setup::active, AudioCodec::opus);
  const std::string answer = answer_of(local, replaced(both, "111", "45"));
  EXPECT_TRUE(has(answer, "SAVPF 45\r\n") && has(answer, "a=rtpmap:45 opus/48000/2\r\n"));
  EXPECT_FALSE(has(answer, "a=rtcp-rsize"));
  EXPECT_TRUE(has(answer_of(local, replaced(both, "a=mid:a", "a=rtcp-rsize\r\na=mid:a")),
                  "a=rtcp-rsize\r\n"));
}

TEST(WriteAudio, a_bundle_that_begins_with_data_we_do_not_want_is_kept_alive) {
  Local local = with_audio(Setup::active, AudioCodec::opus);
  local.data = false;
  const std::string answer = answer_of(local, replaced(both, "BUNDLE a d", "BUNDLE d a"));
  EXPECT_TRUE(has(answer, "a=group:BUNDLE d a\r\n"));
  EXPECT_TRUE(has(answer, "m=application 4711 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
  EXPECT_TRUE(has(answer, "a=sctp-port:0\r\n")) << "no association, please";
  EXPECT_TRUE(has(answer_of(local, both), "m=application 0 UDP"));
}

TEST(WriteAudio, a_further_offer_has_the_sections_of_the_last_description) {
  const Local local = with_audio(Setup::actpass, AudioCodec::opus);
  const std::string offer = offer_of(local);
  EXPECT_EQ(reoffer_of(local, offer), offer);

  // We have answered a browser: its sections, mids and numbers stay.
  const std::string answer = answer_of(local, sample("firefox_offer"));
  const std::string again = reoffer_of(local, answer);
  Description d;
  ASSERT_TRUE(parse(again, d));
  ASSERT_EQ(d.media.size(), 3u);
  EXPECT_EQ(d.media[0].formats, "109");
  EXPECT_TRUE(d.rejected(d.media[1]));
  EXPECT_FALSE(d.rejected(d.media[2]));
}

TEST(WriteAudio, what_the_peer_has_refused_is_offered_again_and_what_we_refused_is_not) {
  const Local ours = with_audio(Setup::actpass, AudioCodec::opus);
  const std::string offer = offer_of(ours);
  EXPECT_TRUE(has(reoffer_of(ours, offer), "m=audio 4711"));
  const std::string refusal = answer_of(with_audio(Setup::active, AudioCodec::g711a), both);
  EXPECT_TRUE(has(refusal, "m=audio 4711 UDP/TLS/RTP/SAVPF 8\r\n"));
  const std::string without_opus = answer_of(ours, replaced(both, "opus", "speex"));
  EXPECT_TRUE(has(reoffer_of(ours, without_opus), "a=inactive\r\n"));
}

// ---------------------------------------------------------------- real peers

struct Row {
  const char* name;
  int opus;  // its payload type
  Direction direction;
  std::size_t ssrcs;
  bool reduced_rtcp;
};
// Taken from the texts by a script that knows nothing of our parser. All of them have PCMU as 0 and
// PCMA as 8.
constexpr Row rows[] = {
    {"chromium_answer", 111, Direction::sendrecv, 1, true},
    {"chromium_maxcompat_answer", 111, Direction::sendrecv, 1, true},
    {"chromium_maxcompat_offer", 111, Direction::sendrecv, 1, true},
    {"chromium_offer", 111, Direction::sendrecv, 1, true},
    {"chromium_recvonly_answer", 111, Direction::inactive, 0, true},
    {"chromium_recvonly_offer", 111, Direction::recvonly, 0, true},
    {"chromium_reoffer_stopped_icerestart_answer", 111, Direction::sendrecv, 1, true},
    {"chromium_reoffer_stopped_icerestart_offer", 111, Direction::sendrecv, 1, true},
    {"chromium_twovideo_answer", 111, Direction::sendrecv, 1, true},
    {"chromium_twovideo_offer", 111, Direction::sendrecv, 1, true},
    {"firefox_answer", 109, Direction::sendrecv, 1, false},
    {"firefox_maxcompat_answer", 109, Direction::sendrecv, 1, false},
    {"firefox_maxcompat_offer", 109, Direction::sendrecv, 1, false},
    {"firefox_offer", 109, Direction::sendrecv, 1, false},
    {"firefox_recvonly_answer", 109, Direction::inactive, 1, false},
    {"firefox_recvonly_offer", 109, Direction::recvonly, 1, false},
    {"firefox_reoffer_stopped_icerestart_answer", 109, Direction::sendrecv, 1, false},
    {"firefox_reoffer_stopped_icerestart_offer", 109, Direction::sendrecv, 1, false},
    {"firefox_twovideo_answer", 109, Direction::sendrecv, 1, false},
    {"firefox_twovideo_offer", 109, Direction::sendrecv, 1, false},
    {"firefoxgmp_answer", 109, Direction::sendrecv, 1, false},
    {"firefoxgmp_maxcompat_answer", 109, Direction::sendrecv, 1, false},
    {"firefoxgmp_maxcompat_offer", 109, Direction::sendrecv, 1, false},
    {"firefoxgmp_offer", 109, Direction::sendrecv, 1, false},
    {"firefoxgmp_recvonly_answer", 109, Direction::inactive, 1, false},
    {"firefoxgmp_recvonly_offer", 109, Direction::recvonly, 1, false},
    {"firefoxgmp_reoffer_stopped_icerestart_answer", 109, Direction::sendrecv, 1, false},
    {"firefoxgmp_reoffer_stopped_icerestart_offer", 109, Direction::sendrecv, 1, false},
    {"firefoxgmp_twovideo_answer", 109, Direction::sendrecv, 1, false},
    {"firefoxgmp_twovideo_offer", 109, Direction::sendrecv, 1, false},
};

TEST(RealAudio, all_with_audio_are_in_the_table) {
  std::size_t n = 0;
  for (const auto& file : std::filesystem::directory_iterator(sample_folder())) {
    n += has(sample(file.path().stem().string()), "\nm=audio");
  }
  EXPECT_EQ(n, std::size(rows));
}

TEST(RealAudio, have_the_audio_that_the_table_says) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string text = sample(row.name);
    for (const auto& [codec, number] :
         {std::pair{AudioCodec::opus, row.opus}, {AudioCodec::g711u, 0}, {AudioCodec::g711a, 8}}) {
      const auto audio = understood(text, codec).audio;
      ASSERT_TRUE(audio);
      EXPECT_EQ(audio->section, 0u);
      EXPECT_EQ(audio->format.payload_type, number);
      EXPECT_EQ(audio->direction, row.direction);
      EXPECT_EQ(audio->ssrcs.size(), row.ssrcs);
      EXPECT_EQ(audio->reduced_rtcp, row.reduced_rtcp);
    }
  }
}

TEST(RealAudio, with_audio_are_answered_with_audio_and_data_and_without_video) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string text = sample(row.name);
    Description offer, answer;
    ASSERT_TRUE(parse(text, offer));
    const std::string ours = answer_of(with_audio(Setup::active, AudioCodec::opus), text);
    ASSERT_TRUE(parse(ours, answer));
    ASSERT_EQ(answer.media.size(), offer.media.size());
    EXPECT_EQ(answer.media[0].formats, std::to_string(row.opus));
    EXPECT_EQ(answer.media[0].direction, agreed(Direction::sendrecv, row.direction));
    for (std::size_t i = 0; i < offer.media.size(); ++i) {
      EXPECT_EQ(answer.media[i].mid, offer.media[i].mid);
      const bool lives = i == 0 || offer.media[i].kind == MediaKind::application;
      EXPECT_EQ(answer.rejected(answer.media[i]), !lives);
      EXPECT_EQ(answer.media[i].candidates.size(), i == 0 ? 1u : 0u);
    }
    // And read back as it was meant.
    Remote back;
    ASSERT_TRUE(read_remote(answer, {true, AudioCodec::opus}, back));
    EXPECT_EQ(back.transport, 0u);
    EXPECT_EQ(back.audio->format.payload_type, row.opus);
    EXPECT_EQ(back.data.has_value(), has(text, "\nm=application"));
  }
}

}  // namespace
}  // namespace esp_peer::sdp
