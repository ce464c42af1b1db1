#include "codec/annex_b.hpp"

namespace esp_peer::codec {
namespace {

constexpr std::byte zero{0}, one{1};

// Where the next 00 00 01 begins; the size when there is none.
std::size_t find_start_code(Bytes in) {
  std::size_t i = 2;
  while (i < in.size()) {
    if (in[i] > one) {
      i += 3;  // no start code has such a byte: three places are ruled out by one look
    } else if (in[i] == one && in[i - 1] == zero && in[i - 2] == zero) {
      return i - 2;
    } else {
      ++i;
    }
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
