// Joins the payloads of one frame into a JFIF file [rfc2435].
#pragma once
#include <array>
#include <optional>
#include <span>

#include "base/containers.hpp"

namespace esp_peer::codec {

class JpegJoiner {
 public:
  // All payloads of a frame in their order. Nothing when they do not fit together, when their
  // tables were never sent, or when there is no memory.
  std::optional<Buffer> join(std::span<const Buffer> payloads, Memory& memory);

 private:
  // [rfc2435#4.2] A q of 128…254 names tables that need not come again. A camera has one such q.
  static constexpr std::size_t max_kept = 2;
  struct Tables {
    std::uint8_t q = 0;  // 0 = none
    std::array<std::byte, 128> values{};
  };
  bool find_tables(std::uint8_t q, Bytes sent, Tables& found);

  std::array<Tables, max_kept> kept_{};
  std::size_t oldest_ = 0;
};

}  // namespace esp_peer::codec
