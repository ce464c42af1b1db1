// H.264 in RTP: what an encoder gives comes out as it went in, cut into packets as RFC 6184 says.
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <random>
#include <vector>

#include "codec/h264_depacketizer.hpp"
#include "codec/h264_packetizer.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::codec {
namespace {

using Octets = std::vector<std::byte>;

Octets octets(std::initializer_list<int> values) {
  Octets out;
  for (const int v : values) out.push_back(static_cast<std::byte>(v));
  return out;
}
Octets operator+(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
const Octets long_code = octets({0, 0, 0, 1}), short_code = octets({0, 0, 1});

// A unit of this size whose bytes tell where they stand, and never look like a start code.
Octets unit(int header, std::size_t size) {
  Octets out = octets({header});
  while (out.size() < size) out.push_back(static_cast<std::byte>(1 + out.size() % 250));
  return out;
}
std::vector<Octets> units_of(Bytes stream) {
  std::vector<Octets> out;
  NalReader reader(stream);
  while (const auto nal = reader.next()) out.emplace_back(nal->begin(), nal->end());
  return out;
}
std::vector<Octets> packetize(const Octets& frame, std::size_t max_payload,
                              H264Mode mode = H264Mode::non_interleaved) {
  std::vector<Octets> out;
  H264Packetizer packetizer(frame, mode, max_payload);
  while (const auto fragment = packetizer.next()) {
    Octets payload(max_payload);
    payload.resize(H264Packetizer::write(frame, *fragment, payload));
    EXPECT_FALSE(payload.empty());
    out.push_back(std::move(payload));
  }
  return out;
}
std::optional<Octets> join(const std::vector<Octets>& payloads) {
  test::TestEnv env;
  std::vector<Buffer> buffers;
  for (const Octets& payload : payloads) {
    buffers.push_back(Buffer::copy_of(env.memory, payload));
  }
  const auto joined = join_h264(buffers, env.memory);
  if (!joined) return std::nullopt;
  return Octets(joined->bytes().begin(), joined->bytes().end());
}

TEST(AnnexB, start_codes_of_three_and_of_four_bytes_stand_between_units) {
  EXPECT_EQ(units_of(long_code + unit(0x67, 4) + short_code + unit(0x68, 3)),
            (std::vector<Octets>{unit(0x67, 4), unit(0x68, 3)}));
}

TEST(AnnexB, zeros_around_units_belong_to_none) {
  const Octets zeros = octets({0, 0, 0});
  EXPECT_EQ(units_of(zeros + long_code + unit(0x67, 4) + zeros + long_code + unit(0x65, 5) + zeros),
            (std::vector<Octets>{unit(0x67, 4), unit(0x65, 5)}));
}

TEST(AnnexB, emulation_prevention_is_no_start_code) {
  const Octets nal = octets({0x65, 0, 0, 3, 1, 0, 0, 3, 0, 7});
  EXPECT_EQ(units_of(long_code + nal), (std::vector<Octets>{nal}));
}

TEST(AnnexB, what_has_no_start_code_is_one_unit) {
  EXPECT_EQ(units_of(unit(0x65, 9)), (std::vector<Octets>{unit(0x65, 9)}));
}

TEST(AnnexB, a_byte_stream_begins_with_a_start_code) {
  EXPECT_TRUE(is_byte_stream(long_code + unit(0x65, 9)));
  EXPECT_TRUE(is_byte_stream(short_code + unit(0x65, 9)));
  EXPECT_TRUE(is_byte_stream(octets({0, 0}) + long_code + unit(0x65, 9)));
  EXPECT_FALSE(is_byte_stream(unit(0x65, 9)));
  EXPECT_FALSE(is_byte_stream(octets({0, 0, 0, 9}) + unit(0x65, 9)));  // a length
  EXPECT_FALSE(is_byte_stream(octets({0, 1}) + unit(0x65, 9)));
  EXPECT_FALSE(is_byte_stream(octets({0, 0, 0})));
  EXPECT_FALSE(is_byte_stream({}));
}

TEST(AnnexB, nothing_but_codes_and_zeros_is_no_unit) {
  EXPECT_TRUE(units_of({}).empty());
  EXPECT_TRUE(units_of(octets({0})).empty());
  EXPECT_TRUE(units_of(octets({0, 0, 1})).empty());
  EXPECT_TRUE(units_of(octets({0, 0, 0, 1, 0, 0, 1, 0})).empty());
}

// [rfc6184#5.6]
TEST(H264Packetizer, one_unit_that_fits_is_a_packet_as_it_is) {
  const Octets nal = unit(0x41, 100);
  EXPECT_EQ(packetize(long_code + nal, 100), (std::vector<Octets>{nal}));
}

// [rfc6184#5.7.1]
TEST(H264Packetizer, small_units_travel_together) {
  const Octets sps = octets({0x67, 1, 2}), pps = octets({0x28, 3});
  EXPECT_EQ(packetize(long_code + sps + short_code + pps, 1200),
            (std::vector<Octets>{octets({0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x28, 3})}));
}

TEST(H264Packetizer, the_forbidden_bit_of_one_is_that_of_all) {
  const auto payloads =
      packetize(long_code + octets({0x01, 9}) + long_code + octets({0x81, 9}), 1200);
  ASSERT_EQ(payloads.size(), 1u);
  EXPECT_EQ(payloads[0][0], std::byte{0x80 | 24});
}

// [rfc6184#5.8]
TEST(H264Packetizer, a_large_unit_is_cut_into_parts_of_nearly_the_same_size) {
  const Octets nal = unit(0x65, 11);
  EXPECT_EQ(packetize(long_code + nal, 6),
            (std::vector<Octets>{octets({0x7C, 0x85, 2, 3, 4, 5}), octets({0x7C, 0x05, 6, 7, 8}),
                                 octets({0x7C, 0x45, 9, 10, 11})}));
}

TEST(H264Packetizer, mode_0_knows_single_units_alone) {
  const Octets sps = unit(0x67, 5), pps = unit(0x68, 4), picture = unit(0x65, 50);
  EXPECT_EQ(packetize(long_code + sps + long_code + pps + long_code + picture, 50,
                      H264Mode::single_nal_unit),
            (std::vector<Octets>{sps, pps, picture}));

  const Octets frame = long_code + sps + long_code + unit(0x65, 51);
  H264Packetizer packetizer(frame, H264Mode::single_nal_unit, 50);
  EXPECT_TRUE(packetizer.next());
  EXPECT_FALSE(packetizer.next());
  EXPECT_TRUE(packetizer.too_large());
}

TEST(H264Packetizer, units_that_are_none_of_h264_do_not_travel) {
  const Octets nal = unit(0x41, 10);
  EXPECT_EQ(
      packetize(long_code + unit(0x7C, 10) + long_code + nal + long_code + unit(0x60, 9), 1200),
      (std::vector<Octets>{nal}));
}

TEST(H264Packetizer, nor_between_others_that_travel_together) {
  const Octets sps = octets({0x67, 1}), none = octets({0x60, 9}), pps = octets({0x68, 2});
  EXPECT_EQ(packetize(long_code + sps + long_code + none + long_code + pps, 1200),
            (std::vector<Octets>{octets({0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2})}));
}

TEST(H264Packetizer, a_lost_packet_is_written_again_from_its_fragment) {
  const Octets frame =
      long_code + unit(0x67, 8) + long_code + unit(0x68, 4) + long_code + unit(0x65, 3000);
  H264Packetizer packetizer(frame, H264Mode::non_interleaved, 1200);
  std::vector<Fragment> fragments;
  while (const auto fragment = packetizer.next()) fragments.push_back(*fragment);
  const auto payloads = packetize(frame, 1200);
  ASSERT_EQ(fragments.size(), payloads.size());
  for (std::size_t i = fragments.size(); i-- > 0;) {
    Octets again(1200);
    again.resize(H264Packetizer::write(frame, fragments[i], again));
    EXPECT_EQ(again, payloads[i]);
  }
}

// covers: changelog 39
TEST(H264, any_access_unit_comes_out_as_it_went_in) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    Octets frame, expected;
    const std::size_t count = 1 + random() % 6;
    for (std::size_t i = 0; i < count; ++i) {
      static constexpr int headers[] = {0x67, 0x68, 0x65, 0x41, 0x06, 0x01, 0x09};
      const std::size_t size = random() % 3 == 0 ? 1 + random() % 5000 : 1 + random() % 60;
      const Octets nal = unit(headers[random() % std::size(headers)], size);
      frame = std::move(frame) + (random() % 2 ? long_code : short_code) + nal;
      expected = std::move(expected) + long_code + nal;
    }
    const std::size_t max_payload = 20 + random() % 1300;
    const auto payloads = packetize(frame, max_payload);
    for (const Octets& payload : payloads) ASSERT_LE(payload.size(), max_payload);
    ASSERT_EQ(join(payloads), expected) << "round " << round;
  }
}

// covers: bug 54, must rfc6184#5.8
TEST(H264Depacketizer, half_a_unit_is_no_frame) {
  auto payloads = packetize(long_code + unit(0x65, 3000), 1000);
  ASSERT_EQ(payloads.size(), 4u);
  for (std::size_t lost = 0; lost < payloads.size(); ++lost) {
    auto rest = payloads;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(lost));
    // A missing middle shows in the sequence numbers alone; that is the frame buffer's part.
    if (lost == 0 || lost == 3) {
      EXPECT_FALSE(join(rest)) << lost;
    }
  }
}

// covers: must rfc6184#5.8
TEST(H264Depacketizer, a_unit_between_two_parts_spoils_the_frame) {
  auto payloads = packetize(long_code + unit(0x65, 1500), 1000);
  payloads.insert(payloads.begin() + 1, unit(0x41, 10));
  EXPECT_FALSE(join(payloads));
}

// covers: bug 54, must rfc6184#5.7
TEST(H264Depacketizer, lengths_that_lie_spoil_the_frame) {
  EXPECT_FALSE(join({octets({0x78, 0, 3, 0x67, 1})}));     // more than there is
  EXPECT_FALSE(join({octets({0x78, 0, 0, 0, 1, 0x67})}));  // a unit of nothing
  EXPECT_FALSE(join({octets({0x78, 0, 1, 0x67, 0})}));     // half a length
  EXPECT_FALSE(join({octets({0x78, 0, 2, 0x7C, 0x85})}));  // a part inside
  EXPECT_FALSE(join({octets({0x7C})}));                    // a part without its header
  EXPECT_FALSE(join({octets({0x7C, 0x9C, 1}), octets({0x7C, 0x5C, 1})}));  // parts of a part
}

// covers: bug 54, must rfc6184#5.4
TEST(H264Depacketizer, modes_that_we_never_negotiate_spoil_the_frame) {
  for (const int type : {0, 25, 26, 27, 29, 30, 31}) {
    EXPECT_FALSE(join({octets({0x60 | type, 0, 1, 0x67})})) << type;
  }
}

// covers: bug 54, bug 55, must rfc6184#5.8
TEST(H264Depacketizer, parts_that_begin_twice_or_never_end_spoil_the_frame) {
  const Octets begin = octets({0x7C, 0x85, 1}), middle = octets({0x7C, 0x05, 2}),
               end = octets({0x7C, 0x45, 3});
  EXPECT_EQ(join({begin, middle, end}), long_code + octets({0x65, 1, 2, 3}));
  EXPECT_FALSE(join({begin, begin, end}));
  EXPECT_FALSE(join({begin, octets({0x7C, 0xC5, 9})}));
  EXPECT_FALSE(join({end}));
  EXPECT_FALSE(join({begin, end, end}));
  std::vector<Octets> endless(100'000, middle);
  endless[0] = begin;
  EXPECT_FALSE(join(endless));
}

TEST(H264Depacketizer, one_part_that_is_first_and_last_is_whole) {
  EXPECT_EQ(join({octets({0x7C, 0xC5, 8, 9})}), long_code + octets({0x65, 8, 9}));
}

TEST(H264Depacketizer, empty_payloads_carry_nothing) {
  EXPECT_EQ(join({Octets(), octets({0x65, 1}), Octets()}), long_code + octets({0x65, 1}));
  EXPECT_FALSE(join({Octets()}));
  EXPECT_FALSE(join({}));
}

TEST(H264, a_keyframe_has_a_picture_that_needs_no_other) {
  EXPECT_TRUE(is_h264_keyframe(long_code + unit(0x67, 4) + long_code + unit(0x65, 4)));
  EXPECT_FALSE(is_h264_keyframe(long_code + unit(0x67, 4) + long_code + unit(0x41, 4)));
  // Or says that the stream may be begun there.
  EXPECT_TRUE(is_h264_keyframe(long_code + octets({0x06, 6, 1, 0xC4}) + long_code + unit(0x41, 4)));
  EXPECT_FALSE(
      is_h264_keyframe(long_code + octets({0x06, 5, 1, 0xC4}) + long_code + unit(0x41, 4)));
  // Whatever other messages stand before that one, emulation prevention and all.
  const auto says = [](std::initializer_list<int> messages) {
    return is_h264_keyframe(long_code + octets({0x06}) + octets(messages) + long_code +
                            unit(0x41, 4));
  };
  EXPECT_TRUE(says({5, 2, 0xAA, 0xBB, 6, 1, 0xC4, 0x80}));
  EXPECT_TRUE(says({0xFF, 5, 1, 0xAA, 6, 1, 0xC4, 0x80}));
  EXPECT_TRUE(says({5, 4, 0, 0, 3, 1, 7, 6, 1, 0xC4, 0x80}));
  EXPECT_FALSE(says({5, 3, 6, 1, 0xC4, 0x80}));
  EXPECT_FALSE(says({0xFF, 6, 1, 0xC4, 0x80})) << "its type is 261";
  EXPECT_FALSE(says({5, 200, 6, 1, 0xC4, 0x80})) << "longer than the unit";
}

TEST(H264, a_stream_begins_with_a_set_or_a_delimiter_before_the_first_picture) {
  const Octets sps = long_code + unit(0x67, 4), pps = long_code + unit(0x68, 4),
               message = long_code + unit(0x06, 9), picture = long_code + unit(0x65, 9);
  EXPECT_TRUE(begins_h264_stream(sps + pps + picture));
  EXPECT_TRUE(begins_h264_stream(long_code + unit(0x09, 2) + picture));
  EXPECT_TRUE(begins_h264_stream(message + sps + pps + picture));
  EXPECT_TRUE(begins_h264_stream(message + message + sps + pps + picture));
  EXPECT_FALSE(begins_h264_stream(message + picture));
  EXPECT_FALSE(begins_h264_stream(pps + picture));
  EXPECT_FALSE(begins_h264_stream(picture + sps));
  EXPECT_FALSE(begins_h264_stream({}));
}

}  // namespace
}  // namespace esp_peer::codec
