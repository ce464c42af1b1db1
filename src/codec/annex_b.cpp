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
std::size_t zeros_before(Bytes stream) {
  std::size_t zeros = 0;
  while (zeros < stream.size() && stream[zeros] == zero) ++zeros;
  return zeros;
}
Bytes without_zeros_behind(Bytes unit) {
  while (!unit.empty() && unit.back() == zero) unit = unit.first(unit.size() - 1);
  return unit;
}

// Takes the bytes of a unit but those that only keep start codes out of it [H.264 7.4.1.1].
class PayloadReader {
 public:
  explicit PayloadReader(Bytes unit) : rest_(unit) {}
  std::uint8_t u8() {
    constexpr std::byte prevention{3};
    if (zeros_ >= 2 && !rest_.empty() && rest_.front() == prevention) take();
    return take();
  }
  // [H.264 7.3.2.3.1] What 255 stands in front of is larger.
  std::size_t sum() {
    std::size_t sum = 0;
    std::uint8_t part = 0;
    do {
      part = u8();
      sum += part;
    } while (part == 255);
    return sum;
  }
  bool ok() const { return ok_; }

 private:
  std::uint8_t take() {
    ok_ = ok_ && !rest_.empty();
    if (!ok_) return 0;
    const std::byte taken = rest_.front();
    rest_ = rest_.subspan(1);
    zeros_ = taken == zero ? zeros_ + 1 : 0;
    return std::to_integer<std::uint8_t>(taken);
  }
  Bytes rest_;
  unsigned zeros_ = 0;
  bool ok_ = true;
};

}  // namespace

bool is_recovery_point(Bytes unit) {
  if (NalHeader(unit).type() != nal_sei) return false;
  PayloadReader in(unit.subspan(1));
  while (in.ok()) {
    constexpr std::size_t recovery_point = 6;
    const std::size_t type = in.sum(), size = in.sum();
    if (type == recovery_point) return in.ok();
    for (std::size_t i = 0; i < size && in.ok(); ++i) in.u8();
  }
  return false;
}

bool is_byte_stream(Bytes stream) {
  const std::size_t zeros = zeros_before(stream);
  return zeros >= 2 && zeros < stream.size() && stream[zeros] == one;
}

NalReader::NalReader(Bytes stream)
    : rest_(stream.subspan(zeros_before(stream) + (is_byte_stream(stream) ? 1 : 0))) {}

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
