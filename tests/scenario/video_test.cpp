// Video beside audio and data, from one application to the other, on bad networks too.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/pair.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;
using sdp::AudioCodec;
using sdp::Direction;
using sdp::VideoCodec;

// An access unit that says which it is; keyframes have parameter sets in front.
std::string picture(std::uint32_t pts, bool keyframe, std::size_t size) {
  const std::string code("\0\0\0\1", 4);
  std::string out;
  if (keyframe) out = code + "\x67\x42\xC0\x1F\xDA\x01" + code + "\x68\xCE\x3C\x80";
  out += code + (keyframe ? "\x65" : "\x41") + std::to_string(pts) + " ";
  while (out.size() < size) out += static_cast<char>('a' + out.size() % 26);
  return out;
}

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
  void begin(const PairOptions& options) {
    pair_ = std::make_unique<Pair>(world_, options);
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

}  // namespace
}  // namespace esp_peer::sim
