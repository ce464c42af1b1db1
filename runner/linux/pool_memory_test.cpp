// Blocks that were given back are given out again, to those of their size, and only so many wait.
#include "runner/linux/pool_memory.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace esp_peer::linux_runner {
namespace {

TEST(PoolMemory, a_block_comes_back_to_the_next_of_its_size) {
  PoolMemory pool;
  void* const block = pool.allocate(1200);
  pool.release(block, 1200);
  EXPECT_GE(pool.kept(), 1200u);
  void* const other = pool.allocate(30'000);
  EXPECT_NE(other, block);
  EXPECT_EQ(pool.allocate(1300), block);
  EXPECT_EQ(pool.kept(), 0u);
  pool.release(block, 1300);
  pool.release(other, 30'000);
}

TEST(PoolMemory, no_more_is_kept_than_was_allowed) {
  PoolMemory pool(10'000);
  std::vector<void*> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(pool.allocate(1000));
  for (void* block : blocks) pool.release(block, 1000);
  EXPECT_LE(pool.kept(), 10'000u);
  EXPECT_GT(pool.kept(), 5'000u);
}

TEST(PoolMemory, every_size_has_its_bytes_for_itself) {
  PoolMemory pool(100'000);
  std::mt19937 random(1);
  struct Held {
    unsigned char* at;
    std::size_t size;
    unsigned char mark;
  };
  std::vector<Held> held;
  for (int i = 0; i < 20'000; ++i) {
    if (held.size() < 40 || random() % 2) {
      const std::size_t size = 1 + random() % (i % 100 == 0 ? 2'000'000u : 3'000u);
      auto* const at = static_cast<unsigned char*>(pool.allocate(size));
      ASSERT_NE(at, nullptr);
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(at) % alignof(std::max_align_t), 0u);
      held.push_back({at, size, static_cast<unsigned char>(random())});
      std::memset(at, held.back().mark, size);
    }
    if (held.size() < 60) continue;
    std::swap(held[random() % held.size()], held.back());
    const Held& last = held.back();
    for (const std::size_t where : {std::size_t{0}, last.size / 2, last.size - 1}) {
      ASSERT_EQ(last.at[where], last.mark);
    }
    pool.release(last.at, last.size);
    held.pop_back();
  }
  for (const Held& last : held) pool.release(last.at, last.size);
}

}  // namespace
}  // namespace esp_peer::linux_runner
