// Our own descriptions, to the byte, and back through the parser.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sdp/default_candidate.hpp"
#include "sdp/setup.hpp"
#include "tests/support/sdp_samples.hpp"

namespace esp_peer::sdp {
namespace {

std::string offer_of(const Local& local) {
  std::vector<char> room(5000);
  auto size = write_offer(local, room);
  EXPECT_TRUE(size);
  return {room.data(), size ? *size : 0};
}
std::string answer_of(const Local& local, std::string_view offer) {
  Description d;
  EXPECT_TRUE(parse(offer, d));
  std::vector<char> room(70'000);
  auto size = write_answer(local, d, room);
  EXPECT_TRUE(size);
  return {room.data(), size ? *size : 0};
}

TEST(Write, an_offer_line_by_line) {
  EXPECT_EQ(offer_of(our_side(Setup::actpass)),
            "v=0\r\n"
            "o=- 4611686018427387904 3 IN IP4 0.0.0.0\r\n"
            "s=-\r\n"
            "t=0 0\r\n"
            "a=ice-options:trickle ice2\r\n"
            "a=ice-pacing:5\r\n"
            "a=group:BUNDLE 0\r\n"
            "m=application 5000 UDP/DTLS/SCTP webrtc-datachannel\r\n"
            "c=IN IP4 198.51.100.7\r\n"
            "a=mid:0\r\n"
            "a=sctp-port:5000\r\n"
            "a=max-message-size:262144\r\n"
            "a=x-esp-peer:1\r\n"
            "a=ice-ufrag:uFrA\r\n"
            "a=ice-pwd:passwordpasswordpasswo\r\n"
            "a=fingerprint:" +
                std::string(our_fingerprint) +
                "\r\n"
                "a=setup:actpass\r\n"
                "a=candidate:1 1 udp 2130706431 192.0.2.1 4711 typ host\r\n"
                "a=candidate:2 1 udp 1694498815 198.51.100.7 5000 typ srflx raddr 192.0.2.1 rport "
                "4711\r\n"
                "a=end-of-candidates\r\n");
}

TEST(Write, without_candidates_the_default_is_the_discard_port) {
  Local local = our_side(Setup::actpass);
  local.candidates = {};
  local.end_of_candidates = false;
  const std::string text = offer_of(local);
  EXPECT_NE(text.find("m=application 9 UDP"), text.npos);
  EXPECT_NE(text.find("c=IN IP4 0.0.0.0\r\n"), text.npos);
  EXPECT_EQ(text.find("candidate"), text.npos);
}

TEST(Write, what_we_write_we_read_as_it_was_meant) {
  for (const auto setup : {Setup::actpass, Setup::active, Setup::passive}) {
    Local local = our_side(setup);
    local.sctp_port = 65535;
    local.max_message_size = 0xFFFF'FFFF;
    local.session_id = 0x7FFF'FFFF'FFFF'FFFF;
    const std::string text = offer_of(local);
    Description d;
    Remote remote;
    ASSERT_TRUE(parse(text, d));
    ASSERT_TRUE(read_remote(d, {}, remote));
    EXPECT_EQ(d.session_id_number, local.session_id);
    EXPECT_EQ(d.bundle, "0");
    EXPECT_TRUE(d.trickle);
    EXPECT_EQ(remote.data->mid, "0");
    EXPECT_EQ(remote.setup, setup);
    EXPECT_EQ(remote.ufrag, local.ufrag);
    EXPECT_EQ(remote.password, local.password);
    EXPECT_EQ(remote.data->sctp_port, 65535);
    EXPECT_EQ(remote.data->max_message_size, 0xFFFF'FFFFu);
    EXPECT_EQ(remote.pacing_ms, 5u);
    EXPECT_TRUE(remote.end_of_candidates);
    EXPECT_FALSE(remote.ice_lite);
    EXPECT_TRUE(remote.data->esp_peer);
    ASSERT_EQ(remote.fingerprints.size(), 1u);
    EXPECT_EQ(remote.fingerprints[0], our_fingerprint);
    ASSERT_EQ(remote.candidates.size(), 2u);
    EXPECT_EQ(remote.candidates[1], our_candidates[1]);
  }
}

TEST(Write, an_offer_of_ours_is_answered_by_us) {
  const std::string offer = offer_of(our_side(Setup::actpass));
  const std::string answer = answer_of(our_side(Setup::active), offer);
  EXPECT_EQ(answer, replaced(offer, "actpass", "active"));
}

TEST(Write, too_little_room_is_said_at_every_size) {
  const std::string whole = offer_of(our_side(Setup::actpass));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    std::vector<char> room(n);
    EXPECT_EQ(write_offer(our_side(Setup::actpass), room).error().code, Errc::no_memory);
  }
  std::vector<char> room(whole.size());
  EXPECT_TRUE(write_offer(our_side(Setup::actpass), room));
}

TEST(Write, an_answer_to_audio_video_and_data_line_by_line) {
  Local local = our_side(Setup::active);
  local.candidates = local.candidates.first(1);
  // The audio section is idle, and carries the transport that data uses.
  const std::string transport =
      "a=ice-ufrag:uFrA\r\na=ice-pwd:passwordpasswordpasswo\r\n"
      "a=fingerprint:" +
      std::string(our_fingerprint) + "\r\na=setup:active\r\n";
  EXPECT_EQ(answer_of(local, sample("chromium_offer")),
            "v=0\r\n"
            "o=- 4611686018427387904 3 IN IP4 0.0.0.0\r\n"
            "s=-\r\n"
            "t=0 0\r\n"
            "a=ice-options:trickle ice2\r\n"
            "a=ice-pacing:5\r\n"
            "a=group:BUNDLE 0 2\r\n"
            "m=audio 4711 UDP/TLS/RTP/SAVPF 111\r\n"
            "c=IN IP4 192.0.2.1\r\n"
            "a=mid:0\r\n"
            "a=inactive\r\n"
            "a=rtcp-mux\r\n"
            "a=rtpmap:111 opus/48000/2\r\n"
            "a=fmtp:111 minptime=10;useinbandfec=1\r\n" +
                transport +
                "a=candidate:1 1 udp 2130706431 192.0.2.1 4711 typ host\r\n"
                "a=end-of-candidates\r\n"
                "m=video 0 UDP/TLS/RTP/SAVPF 96 97 102 103 104 107 108 109 114 115 116 117 39 40 "
                "45 46 98 99 100 101 118 119 120\r\n"
                "c=IN IP4 0.0.0.0\r\n"
                "a=mid:1\r\n"
                "a=inactive\r\n"
                "m=application 4711 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                "c=IN IP4 192.0.2.1\r\n"
                "a=mid:2\r\n"
                "a=sctp-port:5000\r\n"
                "a=max-message-size:262144\r\n"
                "a=x-esp-peer:1\r\n" +
                transport);
}

TEST(Write, media_outside_of_the_bundle_of_data_is_refused) {
  const std::string offer = replaced(sample("chromium_offer"), "BUNDLE 0 1 2", "BUNDLE 2");
  const std::string answer = answer_of(our_side(Setup::active), offer);
  Description d;
  ASSERT_TRUE(parse(answer, d));
  EXPECT_NE(answer.find("a=group:BUNDLE 2\r\n"), answer.npos);
  EXPECT_TRUE(d.rejected(d.media[0]));
  EXPECT_TRUE(d.rejected(d.media[1]));
  EXPECT_EQ(d.media[0].ufrag, "") << "nothing of a transport in what is refused";
  EXPECT_EQ(d.media[2].candidates.size(), 2u);
}

TEST(Write, a_bundle_only_section_is_taken_with_a_port) {
  const std::string answer = answer_of(our_side(Setup::active), sample("gst_offer_h264"));
  EXPECT_NE(answer.find("m=video 5000 UDP/TLS/RTP/SAVPF 102\r\n"), answer.npos);
  EXPECT_NE(answer.find("a=rtpmap:102 H264/90000\r\n"), answer.npos);
  EXPECT_NE(answer.find("m=application 5000 UDP/DTLS/SCTP"), answer.npos);
  EXPECT_NE(answer.find("a=group:BUNDLE video0 application1\r\n"), answer.npos);
  EXPECT_EQ(answer.find("bundle-only"), answer.npos);
}

// covers: must rfc8841#5.1
TEST(Write, the_old_form_is_answered_in_the_old_form) {
  const std::string answer = answer_of(our_side(Setup::active), sample("aiortc_offer_data"));
  EXPECT_NE(answer.find("m=application 5000 DTLS/SCTP 5000\r\n"), answer.npos);
  EXPECT_NE(answer.find("a=sctpmap:5000 webrtc-datachannel 65535\r\n"), answer.npos);
  EXPECT_EQ(answer.find("a=sctp-port"), answer.npos);
  EXPECT_NE(answer.find("a=max-message-size:262144\r\n"), answer.npos);
  const std::string other_port = replaced(
      replaced(sample("aiortc_offer_data"), "SCTP 5000", "SCTP 5001"), "map:5000", "map:5001");
  EXPECT_EQ(answer_of(our_side(Setup::active), other_port), answer) << "each end says its own port";
}

TEST(Write, protocol_and_format_are_mirrored) {
  const std::string offer = sample("chromium_data_offer");
  for (const std::string protocol : {"TCP/DTLS/SCTP", "DTLS/SCTP"}) {
    const std::string answer =
        answer_of(our_side(Setup::active), replaced(offer, "UDP/DTLS/SCTP", protocol));
    EXPECT_NE(answer.find(" " + protocol + " webrtc-datachannel\r\n"), answer.npos);
    EXPECT_NE(answer.find("a=sctp-port:5000\r\n"), answer.npos);
  }
}

TEST(Write, an_answer_has_a_group_and_mids_only_where_the_offer_had) {
  const std::string offer = sample("chromium_data_offer");
  const std::string plain =
      answer_of(our_side(Setup::active), without(offer, "a=group:BUNDLE 0\r\n"));
  EXPECT_EQ(plain.find("a=group"), plain.npos);
  EXPECT_NE(plain.find("a=mid:0"), plain.npos);
  const std::string anonymous = answer_of(our_side(Setup::active), without(offer, "a=mid:0\r\n"));
  EXPECT_EQ(anonymous.find("a=group"), anonymous.npos);
  EXPECT_EQ(anonymous.find("a=mid"), anonymous.npos);
}

TEST(Write, trickling_is_answered_only_where_it_was_offered) {
  const auto with = answer_of(our_side(Setup::active), sample("chromium_data_offer"));
  EXPECT_NE(with.find("a=ice-options:trickle ice2\r\n"), with.npos);
  const auto without_it = answer_of(our_side(Setup::active), sample("pion_offer_data"));
  EXPECT_NE(without_it.find("a=ice-options:ice2\r\n"), without_it.npos);
}

TEST(Write, of_several_data_sections_the_first_that_lives_is_taken) {
  const std::string offer = sample("chromium_data_offer");
  const std::string section = offer.substr(offer.find("m="));
  const std::string two = replaced(offer, "m=application 50203", "m=application 0") +
                          replaced(section, "a=mid:0", "a=mid:1") +
                          replaced(section, "a=mid:0", "a=mid:2");
  Description d;
  const std::string answer = answer_of(our_side(Setup::active), two);
  ASSERT_TRUE(parse(answer, d));
  ASSERT_EQ(d.media.size(), 3u);
  EXPECT_TRUE(d.rejected(d.media[0]));
  EXPECT_FALSE(d.rejected(d.media[1]));
  EXPECT_TRUE(d.rejected(d.media[2]));
}

TEST(Write, an_offer_without_data_has_no_answer) {
  std::vector<char> room(5000);
  Description d;
  const std::string offer = sample("chromium_recvonly_offer");
  ASSERT_TRUE(parse(offer, d));
  EXPECT_EQ(write_answer(our_side(Setup::active), d, room).error().code, Errc::unsupported);
}

TEST(Write, a_hostile_offer_cannot_put_lines_into_our_answer) {
  const std::string evil = replaced(sample("chromium_data_offer"), "a=mid:0\r\n",
                                    "a=mid:0\ra=ice-lite\r\na=mid:0\va=x\r\n");
  Description d;
  ASSERT_TRUE(parse(evil, d));
  const std::string answer = answer_of(our_side(Setup::active), evil);
  EXPECT_EQ(answer.find("ice-lite"), answer.npos);
  EXPECT_EQ(answer.find('\v'), answer.npos);
}

TEST(DefaultCandidate, is_the_one_most_likely_reached_from_anywhere) {
  const std::string_view host = "candidate:1 1 udp 9 192.0.2.1 1 typ host",
                         v6 = "candidate:1 1 UDP 9 2001:db8::1 2 typ host",
                         reflexive = "candidate:2 1 udp 9 198.51.100.7 3 typ srflx raddr x rport 1",
                         relayed = "candidate:3 1 udp 9 203.0.113.4 4 typ relay",
                         tcp = "candidate:4 1 tcp 9 192.0.2.1 9 typ host tcptype active",
                         name = "candidate:5 1 udp 9 a-b-c.local 5 typ host",
                         second = "candidate:6 2 udp 9 192.0.2.1 6 typ relay", junk = "candidate:";
  const auto port_of = [](std::vector<std::string_view> lines) {
    return std::string(default_candidate(lines).port);
  };
  EXPECT_EQ(port_of({}), "9");
  EXPECT_EQ(port_of({junk, tcp, name, second}), "9");
  EXPECT_EQ(port_of({host, v6}), "1");
  EXPECT_EQ(port_of({host, reflexive}), "3");
  EXPECT_EQ(port_of({relayed, host, reflexive}), "4");
  const std::string_view only_v6[] = {name, v6};
  EXPECT_EQ(default_candidate(only_v6).family, "IP6");
  EXPECT_EQ(default_candidate(only_v6).address, "2001:db8::1");
}

}  // namespace
}  // namespace esp_peer::sdp
