// What waits to be told, and what becomes of it where memory is short.
#include "capi/news.hpp"

#include <gtest/gtest.h>

#include "tests/support/test_env.hpp"

namespace esp_peer::capi {
namespace {

constexpr std::size_t none = 0, enough = static_cast<std::size_t>(-1);

TEST(NewsQueue, keeps_whatever_it_has_made_room_for) {
  test::CountingMemory memory;
  NewsQueue queue(memory);
  for (std::size_t i = 0; i < 100; ++i) {
    memory.fail_from = enough;
    ASSERT_TRUE(queue.make_room());
    memory.fail_from = none;
    queue.push({.kind = News::Kind::video, .pts = static_cast<std::uint32_t>(i)});
    ASSERT_EQ(queue.size(), i + 1);
  }
  EXPECT_FALSE(queue.lacked_memory());
  for (std::uint32_t i = 0; i < 100; ++i) EXPECT_EQ(queue.pop().pts, i);
}

TEST(NewsQueue, says_once_that_it_had_no_room) {
  test::CountingMemory memory;
  memory.fail_from = none;
  NewsQueue queue(memory);
  EXPECT_FALSE(queue.make_room());
  EXPECT_TRUE(queue.lacked_memory());
  EXPECT_FALSE(queue.lacked_memory());
  queue.push({});
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.lacked_memory());
}

TEST(NewsQueue, counts_the_bytes_of_each_kind) {
  test::CountingMemory memory;
  NewsQueue queue(memory);
  queue.push({.kind = News::Kind::video, .body = Buffer::with_size(memory, 100)});
  queue.push({.kind = News::Kind::message, .body = Buffer::with_size(memory, 7)});
  queue.push({.kind = News::Kind::video, .body = Buffer::with_size(memory, 20)});
  EXPECT_EQ(queue.bytes(News::Kind::video), 120u);
  EXPECT_EQ(queue.bytes(News::Kind::message), 7u);
  EXPECT_EQ(queue.bytes(News::Kind::audio), 0u);
  queue.pop();
  EXPECT_EQ(queue.bytes(News::Kind::video), 20u);
}

}  // namespace
}  // namespace esp_peer::capi
