// Tables of reflected CRCs, made by the compiler: 1 KB of flash each.
#pragma once
#include <array>
#include <cstdint>

#include "base/bytes.hpp"

namespace esp_peer::crypto {

using CrcTable = std::array<std::uint32_t, 256>;

constexpr CrcTable make_crc_table(std::uint32_t reflected_polynomial) {
  CrcTable table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = value >> 1 ^ ((value & 1) != 0 ? reflected_polynomial : 0);
    }
    table[i] = value;
  }
  return table;
}

inline std::uint32_t crc_update(const CrcTable& table, std::uint32_t state, Bytes bytes) {
  for (const std::byte b : bytes) {
    state = table[(state ^ std::to_integer<std::uint32_t>(b)) & 0xFF] ^ state >> 8;
  }
  return state;
}

// The state of a CRC-32C after `bytes`: by a table, or by whatever this machine does faster.
std::uint32_t crc32c_update_by_table(std::uint32_t state, Bytes bytes);
std::uint32_t crc32c_update(std::uint32_t state, Bytes bytes);

}  // namespace esp_peer::crypto
