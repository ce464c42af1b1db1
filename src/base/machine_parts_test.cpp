// Timers, serial numbers and batches: what every machine is made of.
#include <gtest/gtest.h>

#include <array>

#include "base/serial.hpp"
#include "base/timer_table.hpp"
#include "base/tx_batch.hpp"

namespace esp_peer {
namespace {

enum class Timer { a, b, count };
constexpr Instant at(std::int64_t ms) { return Instant(milliseconds(ms)); }

TEST(TimerTable, fires_each_due_timer_once_and_disarmed) {
  TimerTable<Timer> timers;
  EXPECT_FALSE(timers.next());
  timers.arm(Timer::a, at(10));
  timers.arm(Timer::b, at(20));
  EXPECT_EQ(timers.next(), at(10));
  int fired = 0;
  timers.expire(at(9), [&](Timer) { ++fired; });
  EXPECT_EQ(fired, 0);
  timers.expire(at(15), [&](Timer t) {
    EXPECT_EQ(t, Timer::a);
    EXPECT_FALSE(timers.armed(t)) << "disarmed before it fires";
    ++fired;
  });
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(timers.next(), at(20));
  timers.disarm_all();
  EXPECT_FALSE(timers.next());
}

TEST(Serial, compares_across_the_wrap) {
  EXPECT_TRUE(serial_less<std::uint16_t>(65535, 0));
  EXPECT_FALSE(serial_less<std::uint16_t>(0, 65535));
  EXPECT_TRUE(serial_less<std::uint32_t>(0xFFFFFFF0u, 5));
  EXPECT_FALSE(serial_less<std::uint32_t>(7, 7));
  EXPECT_TRUE(serial_less_equal<std::uint32_t>(7, 7));
  EXPECT_FALSE(serial_less<std::uint32_t>(0, 0x80000000u)) << "half apart is no order";
  EXPECT_FALSE(serial_less<std::uint32_t>(0x80000000u, 0));
}

class TxBatchTest : public ::testing::Test {
 protected:
  void add(const Route& to, std::size_t n) {
    ASSERT_GE(batch_.room().size(), n);
    batch_.commit(to, n);
  }
  const Route a_{Address::v4(10, 0, 0, 1, 1), Address::v4(10, 0, 0, 2, 2)};
  const Route b_{Address::v4(10, 0, 0, 1, 1), Address::v4(10, 0, 0, 3, 2)};
  std::array<std::byte, 100'000> room_{};
  std::array<TxBatch::Run, 4> runs_{};
  TxBatch batch_{room_, runs_};
};

TEST_F(TxBatchTest, folds_equal_neighbours_and_closes_on_a_shorter_tail) {
  add(a_, 100);
  add(a_, 100);
  add(a_, 60);
  add(a_, 60);
  ASSERT_EQ(batch_.runs().size(), 2u);
  EXPECT_EQ(batch_.runs()[0].size, 260u);
  EXPECT_EQ(batch_.runs()[0].segment, 100u);
  EXPECT_EQ(batch_.runs()[1].size, 60u);
}

TEST_F(TxBatchTest, keeps_routes_and_larger_datagrams_apart) {
  add(a_, 100);
  add(b_, 100);
  add(b_, 101);
  EXPECT_EQ(batch_.runs().size(), 3u);
}

TEST_F(TxBatchTest, ends_a_run_where_the_kernel_would_refuse_it) {
  for (int i = 0; i < 65; ++i) add(a_, 10);
  EXPECT_EQ(batch_.runs().size(), 2u);
  for (int i = 0; i < 54; ++i) add(a_, 1200);
  EXPECT_EQ(batch_.runs().size(), 3u);
  add(a_, 1200);
  EXPECT_EQ(batch_.runs().size(), 4u) << "54 × 1200 is the last multiple below a UDP payload";
}

TEST_F(TxBatchTest, has_no_room_when_its_runs_are_used_up) {
  for (std::size_t n = 1; n <= 4; ++n) add(a_, n);
  EXPECT_TRUE(batch_.room().empty());
  batch_.clear();
  EXPECT_EQ(batch_.room().size(), room_.size());
  EXPECT_TRUE(batch_.empty());
}

}  // namespace
}  // namespace esp_peer
