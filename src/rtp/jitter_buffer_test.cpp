// Frames leave in their order, each once, and none waits longer than it may.
#include "rtp/jitter_buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/support/test_env.hpp"

namespace esp_peer::rtp {
namespace {

using test::at_ms;

struct Buffered {
  test::TestEnv env;
  JitterBuffer buffer{{}, env.memory};
  std::vector<std::uint32_t> out;
  std::int64_t ms = 0;

  explicit Buffered(const JitterOptions& options = {}) : buffer(options, env.memory) {}
  bool hear(std::uint64_t sequence, std::size_t size = 160) {
    const std::vector<std::byte> payload(size, std::byte(sequence & 0xFF));
    const bool kept =
        buffer.insert(at_ms(ms), sequence, static_cast<std::uint32_t>(sequence), payload);
    drain();
    return kept;
  }
  void wait(std::int64_t by) {
    ms += by;
    buffer.on_deadline(at_ms(ms));
    const auto next = buffer.next_deadline();
    EXPECT_TRUE(!next || *next > at_ms(ms));
    drain();
  }
  void drain() {
    while (auto frame = buffer.take()) out.push_back(frame->timestamp);
  }
};

TEST(JitterBuffer, what_comes_in_order_goes_out_at_once) {
  Buffered b;
  for (std::uint64_t s = 100; s < 110; ++s) {
    EXPECT_TRUE(b.hear(s));
    EXPECT_EQ(b.out.back(), s);
  }
  EXPECT_FALSE(b.buffer.next_deadline());
}

TEST(JitterBuffer, a_gap_that_is_filled_costs_no_frame) {
  Buffered b;
  b.hear(1);
  b.hear(4);
  b.hear(3);
  EXPECT_EQ(b.out, (std::vector<std::uint32_t>{1}));
  b.hear(2);
  EXPECT_EQ(b.out, (std::vector<std::uint32_t>{1, 2, 3, 4}));
  EXPECT_FALSE(b.buffer.next_deadline());
}

TEST(JitterBuffer, nothing_is_held_longer_than_it_may) {
  Buffered b;
  b.hear(1);
  b.hear(5);
  EXPECT_EQ(b.buffer.next_deadline(), at_ms(100));
  b.wait(90);
  b.hear(3);  // 5 is the older one here
  b.wait(9);
  EXPECT_EQ(b.out.size(), 1u);
  b.wait(1);
  EXPECT_EQ(b.out, (std::vector<std::uint32_t>{1, 3, 5}));
  EXPECT_FALSE(b.buffer.next_deadline());
}

TEST(JitterBuffer, late_ones_and_second_ones_are_dropped) {
  Buffered b;
  b.hear(1);
  EXPECT_FALSE(b.hear(1));
  b.hear(3);
  EXPECT_FALSE(b.hear(3));
  b.wait(100);
  EXPECT_FALSE(b.hear(2));
  EXPECT_EQ(b.out, (std::vector<std::uint32_t>{1, 3}));
}

TEST(JitterBuffer, above_its_bound_it_gives_up_the_gap) {
  Buffered b({seconds(10), 10 * (160 + JitterBuffer::bookkeeping)});
  b.hear(1);
  for (std::uint64_t s = 3; s < 13; ++s) b.hear(s);
  EXPECT_EQ(b.out.size(), 1u);
  b.hear(13);
  EXPECT_EQ(b.out.size(), 12u);
  EXPECT_FALSE(b.hear(2));
}

TEST(JitterBuffer, what_nobody_fetches_never_passes_the_bound) {
  test::TestEnv env;
  const std::size_t bound = 5000;
  JitterBuffer buffer({milliseconds(100), bound}, env.memory);
  for (std::uint64_t s = 1; s < 1000; ++s) {
    const std::vector<std::byte> payload(s % 300);
    buffer.insert(at_ms(std::int64_t(s)), s * (1 + s % 2), 0, payload);
    buffer.on_deadline(at_ms(std::int64_t(s)));
    EXPECT_LE(env.memory.live, 3 * bound);
  }
  EXPECT_TRUE(buffer.take());
}

TEST(JitterBuffer, a_source_that_begins_anew_does_not_wait_for_its_past) {
  Buffered b;
  b.hear(1);
  b.hear(3);
  b.buffer.restart(1000);
  b.hear(1000);
  EXPECT_EQ(b.out, (std::vector<std::uint32_t>{1, 3, 1000}));
  b.hear(1001);
  EXPECT_EQ(b.out.back(), 1001u);
}

TEST(JitterBuffer, without_memory_a_frame_is_lost_and_nothing_else) {
  Buffered b;
  b.hear(1);
  b.env.memory.fail_from = 0;
  EXPECT_FALSE(b.hear(2));
  b.env.memory.fail_from = static_cast<std::size_t>(-1);
  b.hear(3);
  b.wait(100);
  EXPECT_EQ(b.out, (std::vector<std::uint32_t>{1, 3}));
}

TEST(JitterBuffer, any_order_within_the_hold_comes_out_sorted_and_once) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::uint64_t> sequence;
    for (std::uint64_t s = 1; s <= 200; ++s) {
      if (random() % 10 != 0 || s == 1) sequence.push_back(s);
      if (random() % 10 == 0) sequence.push_back(s);
    }
    for (std::size_t i = 1; i + 4 < sequence.size(); i += 4) {
      std::shuffle(sequence.begin() + long(i), sequence.begin() + long(i) + 4, random);
    }
    Buffered b;
    for (const std::uint64_t s : sequence) {
      b.wait(20);
      b.hear(s);
    }
    b.wait(100);
    EXPECT_TRUE(std::is_sorted(b.out.begin(), b.out.end()));
    EXPECT_EQ(std::adjacent_find(b.out.begin(), b.out.end()), b.out.end());
    std::sort(sequence.begin(), sequence.end());
    sequence.erase(std::unique(sequence.begin(), sequence.end()), sequence.end());
    EXPECT_EQ(b.out.size(), sequence.size()) << seed;
    EXPECT_EQ(b.buffer.held(), 0u);
  }
}

}  // namespace
}  // namespace esp_peer::rtp
