// CRC-32C where no instruction of the processor helps.
#include "crypto/crc32_table.hpp"

namespace esp_peer::crypto {

std::uint32_t crc32c_update(std::uint32_t state, Bytes bytes) {
  return crc32c_update_by_table(state, bytes);
}

}  // namespace esp_peer::crypto
