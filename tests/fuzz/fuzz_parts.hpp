// What every stateful fuzz target needs: a trap, memory that counts and may refuse, packets whose
// checksum has been made right.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/env.hpp"
#include "crypto/crc32.hpp"

namespace esp_peer::fuzz {

inline void require(bool holds) {
  if (!holds) __builtin_trap();
}

using Packet = std::vector<std::byte>;

// Traps above its cap, where a block comes back with another size, and where one never comes back.
// Every `refuse_every`th allocation is refused; 0 = none is.
class Memory final : public esp_peer::Memory {
 public:
  explicit Memory(std::size_t cap, std::size_t refuse_every = 0)
      : cap_(cap), refuse_every_(refuse_every) {}
  ~Memory() { require(live_ == 0); }

  void* allocate(std::size_t size) override {
    require(size > 0);
    if (refuse_every_ != 0 && ++count_ % refuse_every_ == 0) return nullptr;
    live_ += size;
    require(live_ <= cap_);
    auto* block = static_cast<std::size_t*>(std::malloc(size + front));
    *block = size;
    return reinterpret_cast<std::byte*>(block) + front;
  }
  void release(void* block, std::size_t size) override {
    auto* whole = reinterpret_cast<std::size_t*>(static_cast<std::byte*>(block) - front);
    require(*whole == size);
    live_ -= size;
    std::free(whole);
  }
  std::size_t live() const { return live_; }

 private:
  static constexpr std::size_t front = alignof(std::max_align_t);
  std::size_t cap_, refuse_every_;
  std::size_t live_ = 0, count_ = 0;
};

// Different numbers every time, the same in every run.
class CountingRandom final : public Random {
 public:
  explicit CountingRandom(std::uint64_t seed) : state_(seed) {}
  void fill_public(MutableBytes out) override {
    for (std::byte& b : out) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      b = static_cast<std::byte>(state_ >> 56);
    }
  }
  void fill_secret(MutableBytes out) override { fill_public(out); }

 private:
  std::uint64_t state_;
};

// Makes the checksum of an SCTP packet right [rfc9260#6.8], so that the fuzzer comes past it.
inline void repair_checksum(MutableBytes packet) {
  if (packet.size() < 12) return;
  for (std::size_t i = 8; i < 12; ++i) packet[i] = std::byte{0};
  const std::uint32_t crc = crypto::crc32c(packet);
  for (std::size_t i = 0; i < 4; ++i) packet[8 + i] = static_cast<std::byte>(crc >> 8 * i & 0xFF);
}

}  // namespace esp_peer::fuzz
