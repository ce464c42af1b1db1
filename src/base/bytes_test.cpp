#include "base/bytes.hpp"

#include <gtest/gtest.h>

#include <array>

namespace esp_peer {
namespace {

template <class... B>
std::array<std::byte, sizeof...(B)> bytes_of(B... b) {
  return {static_cast<std::byte>(b)...};
}

TEST(Reader, reads_in_network_order) {
  const auto data = bytes_of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  Reader r(data);
  EXPECT_EQ(r.u8(), 0x01);
  EXPECT_EQ(r.u16(), 0x0203);
  EXPECT_EQ(r.u24(), 0x040506u);
  EXPECT_EQ(r.u32(), 0x0708090Au);
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(r.remaining(), 0u);
}

TEST(Reader, fails_for_good_at_the_first_read_past_the_end) {
  const auto data = bytes_of(1, 2, 3);
  Reader r(data);
  EXPECT_EQ(r.u32(), 0u);
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.u8(), 0u) << "what would have fitted is not read either";
  EXPECT_TRUE(r.bytes(0).empty());
  EXPECT_FALSE(r.ok());
}

TEST(Reader, does_not_overflow_on_a_huge_length) {
  const auto data = bytes_of(1, 2, 3);
  Reader r(data);
  r.skip(static_cast<std::size_t>(-1));
  EXPECT_FALSE(r.ok());
}

TEST(Writer, writes_what_the_reader_reads) {
  std::array<std::byte, 32> room{};
  Writer w(room);
  w.u8(1);
  w.u16(0x0203);
  w.u24(0x040506);
  w.u32(0x0708090A);
  w.u64(0x0B0C0D0E0F101112);
  w.pad_to_multiple_of(4);
  ASSERT_TRUE(w.ok());
  EXPECT_EQ(w.size(), 20u);
  for (std::size_t i = 0; i < 18; ++i) EXPECT_EQ(room[i], static_cast<std::byte>(i + 1));
  w.patch_u16(1, 0xAABB);
  EXPECT_EQ(room[1], std::byte{0xAA});
  EXPECT_EQ(room[2], std::byte{0xBB});
}

TEST(Writer, writes_nothing_behind_its_room) {
  auto room = bytes_of(0xEE, 0xEE, 0xEE, 0xEE);
  Writer w(MutableBytes(room).first(3));
  w.u16(0);
  w.u16(0);
  EXPECT_FALSE(w.ok());
  w.u8(0);
  EXPECT_EQ(w.size(), 2u) << "a failed writer stays as it was";
  EXPECT_EQ(room[2], std::byte{0xEE});
  EXPECT_EQ(room[3], std::byte{0xEE});
  w.patch_u16(1, 0xFFFF);
  EXPECT_EQ(room[1], std::byte{0}) << "a patch stays inside what was written";
}

TEST(Bytes, compares_in_constant_time_what_memcmp_compares) {
  const auto a = bytes_of(1, 2, 3), b = bytes_of(1, 2, 4);
  EXPECT_TRUE(equal_constant_time(a, a));
  EXPECT_FALSE(equal_constant_time(a, b));
  EXPECT_FALSE(equal_constant_time(a, Bytes(a).first(2)));
  EXPECT_TRUE(equal_constant_time({}, {}));
}

}  // namespace
}  // namespace esp_peer
