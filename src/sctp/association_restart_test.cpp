// A peer that has forgotten its association and begins another one over the same path
// [rfc9260#5.2], and cookies that cross or come late.
#include <set>

#include "tests/support/association_pair.hpp"
#include "tests/support/sctp_peer_by_hand.hpp"

namespace esp_peer::sctp {
namespace {

constexpr const char* restart_told = "(restart)";
using Bodies = std::vector<std::string>;

class Restart : public PeerByHand {
 protected:
  // Its new INIT and the answer to it.
  void ask_for_another() {
    our_tag_ += 0x100;
    our_tsn_ += 50'000;
    say_alone(0, {ChunkType::init, 0, init()});
    take_init_ack(hear_packet());
  }
  void echo_cookie() { say({{ChunkType::cookie_echo, 0, cookie_}}); }
  void begin_anew() {
    ask_for_another();
    echo_cookie();
  }
  // Both talk, from the first numbers on.
  void expect_fresh_association() {
    EXPECT_TRUE(association_->connected());
    say({data(our_tsn_, 1, 0, "first of the new one")});
    EXPECT_EQ(read(), Bodies{"first of the new one"});
    ASSERT_TRUE(send("first answer"));
    for (const Chunk& c : hear()) {
      if (c.type == ChunkType::sack) {
        EXPECT_EQ(c.u32(0), our_tsn_);
      }
      if (c.type != ChunkType::data) continue;
      EXPECT_EQ(c.u32(0), its_tsn_);
      EXPECT_EQ(c.u32(4), 1u << 16) << "stream 1, number 0";
    }
    say({sack(its_tsn_, plenty)});
    EXPECT_EQ(association_->buffered(), 0u);
  }
};

// covers: must rfc9260#5.2.1, fault 28
TEST_F(Restart, happens_by_the_cookie_that_the_peer_was_given_and_by_nothing_else) {
  establish();
  const std::uint32_t old_tag = tag_, old_peer_tag = our_tag_;
  ASSERT_TRUE(send("on its way"));
  static_cast<void>(hear());
  const std::uint64_t before = state();
  ask_for_another();
  EXPECT_EQ(state(), before) << "[rfc9260#5.2.2] the INIT alone changes nothing";
  EXPECT_NE(tag_, old_tag);
  // The cookie gives the old tags away to nobody.
  for (std::size_t at = 0; at + 4 <= cookie_.size(); ++at) {
    const std::uint32_t there = Reader(Bytes(cookie_).subspan(at)).u32();
    EXPECT_TRUE(there != old_tag && there != old_peer_tag) << at;
  }
  for (std::size_t at = 0; at < cookie_.size(); ++at) {
    auto forged = cookie_;
    forged[at] ^= std::byte{1};
    say({{ChunkType::cookie_echo, 0, forged}});
    say_under(old_tag, {{ChunkType::cookie_echo, 0, cookie_}});
    ASSERT_EQ(state(), before);
  }
  EXPECT_TRUE(hear().empty());
  echo_cookie();
  const Packet answer = hear_packet();
  EXPECT_EQ(answer.tag, our_tag_);
  EXPECT_EQ(answer.chunks.at(0).type, ChunkType::cookie_ack);
  EXPECT_EQ(association_->buffered(), 0u) << "nobody waits for it any more";
  EXPECT_FALSE(association_->connected()) << "until that has been read";
  EXPECT_EQ(send("to the old one").code(), Errc::wrong_state);
  EXPECT_EQ(read(), Bodies{restart_told});
  expect_fresh_association();
  EXPECT_FALSE(ended_by<Aborted>());
}

TEST_F(Restart, counts_one_when_the_cookie_ack_is_lost) {
  establish();
  begin_anew();
  EXPECT_EQ(count(hear(), ChunkType::cookie_ack), 1u);
  say({data(our_tsn_, 1, 0, "kept")});
  static_cast<void>(hear());
  echo_cookie();  // [rfc9260#5.2.4] D
  EXPECT_EQ(count(hear(), ChunkType::cookie_ack), 1u);
  EXPECT_EQ(read(), (Bodies{restart_told, "kept"}));
}

TEST_F(Restart, takes_data_that_is_bundled_with_the_cookie) {
  establish();
  ask_for_another();
  say({{ChunkType::cookie_echo, 0, cookie_}, data(our_tsn_, 1, 0, "at once")});
  EXPECT_EQ(read(), (Bodies{restart_told, "at once"}));
}

// Whole messages that were acknowledged are read, and before the restart; what was half there, out
// and owed is gone.
TEST_F(Restart, leaves_of_the_old_association_what_can_be_read_and_nothing_else) {
  extensions_ = supported_extensions;
  Options o;
  o.send_buffer = 20'000;
  make(o);
  establish();
  say({data(our_tsn_, 1, 0, "whole"), data(our_tsn_ + 1, 2, 0, "half", 2)});
  say({data(our_tsn_ + 3, 3, 0, "above a gap"), data(our_tsn_ + 5, 4, 1, "waits for its turn")});
  while (send(std::string(1000, 'x'))) {
  }
  ASSERT_TRUE(association_->reset_stream(now_, StreamId{9}));
  EXPECT_GT(hear_tsns().size(), 2u);
  say({sack(its_tsn_, plenty, {{2, 2}})});
  now_ += seconds(10);
  association_->on_deadline(now_);
  static_cast<void>(hear());
  const std::uint32_t old_tag = tag_, old_tsn = our_tsn_, old_its_tsn = its_tsn_;

  begin_anew();
  EXPECT_EQ(association_->buffered(), 0u);
  const auto heard = hear();
  ASSERT_EQ(heard.size(), 1u) << "no heartbeat, reset, data or SACK of before";
  EXPECT_EQ(heard[0].type, ChunkType::cookie_ack);
  bool drained = false;
  while (const auto event = association_->poll_event()) {
    drained |= std::holds_alternative<SendBufferDrained>(*event);
  }
  EXPECT_TRUE(drained);
  EXPECT_EQ(read(), (Bodies{"whole", "above a gap", restart_told}));
  EXPECT_FALSE(association_->is_resetting(StreamId{9}));
  // Late packets of the old one.
  const std::uint64_t before = state();
  say_under(old_tag, {data(old_tsn + 2, 2, 0, "other half", 1)});
  say_under(old_tag, {sack(old_its_tsn + 3, plenty)});
  say_under(old_tag, {{ChunkType::abort, 0, {}}});
  EXPECT_EQ(state(), before);
  expect_fresh_association();
}

// [rfc9260#5.2.4] A: congestion control begins anew too.
TEST_F(Restart, begins_with_the_first_congestion_window_and_rto) {
  establish();
  static_cast<void>(open_window(40));
  now_ += seconds(30);  // and T3, which doubles
  association_->on_deadline(now_);
  static_cast<void>(hear());
  begin_anew();
  static_cast<void>(hear());
  EXPECT_EQ(association_->round_trip(), Duration(0));
  EXPECT_EQ(read(), Bodies{restart_told});
  while (send(std::string(1160, 'b'))) {
  }
  EXPECT_EQ(hear_tsns().size(), 4u);
  const Instant sent = now_;
  const auto again = wait(seconds(2));
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again[0].first - sent, options_.rto_initial);
}

// covers: must rfc9260#9.2
TEST_F(Restart, while_we_shut_down_is_a_new_association_that_is_shut_down) {
  for (const bool waits_for_data : {true, false}) {
    association_.reset();
    establish();
    if (waits_for_data) {
      ASSERT_TRUE(send("not acknowledged"));
    }
    association_->shutdown(now_);
    EXPECT_EQ(count(hear(), ChunkType::shutdown), waits_for_data ? 0u : 1u);
    begin_anew();
    const auto heard = hear();
    EXPECT_EQ(count(heard, ChunkType::cookie_ack), 1u);
    ASSERT_EQ(count(heard, ChunkType::shutdown), 1u) << "our user still wants to leave";
    EXPECT_EQ(heard.back().u32(0), our_tsn_ - 1);
    EXPECT_EQ(read(), Bodies{restart_told});
    say({{ChunkType::shutdown_ack, 0, {}}});
    EXPECT_EQ(count(hear(), ChunkType::shutdown_complete), 1u);
    EXPECT_TRUE(ended_by<Closed>());
  }
}

TEST_F(Restart, of_a_peer_that_was_shutting_down_is_a_new_association) {
  establish();
  ASSERT_TRUE(send("not acknowledged"));
  static_cast<void>(hear());
  say({{ChunkType::shutdown, 0, Value().u32(its_tsn_ - 1).bytes}});
  EXPECT_FALSE(association_->connected());
  begin_anew();
  const auto heard = hear();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].type, ChunkType::cookie_ack);
  EXPECT_EQ(read(), Bodies{restart_told});
  expect_fresh_association();
}

// covers: must rfc9260#9.2
TEST_F(Restart, behind_our_shutdown_ack_has_to_wait_for_the_end_of_the_old_association) {
  establish();
  const std::uint32_t tag = tag_, its_tsn = its_tsn_;
  const std::uint32_t peer_tag = our_tag_;
  ask_for_another();
  say_under(tag, {{ChunkType::shutdown, 0, Value().u32(its_tsn - 1).bytes}});
  ASSERT_EQ(count(hear(), ChunkType::shutdown_ack), 1u);
  echo_cookie();
  const Packet answer = hear_packet();
  EXPECT_EQ(answer.tag, peer_tag);
  EXPECT_EQ(count(answer.chunks, ChunkType::shutdown_ack), 1u);
  ASSERT_EQ(answer.chunks.at(0).type, ChunkType::error);
  EXPECT_EQ(answer.chunks[0].value, Value().u16(10).u16(4).bytes)
      << "Cookie Received While Shutting Down";
  EXPECT_TRUE(read().empty());
  // [rfc9260#8.4] To whom the SHUTDOWN-ACK comes out of the blue, it says so.
  say_under(peer_tag, {{ChunkType::shutdown_complete, 1, {}}});
  EXPECT_TRUE(ended_by<Closed>());
}

TEST_F(Restart, of_a_peer_whose_cookie_we_have_just_echoed) {
  for (const bool cookie_ack_comes_first : {false, true}) {
    association_.reset();
    let_it_begin();
    const std::uint32_t tag = tag_, its_tsn = its_tsn_;
    ask_for_another();
    EXPECT_EQ(tag_, tag) << "[rfc9260#5.2.1] as our own INIT said";
    EXPECT_EQ(its_tsn_, its_tsn);
    if (cookie_ack_comes_first) {
      say({{ChunkType::cookie_ack, 0, {}}});
      ASSERT_TRUE(send("to who is no more"));
      static_cast<void>(hear());
    }
    echo_cookie();  // [rfc9260#5.2.4] B
    const Packet answer = hear_packet();
    EXPECT_EQ(answer.tag, our_tag_);
    EXPECT_EQ(answer.chunks.at(0).type, ChunkType::cookie_ack);
    EXPECT_EQ(read(), cookie_ack_comes_first ? Bodies{restart_told} : Bodies{});
    expect_fresh_association();
  }
}

TEST_F(Restart, while_our_init_waits_is_an_ordinary_start) {
  make();
  ASSERT_TRUE(association_->connect(now_));
  static_cast<void>(hear());
  ask_for_another();
  ask_for_another();
  echo_cookie();  // [rfc9260#5.2.4] B, the peer's tag is not known yet
  EXPECT_EQ(count(hear(), ChunkType::cookie_ack), 1u);
  EXPECT_TRUE(read().empty());
  expect_fresh_association();
}

// [rfc9260#5.2.4] What the table does not name, C, and what an earlier restart has used up.
TEST_F(Restart, of_old_cookies_changes_nothing) {
  std::vector<std::pair<std::uint32_t, std::vector<std::byte>>> old;
  const auto keep = [&] { old.emplace_back(tag_, cookie_); };
  make();
  our_tag_ += 0x100;  // the tag of the one after next, by chance
  say_alone(0, {ChunkType::init, 0, init()});
  take_init_ack(hear_packet());
  keep();  // C: another tag of ours, the peer's right one, no tie-tags
  our_tag_ -= 0x100;
  establish();
  keep();
  ask_for_another();
  keep();  // one of two that were asked for
  our_tag_ -= 0x100;
  begin_anew();
  static_cast<void>(hear());
  EXPECT_EQ(read(), Bodies{restart_told});
  const std::uint32_t tag = tag_;
  say_alone(0, {ChunkType::init, 0, init()});
  take_init_ack(hear_packet());
  keep();  // the tie-tags and the peer's tag are right, ours is another
  tag_ = tag;
  const std::uint64_t before = state();
  for (const auto& [under, cookie] : old) {
    say_under(under, {{ChunkType::cookie_echo, 0, cookie}, data(our_tsn_, 1, 0, "bundled")});
    EXPECT_EQ(state(), before);
    EXPECT_TRUE(hear().empty());
  }
  EXPECT_TRUE(association_->connected());
}

// [rfc9260#5.2.4] 3
TEST_F(Restart, by_a_cookie_that_is_too_old_is_refused_and_told) {
  establish();
  ask_for_another();
  now_ += seconds(61);
  echo_cookie();
  const Packet answer = hear_packet();
  EXPECT_EQ(answer.tag, our_tag_);
  EXPECT_EQ(answer.chunks.at(0).type, ChunkType::error);
  EXPECT_EQ(answer.chunks[0].value, Value().u16(3).u16(8).u32(1'000'000).bytes);
  EXPECT_TRUE(read().empty());
}

// [rfc8261#6.1] What an INIT says of addresses is nothing to us: none is added, and no ABORT due.
TEST_F(Restart, with_addresses_in_its_init_is_like_any_other) {
  establish();
  extensions_ = Value().u16(5).u16(8).u32(0xC000'0205).u16(11).u16(8).text("peer").bytes;
  begin_anew();
  EXPECT_EQ(count(hear(), ChunkType::cookie_ack), 1u);
  EXPECT_EQ(read(), Bodies{restart_told});
  expect_fresh_association();
}

TEST_F(Restart, brings_streams_and_extensions_of_its_own) {
  extensions_ = supported_extensions;
  establish(plenty, 10);
  EXPECT_TRUE(association_->can_reset());
  EXPECT_EQ(association_->outbound_streams(), 10u);
  extensions_.clear();
  our_tag_ += 1;
  say_alone(0, {ChunkType::init, 0, init(plenty, 20)});
  take_init_ack(hear_packet());
  echo_cookie();
  EXPECT_FALSE(association_->can_reset());
  EXPECT_EQ(association_->outbound_streams(), 20u);
}

// [rfc9260#3.3.2] While all of the window is taken by what is unread.
TEST_F(Restart, is_offered_the_least_window_there_is) {
  Options o;
  o.receive_window = 3000;
  make(o);
  establish();
  for (std::uint32_t i = 0; i < 3; ++i) {
    say({data(our_tsn_ + i, 1, static_cast<std::uint16_t>(i), std::string(900, 'm'))});
  }
  static_cast<void>(hear());
  say_alone(0, {ChunkType::init, 0, init()});
  const Packet answer = hear_packet();
  EXPECT_EQ(answer.chunks.at(0).u32(4), 1500u);
}

TEST_F(Restart, a_thousand_times_unread_takes_no_more_memory_than_once) {
  Options o;
  o.receive_window = 10'000;
  make(o);
  establish();
  begin_anew();
  static_cast<void>(hear());
  const std::size_t once = world_.memory.live;
  for (int i = 0; i < 1000; ++i) {
    begin_anew();
    static_cast<void>(hear());
    // A window full of half messages, and one that waits to be read while there is room.
    for (std::uint16_t n = 1; n < 20; ++n) {
      say({data(our_tsn_ + 2u * n, n, 0, std::string(900, 'h'), 2)});
    }
    if (i % 2 == 0) say({data(our_tsn_, 0, 0, "whole")});
    static_cast<void>(hear());
    ASSERT_LE(world_.memory.live, once + 4 * o.receive_window);
  }
  EXPECT_FALSE(ended_by<Aborted>());
  const Bodies all = read();
  EXPECT_EQ(all.back(), restart_told);
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_NE(all[i], all[i - 1]) << "told once";
}

TEST_F(Restart, that_finds_no_memory_leaves_the_old_association_alone) {
  establish();
  ask_for_another();
  const std::uint64_t before = state();
  world_.memory.fail_from = 0;
  echo_cookie();
  EXPECT_EQ(state(), before);
  EXPECT_TRUE(hear().empty());
  world_.memory.fail_from = static_cast<std::size_t>(-1);
  echo_cookie();
  EXPECT_EQ(count(hear(), ChunkType::cookie_ack), 1u);
  EXPECT_EQ(read(), Bodies{restart_told});
}

// ---------------------------------------------------------------- two real associations

// On a bad network, with data both ways: what is read of each association is whole, once and in
// order, nothing of the old one comes behind the restart, and the new one carries everything.
void check_restart(std::uint64_t seed) {
  SCOPED_TRACE(seed);
  std::mt19937_64 draw(seed);
  Pair p(seed);
  p.connect();
  p.link.loss = std::array{0.0, 0.05, 0.2}[draw() % 3];
  p.link.duplication = draw() % 2 ? 0.1 : 0;
  p.link.jitter_ms = static_cast<std::int64_t>(draw() % 60);
  Side& forgets = draw() % 2 ? p.left : p.right;
  Side& stays = &forgets == &p.left ? p.right : p.left;
  const auto talk = [&](char of) {
    for (int i = 0; i < 12; ++i) {
      for (Side* side : {&p.left, &p.right}) {
        const auto stream = static_cast<std::uint16_t>(draw() % 3);
        static_cast<void>(p.send(*side, stream, std::string(1 + draw() % 5000, of)));
      }
      p.run_for(milliseconds(static_cast<std::int64_t>(draw() % 40)));
    }
  };
  talk('o');
  stays.reads = draw() % 2 == 0;
  p.forget(forgets);
  forgets.received.clear();
  p.run_for(seconds(60));
  stays.reads = true;
  p.run_for(seconds(1));
  ASSERT_TRUE(p.left.association.connected() && p.right.association.connected());
  EXPECT_EQ(stays.restarts, 1u);
  EXPECT_EQ(forgets.restarts, 0u);
  EXPECT_TRUE(forgets.received.empty());
  for (const Received& r : stays.received) EXPECT_EQ(r.body, std::string(r.body.size(), 'o'));
  stays.received.clear();
  talk('n');
  p.run_for(seconds(200));
  EXPECT_EQ(p.left.association.buffered() + p.right.association.buffered(), 0u);
  for (const Side* side : {&p.left, &p.right}) {
    EXPECT_EQ(side->received.size(), 12u);
    EXPECT_EQ(side->count<Aborted>(), 0u);
    for (const Received& r : side->received) EXPECT_EQ(r.body, std::string(r.body.size(), 'n'));
  }
}

// covers: must rfc9260#5.2.1, fault 28
TEST(Association, goes_on_with_a_peer_that_forgot_everything_on_a_hundred_bad_networks) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) check_restart(seed);
}

TEST(Association, meets_one_that_forgot_at_the_same_moment) {
  Pair p;
  p.connect();
  p.forget(p.left);
  p.forget(p.right);
  p.run_for(seconds(1));
  ASSERT_TRUE(p.left.association.connected() && p.right.association.connected());
  EXPECT_TRUE(p.send(p.left, 1, "we have met before"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.right.received.size(), 1u);
}

}  // namespace
}  // namespace esp_peer::sctp
