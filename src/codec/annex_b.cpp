#include "codec/annex_b.hpp"

#include <cstring>

namespace esp_peer::codec {
namespace {

constexpr std::byte zero{0}, one{1};

// Where the next 00 00 01 begins; the size when there is none. A camera's frame is gone through
// several times, and memchr takes many bytes at once.
std::size_t find_start_code(Bytes in) {
  for (std::size_t i = 2; i < in.size(); ++i) {
    const void* const at = std::memchr(in.data() + i, 1, in.size() - i);
    if (!at) break;
    i = static_cast<std::size_t>(static_cast<const std::byte*>(at) - in.data());
    if (in[i - 1] == zero && in[i - 2] == zero) return i - 2;
  }
  return in.size();
}
Bytes without_zeros_behind(Bytes unit) {
  while (!unit.empty() && unit.back() == zero) unit = unit.first(unit.size() - 1);
  return unit;
}

}  // namespace

NalReader::NalReader(Bytes stream) : rest_(stream) {
  std::size_t zeros = 0;
  while (zeros < rest_.size() && rest_[zeros] == zero) ++zeros;
  const bool code = zeros >= 2 && zeros < rest_.size() && rest_[zeros] == one;
  rest_ = rest_.subspan(code ? zeros + 1 : zeros);
}

std::optional<Bytes> NalReader::next() {
  while (!rest_.empty()) {
    const std::size_t end = find_start_code(rest_);
    const Bytes unit = without_zeros_behind(rest_.first(end));
    rest_ = end == rest_.size() ? Bytes() : rest_.subspan(end + 3);
    if (!unit.empty()) return unit;
  }
  return std::nullopt;
}

}  // namespace esp_peer::codec
