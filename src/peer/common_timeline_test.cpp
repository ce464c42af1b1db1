// Sound and pictures that were taken together are played together.
#include "peer/common_timeline.hpp"

#include <gtest/gtest.h>

namespace esp_peer::peer {
namespace {

constexpr std::uint64_t second = std::uint64_t{1} << 32;
constexpr std::uint64_t noon = 0xE500'0000 * second;

TEST(CommonTimeline, video_moves_once_when_both_times_are_known) {
  CommonTimeline line;
  EXPECT_EQ(line.on_video(500, 0), 500u);
  line.on_audio(10'000, 0);
  EXPECT_EQ(line.on_video(533, noon), 533u) << "nothing is known of the sound";
  line.on_audio(10'020, noon);
  EXPECT_EQ(line.on_video(566, noon + second / 4), 10'270u) << "a quarter of a second later";
  EXPECT_EQ(line.on_video(599, noon + second / 4), 10'303u) << "as its own clock goes";
  line.on_audio(99'999, noon);
  EXPECT_EQ(line.on_video(632, noon + second), 10'336u) << "it leaps no more";
}

TEST(CommonTimeline, a_picture_may_be_older_than_the_sound_and_numbers_wrap) {
  CommonTimeline line;
  line.on_audio(100, noon);
  EXPECT_EQ(line.on_video(7, noon - second), 0u - 900u);
  EXPECT_EQ(line.on_video(1'007, noon), 100u);
  CommonTimeline late;
  late.on_audio(0u - 50u, noon);
  EXPECT_EQ(late.on_video(9, noon + second / 10), 50u);
}

TEST(CommonTimeline, another_source_is_put_into_place_anew) {
  CommonTimeline line;
  line.on_audio(10'000, noon);
  EXPECT_EQ(line.on_video(500, noon), 10'000u);
  EXPECT_EQ(line.on_video(70, 0), 70u) << "nobody has said yet";
  line.on_audio(20'000, noon + 10 * second);
  EXPECT_EQ(line.on_video(103, noon + 10 * second), 20'000u);
}

TEST(CommonTimeline, pictures_follow_another_source_of_sound) {
  CommonTimeline line;
  line.on_audio(10'000, noon);
  EXPECT_EQ(line.on_video(500, noon), 10'000u);
  line.on_audio(7, 0);
  EXPECT_EQ(line.on_video(1'500, noon + second), 11'000u) << "as it went, until somebody says";
  line.on_audio(1'007, noon + 2 * second);
  EXPECT_EQ(line.on_video(2'500, noon + 2 * second), 1'007u);
  EXPECT_EQ(line.on_video(3'500, noon + 3 * second), 2'007u);
}

}  // namespace
}  // namespace esp_peer::peer
