// What an association takes from a peer made by hand, and what it acknowledges.
#include "tests/support/sctp_peer_by_hand.hpp"

namespace esp_peer::sctp {
namespace {

// covers: must rfc9260#3.2
TEST_F(PeerByHand, chunks_that_were_never_agreed_on_are_passed_over) {
  establish();
  std::uint32_t tsn = our_tsn_;
  std::uint16_t ssn = 0;
  // I-DATA, AUTH, ASCONF-ACK, RE-CONFIG, PAD, FORWARD-TSN (which the peer did not announce),
  // ASCONF, I-FORWARD-TSN.
  for (const unsigned type : {64u, 15u, 128u, 130u, 132u, 192u, 193u, 194u}) {
    const Chunk strange{static_cast<ChunkType>(type), 3, Value().u32(tsn + 1000).u32(0).bytes};
    const std::uint64_t before = state();
    say({strange});
    EXPECT_EQ(state(), before) << type;
    // What stands behind it counts if its highest bit says so.
    say({strange, data(tsn, 1, ssn, "behind")});
    const bool passed = (type & 0x80) != 0;
    EXPECT_EQ(read().size(), passed ? 1u : 0u) << type;
    if (!passed) continue;
    ++tsn, ++ssn;
  }
  say({data(tsn, 1, ssn, "still here")});
  EXPECT_EQ(read().size(), 1u);
}

// covers: bug 76, bug 78, fault 26, must rfc9260#6.5
TEST_F(PeerByHand, numbers_that_begin_at_their_end_wrap_in_both_directions) {
  our_tsn_ = 0xFFFF'FFFE;
  Ones ones;
  make({}, &ones);
  establish();
  ASSERT_EQ(its_tsn_, 0xFFFF'FFFFu);
  // Received: the later half first, so that gap blocks stand on both sides of the wrap.
  say({data(1, 1, 3, "d"), data(0xFFFF'FFFF, 1, 1, "b")});
  const auto heard = hear();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].value, sack(0xFFFF'FFFD, heard[0].u32(4), {{2, 2}, {4, 4}}).value);
  say({data(0xFFFF'FFFE, 1, 0, "a"), data(0, 1, 2, "c")});
  EXPECT_EQ(read(), (std::vector<std::string>{"a", "b", "c", "d"}));
  // Sent: TSNs 2^32 - 1, 0 and 1, of which 0 is lost.
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(send(std::string(1100, 'x')));
  EXPECT_EQ(hear_tsns(), (std::vector<std::uint32_t>{0, 1, 2}));
  say({sack(0xFFFF'FFFF, plenty, {{2, 2}})});
  EXPECT_NE(association_->buffered(), 0u);
  wait(seconds(1));
  say({sack(1, plenty)});
  EXPECT_EQ(association_->buffered(), 0u);
}

// covers: must rfc9260#9.1
TEST_F(PeerByHand, nothing_is_said_behind_the_end) {
  establish();
  say({data(our_tsn_, 1, 0, "last words"), {ChunkType::abort, 0, {}}});
  const auto first = association_->poll_event(), second = association_->poll_event();
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(std::holds_alternative<MessageReady>(*first));
  EXPECT_TRUE(std::holds_alternative<Aborted>(*second));
  EXPECT_FALSE(association_->poll_event());
  EXPECT_EQ(read(), std::vector<std::string>{"last words"});
}

TEST_F(PeerByHand, data_without_a_byte_of_data_ends_the_association_which_says_why) {
  establish();
  say({data(our_tsn_, 1, 0, "")});
  const auto heard = hear();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].type, ChunkType::abort) << "[rfc9260#6.2]";
  EXPECT_EQ(heard[0].value, Value().u16(9).u16(8).u32(our_tsn_).bytes) << "[rfc9260#3.3.10.9]";
  EXPECT_TRUE(ended_by<Aborted>());
}

// covers: must rfc9260#6.2
TEST_F(PeerByHand, a_duplicate_is_reported_at_once) {
  establish();
  say({data(our_tsn_, 1, 0, "once")});
  EXPECT_TRUE(hear().empty()) << "the first acknowledgement may wait";
  say({data(our_tsn_, 1, 0, "once")});
  const auto heard = hear();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].value,
            Value().u32(our_tsn_).u32(heard[0].u32(4)).u16(0).u16(1).u32(our_tsn_).bytes);
  EXPECT_EQ(read().size(), 1u);
}

// covers: must rfc9260#6.2
TEST_F(PeerByHand, acknowledges_every_second_packet_and_a_single_one_after_200_ms) {
  establish();
  say({data(our_tsn_, 1, 0, "1")});
  EXPECT_TRUE(hear().empty());
  say({data(our_tsn_ + 1, 1, 1, "2")});
  EXPECT_EQ(count(hear(), ChunkType::sack), 1u);
  const Instant begin = now_;
  say({data(our_tsn_ + 2, 1, 2, "3")});
  const auto said = wait(seconds(1));
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].first - begin, milliseconds(200));
  say({data(our_tsn_ + 3, 1, 3, "4", 3 | 8)});
  EXPECT_EQ(count(hear(), ChunkType::sack), 1u) << "the I bit does not wait";
}

// covers: must rfc9260#6.7
TEST_F(PeerByHand, five_hundred_gaps_leave_room_for_the_other_chunks) {
  establish();
  for (unsigned i = 0; i < 500; ++i) {
    say({data(our_tsn_ + 2 + 2 * i, 1, 0, "x", 3 | 4)});
    static_cast<void>(hear());
  }
  say({data(our_tsn_ + 2 + 1000, 1, 0, "x", 3 | 4),
       {ChunkType::heartbeat, 0, Value().u16(1).u16(8).u32(77).bytes}});
  const auto heard = hear();
  EXPECT_EQ(count(heard, ChunkType::heartbeat_ack), 1u);
  EXPECT_EQ(count(heard, ChunkType::sack), 1u);
  now_ += seconds(31);
  association_->on_deadline(now_);
  say({data(our_tsn_ + 2 + 1002, 1, 0, "x", 3 | 4)});
  EXPECT_EQ(count(hear(), ChunkType::heartbeat), 1u);
}

// covers: bug 71, bug 78, must rfc9260#6.2
TEST_F(PeerByHand, even_the_smallest_window_is_said_to_be_open_again) {
  Options o;
  o.receive_window = 1500;
  make(o);
  establish();
  say({data(our_tsn_, 1, 0, std::string(1100, 'x'), 3 | 8)});
  ASSERT_EQ(hear().at(0).u32(4), 1500u - 1100 - bookkeeping);
  EXPECT_EQ(read().size(), 1u);
  const auto heard = hear();
  ASSERT_EQ(count(heard, ChunkType::sack), 1u);
  EXPECT_EQ(heard[0].u32(4), 1500u);
}

TEST_F(PeerByHand, a_chunk_that_no_empty_window_could_hold_ends_the_association) {
  Options o;
  o.receive_window = 1500;
  make(o);
  establish();
  say({data(our_tsn_, 1, 0, std::string(1480, 'x'))});
  EXPECT_TRUE(ended_by<Aborted>()) << "it would be sent again for ever";
}

// Each packet finds its place without going through all that waits: by the square this took
// minutes.
// covers: must rfc9260#6.5
TEST_F(PeerByHand, forty_thousand_messages_behind_one_gap_are_all_read_once_it_is_filled) {
  constexpr std::uint32_t chunks = 40'001;
  Options o;
  o.receive_window = 64 * 1024 * 1024;
  make(o);
  establish();
  for (std::uint32_t i = 1; i < chunks; i += 50) {
    std::vector<Chunk> packet;
    for (std::uint32_t j = i; j < i + 50; ++j) {
      packet.push_back(data(our_tsn_ + j, static_cast<std::uint16_t>(j % 2),
                            static_cast<std::uint16_t>(j / 2), "x"));
    }
    say(packet);
    static_cast<void>(hear());
  }
  say({data(our_tsn_, 0, 0, "x")});
  EXPECT_EQ(read().size(), chunks);
}

// Each of them is put behind the others without going back to the first.
// covers: must rfc9260#6.9
TEST_F(PeerByHand, a_message_of_forty_thousand_fragments_behind_a_gap_is_read_whole) {
  constexpr std::uint32_t fragments = 40'000;
  Options o;
  o.receive_window = 64 * 1024 * 1024;
  make(o);
  establish();
  for (std::uint32_t i = 1; i <= fragments; i += 50) {
    std::vector<Chunk> packet;
    for (std::uint32_t j = i; j < i + 50; ++j) {
      const int flags = (j == 1 ? 2 : 0) | (j == fragments ? 1 : 0);
      packet.push_back(data(our_tsn_ + j, 1, 0, "x", static_cast<std::uint8_t>(flags)));
    }
    say(packet);
    static_cast<void>(hear());
  }
  EXPECT_EQ(read(), std::vector<std::string>{std::string(fragments, 'x')});
  say({data(our_tsn_, 2, 0, "late")});
  EXPECT_EQ(read(), std::vector<std::string>{"late"});
}

}  // namespace
}  // namespace esp_peer::sctp
