// What came is not taken again, wherever in the window it was; what is too old counts as come.
#include "srtp/replay_window.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "srtp/packet_index.hpp"

namespace esp_peer::srtp {
namespace {

// covers: must rfc3711#3.3.2
TEST(ReplayWindow, says_what_a_list_of_all_that_came_would_say) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20; ++round) {
    ReplayWindow<128> window;
    std::set<std::uint64_t> came;
    std::uint64_t around = random() % 1000;
    for (int i = 0; i < 5'000; ++i) {
      const std::uint64_t jump = random() % 50 == 0 ? random() % 500 : random() % 3;
      around += jump;
      const std::uint64_t back = random() % 160, number = around > back ? around - back : 0;
      const bool too_old = !came.empty() && *came.rbegin() >= number + 128;
      ASSERT_EQ(window.is_new(number), !too_old && !came.count(number)) << number;
      ASSERT_EQ(window.holds(number), !too_old && came.count(number)) << number;
      if (!window.is_new(number)) continue;
      window.add(number);
      came.insert(number);
      ASSERT_EQ(window.highest(), *came.rbegin());
    }
  }
}

// covers: must rfc3711#3.3.1, bug 50
TEST(PacketIndex, counts_rollovers_on_both_sides_of_a_wrap) {
  for (const std::uint64_t wraps :
       {std::uint64_t{1}, std::uint64_t{77}, std::uint64_t{0xFFFF'FFFE}}) {
    for (std::uint64_t highest = wraps << 16; highest < (wraps + 1) << 16; highest += 251) {
      for (const std::int64_t away : {-32'767, -1'000, -1, 0, 1, 2, 1'000, 32'767}) {
        const auto number = static_cast<std::uint64_t>(static_cast<std::int64_t>(highest) + away);
        ASSERT_EQ(packet_index(highest, static_cast<std::uint16_t>(number)), number) << away;
      }
    }
  }
}

TEST(PacketIndex, before_the_first_rollover_nothing_is_late_from_another) {
  EXPECT_EQ(packet_index(3, 65'535), 65'535u);
  EXPECT_EQ(packet_index(40'000, 100), 0x1'0000u + 100);
  EXPECT_EQ(packet_index(0x1'0003, 65'535), 65'535u);
}

// covers: must rfc7714#13.1
TEST(PacketIndex, there_is_none_behind_the_last) {
  constexpr std::uint64_t last = end_of_indices - 1;
  EXPECT_EQ(packet_index(last - 5, 0xFFFF), last);
  EXPECT_EQ(packet_index(last, 0), std::nullopt);
  EXPECT_EQ(packet_index(last - 20'000, 5), std::nullopt);
  EXPECT_EQ(packet_index(last, 0xFFF0), last - 15);
}

}  // namespace
}  // namespace esp_peer::srtp
