// Messages that are given up: when, as a whole, and how the other side hears of it [rfc3758].
#include <algorithm>
#include <map>
#include <set>

#include "tests/support/association_pair.hpp"
#include "tests/support/sctp_peer_by_hand.hpp"

namespace esp_peer::sctp {
namespace {

constexpr SendOptions once{.reliability = Reliability::retransmits, .limit = 0};
constexpr SendOptions once_unordered{
    .unordered = true, .reliability = Reliability::retransmits, .limit = 0};
constexpr SendOptions for_ms(std::uint32_t ms) {
  return {.reliability = Reliability::lifetime, .limit = ms};
}

class PartialReliability : public PeerByHand {
 protected:
  void SetUp() override { extensions_ = forward_tsn_supported; }
  // Offsets of the TSNs of DATA and of FORWARD-TSN, in order: "d0", "f3".
  std::vector<std::string> hear_short() {
    std::vector<std::string> said;
    for (const Chunk& c : hear()) {
      if (c.type == ChunkType::data || c.type == ChunkType::forward_tsn) {
        said.push_back(in_short(c));
      }
    }
    return said;
  }
  std::string in_short(const Chunk& c) const {
    if (c.type == ChunkType::data) return "d" + std::to_string(c.u32(0) - its_tsn_);
    std::string text = "f" + std::to_string(static_cast<std::int32_t>(c.u32(0) - its_tsn_));
    for (std::size_t at = 4; at + 4 <= c.value.size(); at += 4) {
      text += " " + std::to_string(c.u32(at) >> 16) + "/" + std::to_string(c.u32(at) & 0xFFFF);
    }
    return text;
  }
  void acknowledge(std::int32_t offset, const Gaps& gaps = {}) {
    say({sack(its_tsn_ + static_cast<std::uint32_t>(offset), plenty, gaps)});
  }
  // The offset of the TSN that was acknowledged last.
  std::int32_t acknowledged() {
    for (const auto& [at, c] : wait(milliseconds(300))) {
      if (c.type == ChunkType::sack) last_ = static_cast<std::int32_t>(c.u32(0) - our_tsn_);
    }
    return last_;
  }
  std::int32_t last_ = -1;
};
using Said = std::vector<std::string>;
using Read = std::vector<std::string>;

// ---------------------------------------------------------------- agreeing on it

// covers: must rfc3758#3.5
TEST_F(PartialReliability, is_announced_in_init_and_init_ack) {
  make();
  say_alone(0, {ChunkType::init, 0, init()});
  const auto answer = hear_packet();
  const auto ack = parse_init({ChunkType::init_ack, 0, answer.chunks.at(0).value});
  ASSERT_TRUE(ack);
  EXPECT_TRUE(ack->extensions.forward_tsn);
  ASSERT_TRUE(association_->connect(now_));
  const auto question = parse_init({ChunkType::init, 0, hear_packet().chunks.at(0).value});
  ASSERT_TRUE(question);
  EXPECT_TRUE(question->extensions.forward_tsn);
}

// covers: bug 70, must rfc3758#3.5
TEST_F(PartialReliability, a_peer_that_did_not_announce_it_gets_everything_reliably) {
  extensions_.clear();
  establish();
  ASSERT_TRUE(send("once", 1, once));
  ASSERT_TRUE(send("for a moment", 1, for_ms(0)));
  EXPECT_EQ(hear_short(), (Said{"d0", "d1"}));
  std::size_t again = 0;
  for (const auto& [at, c] : wait(seconds(3))) again += c.type == ChunkType::data ? 1u : 0u;
  EXPECT_GE(again, 2u);
}

TEST_F(PartialReliability, a_list_of_extensions_that_names_it_is_announcement_enough) {
  extensions_ = supported_extensions;
  establish();
  ASSERT_TRUE(send("once", 1, once));
  EXPECT_EQ(hear_short(), Said{"d0"});
  now_ += seconds(1);
  association_->on_deadline(now_);
  EXPECT_EQ(hear_short(), Said{"f0 1/0"});
}

TEST_F(PartialReliability, it_is_agreed_on_by_the_side_that_begins_too) {
  let_it_begin();
  say({{ChunkType::cookie_ack, 0, {}}});
  ASSERT_TRUE(association_->connected());
  ASSERT_TRUE(send("once", 1, once));
  EXPECT_EQ(hear_short(), Said{"d0"});
  now_ += seconds(1);
  association_->on_deadline(now_);
  EXPECT_EQ(hear_short(), Said{"f0 1/0"});
}

// ---------------------------------------------------------------- giving up

// covers: bug 73, must rfc3758#3.5, changelog 47
TEST_F(PartialReliability, with_no_retransmission_a_loss_is_told_by_forward_tsn_at_once) {
  establish();
  for (const char* body : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(send(body, 1, once));
    EXPECT_EQ(hear().size(), 1u);
  }
  // The first one is missing: three reports are enough.
  acknowledge(-1, {{2, 2}});
  acknowledge(-1, {{2, 3}});
  EXPECT_EQ(hear_short(), Said{});
  acknowledge(-1, {{2, 4}});
  EXPECT_EQ(hear_short(), Said{"f0 1/0"});
  acknowledge(3);
  EXPECT_EQ(association_->buffered(), 0u);
  EXPECT_FALSE(association_->next_deadline() < now_ + seconds(5)) << "nothing is waited for";
}

// covers: changelog 59
TEST_F(PartialReliability, after_t3_everything_that_may_go_once_is_given_up) {
  establish();
  ASSERT_TRUE(send("a", 1, once));
  ASSERT_TRUE(send("b", 2, once_unordered));
  ASSERT_TRUE(send("c", 3, once));
  ASSERT_TRUE(send("d", 1, once));
  EXPECT_EQ(hear_short(), (Said{"d0", "d1", "d2", "d3"}));
  now_ += milliseconds(500);
  association_->on_deadline(now_);
  // Each ordered stream once, with the last of its numbers; nothing of the unordered one.
  EXPECT_EQ(hear_short(), Said{"f3 1/1 3/0"});
  acknowledge(3);
  EXPECT_EQ(association_->buffered(), 0u);
  // Numbers go on behind those that were given up.
  ASSERT_TRUE(send("e", 1, once));
  const auto next = hear();
  EXPECT_EQ(next.at(0).u32(0), its_tsn_ + 4);
  EXPECT_EQ(next.at(0).u32(4), 1u << 16 | 2u);
}

TEST_F(PartialReliability, two_retransmissions_are_two) {
  establish();
  ASSERT_TRUE(send("thrice", 1, {.reliability = Reliability::retransmits, .limit = 2}));
  Said said;
  for (const auto& [at, c] : wait(seconds(10))) {
    if (c.type == ChunkType::data || c.type == ChunkType::forward_tsn) said.push_back(in_short(c));
  }
  ASSERT_GE(said.size(), 4u);
  EXPECT_EQ(Said(said.begin(), said.begin() + 4), (Said{"d0", "d0", "d0", "f0 1/0"}));
}

TEST_F(PartialReliability, a_lifetime_ends_retransmissions_and_not_before) {
  establish();
  ASSERT_TRUE(send("for two seconds", 1, for_ms(2000)));
  const Instant born = now_;
  for (const auto& [at, c] : wait(seconds(6))) {
    if (c.type == ChunkType::data) {
      EXPECT_LE(at, born + milliseconds(2001));
    } else if (c.type == ChunkType::forward_tsn) {
      EXPECT_GT(at, born + milliseconds(2000));
      last_ = 0;
    }
  }
  EXPECT_EQ(last_, 0) << "the end was told";
}

TEST_F(PartialReliability, what_is_sent_in_time_and_arrives_is_never_given_up) {
  establish();
  ASSERT_TRUE(send("just in time", 1, for_ms(0)));
  EXPECT_EQ(hear_short(), Said{"d0"});
  now_ += milliseconds(200);
  acknowledge(0);
  EXPECT_EQ(association_->buffered(), 0u);
  EXPECT_EQ(hear_short(), Said{});
}

// Nothing was said of it, so nothing need be taken back: no TSN, no number in its stream.
TEST_F(PartialReliability, what_is_too_old_before_it_was_sent_leaves_no_trace) {
  establish(1500);
  ASSERT_TRUE(send(std::string(1100, 'f'), 1));
  ASSERT_TRUE(send(std::string(1100, 'f'), 1));
  EXPECT_EQ(hear_tsns().size(), 1u) << "the window is shut";
  ASSERT_TRUE(send("old", 1, for_ms(50)));
  ASSERT_TRUE(send("old too", 2, for_ms(50)));
  ASSERT_TRUE(send("lasting", 1));
  now_ += milliseconds(100);
  say({sack(its_tsn_, plenty)});
  const auto heard = hear();
  ASSERT_EQ(count(heard, ChunkType::data), 2u);
  EXPECT_EQ(count(heard, ChunkType::forward_tsn), 0u);
  EXPECT_EQ(heard.back().u32(0), its_tsn_ + 2);
  EXPECT_EQ(heard.back().u32(4), 1u << 16 | 2u);
  say({sack(its_tsn_ + 2, plenty)});
  EXPECT_EQ(association_->buffered(), 0u);
}

TEST_F(PartialReliability, what_is_too_old_makes_room_for_what_is_new) {
  Options o;
  o.send_buffer = 10'000;
  make(o);
  establish(1500);
  ASSERT_TRUE(send(std::string(1400, 'f'), 1));
  static_cast<void>(hear());
  while (send(std::string(50, 'o'), 1, for_ms(100))) {
  }
  EXPECT_EQ(send(std::string(5000, 'n'), 1).code(), Errc::would_block);
  now_ += milliseconds(102);
  EXPECT_TRUE(send(std::string(5000, 'n'), 1));
}

// covers: bug 71
TEST_F(PartialReliability, who_had_to_wait_hears_of_the_room_that_what_is_too_old_leaves) {
  establish();
  while (send(std::string(1000, 'o'), 1, for_ms(0))) {
  }
  EXPECT_EQ(send(std::string(1000, 'w'), 1).code(), Errc::would_block);
  now_ += milliseconds(10);
  EXPECT_TRUE(hear().empty());
  EXPECT_EQ(association_->buffered(), 0u);
  EXPECT_TRUE(ended_by<SendBufferDrained>()) << "no SACK will come that could say so";
}

TEST_F(PartialReliability, a_shutdown_goes_out_at_once_when_all_that_was_left_is_too_old) {
  establish();
  ASSERT_TRUE(send("old", 1, for_ms(0)));
  association_->shutdown(now_);
  now_ += milliseconds(10);
  EXPECT_EQ(count(hear(), ChunkType::shutdown), 1u);
}

// covers: must rfc3758#3.5
TEST_F(PartialReliability, all_fragments_of_a_message_are_given_up_together) {
  establish();
  ASSERT_TRUE(send(std::string(3000, 'f'), 1, once));  // three fragments
  ASSERT_TRUE(send("behind", 1));
  EXPECT_EQ(hear_tsns().size(), 4u);
  acknowledge(-1, {{1 + 1, 1 + 1}});
  acknowledge(-1, {{2, 3}});
  acknowledge(-1, {{2, 4}});
  EXPECT_EQ(hear_short(), Said{"f2 1/0"}) << "two of them have arrived";
  acknowledge(3);
  EXPECT_EQ(association_->buffered(), 0u);
}

// All that was sent may have arrived; the peer must miss something, or it would wait for the rest.
TEST_F(PartialReliability,
       a_message_given_up_before_its_end_was_sent_ends_in_a_tsn_that_never_comes) {
  establish(2500);
  ASSERT_TRUE(send(std::string(9000, 'f'), 1, for_ms(50)));
  const auto sent = hear_tsns();
  ASSERT_EQ(sent.size(), 2u);
  now_ += milliseconds(100);
  say({sack(its_tsn_ + 1, plenty)});
  EXPECT_EQ(hear_short(), Said{"f2 1/0"});
  ASSERT_TRUE(send("next", 1));
  EXPECT_EQ(hear_short(), Said{"d3"});
  acknowledge(3);
  EXPECT_EQ(association_->buffered(), 0u);
}

TEST_F(PartialReliability, a_reliable_message_in_between_holds_the_point_where_it_is) {
  establish();
  ASSERT_TRUE(send("a", 1, once));
  ASSERT_TRUE(send("reliable", 2));
  ASSERT_TRUE(send("c", 1, once));
  EXPECT_EQ(hear_short(), (Said{"d0", "d1", "d2"}));
  now_ += milliseconds(500);
  association_->on_deadline(now_);
  EXPECT_EQ(hear_short(), (Said{"f0 1/0", "d1"}));
  now_ += milliseconds(50);
  acknowledge(1);
  EXPECT_EQ(hear_short(), Said{"f2 1/1"});
}

// covers: must rfc3758#3.5
TEST_F(PartialReliability, a_lost_forward_tsn_is_said_again_by_t3_with_doubling_waits) {
  establish();
  ASSERT_TRUE(send("once", 1, once));
  std::vector<Instant> said;
  for (const auto& [at, c] : wait(seconds(20))) {
    if (c.type == ChunkType::forward_tsn) said.push_back(at);
  }
  ASSERT_GE(said.size(), 4u);
  EXPECT_EQ((said[2] - said[1]).count(), 2 * (said[1] - said[0]).count());
}

TEST_F(PartialReliability, a_sack_that_does_not_know_of_it_has_it_said_again_once_a_round_trip) {
  establish();
  for (int i = 0; i < 4; ++i) {  // a round trip of 100 ms is known
    ASSERT_TRUE(send("x", 2));
    static_cast<void>(hear());
    now_ += milliseconds(100);
    acknowledge(i);
  }
  for (const char* body : {"a", "b", "c", "d"}) ASSERT_TRUE(send(body, 1, once));
  ASSERT_EQ(hear().size(), 4u);
  acknowledge(3, {{2, 2}});
  acknowledge(3, {{2, 3}});
  acknowledge(3, {{2, 4}});
  EXPECT_EQ(hear_short(), Said{"f4 1/0"});
  now_ += milliseconds(50);
  acknowledge(3, {{2, 4}});
  EXPECT_EQ(hear_short(), Said{}) << "it is on its way";
  now_ += milliseconds(60);
  acknowledge(3, {{2, 4}});
  EXPECT_EQ(hear_short(), Said{"f4 1/0"});
}

TEST_F(PartialReliability, more_streams_than_one_forward_tsn_names_are_told_of_in_turn) {
  Options o;
  o.send_buffer = 1'000'000;
  make(o);
  establish();
  std::uint32_t sent = 0;
  for (std::uint16_t s = 0; s < 60; ++s) {
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(send("x", static_cast<std::uint16_t>(s * 2 + i % 2), once));
      ++sent;
    }
  }
  std::map<std::uint32_t, std::uint32_t> told;
  std::uint32_t point = its_tsn_ - 1;
  for (int turn = 0; turn < 100 && point != its_tsn_ + sent - 1; ++turn) {
    for (const auto& [at, c] : wait(milliseconds(700))) {
      if (c.type != ChunkType::forward_tsn) continue;
      point = c.u32(0);
      EXPECT_LE(c.value.size(), 4u + 4 * 64);
      for (std::size_t i = 4; i < c.value.size(); i += 4) {
        told[c.u32(i) >> 16] = c.u32(i) & 0xFFFF;
      }
    }
    say({sack(point, plenty)});
  }
  EXPECT_EQ(association_->buffered(), 0u);
  EXPECT_EQ(told.size(), 120u);
  for (const auto& [s, ssn] : told) EXPECT_EQ(ssn, s % 2 == 0 ? 1u : 0u);
}

// covers: must rfc3758#3.5
TEST_F(PartialReliability, what_is_given_up_opens_no_congestion_window) {
  establish();
  // T3 with everything lost and given up: one packet is out, as after any T3.
  while (send(std::string(1160, 'u'), 1, once)) {
  }
  const std::size_t first = hear_tsns().size();
  now_ += milliseconds(600);
  association_->on_deadline(now_);
  const auto heard = hear();
  EXPECT_GE(count(heard, ChunkType::forward_tsn), 1u);
  EXPECT_EQ(count(heard, ChunkType::data), 1u);
  EXPECT_GT(first, 2u);
}

// covers: bug 71
TEST_F(PartialReliability, a_peer_that_takes_no_forward_tsn_is_given_up) {
  establish();
  ASSERT_TRUE(send("once", 1, once));
  wait(seconds(600));
  EXPECT_TRUE(ended_by<Aborted>());
}

// ---------------------------------------------------------------- being told

// covers: must rfc3758#3.6, bug 70
TEST_F(PartialReliability, what_waited_for_a_message_that_will_not_come_is_read_in_its_order) {
  establish();
  say({data(our_tsn_ + 1, 1, 1, "second"), data(our_tsn_ + 2, 1, 2, "third"),
       data(our_tsn_ + 3, 2, 0, "other"), data(our_tsn_ + 5, 1, 4, "fifth")});
  EXPECT_EQ(read(), Read{"other"});
  say({forward_tsn(our_tsn_, {{1, 0}})});
  EXPECT_EQ(read(), (Read{"second", "third"}));
  EXPECT_EQ(acknowledged(), 3) << "over what had come";
  say({forward_tsn(our_tsn_ + 4, {{1, 3}})});
  EXPECT_EQ(read(), Read{"fifth"});
  EXPECT_EQ(acknowledged(), 5);
  say({data(our_tsn_ + 6, 1, 5, "sixth")});
  EXPECT_EQ(read(), Read{"sixth"});
}

TEST_F(PartialReliability, several_streams_are_skipped_by_one_forward_tsn) {
  establish();
  say({data(our_tsn_ + 2, 1, 1, "one"), data(our_tsn_ + 3, 2, 1, "two")});
  say({forward_tsn(our_tsn_ + 1, {{1, 0}, {2, 0}})});
  EXPECT_EQ(read(), (Read{"one", "two"}));
  EXPECT_EQ(acknowledged(), 3);
}

// covers: must rfc3758#3.6
TEST_F(PartialReliability, an_old_forward_tsn_changes_nothing_and_is_acknowledged_at_once) {
  establish();
  say({data(our_tsn_, 1, 0, "a")});
  say({data(our_tsn_ + 1, 1, 1, "b")});
  static_cast<void>(hear());
  EXPECT_EQ(read().size(), 2u);
  say({forward_tsn(our_tsn_, {{1, 7}})});
  const auto heard = hear();
  ASSERT_EQ(count(heard, ChunkType::sack), 1u);
  EXPECT_EQ(heard[0].u32(0), our_tsn_ + 1);
  say({data(our_tsn_ + 2, 1, 2, "c")});
  EXPECT_EQ(read(), Read{"c"}) << "its streams do not count";
}

TEST_F(PartialReliability, what_comes_after_it_was_skipped_is_a_duplicate) {
  establish();
  say({forward_tsn(our_tsn_ + 1, {{1, 1}})});
  static_cast<void>(hear());
  say({data(our_tsn_, 1, 0, "late"), data(our_tsn_ + 1, 1, 1, "late too")});
  EXPECT_EQ(read(), Read{});
  const auto heard = hear();
  ASSERT_EQ(count(heard, ChunkType::sack), 1u);
  EXPECT_EQ(heard[0].u32(8) & 0xFFFF, 2u) << "duplicates";
}

TEST_F(PartialReliability, the_beginning_of_a_message_that_will_not_end_is_forgotten) {
  establish();
  say({data(our_tsn_, 1, 0, "begin", 2), data(our_tsn_ + 1, 1, 0, "middle", 0)});
  say({forward_tsn(our_tsn_ + 2, {{1, 0}})});
  say({data(our_tsn_ + 3, 1, 1, "whole")});
  EXPECT_EQ(read(), Read{"whole"});
  // Behind a gap too.
  say({data(our_tsn_ + 5, 1, 3, "begin", 2), data(our_tsn_ + 6, 1, 3, "middle", 0)});
  say({forward_tsn(our_tsn_ + 7, {{1, 3}})});
  say({data(our_tsn_ + 8, 1, 4, "whole")});
  EXPECT_EQ(read(), Read{"whole"});
  EXPECT_TRUE(association_->connected());
}

// covers: bug 70
TEST_F(PartialReliability, the_end_of_a_message_whose_beginning_was_skipped_is_passed_over) {
  establish();
  for (const bool early : {false, true}) {
    SCOPED_TRACE(early);
    if (early) say({data(our_tsn_ + 3, 1, 0, "end", 1)});
    say({forward_tsn(our_tsn_ + 1, {{1, 0}})});  // in the middle of it
    say({data(our_tsn_ + 2, 1, 0, "middle", 0)});
    if (!early) say({data(our_tsn_ + 3, 1, 0, "end", 1)});
    say({data(our_tsn_ + 4, 1, 1, "next")});
    EXPECT_EQ(read(), Read{"next"});
    ASSERT_TRUE(association_->connected());
    association_.reset();
    establish();
  }
}

// covers: must rfc3758#3.6
TEST_F(PartialReliability, a_message_that_misses_nothing_up_to_the_point_is_kept) {
  establish();
  say({data(our_tsn_ + 1, 1, 0, "be", 2), data(our_tsn_ + 2, 1, 0, "gin", 0)});
  say({forward_tsn(our_tsn_ + 2)});
  say({data(our_tsn_ + 3, 1, 0, " end", 1)});
  EXPECT_EQ(read(), Read{"begin end"});
}

// covers: bug 72
TEST_F(PartialReliability, memory_and_window_come_back_from_what_was_given_up) {
  establish();
  const std::size_t before = world_.memory.live;
  std::uint32_t tsn = our_tsn_;
  std::uint16_t ssn = 0;
  std::uint32_t window = 0;
  for (int i = 0; i < 200; ++i) {
    say({data(tsn + 1, 1, ssn, std::string(900, 'm'), 0)});
    say({data(tsn + 3, 1, ssn, std::string(900, 'm'), 0)});
    say({forward_tsn(tsn + 4, {{1, ssn}})});
    tsn += 5, ++ssn;
    for (const Chunk& c : hear()) {
      if (c.type == ChunkType::sack) window = c.u32(4);
    }
  }
  for (const auto& [at, c] : wait(milliseconds(300))) {
    if (c.type == ChunkType::sack) window = c.u32(4);
  }
  EXPECT_EQ(window, options_.receive_window);
  EXPECT_LE(world_.memory.live, before + 4096);
}

// covers: bug 70
TEST_F(PartialReliability, nothing_that_a_forward_tsn_can_say_does_harm) {
  establish();
  const auto before = state();
  say({forward_tsn(our_tsn_ + 0x1'0000)});  // further than any sender may be
  say({forward_tsn(our_tsn_ + 0x8000'0000)});
  say({{ChunkType::forward_tsn, 0, Value().u16(1).bytes}});
  say({{ChunkType::forward_tsn, 0, Value().u32(our_tsn_).u16(1).bytes}});
  static_cast<void>(hear());
  say({data(our_tsn_, 1, 0, "still here")});
  EXPECT_EQ(read(), Read{"still here"});
  EXPECT_NE(state(), before);
  // The same stream twice, one that goes back, one that jumps.
  say({forward_tsn(our_tsn_ + 3, {{1, 5}, {1, 2}, {2, 40'000}})});
  say({data(our_tsn_ + 4, 1, 6, "on")});
  EXPECT_EQ(read(), Read{"on"});
}

// covers: bug 76, bug 78, fault 26
TEST_F(PartialReliability, numbers_wrap_while_they_are_skipped) {
  our_tsn_ = 0xFFFF'FFFD;
  establish();
  std::uint32_t tsn = our_tsn_;
  std::size_t read_so_far = 0;
  for (unsigned ssn = 0; ssn < 70'000; ++ssn, tsn += 2) {
    say({forward_tsn(tsn, {{1, ssn}})});
    ++ssn;
    say({data(tsn + 1, 1, static_cast<std::uint16_t>(ssn), "x")});
    if (ssn % 1000 != 1) continue;
    static_cast<void>(hear());
    read_so_far += read().size();
  }
  EXPECT_EQ(read_so_far + read().size(), 35'000u);
}

// ---------------------------------------------------------------- both sides

// What arrives of a stream is part of what was sent on it, once, in order where that was asked for;
// what was reliable arrives; nothing stalls.
void check_partial_conservation(std::uint64_t seed) {
  std::mt19937_64 draw(seed);
  Options o;
  o.send_buffer = 20'000 + static_cast<std::uint32_t>(draw() % 100'000);
  o.receive_window = 8'000 + static_cast<std::uint32_t>(draw() % 100'000);
  Pair p(seed, o, o);
  p.connect();
  p.link.loss = std::array{0.0, 0.05, 0.2}[draw() % 3];
  p.link.duplication = draw() % 2 ? 0.1 : 0;
  p.link.corruption = draw() % 2 ? 0.02 : 0;
  p.link.delay_ms = static_cast<std::int64_t>(draw() % 80);
  p.link.jitter_ms = static_cast<std::int64_t>(draw() % 60);
  // By stream: 0 and 1 reliable, then by count and by time, every second one unordered.
  const auto how_of = [](std::uint16_t stream) {
    SendOptions how{.unordered = stream % 2 == 1};
    if (stream >= 2) how.reliability = Reliability::retransmits;
    if (stream >= 6) how.reliability = Reliability::lifetime;
    how.limit = std::array<std::uint32_t, 10>{0, 0, 0, 0, 1, 1, 0, 0, 200, 200}[stream];
    return how;
  };
  std::vector<std::string> sent[2][10];
  std::uint64_t serial = 0;
  for (int turn = 0; turn < 30; ++turn) {
    for (int side = 0; side < 2; ++side) {
      for (std::uint64_t n = draw() % 5; n > 0; --n) {
        const std::size_t size =
            draw() % 3 ? draw() % 200 : draw() % std::min(o.receive_window - 1000, o.send_buffer);
        std::string body = std::to_string(++serial) + ":";
        body.resize(body.size() + size, static_cast<char>('a' + serial % 26));
        const auto stream = static_cast<std::uint16_t>(draw() % 10);
        if (!p.send(side ? p.right : p.left, stream, body, how_of(stream))) continue;
        sent[side][stream].push_back(body);
      }
    }
    p.left.reads = draw() % 4 != 0;
    p.right.reads = draw() % 4 != 0;
    p.run_for(milliseconds(static_cast<std::int64_t>(draw() % 300)));
  }
  p.left.reads = p.right.reads = true;
  for (int i = 0; i < 600 && p.left.association.buffered() + p.right.association.buffered() != 0;
       ++i) {
    p.run_for(seconds(1));
  }
  p.run_for(seconds(1));
  ASSERT_EQ(p.left.association.buffered() + p.right.association.buffered(), 0u) << "a stall";
  ASSERT_TRUE(p.left.association.connected() && p.right.association.connected());
  for (int side = 0; side < 2; ++side) {
    std::vector<std::string> got[10];
    for (const auto& m : (side ? p.left : p.right).received) got[m.stream].push_back(m.body);
    for (std::uint16_t s = 0; s < 10; ++s) {
      SCOPED_TRACE("stream " + std::to_string(s));
      std::set<std::string> distinct(got[s].begin(), got[s].end());
      ASSERT_EQ(distinct.size(), got[s].size()) << "none comes twice";
      for (const auto& body : got[s]) {
        ASSERT_NE(std::find(sent[side][s].begin(), sent[side][s].end(), body), sent[side][s].end());
      }
      if (!how_of(s).unordered) {
        auto at = sent[side][s].begin();
        for (const auto& body : got[s]) {
          at = std::find(at, sent[side][s].end(), body);
          ASSERT_NE(at, sent[side][s].end()) << "out of order";
        }
      }
      if (s < 2) {
        ASSERT_EQ(got[s].size(), sent[side][s].size()) << "a reliable one was lost";
      }
    }
  }
}

// covers: must rfc3758#3.5, must rfc8831#6.1, bug 73, changelog 59
TEST(PartialReliabilityPair, keeps_its_promises_on_bad_networks) {
  const char* wanted = std::getenv("ESP_PEER_SEEDS");
  const std::uint64_t seeds = wanted ? std::strtoull(wanted, nullptr, 10) : 300;
  for (std::uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    check_partial_conservation(seed);
  }
}

TEST(PartialReliabilityPair, a_bad_link_costs_messages_and_not_the_time_of_those_behind_them) {
  Pair p;
  p.connect();
  p.link.loss = 0.1;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(p.send(p.left, 1, std::to_string(i), once));
    p.run_for(milliseconds(20));
  }
  p.link.loss = 0;
  p.run_for(seconds(5));
  EXPECT_GT(p.right.received.size(), 850u);
  EXPECT_LT(p.right.received.size(), 950u);
  EXPECT_EQ(p.left.association.buffered(), 0u);
}

TEST(PartialReliabilityPair, the_end_in_good_order_waits_for_no_message_that_was_given_up) {
  Pair p;
  p.connect();
  p.link.loss = 1;
  ASSERT_TRUE(p.send(p.left, 1, "lost", once));
  p.run_for(milliseconds(100));
  p.link.loss = 0;
  p.left.association.shutdown(p.now);
  p.run_for(seconds(5));
  EXPECT_EQ(p.left.count<Closed>(), 1u);
  EXPECT_EQ(p.right.count<Closed>(), 1u);
  EXPECT_TRUE(p.right.received.empty());
}

}  // namespace
}  // namespace esp_peer::sctp
