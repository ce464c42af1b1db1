// What came of a message that the peer may give up, and that never becomes whole, is forgotten.
#include "tests/support/sctp_peer_by_hand.hpp"

namespace esp_peer::sctp {
namespace {

using Read = std::vector<std::string>;

class IncompleteMessage : public PeerByHand {
 protected:
  void SetUp() override {
    extensions_ = supported_extensions;
    establish();
    association_->may_lose(StreamId{1});
  }
  // Acknowledges nothing any more, and takes what was said last.
  Chunk last_sack() {
    say({data(our_tsn_ - 1, 9, 0, "a duplicate is answered at once")});
    for (const Chunk& c : hear()) {
      if (c.type == ChunkType::sack) return c;
    }
    return {};
  }
  std::uint32_t window() { return last_sack().u32(4); }
  // [rfc6525#4.1] The peer begins its stream 1 anew.
  void say_reset() {
    Value reset;
    reset.u16(13).u16(18).u32(our_tsn_).u32(0).u32(our_tsn_ - 1).u16(1);
    say({{ChunkType::reconfig, 0, reset.bytes}});
  }
};

TEST_F(IncompleteMessage, that_has_begun_gives_its_room_back_and_its_stream_goes_on_behind_it) {
  const std::uint32_t empty = window();
  say({data(our_tsn_, 1, 0, std::string(500, 'b'), 2)});
  EXPECT_LT(window(), empty - 500);
  wait(seconds(4));
  EXPECT_LT(window(), empty - 500) << "not yet";
  say({data(our_tsn_ + 1, 1, 0, std::string(500, 'm'), 0)});
  wait(seconds(5));
  EXPECT_LT(window(), empty - 1000) << "what still grows lives on";
  wait(seconds(6));
  EXPECT_EQ(window(), empty);
  // Its rest comes after all; then the next one.
  say({data(our_tsn_ + 2, 1, 0, "end", 1), data(our_tsn_ + 3, 1, 1, "whole")});
  EXPECT_EQ(read(), Read{"whole"});
  EXPECT_TRUE(association_->connected());
  EXPECT_FALSE(association_->next_deadline() < now_ + milliseconds(100)) << "nothing is watched";
}

TEST_F(IncompleteMessage, behind_a_gap_is_not_acknowledged_any_more_and_may_come_again) {
  const std::uint32_t empty = window();
  say({data(our_tsn_ + 1, 1, 0, "middle", 0), data(our_tsn_ + 2, 1, 0, "end", 1)});
  say({data(our_tsn_ + 4, 1, 1, "begin", 2)});
  EXPECT_EQ(last_sack().u32(8) >> 16, 2u) << "gap blocks";
  wait(seconds(11));
  const Chunk forgotten = last_sack();
  EXPECT_EQ(forgotten.u32(4), empty);
  EXPECT_EQ(forgotten.u32(8) >> 16, 0u) << "no gap blocks";
  say({data(our_tsn_, 1, 0, "begin ", 2), data(our_tsn_ + 1, 1, 0, "middle ", 0),
       data(our_tsn_ + 2, 1, 0, "end", 1)});
  EXPECT_EQ(read(), Read{"begin middle end"});
}

TEST_F(IncompleteMessage, that_is_whole_and_waits_for_its_turn_is_not_one) {
  const std::uint32_t empty = window();
  say({data(our_tsn_ + 1, 1, 1, "begin ", 2), data(our_tsn_ + 2, 1, 1, "end", 1)});
  wait(seconds(60));
  EXPECT_LT(window(), empty);
  say({data(our_tsn_, 1, 0, "first")});
  EXPECT_EQ(read(), (Read{"first", "begin end"}));
}

TEST_F(IncompleteMessage, of_a_reliable_stream_is_kept_for_ever) {
  const std::uint32_t empty = window();
  say({data(our_tsn_, 2, 0, "begin ", 2), data(our_tsn_ + 2, 2, 0, "end", 1)});
  say({data(our_tsn_ + 4, 1, 0, "unreliable", 2)});
  wait(seconds(100));
  EXPECT_LT(window(), empty);
  say({data(our_tsn_ + 1, 2, 0, "middle ", 0)});
  EXPECT_EQ(read(), Read{"begin middle end"});
}

// With the reset its stream is one like any other.
TEST_F(IncompleteMessage, of_a_stream_that_was_used_before_is_kept_too) {
  say_reset();
  static_cast<void>(read());
  say({data(our_tsn_, 1, 0, "begin ", 2)});
  wait(seconds(60));
  say({data(our_tsn_ + 1, 1, 0, "end", 1)});
  EXPECT_EQ(read(), Read{"begin end"});
}

// The OPEN of an unreliable channel, its reset, and what comes then for a reliable one: all of them
// wait for a reader who is slow, and takes them up in their order.
TEST_F(IncompleteMessage, of_a_stream_whose_reset_is_still_to_be_read_is_kept_too) {
  say_reset();
  association_->may_lose(StreamId{1});
  say({data(our_tsn_, 1, 0, "begin ", 2)});
  wait(seconds(60));
  say({data(our_tsn_ + 1, 1, 0, "end", 1)});
  EXPECT_EQ(read(), (Read{"", "begin end"}));
}

// A message without its end, and behind it one that is whole: each is judged by itself.
TEST_F(IncompleteMessage, goes_though_a_whole_one_stands_behind_it) {
  say({data(our_tsn_ + 1, 1, 1, "begin", 2)});
  say({data(our_tsn_ + 2, 1, 2, "begin ", 2), data(our_tsn_ + 3, 1, 2, "end", 1)});
  EXPECT_EQ(last_sack().u32(12), 2u << 16 | 4u);
  wait(seconds(11));
  EXPECT_EQ(last_sack().u32(12), 3u << 16 | 4u);
}

TEST_F(IncompleteMessage, that_was_forgotten_makes_room_and_the_peer_hears_of_it) {
  const std::uint32_t empty = window();
  say({data(our_tsn_, 1, 0, "begin", 2)});
  std::optional<Chunk> last;
  for (const auto& [at, c] : wait(seconds(11))) {
    if (c.type == ChunkType::sack) last = c;
  }
  ASSERT_TRUE(last);
  EXPECT_EQ(last->u32(4), empty);
}

TEST_F(IncompleteMessage, goes_at_once_when_the_peer_says_that_it_was_given_up) {
  extensions_.insert(extensions_.end(), forward_tsn_supported.begin(), forward_tsn_supported.end());
  association_.reset();
  establish();
  association_->may_lose(StreamId{1});
  say({data(our_tsn_, 1, 0, "begin", 2)});
  wait(seconds(6));
  say({forward_tsn(our_tsn_ + 1, {{1, 0}})});
  say({data(our_tsn_ + 2, 1, 1, "next")});
  EXPECT_EQ(read(), Read{"next"});
  wait(seconds(20));
  EXPECT_TRUE(association_->connected());
}

}  // namespace
}  // namespace esp_peer::sctp
