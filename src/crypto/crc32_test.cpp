#include "crypto/crc32.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "crypto/crc32_table.hpp"

namespace esp_peer::crypto {
namespace {

TEST(Crc, knows_its_check_values) {
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xCBF43926u);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c({}), 0u);
}

TEST(Crc, comes_out_the_same_by_table_and_by_the_processor_in_any_pieces) {
  std::mt19937 random(1);
  std::vector<std::byte> data(3000);
  for (auto& b : data) b = static_cast<std::byte>(random());
  for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 1191u, 3000u}) {
    const Bytes whole = Bytes(data).first(size);
    const std::uint32_t expected = ~crc32c_update_by_table(0xFFFFFFFFu, whole);
    EXPECT_EQ(crc32c(whole), expected) << size;
    Crc32c pieces;
    pieces.add(whole.first(size / 3));
    pieces.add(whole.subspan(size / 3));
    EXPECT_EQ(pieces.value(), expected) << size;
  }
}

}  // namespace
}  // namespace esp_peer::crypto
