// What a description changes that comes while two peers are connected, without an ICE restart
// [rfc8829#5]: audio and video come, turn around and go; data and the path are not touched by it.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/pair.hpp"
#include "sim/video_call.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;
using sdp::AudioCodec;
using sdp::Direction;
using sdp::VideoCodec;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return at == text.npos ? text : text.replace(at, from.size(), to);
}

class Renegotiation : public ::testing::Test {
 protected:
  void begin(AudioCodec left, AudioCodec right, bool srtp = true) {
    PairOptions options;
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
    options.left.session.audio.codec = left;
    options.right.session.audio.codec = right;
    begin(options, srtp);
  }
  void begin_with_video(VideoCodec left, VideoCodec right) {
    PairOptions options;
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
    options.left.session.video.codec = left;
    options.right.session.video.codec = right;
    begin(options, true);
  }
  void begin(const PairOptions& options, bool srtp) {
    pair_ = std::make_unique<Pair>(world_, options);
    if (!srtp) pair_->plain_dtls().leave_out_srtp();
    pair_->connect();
    ASSERT_TRUE(pair_->run_until_open());
    offer_ = pair_->left_ear.description;
    first_answer_ = pair_->right_ear.description;
    pair_->on_signal = [this](Peer&, std::string& sdp) {
      said_.push_back(sdp);
      return false;  // the left one is played by the test from here on
    };
  }
  void TearDown() override {
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
    if (!pair_) return;
    EXPECT_EQ(pair_->right->state(), State::connected) << "undisturbed";
    EXPECT_TRUE(pair_->send(*pair_->right, "still here"));
    pair_->run_for(seconds(1));
    EXPECT_EQ(pair_->texts(*pair_->left).back(), "still here");
  }
  // The left one's offer a version later, with this in the place of that; gives the answer.
  std::string reoffer(const std::string& that, const std::string& instead) {
    ++version_;
    const auto at = offer_.find(' ', offer_.find("o=- ") + 4) + 1;
    std::string sdp = offer_;
    sdp.replace(at, sdp.find(' ', at) - at, std::to_string(version_));
    const std::size_t said = said_.size();
    EXPECT_TRUE(pair_->right->hear_description(replaced(sdp, that, instead)));
    EXPECT_TRUE(pair_->run_until([&] { return said_.size() > said; }, seconds(2)));
    return said_.back();
  }
  // Puts audio beside the left one's data, and gives the answer.
  std::string offer_audio() {
    const std::string section = offer_.substr(offer_.find("m=application"));
    const auto line_of = [&](const std::string& start) {
      const auto at = section.find(start);
      return section.substr(at, section.find("\r\n", at) + 2 - at);
    };
    const std::string audio =
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:sound\r\na=rtcp-mux\r\na=sendrecv\r\n" +
        line_of("a=ice-ufrag:") + line_of("a=ice-pwd:") + line_of("a=fingerprint:") +
        line_of("a=setup:");
    offer_ = replaced(offer_, "BUNDLE 0", "BUNDLE 0 sound") + audio;
    return reoffer("s=-", "s=-");
  }
  // A browser that stops a section takes it out of the bundle, and says the transport with the
  // other.
  std::string refuse(const std::string& section, const std::string& bundle) {
    const std::string both = offer_;
    offer_ = replaced(offer_, "BUNDLE 0 1", bundle);
    const auto at = offer_.find(section), end = offer_.find(' ', at + section.size());
    const std::string answer = reoffer(offer_.substr(at, end - at), section + "0");
    offer_ = both;
    return answer;
  }
  // A browser that stops one track and adds another of its kind says both in one offer.
  void replace_track(const std::string& section, const std::vector<State>& told) {
    const auto at = offer_.find(section);
    const std::string one = offer_.substr(at, offer_.find("m=", at + 2) - at);
    const std::string line = one.substr(0, one.find(' ', section.size()));
    offer_ = replaced(offer_, "BUNDLE 0 1", "BUNDLE 1 c") + replaced(one, "a=mid:0", "a=mid:c");
    const auto& states = pair_->right_ear.states;
    const auto before = static_cast<std::ptrdiff_t>(states.size());
    const std::string answer = reoffer(line, section + "0");
    EXPECT_NE(answer.find(section + "0 "), answer.npos);
    EXPECT_NE(answer.find("a=group:BUNDLE 1 c\r\n"), answer.npos);
    EXPECT_EQ(std::vector<State>(states.begin() + before, states.end()), told);
    reoffer(line, section + "0");
    EXPECT_EQ(std::vector<State>(states.begin() + before, states.end()), told) << "once";
  }
  int times(State state) const {
    const auto& states = pair_->right_ear.states;
    return static_cast<int>(std::count(states.begin(), states.end(), state));
  }

  World world_{4};
  std::unique_ptr<Pair> pair_;
  std::string offer_, first_answer_;
  std::vector<std::string> said_;
  int version_ = 100;
};

bool has(const std::string& text, std::string_view piece) { return text.find(piece) != text.npos; }

TEST_F(Renegotiation, audio_is_agreed_on_beside_data_from_the_start) {
  begin(AudioCodec::opus, AudioCodec::opus);
  EXPECT_TRUE(has(offer_, "a=group:BUNDLE 0 1\r\n"));
  EXPECT_TRUE(has(first_answer_, "a=group:BUNDLE 0 1\r\n"));
  EXPECT_TRUE(has(first_answer_, "SAVPF 111\r\n"));
  EXPECT_EQ(times(State::audio_added), 0) << "only a renegotiation is told";
}

TEST_F(Renegotiation, two_without_a_codec_in_common_still_have_data) {
  begin(AudioCodec::opus, AudioCodec::g711a);
  EXPECT_TRUE(has(first_answer_, "m=audio"));
  EXPECT_FALSE(has(first_answer_, "PCMA"));
}

// covers: changelog 10, changelog 41
TEST_F(Renegotiation, audio_that_turns_around_is_told_and_answered) {
  begin(AudioCodec::opus, AudioCodec::opus);
  EXPECT_TRUE(has(reoffer("a=sendrecv", "a=recvonly"), "a=sendonly\r\n"));
  EXPECT_EQ(times(State::audio_removed), 1) << "nothing comes from there any more";
  EXPECT_TRUE(has(reoffer("a=sendrecv", "a=inactive"), "a=inactive\r\n"));
  EXPECT_EQ(times(State::audio_removed), 1);
  EXPECT_TRUE(has(reoffer("a=sendrecv", "a=sendonly"), "a=recvonly\r\n"));
  EXPECT_EQ(times(State::audio_added), 1);
  EXPECT_TRUE(has(reoffer("a=sendrecv", "a=sendrecv"), "a=sendrecv\r\n"));
  EXPECT_EQ(times(State::audio_added), 1);
}

// covers: changelog 10
TEST_F(Renegotiation, credentials_candidates_and_roles_of_the_answer_stay) {
  begin(AudioCodec::opus, AudioCodec::opus);
  const std::string answer = reoffer("a=sendrecv", "a=recvonly");
  for (const std::string line : {"a=ice-ufrag:", "a=ice-pwd:", "a=setup:", "a=candidate:",
                                 "a=fingerprint:", "a=group:BUNDLE", "a=mid:", "a=sctp-port:"}) {
    const auto of = [&](const std::string& sdp) {
      const auto at = sdp.find(line);
      return at == sdp.npos ? "" : sdp.substr(at, sdp.find('\r', at) - at);
    };
    EXPECT_EQ(of(answer), of(first_answer_));
  }
  EXPECT_NE(answer.substr(0, 60), first_answer_.substr(0, 60)) << "the version";
}

// [rfc8842#5.3] Without a new fingerprint there is no new handshake, whatever role an offer wants.
// covers: bug 45, must rfc8842#5.5
TEST_F(Renegotiation, roles_that_are_settled_stay_whatever_an_offer_says) {
  begin(AudioCodec::opus, AudioCodec::opus);
  ASSERT_TRUE(has(first_answer_, "a=setup:active\r\n"));
  for (const std::string setup : {"a=setup:active", "a=setup:passive", "a=setup:actpass"}) {
    const std::string answer = reoffer("a=setup:actpass", setup);
    EXPECT_TRUE(has(answer, "a=setup:active\r\n")) << setup;
    EXPECT_FALSE(has(answer, "a=setup:passive")) << setup;
  }
}

TEST_F(Renegotiation, audio_that_is_refused_is_gone_and_data_is_not) {
  begin(AudioCodec::opus, AudioCodec::opus);
  const std::string answer = refuse("m=audio ", "BUNDLE 1");
  EXPECT_TRUE(has(answer, "m=audio 0 "));
  EXPECT_TRUE(has(answer, "a=group:BUNDLE 1\r\n"));
  EXPECT_EQ(times(State::audio_removed), 1);
  // [rfc3264#8.2] Nor is it reported on.
  int media = 0;
  world_.network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& bytes) {
    const auto first = std::to_integer<unsigned>(bytes[0]);
    media += from == pair_->right->host() && first >= 128 && first <= 191;
    return true;
  });
  pair_->run_for(seconds(30));
  EXPECT_EQ(media, 0);
  world_.network.set_tap({});
}

// [rfc8841#10.4]
TEST_F(Renegotiation, data_that_is_refused_ends_and_begins_anew_when_it_is_offered_again) {
  begin(AudioCodec::opus, AudioCodec::opus);
  EXPECT_TRUE(pair_->send(*pair_->right, "still on its way"));
  const std::string without = refuse("m=application ", "BUNDLE 0");
  EXPECT_TRUE(has(without, "m=application 0 "));
  EXPECT_EQ(pair_->right->session().data_stats().buffered, 0u) << "it goes nowhere any more";
  EXPECT_EQ(times(State::data_closed), 1);
  EXPECT_EQ(times(State::data_disconnected), 1);
  EXPECT_FALSE(pair_->send(*pair_->right, "nobody hears this"));
  EXPECT_TRUE(pair_->left->hear_description(without));
  pair_->run_for(seconds(1));
  EXPECT_TRUE(pair_->left_ear.said(State::data_disconnected));
  EXPECT_TRUE(pair_->left->hear_description(reoffer("s=-", "s=-")));
  pair_->run_for(seconds(2));
  EXPECT_EQ(times(State::data_connected), 2);
  EXPECT_EQ(times(State::data_opened), 2);
  EXPECT_EQ(times(State::audio_removed), 0);
}

// What the old channels have brought is read first.
TEST_F(Renegotiation, data_that_is_offered_again_waits_for_what_was_not_read) {
  begin(AudioCodec::opus, AudioCodec::opus);
  pair_->right->set_reading(false);
  const std::vector<std::string> sent{"one", "two", "three"};
  for (const auto& text : sent) EXPECT_TRUE(pair_->send(*pair_->left, text));
  pair_->run_for(seconds(1));
  const std::string without = refuse("m=application ", "BUNDLE 0");
  EXPECT_TRUE(pair_->left->hear_description(without));
  pair_->run_for(seconds(1));
  EXPECT_TRUE(pair_->left->hear_description(reoffer("s=-", "s=-")));
  pair_->run_for(seconds(1));
  EXPECT_EQ(times(State::data_disconnected), 0);
  EXPECT_EQ(times(State::data_connected), 1);
  pair_->right->set_reading(true);
  EXPECT_EQ(pair_->texts(*pair_->right), sent);
  EXPECT_EQ(times(State::data_disconnected), 1);
  pair_->run_for(seconds(5));
  EXPECT_EQ(times(State::data_connected), 2);
}

// The last word counts, also while the old messages still wait to be read.
TEST_F(Renegotiation, data_that_is_offered_again_and_refused_again_before_it_was_read_stays_away) {
  begin(AudioCodec::opus, AudioCodec::opus);
  pair_->right->set_reading(false);
  EXPECT_TRUE(pair_->send(*pair_->left, "unread"));
  pair_->run_for(seconds(1));
  const auto refuse_data = [&] {
    EXPECT_TRUE(pair_->left->hear_description(refuse("m=application ", "BUNDLE 0")));
    pair_->run_for(seconds(1));
  };
  refuse_data();
  EXPECT_TRUE(pair_->left->hear_description(reoffer("s=-", "s=-")));
  pair_->run_for(seconds(1));
  refuse_data();

  int records = 0;
  world_.network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& bytes) {
    const auto first = std::to_integer<unsigned>(bytes[0]);
    records += from == pair_->right->host() && first >= 20 && first <= 63;
    return true;
  });
  pair_->right->set_reading(true);
  pair_->run_for(seconds(5));
  EXPECT_EQ(times(State::data_disconnected), 1);
  EXPECT_EQ(records, 0) << "an association that nobody agreed on";
  world_.network.set_tap({});

  EXPECT_TRUE(pair_->left->hear_description(reoffer("s=-", "s=-")));
  pair_->run_for(seconds(2));
  EXPECT_EQ(times(State::data_connected), 2);
}

// Whose channel it was must still be known when the application hears that it is closed.
TEST_F(Renegotiation, a_channel_has_its_label_to_its_end_also_where_data_begins_anew_at_once) {
  begin(AudioCodec::opus, AudioCodec::opus);
  std::vector<std::string> closed;
  pair_->on_event = [&](Peer& peer, const peer::Event& event) {
    const auto* channel = std::get_if<peer::ChannelClosed>(&event);
    if (!channel || &peer != pair_->right.get()) return;
    closed.emplace_back(peer.session().channel_label(channel->stream).value_or("nobody's"));
  };
  pair_->right->set_reading(false);
  EXPECT_TRUE(pair_->send(*pair_->left, "unread"));
  pair_->run_for(seconds(1));
  EXPECT_TRUE(pair_->left->hear_description(refuse("m=application ", "BUNDLE 0")));
  pair_->run_for(seconds(1));
  EXPECT_TRUE(pair_->left->hear_description(reoffer("s=-", "s=-")));
  pair_->run_for(seconds(1));
  EXPECT_TRUE(closed.empty());
  pair_->right->set_reading(true);
  EXPECT_EQ(closed, std::vector<std::string>{"esp_channel"});
  pair_->run_for(seconds(2));
  EXPECT_EQ(times(State::data_connected), 2);
}

TEST_F(Renegotiation, data_that_has_died_begins_anew_with_the_next_offer_also_one_without_audio) {
  begin(AudioCodec::opus, AudioCodec::opus);
  // The left one hears that its data is refused, and ends the association.
  std::string refused = replaced(first_answer_, "BUNDLE 0 1", "BUNDLE 0");
  refused = replaced(refused, " IN IP4", "9 IN IP4");
  const auto at = refused.find("m=application ");
  refused =
      replaced(refused, refused.substr(at, refused.find(' ', at + 14) - at), "m=application 0");
  EXPECT_TRUE(pair_->left->hear_description(refused));
  pair_->run_for(seconds(1));
  EXPECT_EQ(times(State::data_disconnected), 1);
  EXPECT_EQ(pair_->right->state(), State::connected) << "there is still audio";
  std::string answer = refuse("m=audio ", "BUNDLE 1");
  answer.insert(answer.find(" IN IP4"), "99");
  EXPECT_EQ(times(State::audio_removed), 1);
  EXPECT_TRUE(pair_->left->hear_description(answer));
  pair_->run_for(seconds(2));
  EXPECT_EQ(times(State::data_connected), 2);
}

TEST_F(Renegotiation, audio_is_added_later) {
  begin(AudioCodec::none, AudioCodec::g711u);
  const std::string answer = offer_audio();
  EXPECT_TRUE(has(answer, "UDP/TLS/RTP/SAVPF 0\r\n"));
  EXPECT_TRUE(has(answer, "a=group:BUNDLE 0 sound\r\n"));
  EXPECT_TRUE(has(answer, "a=rtpmap:0 PCMU/8000\r\n"));
  EXPECT_EQ(times(State::audio_added), 1);
}

// The handshake is over, and there is no other: media will never have keys.
TEST_F(Renegotiation, audio_that_comes_later_is_refused_where_dtls_agreed_on_no_profile) {
  begin(AudioCodec::none, AudioCodec::g711u, false);
  const std::string answer = offer_audio();
  EXPECT_TRUE(has(answer, "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"));
  EXPECT_TRUE(has(answer, "a=group:BUNDLE 0\r\n"));
  EXPECT_EQ(times(State::audio_added), 0);
  EXPECT_EQ(pair_->send_audio(*pair_->right, 0, "x").code(), Errc::unsupported);
}

// Before the handshake nobody knew: what is said first afterwards says so.
TEST_F(Renegotiation, audio_that_was_agreed_on_before_dtls_agreed_on_no_profile_is_not_told_again) {
  begin(AudioCodec::opus, AudioCodec::opus, false);
  EXPECT_TRUE(has(first_answer_, "a=rtpmap:111 opus"));
  const std::string answer = reoffer("a=sendrecv", "a=sendrecv");
  EXPECT_TRUE(has(answer, "a=mid:0\r\na=inactive\r\n")) << answer;
  EXPECT_FALSE(has(answer, "a=ssrc:"));
  EXPECT_EQ(times(State::audio_added) + times(State::audio_removed), 0);
  EXPECT_EQ(pair_->send_audio(*pair_->right, 0, "x").code(), Errc::unsupported);
}

// covers: bug 45
TEST_F(Renegotiation, a_hundred_times_changes_nothing_of_the_data_section) {
  begin(AudioCodec::opus, AudioCodec::opus);
  reoffer("a=sendrecv", "a=recvonly");
  const std::size_t live = pair_->right->memory().live();
  for (int i = 0; i < 100; ++i) {
    const std::string answer = reoffer("a=sendrecv", i % 2 == 0 ? "a=sendrecv" : "a=recvonly");
    EXPECT_TRUE(has(answer, " UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    EXPECT_TRUE(has(answer, "a=setup:active\r\n"));
  }
  EXPECT_LE(pair_->right->memory().live(), live + 64);
  EXPECT_EQ(times(State::audio_added), 50);
}

TEST_F(Renegotiation, video_that_turns_around_is_told_answered_and_goes_on) {
  begin_with_video(VideoCodec::h264, VideoCodec::h264);
  std::uint32_t pts = 0;
  const auto right_shows = [&](bool to_the_left) {
    const std::size_t came = pair_->left_ear.pictures.size();
    pts += 33;
    const Status sent = pair_->send_video(*pair_->right, pts, picture(pts, true, 5'000));
    EXPECT_EQ(static_cast<bool>(sent), to_the_left);
    pair_->run_for(milliseconds(200));
    return pair_->left_ear.pictures.size() - came;
  };
  const auto left_shows = [&] {
    const std::size_t came = pair_->right_ear.pictures.size();
    pts += 33;
    EXPECT_TRUE(pair_->send_video(*pair_->left, pts, picture(pts, true, 5'000)));
    pair_->run_for(milliseconds(200));
    return pair_->right_ear.pictures.size() - came;
  };
  EXPECT_EQ(right_shows(true), 1u);
  EXPECT_EQ(left_shows(), 1u);
  EXPECT_TRUE(has(reoffer("a=sendrecv", "a=recvonly"), "a=sendonly\r\n"));
  EXPECT_EQ(times(State::video_removed), 1);
  EXPECT_EQ(right_shows(true), 1u);
  EXPECT_EQ(left_shows(), 0u) << "it said that it would send no more";
  EXPECT_TRUE(has(reoffer("a=sendrecv", "a=inactive"), "a=inactive\r\n"));
  EXPECT_EQ(right_shows(false), 0u);
  EXPECT_TRUE(has(reoffer("a=sendrecv", "a=sendonly"), "a=recvonly\r\n"));
  EXPECT_EQ(times(State::video_added), 1);
  EXPECT_EQ(right_shows(false), 0u);
  EXPECT_EQ(left_shows(), 1u);
  EXPECT_TRUE(has(reoffer("a=sendrecv", "a=sendrecv"), "a=sendrecv\r\n"));
  EXPECT_EQ(times(State::video_added), 1);
  EXPECT_EQ(right_shows(true), 1u);
  EXPECT_EQ(left_shows(), 1u);
}

TEST_F(Renegotiation, video_that_is_refused_is_gone_and_comes_again) {
  begin_with_video(VideoCodec::h264, VideoCodec::h264);
  const std::string answer = refuse("m=video ", "BUNDLE 1");
  EXPECT_TRUE(has(answer, "m=video 0 "));
  EXPECT_EQ(times(State::video_removed), 1);
  EXPECT_EQ(pair_->send_video(*pair_->right, 1, picture(1, true, 100)).code(), Errc::unsupported);
  int media = 0;
  world_.network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& bytes) {
    const auto first = std::to_integer<unsigned>(bytes[0]);
    media += from == pair_->right->host() && first >= 128 && first <= 191;
    return true;
  });
  pair_->run_for(seconds(30));
  EXPECT_EQ(media, 0) << "nor is it reported on";
  world_.network.set_tap({});
  EXPECT_TRUE(has(reoffer("s=-", "s=-"), "a=rtpmap:102 H264/90000\r\n"));
  EXPECT_EQ(times(State::video_added), 1);
  EXPECT_TRUE(pair_->send_video(*pair_->right, 40, picture(40, true, 5'000)));
  pair_->run_for(seconds(1));
  EXPECT_EQ(pair_->left_ear.pictures.size(), 1u);
}

TEST_F(Renegotiation, a_camera_that_takes_the_place_of_another_in_one_offer_is_told) {
  begin_with_video(VideoCodec::h264, VideoCodec::h264);
  replace_track("m=video ", {State::video_removed, State::video_added});
}
TEST_F(Renegotiation, so_is_a_voice_that_takes_the_place_of_another) {
  begin(AudioCodec::opus, AudioCodec::opus);
  replace_track("m=audio ", {State::audio_removed, State::audio_added});
}

TEST_F(Renegotiation, two_without_a_video_codec_in_common_still_have_data) {
  begin_with_video(VideoCodec::mjpeg, VideoCodec::h264);
  EXPECT_TRUE(has(first_answer_, " UDP/TLS/RTP/SAVPF 26\r\n"));
  EXPECT_FALSE(has(first_answer_, "m=video 0 ")) << "its transport lives";
  EXPECT_TRUE(has(first_answer_, "a=inactive\r\n"));
  EXPECT_FALSE(has(first_answer_, "H264"));
}

// The offer that loses against another one is made again, when that was no restart itself.
TEST_F(Renegotiation, a_restart_waits_for_an_offer_that_crossed_it) {
  begin(AudioCodec::opus, AudioCodec::opus);
  const auto id = [](const std::string& sdp) {
    return std::stoull(sdp.substr(sdp.find("o=- ") + 4));
  };
  const auto ufrag = [](const std::string& sdp) {
    return sdp.substr(sdp.find("a=ice-ufrag:"), 20);
  };
  // The offer of the one with the larger session id stands.
  const bool left_wins = id(offer_) > id(first_answer_);
  Peer& loser = left_wins ? *pair_->right : *pair_->left;
  const std::string before = left_wins ? first_answer_ : offer_;
  std::string crossing = left_wins ? offer_ : first_answer_;
  const auto version = crossing.find(' ', crossing.find("o=- ") + 4) + 1;
  crossing.replace(version, crossing.find(' ', version) - version, "77");
  const std::string role = "a=setup:active\r";
  for (auto at = crossing.find(role); at != crossing.npos; at = crossing.find(role)) {
    crossing.replace(at, role.size(), "a=setup:actpass\r");
  }

  ASSERT_TRUE(loser.command([](auto& session, Instant now) { return session.restart_ice(now); }));
  ASSERT_TRUE(pair_->run_until([&] { return said_.size() == 1; }, seconds(2)));
  EXPECT_NE(ufrag(said_[0]), ufrag(before));
  EXPECT_TRUE(loser.hear_description(crossing));
  ASSERT_TRUE(pair_->run_until([&] { return said_.size() == 3; }, seconds(2)));
  EXPECT_EQ(ufrag(said_[1]), ufrag(before)) << "the answer knows of no restart";
  EXPECT_FALSE(has(said_[1], "a=setup:actpass"));
  EXPECT_NE(ufrag(said_[2]), ufrag(before)) << "and then it is offered";
  EXPECT_NE(ufrag(said_[2]), ufrag(said_[0]));
  EXPECT_TRUE(has(said_[2], "a=setup:actpass\r\n"));
}

TEST_F(Renegotiation, what_cannot_be_used_is_refused_and_changes_nothing) {
  begin(AudioCodec::opus, AudioCodec::opus);
  const auto refused = [&](const std::string& sdp) {
    return !pair_->right->hear_description(sdp) && said_.empty();
  };
  EXPECT_TRUE(refused("hello"));
  std::string no_sections = offer_.substr(0, offer_.find("m="));
  EXPECT_TRUE(refused(replaced(no_sections, " IN IP4", "9 IN IP4")));
}

}  // namespace
}  // namespace esp_peer::sim
