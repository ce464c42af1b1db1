#include "crypto/crc32.hpp"

#include "crypto/crc32_table.hpp"

namespace esp_peer::crypto {
namespace {

constexpr CrcTable iso_hdlc = make_crc_table(0xEDB88320u);
constexpr CrcTable castagnoli = make_crc_table(0x82F63B78u);

}  // namespace

std::uint32_t crc32(Bytes bytes) { return ~crc_update(iso_hdlc, 0xFFFFFFFFu, bytes); }

std::uint32_t crc32c(Bytes bytes) {
  Crc32c crc;
  crc.add(bytes);
  return crc.value();
}

void Crc32c::add(Bytes bytes) { state_ = crc32c_update(state_, bytes); }

std::uint32_t crc32c_update_by_table(std::uint32_t state, Bytes bytes) {
  return crc_update(castagnoli, state, bytes);
}

}  // namespace esp_peer::crypto
