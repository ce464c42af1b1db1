// Which packets of a source came, as far back as `Size`; what is older counts as come
// [rfc3711#3.3.2]. Numbers do not wrap.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace esp_peer::srtp {

template <std::size_t Size>
class ReplayWindow {
 public:
  bool is_new(std::uint64_t number) const {
    if (!highest_ || number > *highest_) return true;
    return *highest_ - number < Size && !bit(number);
  }
  void add(std::uint64_t number) {
    if (!highest_ || (number > *highest_ && number - *highest_ >= Size)) {
      words_ = {};
      highest_ = number;
    }
    while (*highest_ < number) {
      ++*highest_;
      word(*highest_) &= ~mask(*highest_);
    }
    word(number) |= mask(number);
  }
  // As if this one and all before it had come.
  void start_behind(std::uint64_t number) {
    words_.fill(~std::uint64_t{0});
    highest_ = number;
  }

  // The highest that came, if any did.
  std::optional<std::uint64_t> highest() const { return highest_; }
  // The number was added, and is still in the window.
  bool holds(std::uint64_t number) const {
    return highest_ && number <= *highest_ && *highest_ - number < Size && bit(number);
  }

 private:
  static_assert(Size % 64 == 0);

  static std::uint64_t mask(std::uint64_t number) { return std::uint64_t{1} << number % 64; }
  std::uint64_t& word(std::uint64_t number) { return words_[number % Size / 64]; }
  bool bit(std::uint64_t number) const { return words_[number % Size / 64] & mask(number); }

  std::array<std::uint64_t, Size / 64> words_{};
  std::optional<std::uint64_t> highest_;
};

}  // namespace esp_peer::srtp
