// Descriptions as strangers may write them: inheritance, bundles, edges of numbers and lengths.
#include <gtest/gtest.h>

#include <list>
#include <memory>
#include <string>

#include "sdp/lines.hpp"
#include "tests/support/sdp_samples.hpp"

namespace esp_peer::sdp {
namespace {

const std::string session = "v=0\r\no=- 42 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
const std::string credentials =
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\n"
    "a=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\n";
const std::string data_line = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
const std::string sctp = "a=sctp-port:5000\r\n";
const std::string offer = session + data_line + credentials + sctp;

// Views point into texts: these stay.
std::string_view kept(std::string_view text) {
  static std::list<std::string> texts;
  return texts.emplace_back(text);
}
std::unique_ptr<Description> parsed(std::string_view text) {
  auto d = std::make_unique<Description>();
  const Status status = parse(kept(text), *d);
  EXPECT_TRUE(status) << status.error().what;
  return d;
}
Errc parse_error(std::string_view text) {
  Description d;
  return parse(text, d).code();
}
Remote data_of(std::string_view text) {
  Remote data;
  const auto d = parsed(text);
  const Status usable = read_remote(*d, {}, data);
  EXPECT_TRUE(usable) << usable.error().what;
  return data;
}
// The words for the user, or "usable".
std::string_view complaint(std::string_view text) {
  Description d;
  Remote data;
  const Status parses = parse(text, d);
  if (!parses) return parses.error().what;
  const Status usable = read_remote(d, {}, data);
  return usable ? "usable" : usable.error().what;
}

TEST(Parse, what_is_no_description_is_said_to_be_none) {
  for (const std::string text :
       {"", "\r\n\r\n", "hello", "{\"type\":\"offer\"}", "v=1\r\no=- 1 1 IN IP4 0\r\n", "v=0x",
        "o=- 1 1 IN IP4 0.0.0.0\r\nv=0\r\n", "m=audio 9 X 0\r\nv=0\r\n", "candidate:1 1 udp 1"}) {
    EXPECT_EQ(parse_error(text), Errc::bad_data) << text;
  }
  EXPECT_EQ(complaint("hello"), "no description: v=0 comes first");
  EXPECT_EQ(complaint(""), "an empty description");
}

TEST(Parse, a_description_without_sections_is_one_but_of_no_use) {
  EXPECT_EQ(parsed(session)->media.size(), 0u);
  EXPECT_EQ(complaint("v=0"), "no m=application section for webrtc-datachannel");
}

// covers: must rfc8841#5.1
TEST(Parse, the_words_say_which_piece_is_missing) {
  const std::string body = credentials + sctp;
  const auto lacking = [&](std::string_view line) {
    return complaint(session + data_line + without(body, line));
  };
  EXPECT_EQ(complaint(offer), "usable");
  EXPECT_EQ(lacking("a=ice-ufrag:abcd\r\n"), "no a=ice-ufrag");
  EXPECT_EQ(lacking("a=ice-pwd:0123456789abcdef012345\r\n"), "no a=ice-pwd");
  EXPECT_EQ(lacking("a=fingerprint:sha-256 AB:CD\r\n"), "no a=fingerprint");
  EXPECT_EQ(lacking("a=sctp-port:5000\r\n"), "no a=sctp-port");
  EXPECT_EQ(lacking("a=setup:actpass\r\n"), "usable") << "RFC 4145 has a default";
  EXPECT_EQ(complaint(replaced(offer, "actpass", "holdconn")), "a=setup:holdconn");
  EXPECT_EQ(complaint(replaced(offer, "port:5000", "port:0")),
            "a=sctp-port:0 wants no association");
  EXPECT_EQ(complaint(replaced(offer, "m=application 9", "m=application 0")),
            "the m=application section is refused by its port 0");
  EXPECT_EQ(complaint(replaced(offer, "webrtc-datachannel", "bfcp")),
            "no m=application section for webrtc-datachannel");
  EXPECT_EQ(complaint(replaced(offer, "UDP/DTLS/SCTP", "UDP/BFCP")),
            "no m=application section for webrtc-datachannel");
  EXPECT_EQ(complaint(replaced(offer, "m=application", "m=audio")),
            "no m=application section for webrtc-datachannel");
}

TEST(Parse, unusable_and_broken_are_told_apart) {
  Remote data;
  const auto code_of = [&](const std::string& text) {
    return read_remote(*parsed(text), {}, data).code();
  };
  EXPECT_EQ(code_of(session), Errc::unsupported);
  EXPECT_EQ(code_of(replaced(offer, "application 9", "application 0")), Errc::unsupported);
  EXPECT_EQ(code_of(replaced(offer, "port:5000", "port:0")), Errc::unsupported);
  EXPECT_EQ(code_of(without(offer, sctp)), Errc::bad_data);
  EXPECT_EQ(code_of(replaced(offer, "actpass", "holdconn")), Errc::bad_data);
}

TEST(Parse, sections_inherit_from_the_session_what_they_do_not_say) {
  const std::string inherited = session + credentials + "a=end-of-candidates\r\na=inactive\r\n";
  const auto d = parsed(inherited + data_line + sctp + "m=audio 9 X 0\r\na=sendonly\r\n");
  for (const Media& m : d->media) {
    EXPECT_EQ(m.ufrag, "abcd");
    EXPECT_EQ(m.password, "0123456789abcdef012345");
    EXPECT_EQ(m.setup, Setup::actpass);
    ASSERT_EQ(m.fingerprints.size(), 1u);
    EXPECT_TRUE(m.end_of_candidates);
  }
  EXPECT_EQ(d->media[0].direction, Direction::inactive);
  EXPECT_EQ(d->media[1].direction, Direction::sendonly);
}

// covers: changelog 20
TEST(Parse, without_candidates_the_m_line_and_the_c_line_name_where_the_peer_is) {
  const std::string here = "c=IN IP4 192.0.2.7\r\n";
  const auto destination = [](const std::string& m_port, const std::string& of_session,
                              const std::string& of_section) {
    return data_of(session + of_session + replaced(data_line, " 9 ", " " + m_port + " ") +
                   of_section + credentials + sctp)
        .default_destination;
  };
  const auto expected = Address::v4(192, 0, 2, 7, 4711);
  EXPECT_EQ(destination("4711", "", here), expected);
  EXPECT_EQ(destination("4711", here, ""), expected) << "of the session";
  EXPECT_EQ(destination("4711", "c=IN IP4 192.0.2.8\r\n", here), expected) << "its own counts";
  EXPECT_EQ(destination("4711/2", "", here), expected);
  EXPECT_EQ(destination("4711", "", "c=IN IP6 2001:db8::7\r\n"), parse_ip("2001:db8::7", 4711));
  EXPECT_FALSE(destination("9", "", here)) << "candidates come later";
  for (const auto nowhere :
       {"", "c=IN IP4 0.0.0.0\r\n", "c=IN IP6 ::\r\n", "c=IN IP4 freeswitch.example\r\n",
        "c=IN IP4 224.2.36.42/127\r\n", "c=IN IP6 192.0.2.7\r\n", "c=IN IP4 2001:db8::7\r\n",
        "c=IN IP4\r\n", "c=ATM NSAP 192.0.2.7\r\n", "c=IN IP4 192.0.2.7.9\r\n"}) {
    EXPECT_FALSE(destination("4711", "", nowhere)) << nowhere;
  }
  const std::string candidate = "a=candidate:1 1 udp 1 192.0.2.9 5 typ host\r\n";
  EXPECT_FALSE(destination("4711", "", here + candidate)) << "who names candidates is at those";
}

// [rfc9143#7.2.1] In a bundle it is the tagged section's.
TEST(Parse, the_address_of_a_bundle_is_that_of_its_tagged_section) {
  const std::string bundle = replaced(session, "t=0 0\r\n", "t=0 0\r\na=group:BUNDLE 0 1\r\n");
  const auto remote =
      data_of(bundle + "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 192.0.2.1\r\na=mid:0\r\n" +
              credentials + replaced(data_line, " 9 ", " 5000 ") +
              "c=IN IP4 192.0.2.2\r\na=mid:1\r\n" + credentials + sctp);
  EXPECT_EQ(remote.default_destination, Address::v4(192, 0, 2, 1, 4000));
}

TEST(Parse, what_a_section_says_itself_counts_before_the_session) {
  const auto d = parsed(session + credentials + data_line + sctp +
                        "a=ice-ufrag:mine\r\na=ice-pwd:mine-mine-mine-mine-mine\r\n"
                        "a=fingerprint:sha-512 01\r\na=fingerprint:sha-384 02\r\n"
                        "a=setup:passive\r\n");
  const Media& m = d->media[0];
  EXPECT_EQ(m.ufrag, "mine");
  EXPECT_EQ(m.password, "mine-mine-mine-mine-mine");
  EXPECT_EQ(m.setup, Setup::passive);
  ASSERT_EQ(m.fingerprints.size(), 2u) << "not those of the session too";
  EXPECT_EQ(m.fingerprints[0], "sha-512 01");
}

TEST(Parse, a_bundled_section_takes_its_transport_from_the_tagged_one) {
  // As GStreamer and browsers with max-bundle write it.
  const std::string bundled = session + "a=group:BUNDLE v d\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n" +
                              credentials +
                              "a=mid:v\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
                              "a=end-of-candidates\r\n"
                              "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                              "a=mid:d\r\na=bundle-only\r\n" +
                              sctp;
  for (const auto& text : {bundled, without(bundled, "a=bundle-only\r\n")}) {
    const Remote data = data_of(text);
    EXPECT_EQ(data.data->section, 1u);
    EXPECT_EQ(data.data->mid, "d");
    EXPECT_EQ(data.ufrag, "abcd");
    EXPECT_EQ(data.setup, Setup::actpass);
    EXPECT_EQ(data.fingerprints.size(), 1u);
    EXPECT_EQ(data.candidates.size(), 1u);
    EXPECT_TRUE(data.end_of_candidates);
  }
}

TEST(Parse, a_trickling_max_bundle_offer_has_its_credentials_in_the_tagged_section) {
  const Remote data = data_of(
      session + "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" + credentials +
      "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n"
      "a=bundle-only\r\n" +
      sctp);
  EXPECT_EQ(data.ufrag, "abcd");
  EXPECT_EQ(data.candidates.size(), 0u);
}

TEST(Parse, the_transport_is_the_tagged_one_even_where_the_data_section_has_its_own) {
  // As aiortc writes it: credentials for each section. We keep the tagged one.
  const std::string two = session + "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" +
                          "a=mid:0\r\n" + credentials + "a=candidate:audio\r\n" + data_line +
                          replaced(credentials, "abcd", "dcba") + sctp +
                          "a=mid:1\r\na=candidate:data\r\n";
  const Remote bundled = data_of(two);
  EXPECT_EQ(bundled.ufrag, "abcd");
  ASSERT_EQ(bundled.candidates.size(), 1u);
  EXPECT_EQ(bundled.candidates[0], "candidate:audio");
  for (const auto& other :
       {without(two, "a=group:BUNDLE 0 1\r\n"), replaced(two, "0 1\r\n", "1\r\n"),
        replaced(two, "m=audio 9", "m=audio 0"), replaced(two, "UDP/TLS/RTP/SAVPF", "UDP/BFCP")}) {
    const Remote alone = data_of(other);
    EXPECT_EQ(alone.ufrag, "dcba");
    ASSERT_EQ(alone.candidates.size(), 1u);
    EXPECT_EQ(alone.candidates[0], "candidate:data");
  }
}

TEST(Parse, candidates_in_the_data_section_count_when_they_are_of_the_same_transport) {
  const std::string two = session + "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" +
                          "a=mid:0\r\n" + credentials + data_line + credentials + sctp +
                          "a=mid:1\r\na=candidate:data\r\na=end-of-candidates\r\n";
  EXPECT_EQ(data_of(two).candidates.size(), 1u);
  EXPECT_TRUE(data_of(two).end_of_candidates);
  const std::string strange = replaced(two, sctp, sctp + "a=ice-ufrag:other\r\n");
  EXPECT_EQ(data_of(strange).candidates.size(), 0u);
}

TEST(Parse, credentials_of_two_sections_are_never_mixed) {
  const std::string two = session + "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" +
                          "a=mid:0\r\n" + credentials + data_line + sctp + "a=mid:1\r\n" +
                          "a=ice-ufrag:dcba\r\na=ice-pwd:543210fedcba9876543210\r\n";
  EXPECT_EQ(data_of(two).ufrag, "abcd");
  EXPECT_EQ(data_of(two).password, "0123456789abcdef012345");
  const Remote other = data_of(without(two, "a=ice-ufrag:abcd\r\n"));
  EXPECT_EQ(other.ufrag, "dcba");
  EXPECT_EQ(other.password, "543210fedcba9876543210");
}

TEST(Parse, port_0_refuses_unless_a_living_section_carries_the_bundle) {
  const auto rejects = [](const std::string& text) {
    const auto d = parsed(text);
    return d->rejected(d->media[0]);
  };
  const std::string refused = replaced(offer, "application 9", "application 0") + "a=mid:d\r\n";
  EXPECT_FALSE(rejects(offer));
  EXPECT_TRUE(rejects(refused));
  // A refusal that repeats the group of the offer is still one: nobody carries it.
  const std::string group = session + "a=group:BUNDLE d\r\n";
  EXPECT_TRUE(rejects(replaced(refused, session, group)));
  EXPECT_FALSE(rejects(refused + "a=bundle-only\r\n"));
  const std::string with_audio = session + "a=group:BUNDLE a d\r\n";
  EXPECT_FALSE(rejects(replaced(refused, session, with_audio) + "m=audio 9 X 0\r\na=mid:a\r\n"));
  EXPECT_TRUE(rejects(replaced(refused, session, with_audio) + "m=audio 0 X 0\r\na=mid:a\r\n"));
}

// covers: bug 45
TEST(Parse, of_several_groups_the_one_with_the_data_section_is_ours) {
  const auto d = parsed(session + "a=group:LS a v\r\na=group:BUNDLE a\r\na=group:BUNDLE v d\r\n" +
                        "m=audio 9 X 0\r\na=mid:a\r\nm=video 9 X 0\r\na=mid:v\r\n" + data_line +
                        "a=mid:d\r\n");
  EXPECT_EQ(d->bundle, "v d");
  EXPECT_FALSE(d->in_bundle(d->media[0]));
  EXPECT_TRUE(d->in_bundle(d->media[1]));
  EXPECT_TRUE(d->in_bundle(d->media[2]));
  EXPECT_EQ(parsed(session + "a=group:BUNDLE a\r\na=group:BUNDLE v\r\n")->bundle, "a");
  EXPECT_EQ(parsed(session + "a=group:BUNDLEX d\r\n" + data_line + "a=mid:d\r\n")->bundle, "");
}

TEST(Parse, a_group_of_thousands_of_names_ends_after_as_many_as_there_can_be_sections) {
  std::string names, crowd;
  for (std::size_t i = 1; i < max_media; ++i) names += "x ";
  for (int i = 0; i < 20'000; ++i) crowd += " x";
  const std::string group = session + "a=group:BUNDLE " + names;
  const auto last = parsed(group + "0" + crowd + "\r\n" + data_line + "a=mid:0\r\n");
  EXPECT_EQ(last->bundle, names + "0");
  EXPECT_TRUE(last->in_bundle(last->media[0]));
  const auto beyond = parsed(group + "x 0\r\n" + data_line + "a=mid:0\r\n");
  EXPECT_FALSE(beyond->in_bundle(beyond->media[0]));
}

TEST(Parse, the_old_form_has_its_port_in_the_m_line) {
  const std::string old = session + "m=application 9 DTLS/SCTP 5001\r\n" + credentials;
  EXPECT_EQ(data_of(old).data->sctp_port, 5001);
  EXPECT_EQ(data_of(old + "a=sctpmap:5001 webrtc-datachannel 1024\r\n").data->sctp_port, 5001);
  EXPECT_EQ(data_of(old + "a=sctpmap:5001 webrtc-datachannel 1024\r\n").data->max_message_size,
            65536u)
      << "the last word of sctpmap is a number of streams";
  EXPECT_EQ(data_of(old + "a=sctp-port:7000\r\n").data->sctp_port, 7000);
  EXPECT_EQ(complaint(replaced(old, "5001", "65536")),
            "no m=application section for webrtc-datachannel");
  const std::string named = replaced(old, "5001", "webrtc-datachannel");
  EXPECT_EQ(complaint(named), "no a=sctp-port");
  EXPECT_EQ(data_of(named + "a=sctpmap:5002 webrtc-datachannel 1024\r\n").data->sctp_port, 5002);
  EXPECT_TRUE(parsed(old)->media[0].old_sctp_form);
  EXPECT_FALSE(parsed(named)->media[0].old_sctp_form);
}

TEST(Parse, options_stand_in_the_session_or_the_section_with_blanks_or_commas) {
  EXPECT_FALSE(parsed(offer)->trickle);
  EXPECT_TRUE(parsed(session + "a=ice-options:trickle ice2\r\n")->trickle);
  EXPECT_TRUE(parsed(session + "a=ice-options:ice2,trickle\r\n")->trickle);
  EXPECT_TRUE(parsed(offer + "a=ice-options:trickle\r\n")->trickle);
  EXPECT_FALSE(parsed(session + "a=ice-options:trickled ice2\r\n")->trickle);
  EXPECT_FALSE(parsed(session + "a=ice-options:\r\n")->trickle);
}

TEST(Parse, lite_and_pacing_are_handed_on) {
  EXPECT_FALSE(data_of(offer).ice_lite);
  EXPECT_EQ(data_of(offer).pacing_ms, 50u);
  const Remote lite =
      data_of(replaced(offer, "t=0 0\r\n", "t=0 0\r\na=ice-lite\r\na=ice-pacing:20\r\n"));
  EXPECT_TRUE(lite.ice_lite);
  EXPECT_EQ(lite.pacing_ms, 20u);
  EXPECT_EQ(data_of(offer + "a=ice-pacing:99999999999999999999\r\n").pacing_ms, 0xFFFF'FFFFu);
  EXPECT_EQ(data_of(offer + "a=ice-pacing:-5\r\n").pacing_ms, 50u);
}

TEST(Parse, one_of_ours_is_known_by_its_attribute_in_the_data_section) {
  EXPECT_FALSE(data_of(offer).data->esp_peer);
  EXPECT_TRUE(data_of(offer + "a=x-esp-peer:1\r\n").data->esp_peer);
  EXPECT_TRUE(data_of(offer + "a=x-esp-peer:27 and more\r\n").data->esp_peer)
      << "of a later version";
  EXPECT_TRUE(data_of(offer + "a=x-esp-peer\r\n").data->esp_peer);
  EXPECT_FALSE(data_of(offer + "a=x-esp-peers:1\r\n").data->esp_peer);
  EXPECT_FALSE(
      data_of(session + "a=x-esp-peer:1\r\n" + offer.substr(session.size())).data->esp_peer);
}

// covers: bug 44, bug 46, must rfc8841#6.1
TEST(Parse, numbers_of_any_size_are_refused_or_clamped_never_wrapped) {
  const auto size_of = [](const std::string& n) {
    return data_of(offer + "a=max-message-size:" + n + "\r\n").data->max_message_size;
  };
  EXPECT_EQ(data_of(offer).data->max_message_size, 65536u);
  EXPECT_EQ(size_of("0"), 0u);
  EXPECT_EQ(size_of("1"), 1u);
  EXPECT_EQ(size_of("65535"), 65535u);
  EXPECT_EQ(size_of("1073741823"), 1073741823u);
  EXPECT_EQ(size_of("2147483648"), 0x8000'0000u);
  EXPECT_EQ(size_of("4294967295"), 0xFFFF'FFFFu);
  for (const char* huge : {"4294967296", "4294967297", "9223372036854775807", "9223372036854775808",
                           "18446744073709551616"}) {
    EXPECT_EQ(size_of(huge), 0xFFFF'FFFFu) << huge;
  }
  EXPECT_EQ(size_of(std::string(60'000, '9')), 0xFFFF'FFFFu);
  EXPECT_EQ(size_of("00000000000000000000000000000007"), 7u);
  for (const char* wrong : {"", "-1", "+1", "0x10", "1e6", "big", "1.5"}) {
    EXPECT_EQ(size_of(wrong), 65536u) << wrong;
  }
}

// covers: bug 44
TEST(Parse, ports_end_at_65535) {
  const auto sctp_port = [](const std::string& n) {
    return complaint(replaced(offer, "port:5000", "port:" + n));
  };
  EXPECT_EQ(sctp_port("1"), "usable");
  EXPECT_EQ(sctp_port("65535"), "usable");
  for (const char* wrong : {"65536", "70000", "2147483648", "4294967296", "4294972296",
                            "9223372036854775808", "18446744073709556616", "-1", "", "x"}) {
    EXPECT_EQ(sctp_port(wrong), "no a=sctp-port") << wrong;
  }
  const auto m_line = [](const std::string& port) {
    return complaint(replaced(offer, "application 9", "application " + port));
  };
  EXPECT_EQ(m_line("65535"), "usable");
  EXPECT_EQ(m_line("9/2"), "usable");
  for (const char* wrong : {"65536", "4294967305", "18446744073709551625", "-1", "x", "/2"}) {
    EXPECT_EQ(m_line(wrong), "broken m= line") << wrong;
  }
}

TEST(Parse, the_session_id_is_a_number_of_64_bits_or_0) {
  const auto id_of = [](const std::string& id) {
    return parsed("v=0\r\no=- " + id + " 1 IN IP4 0.0.0.0\r\n")->session_id_number;
  };
  EXPECT_EQ(id_of("7"), 7u);
  EXPECT_EQ(id_of("9223372036854775807"), 0x7FFF'FFFF'FFFF'FFFFu);
  EXPECT_EQ(id_of("9223372036854775808"), 0x8000'0000'0000'0000u);
  EXPECT_EQ(id_of("18446744073709551614"), 0xFFFF'FFFF'FFFF'FFFEu);
  EXPECT_EQ(id_of("18446744073709551616"), 0u);
  EXPECT_EQ(id_of("-7"), 0u);
  EXPECT_EQ(id_of("mozilla"), 0u);
  EXPECT_EQ(parsed("v=0\r\no=-")->session_id, "");
  EXPECT_EQ(parsed("v=0\r\no=- 5 1 x\r\nm=audio 9 X 0\r\no=- 6 1 x\r\n")->session_id, "5");
}

TEST(Parse, so_is_the_session_version) {
  const auto version_of = [](const std::string& version) {
    return parsed("v=0\r\no=- 7 " + version + " IN IP4 0.0.0.0\r\n")->session_version;
  };
  EXPECT_EQ(version_of("2"), 2u);
  EXPECT_EQ(version_of("18446744073709551616"), 0u);
  EXPECT_EQ(version_of("x"), 0u);
  EXPECT_EQ(parsed("v=0\r\no=- 7")->session_version, 0u);
}

TEST(Parse, payload_types_are_words_that_nobody_counts) {
  const auto d = parsed(session +
                        "m=audio 9 UDP/TLS/RTP/SAVPF 0 127 128 255 4294967296 -1\r\n"
                        "a=rtpmap:4294967296 x/1\r\n");
  EXPECT_EQ(d->media[0].formats, "0 127 128 255 4294967296 -1");
}

// covers: bug 42
TEST(Parse, credentials_have_their_limits) {
  const auto ufrag = [](std::size_t n) {
    return complaint(replaced(offer, "ufrag:abcd", "ufrag:" + std::string(n, 'x')));
  };
  const auto password = [](std::size_t n) {
    return complaint(replaced(offer, "0123456789abcdef012345", std::string(n, 'x')));
  };
  EXPECT_EQ(ufrag(0), "no a=ice-ufrag");
  for (const unsigned n : {1u, 3u, 257u, 65'000u}) {
    EXPECT_EQ(ufrag(n), "a=ice-ufrag is not of 4 to 256 characters");
  }
  for (const unsigned n : {4u, 5u, 255u, 256u}) EXPECT_EQ(ufrag(n), "usable");
  EXPECT_EQ(password(0), "no a=ice-pwd");
  for (const unsigned n : {1u, 21u, 257u, 65'000u}) {
    EXPECT_EQ(password(n), "a=ice-pwd is not of 22 to 256 characters");
  }
  for (const unsigned n : {22u, 23u, 255u, 256u}) EXPECT_EQ(password(n), "usable");
}

// covers: bug 42
TEST(Parse, any_token_may_have_any_length) {
  // Every word of an offer of Chromium, replaced by none, one and very many characters.
  const std::string text = sample("chromium_data_offer");
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t end = text.find_first_of(" :=\r\n/", at);
    if (end == text.npos) break;
    if (end == at) continue;
    for (const unsigned n : {0u, 1u, 2u, 255u, 256u, 257u, 64'000u}) {
      std::string mutant = text;
      mutant.replace(at, end - at, std::string(n, 'q'));
      Description d;
      Remote data;
      const Status status = parse(mutant, d);
      if (status) static_cast<void>(read_remote(d, {}, data));
      if (n == 64'000 && mutant.size() <= max_text) {
        EXPECT_NE(status.code(), Errc::over_limit);
      }
    }
    at = end;
  }
}

TEST(Parse, a_description_ends_at_64_KiB_and_16_sections) {
  std::string text = offer;
  text += "a=" + std::string(64 * 1024 - text.size() - 4, 'x') + "\r\n";
  ASSERT_EQ(text.size(), max_text);
  EXPECT_EQ(parse_error(text), Errc::ok);
  EXPECT_EQ(parse_error(text + "\n"), Errc::over_limit);

  std::string many = session;
  for (std::size_t i = 0; i < max_media; ++i) many += "m=audio 9 X 0\r\n";
  EXPECT_EQ(parse_error(many), Errc::ok);
  EXPECT_EQ(parse_error(many + "m=audio 9 X 0\r\n"), Errc::over_limit);
}

TEST(Parse, a_format_is_described_by_the_rtpmap_of_just_its_number) {
  const auto described = [](const std::string& rtpmap) {
    const std::string text =
        session + "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:" + rtpmap + "\r\n";
    return std::string(rtpmap_of(parsed(text)->media[0], "111"));
  };
  EXPECT_EQ(described("111 opus/48000/2"), "111 opus/48000/2");
  for (const char* other : {"1", "11", "1111", "0", ""}) {
    EXPECT_EQ(described(std::string(other) + " x/8000"), "") << other;
  }
}

TEST(Parse, superfluous_candidates_and_fingerprints_are_ignored) {
  std::string text = offer;
  for (int i = 0; i < 1000; ++i) {
    text +=
        "a=candidate:" + std::to_string(i) + "\r\na=fingerprint:x " + std::to_string(i) + "\r\n";
  }
  const Remote data = data_of(text);
  ASSERT_EQ(data.candidates.size(), max_candidates);
  EXPECT_EQ(data.candidates[0], "candidate:0");
  EXPECT_EQ(data.fingerprints.size(), max_fingerprints);
}

// covers: bug 43
TEST(Parse, a_broken_m_line_cannot_be_answered) {
  for (const std::string line :
       {"m=", "m=audio", "m=audio 9", "m=audio 9 X", "m=audio 9 X ", "m=audio x X 0",
        "m=au\x01io 9 X 0", "m=audio 9 X 0\r1", "m=audio 9 X 0\xC3\xA4"}) {
    EXPECT_EQ(parse_error(session + line + "\r\n"), Errc::bad_data) << line;
  }
  std::string with_zero = session + "m=audio 9 X 0_\r\n";
  with_zero[with_zero.find('_')] = '\0';
  EXPECT_EQ(parse_error(with_zero), Errc::bad_data);
}

TEST(Parse, a_mid_with_unprintable_bytes_is_none) {
  EXPECT_EQ(parsed(offer + "a=mid:\x01\r\n")->media[0].mid, "");
  EXPECT_EQ(parsed(offer + "a=mid:\r\n")->media[0].mid, "");
  EXPECT_EQ(parsed(offer + "a=mid: 0 \r\n")->media[0].mid, "0");
}

TEST(Parse, a_mid_names_one_section) {
  const std::string audio = "m=audio 9 X 0\r\na=mid:0\r\n", none = "m=audio 9 X 0\r\na=mid:\r\n";
  EXPECT_EQ(parse_error(session + none + none + audio), Errc::ok);
  EXPECT_EQ(parse_error(session + audio + none + audio), Errc::bad_data);
  EXPECT_EQ(complaint(session + audio + audio), "one a=mid for two m= lines");
}

TEST(Parse, what_was_parsed_before_leaves_nothing_behind) {
  Description d, fresh;
  ASSERT_TRUE(parse(kept(sample("firefox_offer")), d));
  const std::string text = session + "m=application 9 DTLS/SCTP 5000\r\n";
  ASSERT_TRUE(parse(text, d));
  ASSERT_TRUE(parse(text, fresh));
  EXPECT_EQ(print(d), print(fresh));
}

}  // namespace
}  // namespace esp_peer::sdp
