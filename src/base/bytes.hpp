// Bytes of the network: read through a checked reader, written into lent room. Network order.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/bug.hpp"

namespace esp_peer {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline bool equal(Bytes a, Bytes b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}
// For secrets and tags: takes the same time wherever the first difference is.
inline bool equal_constant_time(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  volatile unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = difference | std::to_integer<unsigned>(a[i] ^ b[i]);
  }
  return difference == 0;
}
// Copies and tolerates empty ranges; `to` is at least as large as `from`.
inline void copy_bytes(Bytes from, MutableBytes to) {
  ESP_PEER_BUG_IF(from.size() > to.size());
  const std::size_t n = std::min(from.size(), to.size());
  if (n != 0) std::memmove(to.data(), from.data(), n);
}

// Of keys that are not needed any more: no compiler leaves this out.
inline void wipe(MutableBytes secret) {
  volatile std::byte* const at = secret.data();
  for (std::size_t i = 0; i < secret.size(); ++i) at[i] = std::byte{0};
}

// Reads values from the front. The first read past the end fails the reader for good: it returns
// zeros and empty ranges from then on, so that a parser may ask ok() once, at the end.
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u24() { return number(3); }
  std::uint32_t u32() { return number(4); }
  std::uint64_t u64() {
    const std::uint64_t high = number(4);
    return high << 32 | number(4);
  }
  Bytes bytes(std::size_t n);
  void skip(std::size_t n) { static_cast<void>(bytes(n)); }

  bool ok() const { return ok_; }
  std::size_t remaining() const { return rest_.size(); }
  Bytes rest() const { return rest_; }

 private:
  std::uint32_t number(std::size_t size);

  Bytes rest_;
  bool ok_ = true;
};

// Writes values into lent room. The first write that does not fit fails the writer for good, and
// nothing more is written.
class Writer {
 public:
  explicit Writer(MutableBytes room) : room_(room) {}

  void u8(std::uint8_t v) { put(v, 1); }
  void u16(std::uint16_t v) { put(v, 2); }
  void u24(std::uint32_t v) { put(v, 3); }
  void u32(std::uint32_t v) { put(v, 4); }
  void u64(std::uint64_t v) {
    put(static_cast<std::uint32_t>(v >> 32), 4);
    put(static_cast<std::uint32_t>(v & 0xFFFF'FFFF), 4);
  }
  void bytes(Bytes from);
  void text(std::string_view from) { bytes(as_bytes(from)); }
  void zeros(std::size_t n);
  void pad_to_multiple_of(std::size_t n) { zeros((n - size_ % n) % n); }
  // Room for the caller to fill itself; empty when it does not fit.
  MutableBytes take(std::size_t n);
  // Overwrites two bytes that were written before, e.g. a length known only afterwards.
  void patch_u16(std::size_t at, std::uint16_t v) {
    if (at + 2 > size_) return;
    room_[at] = static_cast<std::byte>(v >> 8);
    room_[at + 1] = static_cast<std::byte>(v & 0xFF);
  }

  bool ok() const { return ok_; }
  std::size_t size() const { return size_; }
  std::size_t room_left() const { return ok_ ? room_.size() - size_ : 0; }
  MutableBytes written() const { return room_.first(size_); }

 private:
  void put(std::uint32_t v, std::size_t size);

  MutableBytes room_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace esp_peer
