// How an association begins with a peer made by hand: tags, cookies, what is agreed on.
#include <set>

#include "tests/support/sctp_peer_by_hand.hpp"

namespace esp_peer::sctp {
namespace {

// ---------------------------------------------------------------- tags and cookies

// covers: bug 65, bug 67, must rfc9260#5.1.5
TEST_F(PeerByHand, a_cookie_echo_opens_no_door_for_what_is_bundled_behind_it) {
  establish();
  const std::vector<std::byte> forged(cookie_.size(), std::byte{7});
  const std::vector<Chunk> behind[] = {
      {{ChunkType::abort, 0, {}}},
      {data(our_tsn_, 1, 0, "injected")},
      {{ChunkType::shutdown, 0, Value().u32(its_tsn_ - 1).bytes}},
      {sack(its_tsn_ - 1, 0)},
      {{ChunkType::heartbeat, 0, Value().u16(1).u16(8).u32(7).bytes}},
  };
  for (const auto& chunks : behind) {
    for (const std::uint32_t tag : {0u, 12345u, our_tag_}) {
      for (const auto& cookie : {forged, cookie_}) {
        std::vector<Chunk> all{{ChunkType::cookie_echo, 0, cookie}};
        all.insert(all.end(), chunks.begin(), chunks.end());
        const std::uint64_t before = state();
        say_under(tag, all);
        EXPECT_EQ(state(), before);
        EXPECT_TRUE(hear().empty());
      }
    }
  }
  EXPECT_TRUE(read().empty());
  EXPECT_TRUE(association_->connected());
}

// covers: must rfc9260#3.2
TEST_F(PeerByHand, init_init_ack_and_shutdown_complete_stand_alone_or_not_at_all) {
  establish();
  for (const auto type : {ChunkType::init, ChunkType::init_ack, ChunkType::shutdown_complete}) {
    const std::uint64_t before = state();
    say({{ChunkType::error, 0, Value().u16(9).u16(4).bytes}, {type, 0, init()}});
    EXPECT_EQ(state(), before);
    EXPECT_TRUE(hear().empty()) << static_cast<int>(type);
  }
}

// covers: bug 65, must rfc9260#5.1.5
TEST_F(PeerByHand, a_stale_cookie_is_answered_by_an_error_that_says_how_stale) {
  make();
  say_alone(0, {ChunkType::init, 0, init()});
  take_init_ack(hear_packet());
  now_ += seconds(61);
  say({{ChunkType::cookie_echo, 0, cookie_}, data(our_tsn_, 1, 0, "bundled")});
  EXPECT_FALSE(association_->connected());
  const Packet answer = hear_packet();
  ASSERT_EQ(answer.chunks.size(), 1u);
  EXPECT_EQ(answer.tag, our_tag_);
  EXPECT_EQ(answer.chunks[0].type, ChunkType::error);
  EXPECT_EQ(answer.chunks[0].value, Value().u16(3).u16(8).u32(1'000'000).bytes);
  // With a fresh one it goes on.
  say_alone(0, {ChunkType::init, 0, init()});
  take_init_ack(hear_packet());
  say({{ChunkType::cookie_echo, 0, cookie_}});
  EXPECT_TRUE(association_->connected());
}

// covers: must rfc9260#5.2.1
TEST_F(PeerByHand, an_old_cookie_whose_tags_are_those_of_the_association_is_good) {
  // Both began; ours is at COOKIE-ECHOED when the cookie for the peer's own INIT comes back late.
  let_it_begin();
  say_alone(0, {ChunkType::init, 0, init()});
  const auto heard = hear_packets();
  ASSERT_EQ(heard.size(), 1u);
  take_init_ack(heard[0]);
  now_ += seconds(61);
  say({{ChunkType::cookie_echo, 0, cookie_}});
  EXPECT_TRUE(association_->connected());
  EXPECT_EQ(count(hear(), ChunkType::cookie_ack), 1u);
  // And again, because that answer was lost [rfc9260#5.2.4] D.
  say({{ChunkType::cookie_echo, 0, cookie_}});
  EXPECT_EQ(count(hear(), ChunkType::cookie_ack), 1u);
}

// covers: bug 65
TEST_F(PeerByHand, a_cookie_of_another_association_or_of_one_that_ended_opens_nothing) {
  make();
  say_alone(0, {ChunkType::init, 0, init()});
  take_init_ack(hear_packet());
  const auto old_cookie = cookie_;
  const auto old_tag = tag_;
  association_.reset();
  make();
  say_under(old_tag, {{ChunkType::cookie_echo, 0, old_cookie}});
  EXPECT_FALSE(association_->connected());
  EXPECT_TRUE(hear().empty());
  establish();
  say({{ChunkType::abort, 0, {}}});
  say({{ChunkType::cookie_echo, 0, cookie_}});
  EXPECT_FALSE(association_->connected());
  EXPECT_TRUE(hear().empty()) << "not even an answer";
}

TEST_F(PeerByHand, data_that_comes_instead_of_the_cookie_ack_has_it_asked_for_at_once) {
  let_it_begin();
  say({data(our_tsn_, 1, 0, "too early")});
  EXPECT_EQ(count(hear(), ChunkType::cookie_echo), 1u);
  EXPECT_TRUE(read().empty());
  say({{ChunkType::cookie_ack, 0, {}}, data(our_tsn_, 1, 0, "again")});
  EXPECT_EQ(read(), std::vector<std::string>{"again"});
}

// covers: must rfc9260#5.2.1
TEST_F(PeerByHand, a_cookie_of_an_attempt_before_the_association_does_not_end_it) {
  make();
  say_alone(0, {ChunkType::init, 0, init()});
  take_init_ack(hear_packet());
  const auto early = cookie_;
  our_tag_ = 0xBBBB'0002;
  establish();
  // [rfc9260#5.2.4] B by its tags; but it is older than the association.
  say({{ChunkType::cookie_echo, 0, early}});
  EXPECT_TRUE(association_->connected());
  EXPECT_TRUE(hear().empty());
}

// covers: must rfc9260#5.2.1
TEST_F(PeerByHand, told_that_its_cookie_is_stale_it_asks_for_a_new_one) {
  let_it_begin();
  say({{ChunkType::error, 0, Value().u16(3).u16(8).u32(1000).bytes}});
  const auto heard = hear();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].type, ChunkType::init);
  EXPECT_EQ(heard[0].u32(0), tag_);
}

// Nobody can lose what was never sent: there may be no path for it yet.
TEST_F(PeerByHand, an_init_that_could_not_go_out_is_not_counted_as_lost) {
  make();
  ASSERT_TRUE(association_->connect(now_));
  for (int i = 0; i < 1200; ++i) {
    now_ += milliseconds(500);
    association_->on_deadline(now_);
  }
  EXPECT_FALSE(association_->poll_event());
  EXPECT_EQ(hear_packet().chunks.at(0).type, ChunkType::init);
}

// covers: bug 77
TEST_F(PeerByHand, no_error_cause_of_any_length_does_harm) {
  for (const bool connected : {false, true}) {
    association_.reset();
    if (connected) establish();
    if (!connected) let_it_begin();
    for (unsigned cause = 0; cause < 20; ++cause) {
      if (cause == 3 && !connected) continue;  // the stale cookie
      for (const unsigned length : {0u, 1u, 2u, 3u, 4u, 5u, 8u, 600u, 65535u}) {
        for (const std::size_t tail : {0u, 1u, 3u, 4u, 500u}) {
          Value v;
          v.u16(static_cast<std::uint16_t>(cause)).u16(static_cast<std::uint16_t>(length));
          v.text(std::string(tail, 'x'));
          const std::uint64_t before = state();
          say({{ChunkType::error, 0, v.bytes}});
          ASSERT_EQ(state(), before);
        }
      }
    }
    EXPECT_EQ(association_->connected(), connected);
  }
}

// covers: bug 62
TEST_F(PeerByHand, a_last_parameter_that_is_cut_off_spoils_the_init_but_missing_padding_does_not) {
  make();
  for (std::size_t size = 1; size <= 5; ++size) {
    for (std::size_t cut = 0; cut <= size; ++cut) {
      Value v;
      v.append(init()).u16(0x8000).u16(static_cast<std::uint16_t>(4 + size));
      v.text(std::string(size - cut, 'p'));
      say_alone(0, {ChunkType::init, 0, v.bytes});
      EXPECT_EQ(hear().size(), cut == 0 ? 1u : 0u) << size << " " << cut;
    }
  }
  for (const unsigned length : {0u, 1u, 2u, 3u}) {
    Value v;
    v.append(init()).u16(0x8000).u16(static_cast<std::uint16_t>(length)).u32(0);
    say_alone(0, {ChunkType::init, 0, v.bytes});
    EXPECT_TRUE(hear().empty());
  }
}

// [rfc8261#6.1] There is one path, and DTLS knows it: no side says an address, or obeys one.
// covers: must rfc8261#6.1
TEST_F(PeerByHand, no_address_is_said_and_those_of_the_peer_are_passed_over) {
  const auto parameters = [](const Chunk& chunk) {
    std::vector<unsigned> types;
    Bytes rest = Bytes(chunk.value).subspan(16);
    while (const auto parameter = take_parameter(rest)) types.push_back(parameter->type);
    EXPECT_TRUE(rest.empty());
    return types;
  };
  // State cookie, Supported Extensions, Forward-TSN-Supported; not 5, 6 and 11, addresses.
  const std::set<unsigned> known{7, 0x8008, 0xC000};
  make();
  ASSERT_TRUE(association_->connect(now_));
  for (const unsigned type : parameters(hear_packet().chunks.at(0))) {
    EXPECT_TRUE(known.count(type)) << type;
  }
  extensions_ = Value().u16(5).u16(8).u32(0xC000'0205).u16(11).u16(8).text("peer").bytes;
  make();
  say_alone(0, {ChunkType::init, 0, init()});
  const Packet answer = hear_packet();
  for (const unsigned type : parameters(answer.chunks.at(0))) {
    EXPECT_TRUE(known.count(type)) << type;
  }
  take_init_ack(answer);
  say({{ChunkType::cookie_echo, 0, cookie_}});
  EXPECT_TRUE(association_->connected());
}

// ---------------------------------------------------------------- streams

// covers: must rfc9260#6.5
TEST_F(PeerByHand, no_stream_is_used_that_the_peer_cannot_take) {
  for (const bool it_begins : {false, true}) {
    association_.reset();
    if (it_begins) {
      let_it_begin(plenty, 10);
      say({{ChunkType::cookie_ack, 0, {}}});
    } else {
      establish(plenty, 10);
    }
    EXPECT_TRUE(send("the last one", 9));
    EXPECT_EQ(send("one too many", 10).code(), Errc::over_limit);
    EXPECT_EQ(hear_tsns().size(), 1u);
  }
}

TEST_F(PeerByHand, our_own_limit_of_streams_holds_too) {
  Options o;
  o.max_streams = 4;
  make(o);
  establish();
  EXPECT_TRUE(send("fine", 3));
  EXPECT_EQ(send("beyond what our INIT-ACK said", 4).code(), Errc::over_limit);
}

// covers: bug 78, must rfc9260#6.5
TEST_F(PeerByHand, the_last_streams_there_are_carry_messages) {
  establish();
  say({data(our_tsn_, 65533, 0, "a"), data(our_tsn_ + 1, 65534, 0, "b")});
  EXPECT_EQ(read(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(send("c", 65534));
  EXPECT_EQ(send("d", 65535).code(), Errc::over_limit);
}

// [rfc9260#3.3.2] More than was announced no conforming peer uses: it is never aborted for that.
// covers: bug 78
TEST_F(PeerByHand, a_peer_that_uses_every_stream_it_was_offered_is_not_aborted) {
  for (const bool it_begins : {false, true}) {
    make();
    if (it_begins) {
      ASSERT_TRUE(association_->connect(now_));
    } else {
      say_alone(0, {ChunkType::init, 0, init()});
    }
    const Packet handshake = hear_packet();
    const std::uint32_t streams = handshake.chunks.at(0).u32(8);
    EXPECT_EQ(streams >> 16, 65'535u) << "outbound";
    const std::uint32_t inbound = streams & 0xFFFF;
    establish();
    for (std::uint32_t id = 0; id < inbound; ++id) {
      say({data(our_tsn_ + id, static_cast<std::uint16_t>(id), 0, "x")});
      static_cast<void>(hear());
      static_cast<void>(read());
    }
    EXPECT_FALSE(ended_by<Aborted>());
  }
}

}  // namespace
}  // namespace esp_peer::sctp
