// Video both ways over networks that lose, delay and reorder: what arrives, when, and that nothing
// broken does.
#include <gtest/gtest.h>

#include "sim/video_call.hpp"

namespace esp_peer::sim {
namespace {

// What issue 4 asks for: 10 % loss and 30 ms of jitter that reorders, at 50 ms of round trip.
LinkOptions bad_link() {
  LinkOptions link;
  link.delay = milliseconds(25);
  link.jitter = milliseconds(30);
  link.reorder = true;
  link.loss = 0.1;
  return link;
}
constexpr Duration longest_way = milliseconds(25 + 30);
constexpr Duration one_frame = milliseconds(34);

VideoCallReport play(const VideoCallOptions& options, Duration length) {
  VideoCall call(options);
  EXPECT_TRUE(call.connect());
  call.film(length);
  VideoCallReport report = call.report();
  for (const std::string& failure : report.failures) ADD_FAILURE() << failure;
  return report;
}

// covers: must rfc8834#6.1, must rfc4588#4, changelog 25
TEST(VideoLoss, ten_percent_and_jitter_leave_99_of_100_frames_within_cache_timeout) {
  for (const Cipher cipher : {Cipher::plain, Cipher::openssl}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      VideoCallOptions options;
      options.seed = seed;
      options.pair.cipher = cipher;
      options.link = bad_link();
      options.hold = milliseconds(300);
      // The default of three leaves one lost packet in a thousand lost, and each costs the frames
      // up to the next keyframe: 99.4 % on average, and in one of some minutes less than 99.
      for (PeerOptions* peer : {&options.pair.left, &options.pair.right}) {
        peer->session.video_limits.sender.most_resends = 6;
      }
      const VideoCallReport report = play(options, seconds(30));
      EXPECT_GE(report.share(), 0.99) << seed;
      ASSERT_FALSE(report.latencies.empty());
      // The pace of a keyframe, the way, the wait for what is missing, and the frame behind it.
      EXPECT_LE(report.latencies.back(),
                milliseconds(100) + longest_way + options.hold + one_frame);
      EXPECT_LE(report.latency(0.5), milliseconds(150));
      EXPECT_LE(report.most_memory, 2 * options.cache);
    }
  }
}

TEST(VideoLoss, the_default_max_resend_count_leaves_nearly_as_many) {
  VideoCallOptions options;
  options.link = bad_link();
  options.hold = milliseconds(300);
  EXPECT_GE(play(options, seconds(60)).share(), 0.98);
}

// Not even a repetition has the time: it comes 20 ms + a round trip + the jitter of both ways
// later, and a keyframe of 27 packets is hardly ever whole. The figure stands in docs/media.md.
TEST(VideoLoss, the_default_cache_timeout_is_short_and_still_shows_nothing_broken) {
  VideoCallOptions options;
  options.link = bad_link();
  const VideoCallReport report = play(options, seconds(30));
  EXPECT_GT(report.whole, 0u);
  ASSERT_FALSE(report.latencies.empty());
  EXPECT_LE(report.latencies.back(), milliseconds(100) + longest_way + options.hold + one_frame);
  EXPECT_GE(report.keyframes_asked_for, 10u);
}

TEST(VideoLoss, a_good_path_costs_nothing) {
  VideoCallOptions options;
  const VideoCallReport report = play(options, seconds(20));
  EXPECT_EQ(report.whole, report.given);
  EXPECT_EQ(report.keyframes_asked_for, 0u);
  EXPECT_LE(report.latency(0.95), milliseconds(10 + 10));
}

// covers: must rfc8834#5.1.1, changelog 1
TEST(VideoLoss, bursts_that_nothing_repairs_lead_to_a_keyframe_each) {
  VideoCallOptions options;
  VideoCall call(options);
  ASSERT_TRUE(call.connect());
  call.film(seconds(2));
  for (int burst = 1; burst <= 10; ++burst) {
    const auto set_loss = [&](double loss) {
      call.world().network.for_each_link([loss](LinkOptions& link) { link.loss = loss; });
    };
    set_loss(1);
    call.film(milliseconds(700));
    set_loss(0);
    const std::size_t before = call.came_to(*call.pair().left);
    call.film(seconds(2));
    EXPECT_GE(call.came_to(*call.pair().left), before + 45) << burst;
  }
  const VideoCallReport report = call.report();
  for (const std::string& failure : report.failures) ADD_FAILURE() << failure;
  EXPECT_GE(report.keyframes_asked_for, 20u);
  EXPECT_LE(report.keyframes_asked_for, 2 * 10 * 3u) << "once a burst, and again while it lasts";
}

// covers: bug 55, bug 72
TEST(VideoLoss, what_waits_for_lost_packets_stays_inside_the_cache) {
  VideoCallOptions options;
  options.link = bad_link();
  options.link.loss = 0.3;
  options.hold = seconds(5);  // only the size is the bound
  options.cache = 60'000;
  options.pair.left.session.video_limits.sender.most_bytes = 60'000;
  options.pair.right.session.video_limits.sender.most_bytes = 60'000;
  const VideoCallReport report = play(options, seconds(20));
  // Both halves, and the frame that is being put together.
  EXPECT_LE(report.most_memory, 2 * 60'000u + 40'000u);
  EXPECT_GT(report.whole, 0u);
}

// covers: bug 50, bug 58
TEST(VideoLoss, a_call_goes_on_past_70000_packets_each_way) {
  VideoCallOptions options;
  options.frames_a_second = 60;
  options.bytes_a_second = 1'500'000;  // 21 packets a frame
  options.link.loss = 0.01;
  options.link.delay = milliseconds(10);
  options.hold = milliseconds(200);
  VideoCall call(options);
  ASSERT_TRUE(call.connect());
  std::size_t packets[2] = {};
  call.world().network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& bytes) {
    const auto first = std::to_integer<unsigned>(bytes[0]);
    packets[from == call.pair().left->host()] += first >= 128 && first <= 191;
    return true;
  });
  call.film(seconds(60));
  const VideoCallReport report = call.report();
  for (const std::string& failure : report.failures) ADD_FAILURE() << failure;
  EXPECT_GT(packets[0], 70'000u);
  EXPECT_GT(packets[1], 70'000u);
  EXPECT_GE(report.share(), 0.99);
}

}  // namespace
}  // namespace esp_peer::sim
