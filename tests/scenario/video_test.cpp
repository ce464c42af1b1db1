// Video beside audio and data, from one application to the other, on bad networks too.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/pair.hpp"
#include "sim/video_call.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;
using sdp::AudioCodec;
using sdp::Direction;
using sdp::VideoCodec;

class VideoStory : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
  }
  static PairOptions options(Direction left = Direction::sendrecv,
                             Direction right = Direction::sendrecv) {
    PairOptions options;
    options.left.session.video = {VideoCodec::h264, left, 640, 480, 30};
    options.right.session.video = {VideoCodec::h264, right, 640, 480, 30};
    return options;
  }
  void begin(
      const PairOptions& options,
      const std::function<void(std::string&)>& change = [](std::string&) {}) {
    pair_ = std::make_unique<Pair>(world_, options);
    pair_->on_signal = [change](Peer&, std::string& text) {
      change(text);
      return true;
    };
    pair_->on_event = [this](Peer& peer, const peer::Event& event) {
      const auto* changed = std::get_if<peer::StateChanged>(&event);
      if (changed && changed->state == State::keyframe_wanted) wanted_[&peer] = true;
    };
    pair_->connect();
    ASSERT_TRUE(pair_->run_until([this] {
      return pair_->left_ear.said(State::connected) && pair_->right_ear.said(State::connected);
    }));
  }
  // A frame every 33 ms, keyframes when they are asked for.
  void film(Peer& from, std::uint32_t frames, std::size_t size = 7'000) {
    for (std::uint32_t i = 0; i < frames; ++i, pts_ += 33) {
      const bool keyframe = std::exchange(wanted_[&from], false) || given_.empty();
      given_.push_back({pts_, picture(pts_, keyframe, keyframe ? 3 * size : size)});
      EXPECT_TRUE(pair_->send_video(from, pts_, given_.back().body));
      pair_->run_for(milliseconds(33));
    }
  }
  // What came is what was given, in its order, each once.
  std::size_t came(const std::vector<HeardFrame>& pictures) {
    std::size_t next = 0;
    for (const HeardFrame& frame : pictures) {
      while (next < given_.size() && !(given_[next] == frame)) ++next;
      EXPECT_LT(next, given_.size()) << "broken, twice or out of order: " << frame.pts;
      ++next;
    }
    return pictures.size();
  }

  World world_{9};
  std::unique_ptr<Pair> pair_;
  std::map<Peer*, bool> wanted_;
  std::vector<HeardFrame> given_;
  std::uint32_t pts_ = 1000;
};

TEST_F(VideoStory, frames_arrive_whole_with_their_pts_beside_audio_and_data) {
  for (const Cipher cipher : {Cipher::plain, Cipher::openssl}) {
    PairOptions with = options();
    with.cipher = cipher;
    with.left.session.audio =
        with.right.session.audio = {AudioCodec::opus, Direction::sendrecv, 48'000, 2};
    const std::uint8_t net = cipher == Cipher::plain ? 2 : 3;
    with.left_addresses = {Address::v4(192, 0, net, 1, 0)};
    with.right_addresses = {Address::v4(192, 0, net, 2, 0)};
    given_.clear();
    begin(with);
    film(*pair_->left, 60);
    EXPECT_TRUE(pair_->send_audio(*pair_->left, 5, "sound"));
    pair_->run_for(seconds(1));
    EXPECT_EQ(came(pair_->right_ear.pictures), 60u);
    EXPECT_EQ(pair_->right_ear.frames, (std::vector<HeardFrame>{{5, "sound"}}));
    EXPECT_FALSE(pair_->left_ear.said(State::keyframe_wanted));
    EXPECT_TRUE(pair_->run_until_open());
  }
}

TEST_F(VideoStory, video_alone_is_a_connection_too) {
  PairOptions with = options();
  with.left.session.data = with.right.session.data = false;
  begin(with);
  film(*pair_->right, 30);
  pair_->run_for(seconds(1));
  EXPECT_EQ(came(pair_->left_ear.pictures), 30u);
  EXPECT_TRUE(pair_->left->disconnect());
  EXPECT_TRUE(pair_->run_until([this] { return pair_->right_ear.said(State::disconnected); }));
}

// covers: changelog 25
TEST_F(VideoStory, loss_is_repaired_and_nothing_broken_is_shown) {
  PairOptions with = options();
  with.link.loss = 0.05;
  with.link.delay = milliseconds(20);
  with.left.session.video_limits.receiver.buffer.longest_hold =
      with.right.session.video_limits.receiver.buffer.longest_hold = milliseconds(300);
  begin(with);
  film(*pair_->left, 600);
  pair_->run_for(seconds(1));
  EXPECT_GE(came(pair_->right_ear.pictures), 590u);
}

// covers: changelog 1
TEST_F(VideoStory, what_cannot_be_repaired_leads_to_a_keyframe) {
  begin(options());
  film(*pair_->left, 30);
  world_.network.set_tap([](HostId, const Route&, std::vector<std::byte>& bytes) {
    const auto first = std::to_integer<unsigned>(bytes[0]);
    return first < 128 || first > 191;  // media is lost, checks are not
  });
  film(*pair_->left, 60);
  world_.network.set_tap({});
  const std::size_t before = pair_->right_ear.pictures.size();
  film(*pair_->left, 60);
  pair_->run_for(seconds(1));
  EXPECT_TRUE(pair_->left_ear.said(State::keyframe_wanted));
  EXPECT_GT(came(pair_->right_ear.pictures), before + 40);
  const std::string& first = pair_->right_ear.pictures[before].body;
  EXPECT_EQ(first.substr(4, 1), "\x67") << "it goes on with a keyframe";
}

TEST_F(VideoStory, pictures_come_on_the_timeline_of_the_sound_if_that_is_wanted) {
  PairOptions with = options();
  with.left.session.audio =
      with.right.session.audio = {AudioCodec::opus, Direction::sendrecv, 48'000, 2};
  with.right.session.sync_pts = true;
  begin(with);
  constexpr std::uint32_t apart = 500'000;
  std::vector<std::uint32_t> sound;
  for (int i = 0; i < 300; ++i) {  // ten seconds: both have been reported about
    sound.push_back(pts_ + apart);
    EXPECT_TRUE(pair_->send_audio(*pair_->left, sound.back(), "sound"));
    EXPECT_TRUE(pair_->send_audio(*pair_->right, sound.back(), "sound"));
    given_.clear();
    film(*pair_->left, 1, 2'000);
    EXPECT_TRUE(pair_->send_video(*pair_->right, pts_, picture(pts_, true, 2'000)));
  }
  pair_->run_for(seconds(1));
  const auto& pictures = pair_->right_ear.pictures;
  ASSERT_EQ(pictures.size(), 300u);
  std::size_t leaps = 0;
  for (std::size_t i = 1; i < pictures.size(); ++i) {
    leaps += pictures[i].pts - pictures[i - 1].pts != 33;
  }
  EXPECT_EQ(leaps, 1u);
  EXPECT_NEAR(pictures.back().pts, sound.back(), 2);
  ASSERT_FALSE(pair_->left_ear.pictures.empty());
  EXPECT_EQ(pair_->left_ear.pictures.back().pts, pts_) << "who has not asked gets what was given";
}

TEST_F(VideoStory, who_may_not_send_does_not) {
  begin(options(Direction::sendonly, Direction::recvonly));
  film(*pair_->left, 10);
  EXPECT_EQ(pair_->send_video(*pair_->right, 1, picture(1, true, 100)).code(), Errc::unsupported);
  pair_->run_for(seconds(1));
  EXPECT_EQ(came(pair_->right_ear.pictures), 10u);
}

// What flows is what both allow, for each kind of media by itself.
TEST_F(VideoStory, every_pair_of_directions_is_what_both_allow) {
  const Direction all[] = {Direction::sendrecv, Direction::sendonly, Direction::recvonly,
                           Direction::inactive};
  std::uint8_t net = 10;
  for (const Direction left : all) {
    for (const Direction right : all) {
      PairOptions with = options(left, right);
      with.left.session.audio = {AudioCodec::g711u, right, 8'000, 1};
      with.right.session.audio = {AudioCodec::g711u, left, 8'000, 1};
      with.left_addresses = {Address::v4(192, 0, net, 1, 0)};
      with.right_addresses = {Address::v4(192, 0, net++, 2, 0)};
      begin(with);
      const auto try_all = [&](Peer& from, Direction own_video, Direction other_video) {
        const bool video = sends(own_video) && receives(other_video);
        const bool audio = sends(other_video) && receives(own_video);
        EXPECT_EQ(bool(pair_->send_video(from, 5, picture(5, true, 3'000))), video) << int(net);
        EXPECT_EQ(bool(pair_->send_audio(from, 5, "sound")), audio) << int(net);
        pair_->run_for(milliseconds(300));
        const Ear& ear = pair_->ear(pair_->other(from));
        EXPECT_EQ(ear.pictures.size(), video ? 1u : 0u) << int(net);
        EXPECT_EQ(ear.frames.size(), audio ? 1u : 0u) << int(net);
      };
      try_all(*pair_->left, left, right);
      try_all(*pair_->right, right, left);
    }
  }
}

// covers: bug 60
// [rfc4585#6.3.1, rfc5104#4.3.1.2] Lost pictures are asked for by both ends at once, all the time.
TEST_F(VideoStory, a_peer_that_can_show_nothing_asks_for_keyframes_within_reason) {
  begin(options());
  std::size_t asked = 0;
  pair_->on_event = [&](Peer&, const peer::Event& event) {
    const auto* changed = std::get_if<peer::StateChanged>(&event);
    asked += changed && changed->state == State::keyframe_wanted;
  };
  for (std::uint32_t i = 0; i < 300; ++i, pts_ += 33) {  // an encoder that never gives one
    EXPECT_TRUE(pair_->send_video(*pair_->left, pts_, picture(pts_, false, 2'000)));
    pair_->run_for(milliseconds(33));
  }
  EXPECT_TRUE(pair_->right_ear.pictures.empty());
  EXPECT_GE(asked, 10u);
  EXPECT_LE(asked, 34u);
}

// A keyframe of a megabyte takes a while; a voice and a message do not wait for it.
TEST_F(VideoStory, a_keyframe_of_a_megabyte_holds_up_neither_audio_nor_data) {
  PairOptions with = options();
  with.left.session.audio =
      with.right.session.audio = {AudioCodec::g711u, Direction::sendrecv, 8'000, 1};
  with.link.delay = milliseconds(5);
  with.right.session.video_limits.receiver.buffer.most_bytes = 2'000'000;
  begin(with);
  ASSERT_TRUE(pair_->run_until_open());
  given_.push_back({pts_, picture(pts_, true, 1'000'000)});
  EXPECT_TRUE(pair_->send_video(*pair_->left, pts_, given_.back().body));
  EXPECT_TRUE(pair_->send(*pair_->left, "word 0"));
  for (std::uint32_t i = 0; i < 20; ++i) {
    EXPECT_TRUE(pair_->send_audio(*pair_->left, 20 * i, "sound"));
    if (i != 0) {
      EXPECT_TRUE(pair_->send(*pair_->left, "word " + std::to_string(i)));
    }
    pair_->run_for(milliseconds(20));
    EXPECT_EQ(pair_->right_ear.frames.size(), i + 1);
    EXPECT_EQ(pair_->right_ear.messages.size(), i + 1);
    if (i < 10) {
      EXPECT_TRUE(pair_->right_ear.pictures.empty()) << "it is still on its way";
    }
  }
  pair_->run_for(seconds(1));
  EXPECT_EQ(came(pair_->right_ear.pictures), 1u);
  EXPECT_FALSE(pair_->left_ear.said(State::keyframe_wanted));
}

// It is on its way for longer than a packet may wait for one that is lost; none is.
TEST_F(VideoStory,
       a_keyframe_that_takes_longer_than_cache_timeout_is_shown_and_asked_for_by_nobody) {
  PairOptions with = options();
  with.link.delay = milliseconds(5);
  begin(with);
  for (std::uint32_t i = 0; i < 60; ++i, pts_ += 33) {
    given_.push_back({pts_, picture(pts_, i % 30 == 0, i % 30 == 0 ? 200'000 : 6'000)});
    EXPECT_TRUE(pair_->send_video(*pair_->left, pts_, given_.back().body));
    pair_->run_for(milliseconds(33));
  }
  pair_->run_for(seconds(1));
  EXPECT_EQ(came(pair_->right_ear.pictures), 60u);
  EXPECT_FALSE(pair_->left_ear.said(State::keyframe_wanted));
}

// [rfc3550#6.4.1] The sender's wall time of what was taken together is the same, whatever its pts.
TEST_F(VideoStory, frames_have_the_time_at_which_they_were_taken) {
  PairOptions with = options();
  with.left.session.audio =
      with.right.session.audio = {AudioCodec::opus, Direction::sendrecv, 48'000, 2};
  with.left.session.wall_clock = seconds(3'900'000'000);
  with.link.delay = milliseconds(20);
  begin(with);
  std::uint64_t sound = 0, seen = 0;
  int before_reports = 0;
  pair_->right->on_audio = [&](const peer::AudioFrame& frame) { sound = frame.ntp; };
  pair_->right->on_video = [&](const peer::VideoFrame& frame) {
    before_reports += frame.ntp == 0;
    seen = frame.ntp;
  };
  Instant given{};
  for (std::uint32_t i = 0; i < 400; ++i) {
    given = world_.time.now();
    EXPECT_TRUE(pair_->send_video(*pair_->left, 7'000'000 + 40 * i, picture(i, true, 20'000)));
    EXPECT_TRUE(pair_->send_audio(*pair_->left, 40 * i, "sound"));
    pair_->run_for(milliseconds(40));
  }
  pair_->run_for(seconds(1));
  EXPECT_GT(before_reports, 0) << "nobody had said";
  const std::uint64_t taken = rtp::ntp_of(given + with.left.session.wall_clock);
  const auto near = [](std::uint64_t a, std::uint64_t b) {
    return std::max(a, b) - std::min(a, b) < (std::uint64_t{2} << 32) / 1000;  // 2 ms
  };
  EXPECT_TRUE(near(sound, taken)) << sound - taken;
  EXPECT_TRUE(near(seen, taken)) << seen - taken;
}

// [rfc6184#6.2] A peer that joins no parts. Who encodes for it keeps slices to the size of packets.
TEST_F(VideoStory, a_peer_of_packetization_mode_0_gets_small_slices_and_nothing_else) {
  const std::string code("\0\0\0\1", 4);
  const auto slices = [&](int count, std::size_t size) {
    std::string out = code + "\x67\x42\xC0\x1F\xDA\x01" + code + "\x68\xCE\x3C\x80";
    for (int i = 0; i < count; ++i) out += code + "\x65" + std::string(size, 's');
    return out;
  };
  int rewritten = 0;
  pair_ = std::make_unique<Pair>(world_, options());
  pair_->on_signal = [&](Peer& from, std::string& sdp) {
    const std::string one = "packetization-mode=1", none = "packetization-mode=0";
    if (const auto at = sdp.find(one); &from == pair_->left.get() && at != sdp.npos) {
      sdp.replace(at, one.size(), none);
      ++rewritten;
    }
    // The answer keeps to the offer that it heard; the left one had made another.
    if (const auto at = sdp.find(none); &from == pair_->right.get() && at != sdp.npos) {
      sdp.replace(at, none.size(), one);
      ++rewritten;
    }
    return true;
  };
  pair_->connect();
  ASSERT_TRUE(pair_->run_until_open());
  EXPECT_EQ(rewritten, 2);
  const std::string small = slices(5, 1'000), large = slices(1, 5'000);
  EXPECT_TRUE(pair_->send_video(*pair_->right, 100, small));
  EXPECT_EQ(pair_->send_video(*pair_->right, 133, large).code(), Errc::unsupported);
  EXPECT_TRUE(pair_->send_video(*pair_->right, 166, small));
  EXPECT_TRUE(pair_->send_video(*pair_->left, 100, large));
  pair_->run_for(seconds(1));
  const std::vector<HeardFrame> both{{100, small}, {166, small}}, one{{100, large}};
  EXPECT_EQ(pair_->left_ear.pictures, both);
  EXPECT_EQ(pair_->right_ear.pictures, one);
}

TEST_F(VideoStory, mjpeg_against_h264_is_refused_and_the_data_goes_on) {
  PairOptions with = options();
  with.right.session.video.codec = VideoCodec::mjpeg;
  begin(with);
  EXPECT_EQ(pair_->send_video(*pair_->left, 1, picture(1, true, 100)).code(), Errc::unsupported);
  EXPECT_TRUE(pair_->run_until_open());
}

TEST_F(VideoStory, both_hear_what_video_is) {
  begin(options());
  ASSERT_EQ(pair_->left_ear.video_described.size(), 1u);
  ASSERT_EQ(pair_->right_ear.video_described.size(), 1u);
  EXPECT_EQ(pair_->right_ear.video_described[0].codec, VideoCodec::h264);
  EXPECT_EQ(pair_->right_ear.video_described[0].width, 640u);
}

// [rfc8834#7.1] What the peer's description allows, and no byte more, in any second; what the
// application gives is eight times as much. Of a whole session audio takes its part.
// covers: must rfc8834#7.1b
TEST_F(VideoStory, no_second_has_more_bytes_than_the_peer_wants) {
  struct Case {
    const char *session, *section;
    std::size_t bytes_a_second;
    int headers;  // of UDP and IP; or without those of RTP and SRTP
  };
  std::uint8_t net = 10;
  for (const Case& c : {Case{"", "b=AS:300\r\n", 37'500, 28}, Case{"b=AS:600\r\n", "", 75'000, 28},
                        Case{"", "b=TIAS:300000\r\n", 37'500, -28}, Case{"", "", 0, 28}}) {
    SCOPED_TRACE(std::string(c.session) + c.section);
    PairOptions with = options();
    with.left.session.audio =
        with.right.session.audio = {AudioCodec::g711a, Direction::sendrecv, 8'000, 1};
    with.left_addresses = {Address::v4(192, 0, net, 1, 0)};
    with.right_addresses = {Address::v4(192, 0, net++, 2, 0)};
    begin(with, [&c](std::string& text) {
      text.insert(text.find("t=0 0"), c.session);
      text.insert(text.find("c=IN", text.find("m=video")), c.section);
    });
    const std::uint32_t first = pts_;
    std::map<std::int64_t, std::size_t> left_at;  // ms → bytes
    const bool only_video = c.session[0] == '\0';
    world_.network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& bytes) {
      const unsigned first_byte = std::to_integer<unsigned>(bytes[0]) >> 6;
      const unsigned type = std::to_integer<unsigned>(bytes[1]) & 0x7F;
      const bool counts = type >= 96 || (type < 64 && !only_video);  // [rfc5761#4]
      if (from == pair_->left->host() && first_byte == 2 && counts) {
        left_at[world_.time.now().time_since_epoch().count() / 1'000] +=
            static_cast<std::size_t>(static_cast<int>(bytes.size()) + c.headers);
      }
      return true;
    });
    std::size_t taken = 0;
    bool keyframe = true;
    for (std::uint32_t i = 0; i < 300; ++i, pts_ += 33) {
      if (std::exchange(wanted_[pair_->left.get()], false)) keyframe = true;
      const std::string frame = picture(pts_, keyframe, keyframe ? 20'000 : 8'000);
      const Status sent = pair_->send_video(*pair_->left, pts_, frame);
      if (sent) {
        keyframe = false;
        given_.push_back({pts_, frame});
        ++taken;
      } else {
        EXPECT_EQ(sent.code(), Errc::would_block);
      }
      EXPECT_TRUE(pair_->send_audio(*pair_->left, pts_ - first, std::string(160, 'a')));
      pair_->run_for(milliseconds(33));
    }
    pair_->run_for(seconds(2));
    world_.network.set_tap({});
    std::size_t most = 0;
    for (auto from = left_at.begin(); from != left_at.end(); ++from) {
      std::size_t sum = 0;
      for (auto at = from; at != left_at.end() && at->first < from->first + 1'000; ++at) {
        sum += at->second;
      }
      most = std::max(most, sum);
    }
    EXPECT_EQ(came(pair_->right_ear.pictures), taken) << "what is taken arrives";
    if (c.bytes_a_second == 0) {
      EXPECT_EQ(taken, 300u);
      EXPECT_GT(most, 230'000u);
    } else {
      EXPECT_LE(most, c.bytes_a_second);
      EXPECT_GE(most, c.bytes_a_second * 8 / 10);
      EXPECT_GT(taken, 15u);
      EXPECT_LT(taken, 200u);
    }
    given_.clear();
  }
}

}  // namespace
}  // namespace esp_peer::sim
