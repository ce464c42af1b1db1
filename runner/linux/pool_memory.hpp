// Memory from malloc that is kept for the next one of its size: what runs evenly asks the heap for
// nothing any more. For one thread at a time.
#pragma once
#include <array>
#include <bit>
#include <cstdlib>

#include "base/memory.hpp"

namespace esp_peer::linux_runner {

class PoolMemory final : public Memory {
 public:
  // Bytes that are kept while nobody uses them; what is given back above that goes to the heap.
  explicit PoolMemory(std::size_t most_kept = 4 * 1024 * 1024) : most_kept_(most_kept) {}
  PoolMemory(const PoolMemory&) = delete;
  ~PoolMemory() {
    for (Block*& first : kept_) {
      while (first) std::free(std::exchange(first, first->next));
    }
  }

  void* allocate(std::size_t size) override {
    const std::size_t kind = kind_of(size);
    if (kind >= kinds) return std::malloc(size);
    Block* const block = kept_[kind];
    if (!block) return std::malloc(size_of(kind));
    kept_[kind] = block->next;
    kept_bytes_ -= size_of(kind);
    return block;
  }
  void release(void* block, std::size_t size) override {
    const std::size_t kind = kind_of(size);
    if (kind >= kinds || kept_bytes_ + size_of(kind) > most_kept_) return std::free(block);
    kept_[kind] = ::new (block) Block{kept_[kind]};
    kept_bytes_ += size_of(kind);
  }

  std::size_t kept() const { return kept_bytes_; }

 private:
  struct Block {
    Block* next;
  };
  static constexpr std::size_t smallest = 64, kinds = 14;  // up to half a megabyte
  static constexpr std::size_t size_of(std::size_t kind) { return smallest << kind; }
  static std::size_t kind_of(std::size_t size) {
    return size <= smallest ? 0 : std::bit_width((size - 1) / smallest);
  }

  std::array<Block*, kinds> kept_{};
  std::size_t kept_bytes_ = 0, most_kept_;
};

}  // namespace esp_peer::linux_runner
