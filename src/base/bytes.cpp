#include "base/bytes.hpp"

namespace esp_peer {

Bytes Reader::bytes(std::size_t n) {
  ok_ = ok_ && n <= rest_.size();
  if (!ok_) n = 0;
  const Bytes head = rest_.first(n);
  rest_ = ok_ ? rest_.subspan(n) : Bytes();
  return head;
}

std::uint32_t Reader::number(std::size_t size) {
  std::uint32_t value = 0;
  for (const std::byte b : bytes(size)) value = value << 8 | std::to_integer<std::uint32_t>(b);
  return value;
}

void Writer::bytes(Bytes from) {
  const MutableBytes at = take(from.size());
  if (ok_) copy_bytes(from, at);
}

void Writer::zeros(std::size_t n) {
  const MutableBytes at = take(n);
  std::fill(at.begin(), at.end(), std::byte{0});
}

MutableBytes Writer::take(std::size_t n) {
  if (!ok_ || n > room_.size() - size_) {
    ok_ = false;
    return {};
  }
  const MutableBytes at = room_.subspan(size_, n);
  size_ += n;
  return at;
}

void Writer::put(std::uint32_t v, std::size_t size) {
  const MutableBytes at = take(size);
  for (std::size_t i = at.size(); i-- > 0; v >>= 8) at[i] = static_cast<std::byte>(v & 0xFF);
}

}  // namespace esp_peer
