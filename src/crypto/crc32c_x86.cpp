// CRC-32C with SSE 4.2's own instruction, where the processor has it.
#include <cstring>

#include "crypto/crc32_table.hpp"

namespace esp_peer::crypto {
namespace {

__attribute__((target("sse4.2"))) std::uint32_t update_sse42(std::uint32_t state, Bytes bytes) {
  std::uint64_t wide = state;
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    wide = __builtin_ia32_crc32di(wide, word);
    bytes = bytes.subspan(8);
  }
  auto narrow = static_cast<std::uint32_t>(wide);
  for (const std::byte b : bytes) {
    narrow = __builtin_ia32_crc32qi(narrow, std::to_integer<std::uint8_t>(b));
  }
  return narrow;
}

}  // namespace

std::uint32_t crc32c_update(std::uint32_t state, Bytes bytes) {
  if (__builtin_cpu_supports("sse4.2")) return update_sse42(state, bytes);
  return crc32c_update_by_table(state, bytes);
}

}  // namespace esp_peer::crypto
