// Parameter sets that came once stand before every keyframe.
#include "codec/h264_parameter_sets.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "tests/support/test_env.hpp"

namespace esp_peer::codec {
namespace {

using Octets = std::vector<std::byte>;

Octets unit(std::initializer_list<int> values) {
  Octets out = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};
  for (const int v : values) out.push_back(static_cast<std::byte>(v));
  return out;
}
Octets operator+(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
const Octets sps = unit({0x67, 0x42, 0xC0, 0x1F, 0xDA, 1}), pps = unit({0x68, 0xCE, 0x3C}),
             keyframe = unit({0x65, 0x88, 1}), picture = unit({0x41, 0x9A, 1});

struct Sets {
  test::TestEnv env;
  H264ParameterSets sets{env.memory};
  // With the sets that it lacks; empty where it lacks none.
  Octets completed(const Octets& access_unit) const {
    const auto gap = sets.gap(access_unit);
    if (gap.size == 0) return {};
    const Buffer whole = sets.complete(access_unit, gap);
    EXPECT_EQ(whole.size(), access_unit.size() + gap.size);
    return {whole.bytes().begin(), whole.bytes().end()};
  }
};

TEST(H264ParameterSets, stand_before_a_keyframe_that_comes_without) {
  Sets s;
  EXPECT_TRUE(s.completed(keyframe).empty());  // nothing is known yet
  s.sets.learn(sps + pps);
  EXPECT_EQ(s.completed(keyframe), sps + pps + keyframe);
  const Octets with_message = unit({0x06, 5, 1}) + keyframe;
  EXPECT_EQ(s.completed(with_message), sps + pps + with_message);
  EXPECT_TRUE(s.completed(picture).empty());
  EXPECT_TRUE(s.completed(sps + pps + keyframe).empty());
}

// [H.264 7.4.1.2.3] Which has to be the first unit.
TEST(H264ParameterSets, stand_behind_the_delimiter) {
  Sets s;
  const Octets delimiter = unit({0x09, 0xF0});
  s.sets.learn(sps + pps);
  EXPECT_EQ(s.completed(delimiter + keyframe), delimiter + sps + pps + keyframe);
  // Also where start codes are short.
  Octets short_code = keyframe;
  short_code.erase(short_code.begin());
  EXPECT_EQ(s.completed(delimiter + short_code), delimiter + sps + pps + short_code);
}

TEST(H264ParameterSets, of_two_kinds_the_one_is_added_that_is_missing) {
  Sets s;
  s.sets.learn(sps + pps);
  EXPECT_EQ(s.completed(pps + keyframe), sps + pps + keyframe);
  EXPECT_EQ(s.completed(sps + keyframe), sps + pps + keyframe);
  const Octets delimiter = unit({0x09, 0xF0}), newer = unit({0x68, 0xCE, 0x3D});
  s.sets.learn(delimiter + newer + keyframe);
  EXPECT_EQ(s.completed(keyframe), sps + newer + keyframe) << "what came alone is learned, too";
}

TEST(H264ParameterSets, stand_before_a_picture_that_says_that_a_stream_may_begin_there) {
  Sets s;
  s.sets.learn(sps + pps);
  const Octets begins = unit({0x06, 6, 1, 0xC4, 0x80}) + picture;
  EXPECT_EQ(s.completed(begins), sps + pps + begins);
}

TEST(H264ParameterSets, a_new_one_takes_the_place_of_its_predecessor) {
  Sets s;
  const Octets larger = unit({0x67, 0x42, 0xC0, 0x1F, 0xDA, 2, 3});
  s.sets.learn(pps + sps);
  s.sets.learn(larger);
  EXPECT_EQ(s.completed(keyframe), larger + pps + keyframe);
}

// The number alone tells one from the other, however the rest of its byte goes on.
TEST(H264ParameterSets, another_profile_and_back_leave_the_latest_one) {
  Sets s;
  const Octets high = unit({0x67, 0x64, 0x00, 0x1F, 0xAC, 1}),
               others = unit({0x68, 0xEE, 0x3C});  // both with number 0
  s.sets.learn(sps + pps);
  s.sets.learn(high + others);
  EXPECT_EQ(s.completed(keyframe), high + others + keyframe);
  s.sets.learn(sps + pps);
  EXPECT_EQ(s.completed(keyframe), sps + pps + keyframe);
}

TEST(H264ParameterSets, a_stream_may_have_two_of_a_kind_and_not_any_number) {
  Sets s;
  const Octets other = unit({0x68, 0x20, 1});
  s.sets.learn(sps + pps + other);
  EXPECT_EQ(s.completed(keyframe), sps + pps + other + keyframe);
  const auto numbered = [](int i) {  // [H.264 9.1] of 15 bits, for numbers from 127 on
    return unit({0x68, (i + 1) >> 7, ((i + 1) << 1 & 0xFF) | 1, 1});
  };
  for (int i = 127; i < 227; ++i) s.sets.learn(numbered(i));
  EXPECT_EQ(s.completed(keyframe), sps + numbered(224) + numbered(225) + numbered(226) + keyframe);
  EXPECT_LE(s.env.memory.live, 1000u);
}

TEST(H264ParameterSets, those_whose_number_cannot_be_read_are_one) {
  Sets s;
  s.sets.learn(unit({0x67, 0x42}) + unit({0x68, 1}));
  s.sets.learn(unit({0x67, 0x43}) + unit({0x68, 2}));
  EXPECT_EQ(s.completed(keyframe), unit({0x67, 0x43}) + unit({0x68, 2}) + keyframe);
}

TEST(H264ParameterSets, one_of_absurd_size_is_none) {
  Sets s;
  Octets huge = sps;
  huge.resize(10'000, std::byte{1});
  s.sets.learn(huge);
  EXPECT_TRUE(s.completed(keyframe).empty());
}

}  // namespace
}  // namespace esp_peer::codec
