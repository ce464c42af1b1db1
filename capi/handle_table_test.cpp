#include "capi/handle_table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace esp_peer::capi {
namespace {

struct Counted {
  explicit Counted(std::atomic<int>& counter) : alive(counter) { ++alive; }
  ~Counted() { --alive; }
  std::atomic<int>& alive;
};
using Table = Handles<Counted, 1>;

TEST(HandleTable, a_handle_finds_its_object_until_it_is_retired) {
  std::atomic<int> alive = 0;
  Table table;
  void* const handle = table.insert(new Counted(alive));
  ASSERT_NE(handle, nullptr);
  {
    Table::Pin pin(table, handle);
    ASSERT_TRUE(pin);
    EXPECT_TRUE(pin.retire());
    EXPECT_FALSE(pin.retire()) << "only once";
    const Table::Pin late(table, handle);
    EXPECT_FALSE(late);
    EXPECT_EQ(alive, 1) << "still held";
  }
  EXPECT_EQ(alive, 0);
  const Table::Pin stale(table, handle);
  EXPECT_FALSE(stale);
}

TEST(HandleTable, a_new_object_in_an_old_place_does_not_answer_to_the_old_handle) {
  std::atomic<int> alive = 0;
  Table table;
  std::set<void*> seen;
  for (int i = 0; i < 1000; ++i) {
    void* const handle = table.insert(new Counted(alive));
    EXPECT_TRUE(seen.insert(handle).second);
    for (void* old : seen) {
      const Table::Pin pin(table, old);
      ASSERT_EQ(static_cast<bool>(pin), old == handle);
    }
    Table::Pin pin(table, handle);
    pin.retire();
  }
  EXPECT_EQ(alive, 0);
}

TEST(HandleTable, foreign_handles_find_nothing) {
  std::atomic<int> alive = 0;
  Table table;
  Handles<Counted, 3> other_table;
  void* const ours = table.insert(new Counted(alive));
  int on_stack = 0;
  const auto value = reinterpret_cast<std::uintptr_t>(ours);
  std::vector<void*> foreign = {nullptr, &on_stack, &alive, &table,
                                other_table.insert(new Counted(alive))};
  for (unsigned bit = 0; bit < 8 * sizeof(value); ++bit) {
    foreign.push_back(reinterpret_cast<void*>(value ^ std::uintptr_t{1} << bit));
  }
  for (std::uintptr_t small = 1; small < 5000; ++small) {
    foreign.push_back(reinterpret_cast<void*>(small));
  }
  for (void* handle : foreign) {
    const Table::Pin pin(table, handle);
    EXPECT_FALSE(pin) << handle;
  }
  Table::Pin(table, ours).retire();
  Handles<Counted, 3>::Pin(other_table, foreign[4]).retire();
  EXPECT_EQ(alive, 0);
}

TEST(HandleTable, when_it_is_full_it_says_so_and_takes_again_what_was_given_back) {
  std::atomic<int> alive = 0;
  Table table;
  std::vector<void*> handles;
  for (;;) {
    auto* const object = new Counted(alive);
    void* const handle = table.insert(object);
    if (!handle) {
      delete object;
      break;
    }
    handles.push_back(handle);
  }
  EXPECT_GE(handles.size(), 8192u);
  EXPECT_EQ(std::set<void*>(handles.begin(), handles.end()).size(), handles.size());
  Table::Pin(table, handles[77]).retire();
  handles[77] = table.insert(new Counted(alive));
  EXPECT_NE(handles[77], nullptr);
  for (void* handle : handles) Table::Pin(table, handle).retire();
  EXPECT_EQ(alive, 0);
}

TEST(HandleTable, the_one_who_retires_waits_for_all_others) {
  std::atomic<int> alive = 0, inside = 0;
  std::atomic<bool> go = false, alone = false;
  Table table;
  void* const handle = table.insert(new Counted(alive));
  std::vector<std::thread> others;
  for (int i = 0; i < 4; ++i) {
    others.emplace_back([&] {
      const Table::Pin pin(table, handle);
      ++inside;
      go.wait(false);
      EXPECT_FALSE(alone);
      --inside;
    });
  }
  while (inside != 4) std::this_thread::yield();
  {
    Table::Pin pin(table, handle);
    ASSERT_TRUE(pin.retire());
    go = true;
    go.notify_all();
    pin.wait_until_alone();
    alone = true;
    EXPECT_EQ(inside, 0);
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
  for (std::thread& t : others) t.join();
}

TEST(HandleTable, threads_that_open_use_and_close_at_once_free_everything_once) {
  std::atomic<int> alive = 0;
  Table table;
  std::atomic<void*> shared = nullptr;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        void* const mine = table.insert(new Counted(alive));
        void* const old = shared.exchange(mine);
        {
          const Table::Pin pin(table, shared);
          if (pin) {
            EXPECT_GT(pin->alive, 0);
          }
        }
        Table::Pin pin(table, old);
        if (pin) pin.retire();
      }
    });
  }
  for (std::thread& t : threads) t.join();
  Table::Pin(table, shared).retire();
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace esp_peer::capi
