#include "base/containers.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

namespace esp_peer {
namespace {

// Counts what is lent, and lends nothing from the `fail_from`th block on.
class TestMemory final : public Memory {
 public:
  void* allocate(std::size_t size) override {
    if (blocks_++ >= fail_from) return nullptr;
    live += size;
    return std::malloc(size);
  }
  void release(void* block, std::size_t size) override {
    live -= size;
    std::free(block);
  }
  std::size_t live = 0;
  std::size_t fail_from = static_cast<std::size_t>(-1);

 private:
  std::size_t blocks_ = 0;
};

using Item = std::unique_ptr<int>;  // moves only, and leaks loudly when forgotten

TEST(Vector, keeps_order_through_growth_and_erasure) {
  TestMemory memory;
  {
    Vector<Item> v(memory);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(v.push_back(std::make_unique<int>(i)));
    v.erase(0);
    v.erase(50);
    v.pop_back();
    ASSERT_EQ(v.size(), 97u);
    EXPECT_EQ(*v[0], 1);
    EXPECT_EQ(*v[49], 50);
    EXPECT_EQ(*v[50], 52);
    EXPECT_EQ(*v.back(), 98);
    Vector<Item> moved = std::move(v);
    EXPECT_EQ(moved.size(), 97u);
  }
  EXPECT_EQ(memory.live, 0u);
}

TEST(Vector, stays_as_it_was_when_memory_ends) {
  TestMemory memory;
  memory.fail_from = 1;
  Vector<int> v(memory);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(v.push_back(i));
  EXPECT_FALSE(v.push_back(4));
  EXPECT_EQ(v.size(), 4u);
  EXPECT_EQ(v[3], 3);
}

TEST(Deque, is_a_ring_that_grows) {
  TestMemory memory;
  {
    Deque<Item> d(memory);
    int pushed = 0, popped = 0;
    for (int round = 0; round < 50; ++round) {
      for (int i = 0; i < 5; ++i) ASSERT_TRUE(d.push_back(std::make_unique<int>(pushed++)));
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(*d.front(), popped++);
        d.pop_front();
      }
    }
    ASSERT_EQ(d.size(), 100u);
    for (std::size_t i = 0; i < d.size(); ++i) EXPECT_EQ(*d[i], popped + static_cast<int>(i));
    d.pop_back();
    EXPECT_EQ(*d.back(), pushed - 2);
  }
  EXPECT_EQ(memory.live, 0u);
}

TEST(Deque, stays_as_it_was_when_memory_ends) {
  TestMemory memory;
  memory.fail_from = 1;
  Deque<int> d(memory);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(d.push_back(i));
  EXPECT_FALSE(d.push_back(8));
  EXPECT_EQ(d.size(), 8u);
  EXPECT_EQ(d.front(), 0);
}

TEST(Fixed, containers_say_when_they_are_full) {
  FixedVector<int, 2> v;
  EXPECT_TRUE(v.push_back(1));
  EXPECT_TRUE(v.push_back(2));
  EXPECT_FALSE(v.push_back(3));
  v.erase(0);
  EXPECT_EQ(v[0], 2);

  FixedString<4> s;
  EXPECT_TRUE(s.assign("four"));
  EXPECT_FALSE(s.assign("fives"));
  EXPECT_EQ(s.view(), "four");
}

TEST(Buffer, ends_with_a_zero_that_is_not_counted) {
  TestMemory memory;
  {
    Buffer b = Buffer::copy_of(memory, as_bytes("hello"));
    ASSERT_TRUE(b);
    EXPECT_EQ(b.size(), 5u);
    EXPECT_STREQ(reinterpret_cast<const char*>(b.bytes().data()), "hello");
    b.shrink(4);
    EXPECT_STREQ(reinterpret_cast<const char*>(b.bytes().data()), "hell");
    Buffer empty = Buffer::with_size(memory, 0);
    EXPECT_TRUE(empty) << "an empty run is a run";
    EXPECT_EQ(empty.size(), 0u);
    b = std::move(empty);
    EXPECT_EQ(b.size(), 0u);
  }
  EXPECT_EQ(memory.live, 0u);
  memory.fail_from = 0;
  EXPECT_FALSE(Buffer::with_size(memory, 1));
}

TEST(Owned, gives_its_object_back) {
  TestMemory memory;
  {
    auto item = Owned<Item>::make(memory, std::make_unique<int>(7));
    ASSERT_TRUE(item);
    EXPECT_EQ(**item, 7);
    Owned<Item> moved = std::move(item);
    EXPECT_FALSE(item);  // NOLINT(bugprone-use-after-move): that it is empty is the point
    EXPECT_EQ(**moved, 7);
  }
  EXPECT_EQ(memory.live, 0u);
  memory.fail_from = 0;
  EXPECT_FALSE(Owned<int>::make(memory, 1));
}

}  // namespace
}  // namespace esp_peer
