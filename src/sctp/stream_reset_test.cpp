// Streams that begin anew: one request at a time, the same answer to a repeat, nothing lost
// [rfc6525].
#include "tests/support/association_pair.hpp"
#include "tests/support/sctp_peer_by_hand.hpp"

namespace esp_peer::sctp {
namespace {

using Streams = std::vector<std::uint16_t>;

Value& append(Value& v, const Streams& streams) {
  for (const auto s : streams) v.u16(s);
  return v;
}
Chunk reset_request(std::uint32_t sequence, std::uint32_t last_tsn, const Streams& streams) {
  Value v;
  v.u16(13).u16(static_cast<std::uint16_t>(16 + 2 * streams.size()));
  v.u32(sequence).u32(0).u32(last_tsn);
  return {ChunkType::reconfig, 0, append(v, streams).bytes};
}
Chunk request(std::uint16_t type, std::uint32_t sequence) {
  return {ChunkType::reconfig, 0, Value().u16(type).u16(12).u32(sequence).u32(0).bytes};
}
Chunk response(std::uint32_t sequence, std::uint32_t result) {
  return {ChunkType::reconfig, 0, Value().u16(16).u16(12).u32(sequence).u32(result).bytes};
}

class StreamReset : public PeerByHand {
 protected:
  void SetUp() override { extensions_ = supported_extensions; }
  // The RE-CONFIG chunks of what it says now.
  std::vector<Chunk> hear_reconfigs() {
    std::vector<Chunk> found;
    for (const Chunk& c : hear()) {
      if (c.type == ChunkType::reconfig) found.push_back(c);
    }
    return found;
  }
  // Results of the answers that it gives now, by sequence number from the peer's first on.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> hear_answers() {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> answers;
    for (const Chunk& c : hear_reconfigs()) {
      for (std::size_t at = 0; at + 12 <= c.value.size(); at += 12) {
        EXPECT_EQ(c.u32(at), 16u << 16 | 12u);
        answers.emplace_back(c.u32(at + 4) - our_tsn_, c.u32(at + 8));
      }
    }
    return answers;
  }
  // Bodies, and "reset N".
  std::vector<std::string> read_all() {
    std::vector<std::string> all;
    while (const auto m = association_->read_message(now_)) {
      all.push_back(m->reset ? "reset " + std::to_string(static_cast<unsigned>(m->stream))
                             : std::string(as_text(m->body.bytes())));
    }
    return all;
  }
  Status reset(std::uint16_t stream) { return association_->reset_stream(now_, StreamId{stream}); }
  bool pending(std::uint16_t stream) const { return association_->is_resetting(StreamId{stream}); }
};
using Answers = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
using Read = std::vector<std::string>;

// ---------------------------------------------------------------- ours

// covers: must rfc6525#5.1.1
TEST_F(StreamReset, is_announced_and_asked_only_of_who_announced_it) {
  extensions_ = forward_tsn_supported;
  make();
  say_alone(0, {ChunkType::init, 0, init()});
  const auto ack = hear_packet();
  EXPECT_TRUE(parse_init({ChunkType::init_ack, 0, ack.chunks.at(0).value})->extensions.reconfig);
  association_.reset();
  establish();
  EXPECT_EQ(reset(1).code(), Errc::unsupported);
  say({reset_request(our_tsn_, our_tsn_ - 1, {1})});
  EXPECT_TRUE(hear().empty());
}

TEST_F(StreamReset, waits_for_what_was_sent_then_asks_and_begins_at_zero) {
  establish();
  ASSERT_TRUE(send("a", 1));
  ASSERT_TRUE(send("b", 1));
  ASSERT_TRUE(send("other", 2));
  EXPECT_EQ(hear_tsns().size(), 3u);
  ASSERT_TRUE(reset(1));
  EXPECT_EQ(send("too late", 1).code(), Errc::would_block);
  EXPECT_TRUE(hear_reconfigs().empty()) << "it has not arrived";
  say({sack(its_tsn_ + 1, plenty)});
  const auto asked = hear_reconfigs();
  ASSERT_EQ(asked.size(), 1u);
  ASSERT_EQ(asked[0].value.size(), 18u);
  EXPECT_EQ(asked[0].u32(0), 13u << 16 | 18u);
  EXPECT_EQ(asked[0].u32(4), its_tsn_) << "numbers of requests begin with the first TSN";
  EXPECT_EQ(asked[0].u32(8), our_tsn_ - 1);
  EXPECT_EQ(asked[0].u32(12), its_tsn_ + 1) << "all of the stream, and no other one's message";
  EXPECT_TRUE(pending(1));
  say({response(its_tsn_, 1)});
  EXPECT_FALSE(pending(1));
  ASSERT_TRUE(send("anew", 1));
  const auto heard = hear();
  EXPECT_EQ(heard.back().u32(4), 1u << 16 | 0u);
}

// covers: must rfc6525#5.1.1
TEST_F(StreamReset, one_request_is_out_at_a_time) {
  establish();
  ASSERT_TRUE(reset(1));
  EXPECT_EQ(hear_reconfigs().size(), 1u);
  ASSERT_TRUE(reset(2));
  ASSERT_TRUE(reset(3));
  EXPECT_TRUE(hear_reconfigs().empty());
  say({response(its_tsn_, 1)});
  const auto next = hear_reconfigs();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].u32(4), its_tsn_ + 1);
  EXPECT_EQ(next[0].u32(16), 2u << 16 | 3u) << "both together";
}

TEST_F(StreamReset,
       a_request_is_repeated_as_it_was_with_doubling_waits_until_the_peer_is_given_up) {
  establish();
  ASSERT_TRUE(reset(1));
  std::vector<std::pair<Instant, Chunk>> asked;
  for (const auto& said : wait(seconds(30))) {
    if (said.second.type == ChunkType::reconfig) asked.push_back(said);
  }
  ASSERT_GE(asked.size(), 4u);
  for (const auto& [at, c] : asked) EXPECT_EQ(c.value, asked[0].second.value);
  EXPECT_EQ((asked[2].first - asked[1].first).count(),
            2 * (asked[1].first - asked[0].first).count());
  wait(seconds(1200));
  EXPECT_TRUE(ended_by<Aborted>());
}

// covers: must rfc6525#5.2.1, bug 71
TEST_F(StreamReset, a_peer_that_is_at_it_is_asked_again_and_not_given_up) {
  establish();
  ASSERT_TRUE(reset(1));
  std::size_t asked = 0;
  for (int i = 0; i < 1000; ++i) {
    for (const auto& [at, c] : wait(seconds(1))) {
      if (c.type == ChunkType::heartbeat) say({{ChunkType::heartbeat_ack, 0, c.value}});
      if (c.type != ChunkType::reconfig) continue;
      ++asked;
      say({response(its_tsn_, 6)});
    }
  }
  EXPECT_GE(asked, 15u) << "more often than any that is not answered";
  ASSERT_TRUE(association_->connected());
  say({response(its_tsn_, 1)});
  EXPECT_FALSE(pending(1));
}

// covers: must rfc6525#5.2.1
TEST_F(StreamReset, a_peer_that_is_at_it_is_asked_again_without_doubling_waits) {
  establish();
  ASSERT_TRUE(reset(1));
  std::size_t asked = 0;
  for (int i = 0; i < 200; ++i) {
    for (const auto& [at, c] : wait(milliseconds(100))) {
      if (c.type != ChunkType::reconfig) continue;
      ++asked;
      say({response(its_tsn_, 6)});
    }
  }
  EXPECT_GE(asked, 30u);
  // An answer to another question is no answer to this one.
  say({response(its_tsn_ - 1, 6)});
  say({response(its_tsn_, 1)});
  EXPECT_FALSE(pending(1));
}

// What was too old before it was sent never gets to the peer, and is not waited for.
TEST_F(StreamReset, waits_for_the_messages_of_its_stream_and_no_others) {
  extensions_.insert(extensions_.end(), forward_tsn_supported.begin(), forward_tsn_supported.end());
  establish(1500);
  const SendOptions short_lived{.reliability = Reliability::lifetime, .limit = 50};
  ASSERT_TRUE(send(std::string(1100, 'f'), 1));
  ASSERT_TRUE(send(std::string(1100, 'f'), 1));
  EXPECT_EQ(hear_tsns().size(), 1u) << "the window is shut";
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(send("old", 2, short_lived));
  ASSERT_TRUE(send("mine", 3));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(send(std::string(1100, 'f'), 1));
  ASSERT_TRUE(reset(3));
  now_ += milliseconds(100);
  say({sack(its_tsn_, plenty)});
  EXPECT_TRUE(hear_reconfigs().empty());
  say({sack(its_tsn_ + 2, plenty)});
  EXPECT_EQ(hear_reconfigs().size(), 1u) << "it has arrived";
}

// covers: bug 72
TEST_F(StreamReset, a_peer_that_denies_everything_cannot_fill_the_memory) {
  establish();
  const std::size_t before = world_.memory.live;
  std::uint32_t sequence = its_tsn_;
  unsigned taken = 0;
  for (unsigned s = 0; s < 60'000; ++s) {
    taken += reset(static_cast<std::uint16_t>(s)) ? 1u : 0u;
    if (s % 100 != 0) continue;
    if (!hear_reconfigs().empty()) say({response(sequence++, 2)});
  }
  EXPECT_LT(taken, 2000u);
  EXPECT_LT(world_.memory.live, before + 40'000);
}

TEST_F(StreamReset, a_stream_that_never_spoke_costs_nothing_when_it_is_reset) {
  establish();
  ASSERT_TRUE(reset(60'000));
  static_cast<void>(hear());
  const std::size_t before = world_.memory.live;
  for (std::uint32_t i = 0; i < 200; ++i) {
    say({response(its_tsn_ + i, 1)});
    ASSERT_TRUE(reset(static_cast<std::uint16_t>(i)));
    static_cast<void>(hear());
  }
  EXPECT_LE(world_.memory.live, before + 64);
}

TEST_F(StreamReset, who_was_refused_while_it_was_under_way_hears_of_the_room) {
  establish();
  ASSERT_TRUE(reset(1));
  static_cast<void>(hear());
  EXPECT_EQ(send("too early", 1).code(), Errc::would_block);
  EXPECT_FALSE(association_->poll_event());
  say({response(its_tsn_, 1)});
  EXPECT_TRUE(ended_by<SendBufferDrained>());
  EXPECT_TRUE(send("anew", 1));
}

TEST_F(StreamReset, a_stream_that_was_denied_is_never_used_again_and_the_others_go_on) {
  establish();
  ASSERT_TRUE(reset(1));
  static_cast<void>(hear());
  say({response(its_tsn_, 2)});
  EXPECT_TRUE(pending(1));
  EXPECT_EQ(send("x", 1).code(), Errc::would_block);
  ASSERT_TRUE(reset(2));
  EXPECT_EQ(hear_reconfigs().size(), 1u);
  say({response(its_tsn_ + 1, 1)});
  EXPECT_FALSE(pending(2));
  wait(seconds(20));
  EXPECT_TRUE(association_->connected());
}

TEST_F(StreamReset, answers_to_nothing_change_nothing) {
  establish();
  const auto before = state();
  say({response(its_tsn_, 1)});
  say({response(its_tsn_ - 1, 1)});
  say({{ChunkType::reconfig, 0, Value().u16(16).u16(8).u32(its_tsn_).bytes}});
  say({{ChunkType::reconfig, 0, Value().u16(16).u16(3).bytes}});
  say({{ChunkType::reconfig, 0, Value().u16(13).u16(200).u32(1).bytes}});
  EXPECT_EQ(state(), before);
  ASSERT_TRUE(reset(1));
  static_cast<void>(hear());
  say({response(its_tsn_ + 1, 1)});
  EXPECT_TRUE(pending(1));
}

TEST_F(StreamReset, a_message_that_was_given_up_holds_up_no_reset) {
  extensions_.insert(extensions_.end(), forward_tsn_supported.begin(), forward_tsn_supported.end());
  establish();
  ASSERT_TRUE(send("once", 1, {.reliability = Reliability::retransmits, .limit = 0}));
  ASSERT_TRUE(reset(1));
  std::vector<ChunkType> said;
  for (const auto& [at, c] : wait(milliseconds(700))) said.push_back(c.type);
  EXPECT_NE(std::find(said.begin(), said.end(), ChunkType::forward_tsn), said.end());
  say({sack(its_tsn_, plenty)});
  EXPECT_EQ(hear_reconfigs().size(), 1u);
}

// ---------------------------------------------------------------- the peer's

// covers: must rfc8831#6.7
TEST_F(StreamReset, the_reader_hears_of_it_behind_what_was_sent_before) {
  establish();
  say({data(our_tsn_, 1, 0, "a"), data(our_tsn_ + 1, 1, 1, "b")});
  say({reset_request(our_tsn_, our_tsn_ + 1, {1})});
  EXPECT_EQ(hear_answers(), (Answers{{0, 1}}));
  say({data(our_tsn_ + 2, 1, 0, "anew")});
  EXPECT_EQ(read_all(), (Read{"a", "b", "reset 1", "anew"}));
}

// covers: must rfc6525#5.2.2
TEST_F(StreamReset, what_is_still_on_its_way_puts_it_off) {
  establish();
  say({data(our_tsn_ + 1, 1, 1, "second")});
  say({reset_request(our_tsn_, our_tsn_ + 1, {1})});
  EXPECT_EQ(hear_answers(), (Answers{{0, 6}})) << "in progress";
  // What the new stream says already may not pass for the old one's.
  say({data(our_tsn_ + 2, 1, 0, "too early")});
  EXPECT_EQ(read_all(), Read{});
  say({data(our_tsn_, 1, 0, "first")});
  EXPECT_EQ(hear_answers(), (Answers{{0, 1}})) << "without being asked again";
  say({data(our_tsn_ + 2, 1, 0, "anew")});
  EXPECT_EQ(read_all(), (Read{"first", "second", "reset 1", "anew"}));
}

// dcSCTP asks under a new number when it was told to wait, before 2025, and gives a reset up that
// was refused.
// covers: must rfc6525#5.2.2
TEST_F(StreamReset, what_was_put_off_may_be_asked_for_under_a_new_number_and_happens_once) {
  establish();
  say({data(our_tsn_ + 1, 1, 1, "second")});
  say({reset_request(our_tsn_, our_tsn_ + 1, {1})});
  EXPECT_EQ(hear_answers(), (Answers{{0, 6}}));
  say({reset_request(our_tsn_ + 1, our_tsn_ + 1, {1})});
  EXPECT_EQ(hear_answers(), (Answers{{1, 6}}));
  say({reset_request(our_tsn_ + 2, our_tsn_ + 1, {1, 2})});
  EXPECT_EQ(hear_answers(), (Answers{{2, 4}})) << "but not for more";
  say({data(our_tsn_, 1, 0, "first")});
  EXPECT_EQ(hear_answers().at(0), (std::pair<std::uint32_t, std::uint32_t>(1, 1)));
  EXPECT_EQ(read_all(), (Read{"first", "second", "reset 1"}));
}

TEST_F(StreamReset, a_new_number_that_crosses_the_answer_to_the_old_one_resets_nothing_again) {
  establish();
  say({reset_request(our_tsn_, our_tsn_, {1})});
  EXPECT_EQ(hear_answers(), (Answers{{0, 6}}));
  say({data(our_tsn_, 1, 0, "last")});
  EXPECT_EQ(hear_answers(), (Answers{{0, 1}}));
  say({reset_request(our_tsn_ + 1, our_tsn_, {1})});
  EXPECT_EQ(hear_answers(), (Answers{{1, 1}}));
  EXPECT_EQ(read_all(), (Read{"last", "reset 1"}));
  // A new reset is another one.
  say({data(our_tsn_ + 1, 1, 0, "anew")});
  say({reset_request(our_tsn_ + 2, our_tsn_ + 1, {1})});
  EXPECT_EQ(hear_answers(), (Answers{{2, 1}}));
  EXPECT_EQ(read_all(), (Read{"anew", "reset 1"}));
}

// A negotiated channel that was created again, on which the peer said nothing.
TEST_F(StreamReset, once_our_side_has_begun_anew_too_the_same_request_is_another_one) {
  establish();
  say({reset_request(our_tsn_, our_tsn_, {1})});
  EXPECT_EQ(hear_answers(), (Answers{{0, 6}}));
  say({data(our_tsn_, 1, 0, "last")});
  EXPECT_EQ(hear_answers(), (Answers{{0, 1}}));
  ASSERT_TRUE(reset(1));
  EXPECT_EQ(hear_reconfigs().size(), 1u);
  say({response(its_tsn_, 1)});
  EXPECT_EQ(read_all(), (Read{"last", "reset 1"}));
  say({reset_request(our_tsn_ + 1, our_tsn_, {1})});
  EXPECT_EQ(hear_answers(), (Answers{{1, 1}}));
  EXPECT_EQ(read_all(), Read{"reset 1"});
}

// covers: must rfc6525#5.2.1
TEST_F(StreamReset, who_asks_again_gets_the_same_answer_and_no_second_reset) {
  establish();
  for (int i = 0; i < 5; ++i) {
    say({reset_request(our_tsn_, our_tsn_ - 1, {1})});
    EXPECT_EQ(hear_answers(), (Answers{{0, 1}}));
  }
  say({reset_request(our_tsn_ + 1, our_tsn_ - 1, {2})});
  EXPECT_EQ(hear_answers(), (Answers{{1, 1}}));
  EXPECT_EQ(read_all(), (Read{"reset 1", "reset 2"}));
  say({reset_request(our_tsn_ + 7, our_tsn_ - 1, {3})});
  EXPECT_EQ(hear_answers(), (Answers{{7, 5}})) << "bad sequence number";
  EXPECT_EQ(read_all(), Read{});
}

TEST_F(StreamReset, a_request_without_streams_means_all_of_them) {
  establish();
  say({data(our_tsn_, 4, 0, "x"), data(our_tsn_ + 1, 9, 0, "y")});
  say({reset_request(our_tsn_, our_tsn_ + 1, {})});
  say({data(our_tsn_ + 2, 4, 0, "x"), data(our_tsn_ + 3, 9, 0, "y")});
  EXPECT_EQ(read_all(), (Read{"x", "y", "reset 9", "reset 4", "x", "y"}));
}

// covers: bug 72
TEST_F(StreamReset, requests_without_end_cost_no_memory_while_nobody_reads) {
  Options o;
  o.receive_window = 10'000;
  make(o);
  establish();
  const std::size_t before = world_.memory.live;
  Streams many;
  for (std::uint16_t s = 0; s < 400; ++s) many.push_back(s);
  std::uint32_t sequence = our_tsn_;
  for (int i = 0; i < 5000; ++i) {
    say({reset_request(sequence, our_tsn_ - 1, many)});
    for (const auto& [n, result] : hear_answers()) {
      if (result <= 1) sequence = our_tsn_ + n + 1;
    }
  }
  EXPECT_LT(world_.memory.live, before + 10'000 + 2 * 400 * 100 + 4000);
  EXPECT_FALSE(read_all().empty());
  say({reset_request(sequence, our_tsn_ - 1, {1})});
  EXPECT_FALSE(hear_answers().empty()) << "and it goes on";
  // One that is put off for ever is one.
  association_.reset();
  make(o);
  establish();
  for (std::uint32_t i = 0; i < 5000; ++i) {
    say({reset_request(our_tsn_ + i, our_tsn_ + 1000, many)});
    static_cast<void>(hear());
  }
  EXPECT_LT(world_.memory.live, before + 5000);
}

TEST_F(StreamReset, other_requests_are_answered_too) {
  establish();
  say({request(14, our_tsn_)});      // that we reset our streams
  say({request(15, our_tsn_ + 1)});  // that we begin with new TSNs
  say({request(17, our_tsn_ + 2)});  // that the peer may use more streams
  EXPECT_EQ(hear_answers().back(), (std::pair<std::uint32_t, std::uint32_t>(2, 1)));
  say({request(18, our_tsn_ + 3)});
  EXPECT_EQ(hear_answers(), (Answers{{3, 2}})) << "denied";
  say({request(19, our_tsn_ + 4)});
  EXPECT_EQ(hear_answers(), Answers{}) << "of a kind that nobody knows";
}

// ---------------------------------------------------------------- both

// dcSCTP before 2025, told to reset what it must put off, says "in progress" for ever after.
TEST(StreamResetPair, is_not_put_off_by_what_is_missing_of_other_streams) {
  Pair p;
  p.connect();
  p.meddle = [](bool from_left, std::vector<std::byte>& packet) {
    return !from_left || packet[12] != std::byte{0};  // no packet that begins with DATA
  };
  ASSERT_TRUE(p.send(p.left, 2, "lost"));
  p.run_for(milliseconds(1));
  ASSERT_TRUE(p.left.association.reset_stream(p.now, StreamId{1}));
  p.run_for(milliseconds(100));
  EXPECT_NE(p.left.association.buffered(), 0u);
  EXPECT_FALSE(p.left.association.is_resetting(StreamId{1}));
}

TEST(StreamResetPair, crosses_losses_and_the_other_sides) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Pair p(seed);
    p.connect();
    p.link.loss = 0.2;
    p.link.duplication = 0.1;
    p.link.jitter_ms = 30;
    for (int round = 0; round < 10; ++round) {
      for (Side* side : {&p.left, &p.right}) {
        for (int i = 0; i < 5; ++i) {
          ASSERT_TRUE(p.send(*side, static_cast<std::uint16_t>(i % 2), std::to_string(round)));
        }
        for (std::uint16_t s : {std::uint16_t{0}, std::uint16_t{1}}) {
          ASSERT_TRUE(side->association.reset_stream(p.now, StreamId{s}));
        }
      }
      for (int i = 0; i < 300 && (p.left.association.is_resetting(StreamId{0}) ||
                                  p.left.association.is_resetting(StreamId{1}) ||
                                  p.right.association.is_resetting(StreamId{0}) ||
                                  p.right.association.is_resetting(StreamId{1}));
           ++i) {
        p.run_for(milliseconds(200));
      }
      ASSERT_FALSE(p.left.association.is_resetting(StreamId{0}));
    }
    for (Side* side : {&p.left, &p.right}) {
      std::vector<std::string> messages;
      int resets = 0;
      for (const auto& m : side->received) {
        if (m.body.empty()) ++resets;
        if (!m.body.empty()) messages.push_back(m.body);
      }
      ASSERT_EQ(messages.size(), 50u);
      ASSERT_EQ(resets, 20);
      for (std::size_t i = 0; i < 50; ++i) ASSERT_EQ(messages[i], std::to_string(i / 5));
    }
  }
}

}  // namespace
}  // namespace esp_peer::sctp
