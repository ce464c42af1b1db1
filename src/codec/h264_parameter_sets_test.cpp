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
  Octets before(const Octets& access_unit) {
    Octets room(sets.missing(access_unit));
    if (room.empty()) return room;
    Writer out(room);
    sets.write(out);
    EXPECT_EQ(out.size(), room.size());
    return room;
  }
};

TEST(H264ParameterSets, stand_before_a_keyframe_that_comes_without) {
  Sets s;
  EXPECT_TRUE(s.before(keyframe).empty());  // nothing is known yet
  s.sets.learn(sps + pps);
  EXPECT_EQ(s.before(keyframe), sps + pps);
  EXPECT_EQ(s.before(unit({0x06, 5, 1}) + keyframe), sps + pps);
  EXPECT_TRUE(s.before(picture).empty());
  EXPECT_TRUE(s.before(sps + pps + keyframe).empty());
}

TEST(H264ParameterSets, a_new_one_takes_the_place_of_its_predecessor) {
  Sets s;
  const Octets larger = unit({0x67, 0x42, 0xC0, 0x1F, 0xDA, 2, 3});
  s.sets.learn(pps + sps);
  s.sets.learn(larger);
  EXPECT_EQ(s.before(keyframe), larger + pps);
}

TEST(H264ParameterSets, a_stream_may_have_two_of_a_kind_and_not_any_number) {
  Sets s;
  const Octets other = unit({0x68, 0x20, 1});
  s.sets.learn(sps + pps + other);
  EXPECT_EQ(s.before(keyframe), sps + pps + other);
  for (int i = 0; i < 100; ++i) s.sets.learn(unit({0x68, i, 1}));
  EXPECT_EQ(s.before(keyframe),
            sps + unit({0x68, 97, 1}) + unit({0x68, 98, 1}) + unit({0x68, 99, 1}));
  EXPECT_LE(s.env.memory.live, 1000u);
}

TEST(H264ParameterSets, one_of_absurd_size_is_none) {
  Sets s;
  Octets huge = sps;
  huge.resize(10'000, std::byte{1});
  s.sets.learn(huge);
  EXPECT_TRUE(s.before(keyframe).empty());
}

}  // namespace
}  // namespace esp_peer::codec
