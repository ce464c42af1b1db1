// Memory that is counted, that can run out, and that notices when a block comes back wrong.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "base/memory.hpp"

namespace esp_peer::sim {

class CountingMemory final : public Memory {
 public:
  void* allocate(std::size_t size) override {
    if (allocations_++ >= fail_from_ && refusals_ != 0) {
      --refusals_;
      return nullptr;
    }
    // Its size stands in front of the block, at the alignment of any type.
    auto* block = static_cast<std::byte*>(std::malloc(size + front));
    if (!block) return nullptr;
    *reinterpret_cast<std::size_t*>(block) = size;
    live_ += size;
    ++blocks_;
    peak_ = std::max(peak_, live_);
    return block + front;
  }
  void release(void* block, std::size_t size) override {
    auto* raw = static_cast<std::byte*>(block) - front;
    // A block that comes back with another size would go back to another pool on a small machine.
    if (*reinterpret_cast<std::size_t*>(raw) != size) ++wrong_releases_;
    live_ -= *reinterpret_cast<std::size_t*>(raw);
    --blocks_;
    std::free(raw);
  }

  // The k-th allocation from now on is refused, and so are `refusals` − 1 after it.
  void fail_at(std::uint64_t k, std::uint64_t refusals = 1) {
    fail_from_ = allocations_ + k;
    refusals_ = refusals;
  }

  std::size_t live() const { return live_; }
  std::size_t peak() const { return peak_; }
  std::size_t blocks() const { return blocks_; }
  std::uint64_t allocations() const { return allocations_; }
  std::uint64_t wrong_releases() const { return wrong_releases_; }

 private:
  static constexpr std::size_t front = alignof(std::max_align_t);
  std::size_t live_ = 0, peak_ = 0, blocks_ = 0;
  std::uint64_t allocations_ = 0, wrong_releases_ = 0, refusals_ = 0;
  std::uint64_t fail_from_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace esp_peer::sim
