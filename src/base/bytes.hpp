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

  std::uint8_t u8() { return static_cast<std::uint8_t>(unsigned_of<1>()); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(unsigned_of<2>()); }
  std::uint32_t u24() { return static_cast<std::uint32_t>(unsigned_of<3>()); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(unsigned_of<4>()); }
  std::uint64_t u64() { return unsigned_of<8>(); }
  Bytes bytes(std::size_t n) {
    if (n > rest_.size()) return fail();
    const Bytes head = rest_.first(n);
    rest_ = rest_.subspan(n);
    return head;
  }
  void skip(std::size_t n) { static_cast<void>(bytes(n)); }

  bool ok() const { return ok_; }
  std::size_t remaining() const { return rest_.size(); }
  Bytes rest() const { return rest_; }

 private:
  template <std::size_t N>
  std::uint64_t unsigned_of() {
    std::uint64_t value = 0;
    for (const std::byte b : bytes(N)) value = value << 8 | std::to_integer<std::uint64_t>(b);
    return value;
  }
  Bytes fail() {
    ok_ = false;
    rest_ = {};
    return {};
  }

  Bytes rest_;
  bool ok_ = true;
};

// Writes values into lent room. The first write that does not fit fails the writer for good, and
// nothing more is written.
class Writer {
 public:
  explicit Writer(MutableBytes room) : room_(room) {}

  void u8(std::uint8_t v) { put<1>(v); }
  void u16(std::uint16_t v) { put<2>(v); }
  void u24(std::uint32_t v) { put<3>(v); }
  void u32(std::uint32_t v) { put<4>(v); }
  void u64(std::uint64_t v) { put<8>(v); }
  void bytes(Bytes from) {
    const MutableBytes at = take(from.size());
    if (ok_) copy_bytes(from, at);
  }
  void text(std::string_view from) { bytes(as_bytes(from)); }
  void zeros(std::size_t n) {
    const MutableBytes at = take(n);
    std::fill(at.begin(), at.end(), std::byte{0});
  }
  void pad_to_multiple_of(std::size_t n) { zeros((n - size_ % n) % n); }
  // Room for the caller to fill itself; empty when it does not fit.
  MutableBytes take(std::size_t n) {
    if (!ok_ || n > room_.size() - size_) {
      ok_ = false;
      return {};
    }
    const MutableBytes at = room_.subspan(size_, n);
    size_ += n;
    return at;
  }
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
  template <std::size_t N>
  void put(std::uint64_t v) {
    const MutableBytes at = take(N);
    for (std::size_t i = 0; i < at.size(); ++i) {
      at[i] = static_cast<std::byte>(v >> (8 * (N - 1 - i)) & 0xFF);
    }
  }

  MutableBytes room_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace esp_peer
