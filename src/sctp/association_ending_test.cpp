// How an association ends with a peer made by hand, and that its outputs stay apart.
#include "tests/support/sctp_peer_by_hand.hpp"

namespace esp_peer::sctp {
namespace {

// ---------------------------------------------------------------- shutdown

// covers: must rfc9260#9.2
TEST_F(PeerByHand, data_after_our_shutdown_is_answered_by_another_one_and_time_to_go_on) {
  establish();
  association_->shutdown(now_);
  ASSERT_EQ(count(hear(), ChunkType::shutdown), 1u);
  std::uint32_t tsn = our_tsn_;
  // The peer has much to say still, slower than our T2 would allow.
  for (int i = 0; i < 60; ++i) {
    now_ += milliseconds(300);
    association_->on_deadline(now_);
    say({data(tsn, 1, static_cast<std::uint16_t>(i), "late")});
    const auto heard = hear();
    ASSERT_EQ(count(heard, ChunkType::shutdown), 1u) << "[rfc9260#9.2]";
    const auto at = std::find_if(heard.begin(), heard.end(),
                                 [](const Chunk& c) { return c.type == ChunkType::shutdown; });
    EXPECT_EQ(at->u32(0), tsn);
    ++tsn;
  }
  EXPECT_EQ(read().size(), 60u);
  say({{ChunkType::shutdown_ack, 0, {}}});
  EXPECT_EQ(count(hear(), ChunkType::shutdown_complete), 1u);
  EXPECT_TRUE(ended_by<Closed>());
}

// covers: must rfc9260#9.2
TEST_F(PeerByHand, an_init_while_our_shutdown_ack_waits_is_answered_by_the_shutdown_ack) {
  establish();
  say({{ChunkType::shutdown, 0, Value().u32(its_tsn_ - 1).bytes}});
  ASSERT_EQ(count(hear(), ChunkType::shutdown_ack), 1u);
  our_tag_ += 1;
  say_alone(0, {ChunkType::init, 0, init()});
  const auto heard = hear();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].type, ChunkType::shutdown_ack) << "[rfc9260#9.2]";
}

TEST_F(PeerByHand, a_shutdown_that_could_not_go_out_is_not_counted_as_lost) {
  establish();
  association_->shutdown(now_);
  for (int i = 0; i < 1200; ++i) {
    now_ += milliseconds(500);
    association_->on_deadline(now_);
  }
  EXPECT_FALSE(association_->poll_event());
  EXPECT_EQ(count(hear(), ChunkType::shutdown), 1u);
}

TEST_F(PeerByHand, shutdown_complete_is_said_whatever_comes_behind_the_shutdown_ack) {
  establish();
  association_->shutdown(now_);
  static_cast<void>(hear());
  say({{ChunkType::shutdown_ack, 0, {}}});
  say({sack(its_tsn_ - 1, plenty)});
  EXPECT_EQ(count(hear(), ChunkType::shutdown_complete), 1u);
  // It was lost, and is asked for again.
  say({{ChunkType::shutdown_ack, 0, {}}});
  EXPECT_EQ(count(hear(), ChunkType::shutdown_complete), 1u);
  EXPECT_TRUE(hear().empty());
}

// covers: must rfc9260#9.1, must rfc9260#9.2
TEST_F(PeerByHand, a_shutdown_of_both_at_once_ends_in_order) {
  establish();
  association_->shutdown(now_);
  ASSERT_EQ(count(hear(), ChunkType::shutdown), 1u);
  say({{ChunkType::shutdown, 0, Value().u32(its_tsn_ - 1).bytes}});
  ASSERT_EQ(count(hear(), ChunkType::shutdown_ack), 1u);
  say({{ChunkType::shutdown_ack, 0, {}}});
  EXPECT_EQ(count(hear(), ChunkType::shutdown_complete), 1u);
  EXPECT_TRUE(ended_by<Closed>());
}

// covers: must rfc9260#9.2
TEST_F(PeerByHand, a_shutdown_takes_no_gap_block_back) {
  establish();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(send("x"));
  ASSERT_EQ(hear_tsns().size(), 4u);
  say({sack(its_tsn_ - 1, plenty, {{3, 4}})});
  say({{ChunkType::shutdown, 0, Value().u32(its_tsn_).bytes}});
  now_ = *association_->next_deadline();
  association_->on_deadline(now_);
  EXPECT_EQ(hear_tsns(), std::vector<std::uint32_t>{1}) << "[rfc9260#3.3.8]";
  say({{ChunkType::shutdown, 0, Value().u32(its_tsn_ + 3).bytes}});
  EXPECT_EQ(count(hear(), ChunkType::shutdown_ack), 1u) << "all has arrived";
}

// covers: bug 69, must rfc9260#9.2
TEST_F(PeerByHand, a_shutdown_that_acknowledges_what_was_never_sent_is_ignored) {
  establish();
  const std::uint64_t before = state();
  say({{ChunkType::shutdown, 0, Value().u32(its_tsn_ + 5).bytes}});
  say({{ChunkType::shutdown, 0, {std::byte{1}}}});
  EXPECT_EQ(state(), before);
  EXPECT_TRUE(association_->connected());
}

// ---------------------------------------------------------------- outputs

TEST_F(PeerByHand, the_end_is_told_even_when_no_memory_is_left) {
  make();
  world_.memory.fail_from = 0;
  ASSERT_TRUE(association_->connect(now_));
  association_->abort(now_);
  EXPECT_TRUE(ended_by<Aborted>());
}

TEST_F(PeerByHand, sixty_four_pending_outputs_of_each_kind_are_each_itself) {
  Options o;
  o.send_buffer = o.receive_window = 400'000;
  make(o);
  establish();
  // Messages: all read, all held, and the association goes on.
  std::vector<Message> held;
  for (std::uint32_t i = 0; i < 64; ++i) {
    say({data(our_tsn_ + i, 1, static_cast<std::uint16_t>(i), "message " + std::to_string(i))});
  }
  while (auto m = association_->read_message(now_)) held.push_back(std::move(*m));
  ASSERT_EQ(held.size(), 64u);
  // Packets: all written before one is looked at.
  static_cast<void>(open_window(64));
  now_ += seconds(1);
  association_->on_deadline(now_);
  while (association_->buffered() != 0) {
    const auto tsns = hear_tsns();
    now_ += milliseconds(1);
    for (const auto tsn : tsns) say({sack(its_tsn_ + tsn, plenty)});
  }
  association_.reset();
  for (unsigned i = 0; i < 64; ++i) {
    EXPECT_EQ(as_text(held[i].body.bytes()), "message " + std::to_string(i));
  }
}

}  // namespace
}  // namespace esp_peer::sctp
