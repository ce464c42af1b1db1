// An environment for tests: memory that is counted, randomness from a seed.
#pragma once
#include <cstdlib>
#include <random>

#include "base/env.hpp"

namespace esp_peer::test {

class CountingMemory final : public Memory {
 public:
  void* allocate(std::size_t size) override {
    if (count_++ >= fail_from) return nullptr;
    live += size;
    peak = std::max(peak, live);
    return std::malloc(size);
  }
  void release(void* block, std::size_t size) override {
    live -= size;
    std::free(block);
  }

  std::size_t allocations() const { return count_; }

  std::size_t live = 0, peak = 0;
  std::size_t fail_from = static_cast<std::size_t>(-1);  // the k-th allocation and all after it

 private:
  std::size_t count_ = 0;
};

// Repeatable, and good for nothing else.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill_public(MutableBytes out) override {
    for (std::byte& b : out) b = static_cast<std::byte>(engine_() >> 56);
  }
  void fill_secret(MutableBytes out) override { fill_public(out); }

 private:
  std::mt19937_64 engine_;
};

struct TestEnv {
  explicit TestEnv(std::uint64_t seed = 1) : random(seed) {}
  CountingMemory memory;
  SeededRandom random;
  Env env{memory, random, {}};
};

constexpr Instant at_ms(std::int64_t ms) { return Instant(milliseconds(ms)); }

}  // namespace esp_peer::test
