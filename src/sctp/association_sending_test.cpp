// What an association sends to a peer made by hand, how fast, and how long it tries.
#include "tests/support/sctp_peer_by_hand.hpp"

namespace esp_peer::sctp {
namespace {

using test::at_ms;

// ---------------------------------------------------------------- sending

// covers: bug 69, must rfc9260#6.2.1
TEST_F(PeerByHand, sacks_that_cannot_be_true_change_nothing) {
  establish();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(send(std::string(1100, 'x')));
  ASSERT_EQ(hear_tsns().size(), 4u);
  const std::uint32_t last = its_tsn_ - 1;  // acknowledged so far
  const std::uint64_t before = state();
  for (const Chunk& lie : {
           sack(last + 5, plenty),                // never sent
           sack(last + 0x8000'0000, plenty),      // half the circle away
           sack(last - 1, plenty),                // old
           sack(last, plenty, {{3, 2}}),          // reversed
           sack(last, plenty, {{2, 3}, {3, 4}}),  // overlapping
           sack(last, plenty, {{4, 4}, {2, 2}}),  // descending
           sack(last, plenty, {{2, 5}}),          // beyond what was sent
           sack(last, plenty, {{0, 2}}),          // the cumulative one itself
           sack(last, plenty, {{1, 2}}),          // what it says is missing
           sack(last, plenty, {{2, 65535}}),
       }) {
    say({lie});
    EXPECT_EQ(state(), before);
  }
  Chunk cut = sack(last, plenty, {{2, 2}});
  cut.value.resize(14);
  say({cut});
  EXPECT_EQ(state(), before);
  say({sack(last + 4, plenty)});
  EXPECT_EQ(association_->buffered(), 0u);
}

TEST_F(PeerByHand, its_state_tells_which_chunk_has_arrived) {
  std::vector<std::uint64_t> states;
  for (const unsigned arrived : {2u, 3u}) {
    Ones ones;
    make({}, &ones);
    establish();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(send("x"));
    static_cast<void>(hear());
    say({sack(its_tsn_ - 1, plenty, {{arrived, arrived}})});
    states.push_back(state());
  }
  EXPECT_NE(states[0], states[1]);
}

// covers: must rfc9260#7.2
TEST_F(PeerByHand, headers_count_in_the_congestion_window) {
  establish();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(send("x"));
  std::size_t bytes = 0;
  for (const Packet& p : hear_packets()) bytes += p.size;
  // [rfc9260#7.2.1] 4344 at first, and one packet above it.
  EXPECT_LE(bytes, 4344u + 1188u + 4 * common_header_size);
}

// covers: must rfc9260#7.2
TEST_F(PeerByHand, a_fast_retransmission_does_not_wait_for_the_congestion_window) {
  Options o;
  o.send_buffer = 400'000;
  make(o);
  establish();
  const std::uint32_t next = open_window(20);
  ASSERT_GE(next, 20u);
  const std::uint32_t cumulative = its_tsn_ + next - 21;  // 20 are out
  EXPECT_TRUE(hear().empty());
  std::vector<std::uint32_t> said;
  for (unsigned report = 0; report < 3; ++report) {
    EXPECT_EQ(std::count(said.begin(), said.end(), next - 20), 0);
    say({sack(cumulative, plenty, {{2, 2 + report}})});
    said = hear_tsns();
  }
  ASSERT_FALSE(said.empty()) << "[rfc9260#7.2.4] 3: cwnd is ignored for this packet";
  EXPECT_EQ(said[0], next - 20);
  EXPECT_EQ(said.size(), 1u) << "but only for this one";
}

TEST_F(PeerByHand, while_it_recovers_every_hole_counts_whenever_the_cumulative_tsn_moves) {
  establish();
  const std::uint32_t next = open_window(6);
  const std::uint32_t first = next - 6, cumulative = its_tsn_ + first - 1;
  // The first and the third are lost. Recovery begins when the third has been missed twice.
  say({sack(cumulative, plenty, {{2, 2}})});
  say({sack(cumulative, plenty, {{2, 2}, {4, 4}})});
  say({sack(cumulative, plenty, {{2, 2}, {4, 5}})});
  auto said = hear_tsns();
  ASSERT_EQ(std::count(said.begin(), said.end(), first), 1);
  ASSERT_EQ(std::count(said.begin(), said.end(), first + 2), 0);
  // The first one arrives. Nothing above the third is new, and it counts all the same.
  say({sack(cumulative + 2, plenty, {{2, 3}})});
  said = hear_tsns();
  EXPECT_EQ(std::count(said.begin(), said.end(), first + 2), 1) << "[rfc9260#7.2.4]";
}

// covers: must rfc9260#7.2
TEST_F(PeerByHand, what_t3_sent_again_may_be_sent_again_fast_and_only_once) {
  establish();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(send(std::string(1160, 'x')));
  ASSERT_EQ(hear_tsns().size(), 4u);
  const Instant begin = now_;
  now_ = *association_->next_deadline();
  EXPECT_EQ(now_ - begin, milliseconds(500));
  association_->on_deadline(now_);
  EXPECT_EQ(hear_tsns(), std::vector<std::uint32_t>{0}) << "one packet [rfc9260#6.3.3]";
  const std::uint32_t cumulative = its_tsn_ - 1;
  // That one is lost too, and the others of the first flight come late.
  say({sack(cumulative, plenty, {{2, 2}})});
  say({sack(cumulative, plenty, {{2, 3}})});
  say({sack(cumulative, plenty, {{2, 4}})});
  auto said = hear_tsns();
  EXPECT_EQ(std::count(said.begin(), said.end(), 0u), 1);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(send(std::string(1160, 'x')));
  for (unsigned report = 0; report < 4; ++report) {
    static_cast<void>(hear());
    say({sack(cumulative, plenty, {{2, 5 + report}})});
    said = hear_tsns();
    EXPECT_EQ(std::count(said.begin(), said.end(), 0u), 0) << "[rfc9260#7.2.4] 5";
  }
}

// covers: must rfc9260#7.2
TEST_F(PeerByHand, after_t3_one_packet_is_out_until_it_is_acknowledged) {
  establish();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(send("small"));
  const auto first = hear_tsns();
  ASSERT_GT(first.size(), 100u);
  now_ = *association_->next_deadline();
  association_->on_deadline(now_);
  EXPECT_EQ(hear_packets().size(), 1u);
  ASSERT_TRUE(send("new data does not go beside it"));
  EXPECT_TRUE(hear().empty());
  say({sack(its_tsn_, plenty)});
  EXPECT_FALSE(hear().empty());
}

// covers: bug 73, changelog 8, must rfc9260#6.3.1, must rfc9260#8.1
TEST_F(PeerByHand, t3_waits_twice_as_long_each_time_and_gives_up_after_ten) {
  establish();
  const Instant begin = now_;
  ASSERT_TRUE(send("into the void"));
  const auto said = wait(seconds(1200));
  std::vector<Duration> waits;
  Instant before = begin;
  bool aborted = false;
  for (const auto& [at, chunk] : said) {
    if (chunk.type == ChunkType::data && at != begin) {
      waits.push_back(at - before);
      before = at;
    }
    aborted = aborted || chunk.type == ChunkType::abort;
  }
  std::vector<Duration> doubled;
  Duration rto = options_.rto_initial;
  for (std::size_t i = 0; i < waits.size(); ++i) {
    doubled.push_back(rto);
    rto = std::min(rto * 2, options_.rto_max);
  }
  EXPECT_EQ(waits, doubled);
  EXPECT_EQ(waits.size(), 10u);
  EXPECT_TRUE(aborted);
  EXPECT_TRUE(ended_by<Aborted>());
}

// covers: must rfc9260#6.3.1
TEST_F(PeerByHand, after_t3_the_answer_to_a_heartbeat_brings_the_rto_back) {
  establish();
  ASSERT_TRUE(send("lost three times"));
  static_cast<void>(hear());
  std::vector<std::byte> asked;
  for (int i = 0; i < 3; ++i) {
    now_ = *association_->next_deadline();
    association_->on_deadline(now_);
    for (const Chunk& c : hear()) {
      if (c.type == ChunkType::heartbeat) asked = c.value;
    }
  }
  ASSERT_FALSE(asked.empty());
  now_ += milliseconds(20);
  say({{ChunkType::heartbeat_ack, 0, asked}});
  say({sack(its_tsn_, plenty)});
  ASSERT_TRUE(send("lost once"));
  const Instant begin = now_;
  ASSERT_EQ(hear_tsns().size(), 1u);
  EXPECT_EQ(*association_->next_deadline() - begin, options_.rto_min) << "and not four seconds";
}

// Answers to heartbeats keep the RTO short: ten retransmissions were over in seconds.
// covers: bug 71, must rfc9260#8.1
TEST_F(PeerByHand, a_peer_that_answers_heartbeats_and_takes_no_data_is_given_up_after_a_minute) {
  establish();
  ASSERT_TRUE(send("into a hole"));
  const Instant begin = now_, end = now_ + seconds(1200);
  for (auto next = std::optional(now_); next && *next < end;) {
    now_ = *next;
    association_->on_deadline(now_);
    for (const Chunk& c : hear()) {
      if (c.type == ChunkType::heartbeat) say({{ChunkType::heartbeat_ack, 0, c.value}});
    }
    next = association_->next_deadline();
  }
  EXPECT_TRUE(ended_by<Aborted>()) << "[rfc9260#8.1]";
  EXPECT_GE(now_ - begin, seconds(60));
  EXPECT_LE(now_ - begin, seconds(70));
}

// covers: bug 71, must rfc9260#6.1
TEST_F(PeerByHand, a_shut_window_is_probed_at_doubling_intervals_and_costs_no_congestion_window) {
  establish(1500);
  ASSERT_TRUE(send(std::string(1160, 'x')));
  ASSERT_EQ(hear_tsns().size(), 1u);
  say({sack(its_tsn_, 0)});
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(send(std::string(1160, 'y')));
  std::vector<Duration> waits;
  Instant before = now_;
  const Instant end = now_ + seconds(600);
  while (now_ < end && waits.size() < 11) {
    for (const Chunk& c : hear()) {
      if (c.type == ChunkType::heartbeat) say({{ChunkType::heartbeat_ack, 0, c.value}});
      if (c.type != ChunkType::data) continue;
      EXPECT_EQ(c.u32(0), its_tsn_ + 1) << "one probe";
      if (now_ != before) waits.push_back(now_ - before);
      before = now_;
      say({sack(its_tsn_, 0)});
    }
    now_ = *association_->next_deadline();
    association_->on_deadline(now_);
  }
  ASSERT_EQ(waits.size(), 11u);
  EXPECT_FALSE(ended_by<Aborted>()) << "a shut window is no failure [rfc9260#6.1]";
  for (std::size_t i = 1; i < 6; ++i) EXPECT_GE(waits[i], waits[i - 1]) << i;
  EXPECT_GE(waits[5], 8 * waits[0]);
  say({sack(its_tsn_ + 1, plenty)});
  EXPECT_GE(hear_tsns().size(), 3u) << "probing does not touch cwnd";
}

// covers: must rfc9260#6.1, bug 71
TEST_F(PeerByHand, a_window_that_opens_is_used_at_once_although_the_probe_was_dropped) {
  establish(1500);
  ASSERT_TRUE(send(std::string(1160, 'x')));
  ASSERT_EQ(hear_tsns().size(), 1u);
  say({sack(its_tsn_, 0)});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(send(std::string(1160, 'y')));
  // The probe and its repetitions are dropped for a minute.
  for (const Instant end = now_ + seconds(60); now_ < end;) {
    if (!hear_tsns().empty()) say({sack(its_tsn_, 0)});
    now_ = *association_->next_deadline();
    association_->on_deadline(now_);
  }
  static_cast<void>(hear());
  say({sack(its_tsn_, 5000)});
  EXPECT_EQ(hear_tsns(), std::vector<std::uint32_t>{1}) << "and not when T3 expires";
  // Once for each time that it opens: the same news again makes no noise.
  say({sack(its_tsn_, 5000)});
  EXPECT_TRUE(hear().empty());
  say({sack(its_tsn_ + 1, 5000)});
  EXPECT_EQ(hear_tsns(), (std::vector<std::uint32_t>{2, 3}));
}

TEST_F(PeerByHand,
       a_peer_that_answers_and_never_takes_the_data_is_given_up_unless_its_window_is_shut) {
  for (const std::uint32_t a_rwnd : {plenty, 0u}) {
    make();
    establish();
    ASSERT_TRUE(send(std::string(1160, 'x')));
    for (int t3 = 0; t3 < 200 && association_->connected(); ++t3) {
      for (const Chunk& c : hear()) {
        if (c.type == ChunkType::heartbeat) say({{ChunkType::heartbeat_ack, 0, c.value}});
        if (c.type == ChunkType::data) say({sack(its_tsn_ - 1, a_rwnd)});
      }
      now_ = *association_->next_deadline();
      association_->on_deadline(now_);
    }
    EXPECT_EQ(ended_by<Aborted>(), a_rwnd != 0) << "[rfc9260#8.1, #6.1]";
  }
}

// covers: bug 71, must rfc9260#8.1
TEST_F(PeerByHand, a_peer_that_dies_with_its_window_full_is_given_up) {
  establish(2400);
  ASSERT_TRUE(send(std::string(1160, 'x')));
  ASSERT_TRUE(send(std::string(1160, 'y')));
  ASSERT_EQ(hear_tsns().size(), 2u);
  wait(seconds(1200));
  EXPECT_TRUE(ended_by<Aborted>());
}

// covers: must rfc9260#6.2.1
TEST_F(PeerByHand, what_a_gap_block_said_may_be_taken_back) {
  establish();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(send(std::string(1160, 'x')));
  ASSERT_EQ(hear_tsns().size(), 3u);
  say({sack(its_tsn_, plenty, {{2, 2}})});
  say({sack(its_tsn_, plenty)});  // reneged
  EXPECT_TRUE(association_->next_deadline());
  const auto said = wait(seconds(20));
  std::vector<std::uint32_t> tsns;
  for (const auto& entry : said) {
    if (entry.second.type == ChunkType::data) tsns.push_back(entry.second.u32(0) - its_tsn_);
  }
  ASSERT_GE(tsns.size(), 1u);
  say({sack(its_tsn_ + 1, plenty)});
  for (const auto& entry : wait(seconds(20))) {
    if (entry.second.type == ChunkType::data) tsns.push_back(entry.second.u32(0) - its_tsn_);
  }
  EXPECT_GE(std::count(tsns.begin(), tsns.end(), 2u), 1) << "it is sent again";
}

// covers: must rfc9260#6.1, bug 78
TEST_F(PeerByHand, never_are_more_chunks_out_than_gap_blocks_and_stream_numbers_can_count) {
  Options o;
  o.send_buffer = 64 * 1024 * 1024;
  make(o);
  establish(0xFFFF'FFFF);
  std::size_t out = 0;
  for (int turn = 0; turn < 400; ++turn) {
    for (int i = 0; i < 400; ++i) ASSERT_TRUE(send("x"));
    for (const std::uint32_t tsn : hear_tsns()) out = std::max<std::size_t>(out, tsn + 1);
    ASSERT_LE(out, 32'767u);
    // Everything but the first is told to have arrived.
    say({sack(its_tsn_ - 1, 0xFFFF'FFFF, {{2, static_cast<unsigned>(out)}})});
  }
  EXPECT_EQ(out, 32'767u) << "[rfc3758#3.6] of which one FORWARD-TSN may skip all";
}

// ---------------------------------------------------------------- heartbeat

// covers: bug 68, must rfc9260#8.3
TEST_F(PeerByHand, only_the_true_answer_to_the_last_heartbeat_counts) {
  establish();
  std::vector<std::byte> asked;
  for (int i = 0; i < 2 && asked.empty();) {
    for (const auto& entry : wait(seconds(1))) {
      if (entry.second.type == ChunkType::heartbeat) asked = entry.second.value;
    }
    if (now_ > at_ms(100'000)) ++i;
  }
  ASSERT_EQ(asked.size(), 12u) << "a nonce of 64 bits [rfc9260#3.3.5]";
  const auto old = asked;
  // Nobody answered; the next one has another nonce.
  asked.clear();
  while (asked.empty() && now_ < at_ms(200'000)) {
    now_ = *association_->next_deadline();
    association_->on_deadline(now_);
    for (const Chunk& c : hear()) {
      if (c.type == ChunkType::heartbeat) asked = c.value;
    }
  }
  ASSERT_EQ(asked.size(), 12u);
  EXPECT_NE(asked, old);
  auto forged = asked;
  forged.back() ^= std::byte{1};
  auto cut = asked;
  cut.pop_back();
  const std::uint64_t before = state();
  for (const auto& bad : {old, forged, cut}) {
    say({{ChunkType::heartbeat_ack, 0, bad}});
    EXPECT_EQ(state(), before);
  }
  say({{ChunkType::heartbeat_ack, 0, asked}});
  EXPECT_NE(state(), before);
  const std::uint64_t after = state();
  say({{ChunkType::heartbeat_ack, 0, asked}});
  EXPECT_EQ(state(), after) << "once";
}

// covers: must rfc9260#8.3
TEST_F(PeerByHand, a_heartbeat_is_answered_as_soon_as_the_cookie_is_echoed) {
  let_it_begin();
  const auto info = Value().u16(1).u16(12).u32(1).u32(2).bytes;
  say({{ChunkType::heartbeat, 0, info}});
  const auto heard = hear();
  ASSERT_EQ(heard.size(), 1u) << "[rfc9260#8.3]";
  EXPECT_EQ(heard[0].type, ChunkType::heartbeat_ack);
  EXPECT_EQ(heard[0].value, info) << "unchanged";
}

}  // namespace
}  // namespace esp_peer::sctp
