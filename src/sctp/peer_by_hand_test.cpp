// One association against a peer made by hand, which says exactly what a test wants it to say.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "backends/openssl/provider.hpp"
#include "sctp/association.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::sctp {
namespace {

using test::at_ms;

// The value of a chunk, field by field.
struct Value {
  std::vector<std::byte> bytes;
  Value& u16(std::uint16_t v) {
    bytes.push_back(static_cast<std::byte>(v >> 8));
    bytes.push_back(static_cast<std::byte>(v & 0xFF));
    return *this;
  }
  Value& u32(std::uint32_t v) {
    return u16(static_cast<std::uint16_t>(v >> 16)).u16(static_cast<std::uint16_t>(v & 0xFFFF));
  }
  Value& text(std::string_view t) { return append(as_bytes(t)); }
  Value& append(Bytes more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return *this;
  }
};

struct Chunk {
  ChunkType type{};
  std::uint8_t flags = 0;
  std::vector<std::byte> value;
  std::uint32_t u32(std::size_t at) const { return Reader(Bytes(value).subspan(at)).u32(); }
};
struct Packet {
  std::uint32_t tag = 0;
  std::size_t size = 0;
  std::vector<Chunk> chunks;
};

Chunk data(std::uint32_t tsn, std::uint16_t stream, std::uint16_t ssn, std::string_view body,
           std::uint8_t flags = 3) {
  return {ChunkType::data, flags, Value().u32(tsn).u16(stream).u16(ssn).u32(51).text(body).bytes};
}
using Gaps = std::vector<std::pair<unsigned, unsigned>>;
Chunk sack(std::uint32_t cumulative_tsn, std::uint32_t a_rwnd, const Gaps& gaps = {}) {
  Value v;
  v.u32(cumulative_tsn).u32(a_rwnd).u16(static_cast<std::uint16_t>(gaps.size())).u16(0);
  for (const auto& [start, end] : gaps) {
    v.u16(static_cast<std::uint16_t>(start)).u16(static_cast<std::uint16_t>(end));
  }
  return {ChunkType::sack, 0, v.bytes};
}

// All ones: tags and first TSNs are 2^32 - 1, and every counter wraps at its second step.
class Ones final : public Random {
 public:
  void fill_public(MutableBytes out) override {
    std::fill(out.begin(), out.end(), std::byte{0xFF});
  }
  void fill_secret(MutableBytes out) override { fill_public(out); }
};

class PeerByHand : public ::testing::Test {
 protected:
  static constexpr std::uint32_t plenty = 1'000'000;

  void make(const Options& options = {}, Random* random = nullptr) {
    options_ = options;
    Env env = world_.env;
    association_.emplace(options, openssl::provider(),
                         Env{env.memory, random ? *random : env.random, {}});
  }
  // The peer begins.
  void establish(std::uint32_t a_rwnd = plenty, std::uint16_t streams = 65535) {
    if (!association_) make();
    say_alone(0, {ChunkType::init, 0, init(a_rwnd, streams)});
    take_init_ack(hear_packet());
    say({{ChunkType::cookie_echo, 0, cookie_}});
    ASSERT_TRUE(association_->connected());
    const auto heard = hear();
    ASSERT_EQ(heard.at(0).type, ChunkType::cookie_ack);
    while (association_->poll_event()) {
    }
  }
  // The association begins; up to its COOKIE-ECHO.
  void let_it_begin(std::uint32_t a_rwnd = plenty, std::uint16_t streams = 65535) {
    if (!association_) make();
    ASSERT_TRUE(association_->connect(now_));
    const Packet packet = hear_packet();
    ASSERT_EQ(packet.chunks.at(0).type, ChunkType::init);
    tag_ = packet.chunks[0].u32(0);
    its_tsn_ = packet.chunks[0].u32(12);
    Value ack;
    ack.append(init(a_rwnd, streams)).u16(7).u16(8).text("cook");
    say({{ChunkType::init_ack, 0, ack.bytes}});
    ASSERT_EQ(hear().at(0).type, ChunkType::cookie_echo);
  }
  std::vector<std::byte> init(std::uint32_t a_rwnd = plenty, std::uint16_t streams = 65535) const {
    return Value().u32(our_tag_).u32(a_rwnd).u16(streams).u16(streams).u32(our_tsn_).bytes;
  }
  void take_init_ack(const Packet& packet) {
    ASSERT_EQ(packet.chunks.at(0).type, ChunkType::init_ack);
    tag_ = packet.chunks[0].u32(0);
    its_tsn_ = packet.chunks[0].u32(12);
    const Bytes value = packet.chunks[0].value;
    cookie_.assign(value.begin() + 20, value.end());
  }

  void say(const std::vector<Chunk>& chunks) { say_under(tag_, chunks); }
  void say_under(std::uint32_t tag, const std::vector<Chunk>& chunks) {
    std::vector<std::byte> room(2000);
    PacketWriter w(room, 5000, 5000, tag);
    for (const Chunk& c : chunks) {
      if (c.value.empty()) {
        ASSERT_TRUE(w.begin_empty(c.type, c.flags));
        continue;
      }
      const MutableBytes at = w.begin(c.type, c.flags, c.value.size());
      ASSERT_FALSE(at.empty());
      copy_bytes(c.value, at);
    }
    room.resize(w.finish());
    association_->on_packet(now_, room);
  }
  void say_alone(std::uint32_t tag, const Chunk& chunk) { say_under(tag, {chunk}); }

  // What it has to say now, packet by packet.
  std::vector<Packet> hear_packets(std::size_t room_size = 1300) {
    std::vector<Packet> heard;
    std::vector<std::byte> room(room_size);
    while (const std::size_t n = association_->write_packet(now_, room)) {
      const auto packet = parse_packet(Bytes(room).first(n));
      EXPECT_TRUE(packet);
      Packet p{packet->verification_tag, n, {}};
      Bytes rest = packet->chunks;
      while (const auto c = take_chunk(rest)) {
        p.chunks.push_back({c->type, c->flags, {c->value.begin(), c->value.end()}});
      }
      EXPECT_TRUE(rest.empty());
      heard.push_back(p);
    }
    return heard;
  }
  Packet hear_packet() {
    const auto heard = hear_packets();
    EXPECT_EQ(heard.size(), 1u);
    return heard.empty() ? Packet{} : heard[0];
  }
  std::vector<Chunk> hear() {
    std::vector<Chunk> chunks;
    for (const Packet& p : hear_packets()) {
      chunks.insert(chunks.end(), p.chunks.begin(), p.chunks.end());
    }
    return chunks;
  }
  std::vector<std::uint32_t> hear_tsns() {
    std::vector<std::uint32_t> tsns;
    for (const Chunk& c : hear()) {
      if (c.type == ChunkType::data) tsns.push_back(c.u32(0) - its_tsn_);
    }
    return tsns;
  }
  std::size_t count(const std::vector<Chunk>& heard, ChunkType type) const {
    return static_cast<std::size_t>(
        std::count_if(heard.begin(), heard.end(), [&](const Chunk& c) { return c.type == type; }));
  }

  // Lets time pass, timer by timer, and gathers what is said.
  std::vector<std::pair<Instant, Chunk>> wait(Duration d) {
    std::vector<std::pair<Instant, Chunk>> said;
    const Instant end = now_ + d;
    while (true) {
      for (const Chunk& c : hear()) said.emplace_back(now_, c);
      const auto next = association_->next_deadline();
      if (!next || *next > end) break;
      now_ = *next;
      association_->on_deadline(now_);
    }
    now_ = end;
    return said;
  }
  Status send(std::string_view body, std::uint16_t stream = 1) {
    return association_->send(now_, StreamId{stream}, Ppid{51}, as_bytes(body), {});
  }
  std::vector<std::string> read() {
    std::vector<std::string> bodies;
    while (const auto m = association_->read_message(now_)) {
      bodies.emplace_back(as_text(m->body.bytes()));
    }
    return bodies;
  }
  // Bulk is acknowledged packet by packet until so many packets fit into the congestion window.
  // Offsets of TSNs count from its_tsn_; the next one to be sent is returned.
  std::uint32_t open_window(std::size_t packets) {
    std::uint32_t next = 0;
    for (int turn = 0; turn < 1000; ++turn) {
      while (send(std::string(1160, 'b'))) {
      }
      const auto tsns = hear_tsns();
      if (tsns.size() >= packets) {
        next = tsns.back() + 1;
        break;
      }
      now_ += milliseconds(10);
      for (const auto tsn : tsns) say({sack(its_tsn_ + tsn, plenty)});
    }
    return next;
  }
  std::uint64_t state() const {
    StateHash hash;
    association_->hash_state(hash);
    return hash.value();
  }
  template <class E>
  bool ended_by() {
    bool found = false;
    while (const auto event = association_->poll_event()) {
      found = found || std::holds_alternative<E>(*event);
    }
    return found;
  }

  test::TestEnv world_;
  Instant now_ = at_ms(5000);
  Options options_;
  std::optional<Association> association_;
  std::uint32_t our_tag_ = 0xAAAA'0001, our_tsn_ = 100;  // the peer's, that is
  std::uint32_t tag_ = 0, its_tsn_ = 0;
  std::vector<std::byte> cookie_;
};

// ---------------------------------------------------------------- tags and cookies

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

TEST_F(PeerByHand, init_init_ack_and_shutdown_complete_stand_alone_or_not_at_all) {
  establish();
  for (const auto type : {ChunkType::init, ChunkType::init_ack, ChunkType::shutdown_complete}) {
    const std::uint64_t before = state();
    say({{ChunkType::error, 0, Value().u16(9).u16(4).bytes}, {type, 0, init()}});
    EXPECT_EQ(state(), before);
    EXPECT_TRUE(hear().empty()) << static_cast<int>(type);
  }
}

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

// Answers to heartbeats keep the RTO short: ten retransmissions were over in seconds.
TEST_F(PeerByHand, a_peer_that_answers_heartbeats_alone_has_a_minute_to_take_the_data) {
  establish();
  ASSERT_TRUE(send("anybody?"));
  const Instant begin = now_;
  bool ended = false;
  while (!ended && now_ - begin < seconds(600)) {
    for (const auto& [at, chunk] : wait(milliseconds(20))) {
      if (chunk.type == ChunkType::heartbeat) say({{ChunkType::heartbeat_ack, 0, chunk.value}});
    }
    ended = ended_by<Aborted>();
  }
  EXPECT_TRUE(ended);
  EXPECT_GE(now_ - begin, seconds(60));
  EXPECT_LE(now_ - begin, seconds(70));
}

TEST_F(PeerByHand, told_that_its_cookie_is_stale_it_asks_for_a_new_one) {
  let_it_begin();
  say({{ChunkType::error, 0, Value().u16(3).u16(8).u32(1000).bytes}});
  const auto heard = hear();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].type, ChunkType::init);
  EXPECT_EQ(heard[0].u32(0), tag_);
}

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

// ---------------------------------------------------------------- streams

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

TEST_F(PeerByHand, the_last_streams_there_are_carry_messages) {
  establish();
  say({data(our_tsn_, 65533, 0, "a"), data(our_tsn_ + 1, 65534, 0, "b")});
  EXPECT_EQ(read(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(send("c", 65534));
  EXPECT_EQ(send("d", 65535).code(), Errc::over_limit);
}

// [rfc9260#3.3.2] More than was announced no conforming peer uses: it is never aborted for that.
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

// ---------------------------------------------------------------- receiving

TEST_F(PeerByHand, chunks_that_were_never_agreed_on_are_passed_over) {
  establish();
  std::uint32_t tsn = our_tsn_;
  std::uint16_t ssn = 0;
  // I-DATA, AUTH, ASCONF-ACK, RE-CONFIG, PAD, FORWARD-TSN, ASCONF, I-FORWARD-TSN.
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

TEST_F(PeerByHand, data_without_a_byte_of_data_ends_the_association) {
  establish();
  say({data(our_tsn_, 1, 0, "")});
  EXPECT_EQ(count(hear(), ChunkType::abort), 1u) << "[rfc9260#6.2]";
  EXPECT_TRUE(ended_by<Aborted>());
}

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

// ---------------------------------------------------------------- sending

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

TEST_F(PeerByHand, headers_count_in_the_congestion_window) {
  establish();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(send("x"));
  std::size_t bytes = 0;
  for (const Packet& p : hear_packets()) bytes += p.size;
  // [rfc9260#7.2.1] 4344 at first, and one packet above it.
  EXPECT_LE(bytes, 4344u + 1188u + 4 * common_header_size);
}

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
  EXPECT_GE(waits.size(), 8u);
  EXPECT_LE(waits.size(), 10u) << "unanswered heartbeats count too [rfc9260#8.1]";
  EXPECT_TRUE(aborted);
  EXPECT_TRUE(ended_by<Aborted>());
}

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

TEST_F(PeerByHand, a_peer_that_answers_heartbeats_and_takes_no_data_is_given_up) {
  establish();
  ASSERT_TRUE(send("into a hole"));
  const Instant end = now_ + seconds(1200);
  for (auto next = std::optional(now_); next && *next < end;) {
    now_ = *next;
    association_->on_deadline(now_);
    for (const Chunk& c : hear()) {
      if (c.type == ChunkType::heartbeat) say({{ChunkType::heartbeat_ack, 0, c.value}});
    }
    next = association_->next_deadline();
  }
  EXPECT_TRUE(ended_by<Aborted>()) << "[rfc9260#8.1]";
}

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

TEST_F(PeerByHand, a_peer_that_dies_with_its_window_full_is_given_up) {
  establish(2400);
  ASSERT_TRUE(send(std::string(1160, 'x')));
  ASSERT_TRUE(send(std::string(1160, 'y')));
  ASSERT_EQ(hear_tsns().size(), 2u);
  wait(seconds(1200));
  EXPECT_TRUE(ended_by<Aborted>());
}

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

TEST_F(PeerByHand, never_are_more_chunks_out_than_gap_blocks_and_stream_numbers_can_count) {
  Options o;
  o.send_buffer = 64 * 1024 * 1024;
  make(o);
  establish(0xFFFF'FFFF);
  std::size_t out = 0;
  for (int turn = 0; turn < 400; ++turn) {
    for (int i = 0; i < 400; ++i) ASSERT_TRUE(send("x"));
    for (const std::uint32_t tsn : hear_tsns()) out = std::max<std::size_t>(out, tsn + 1);
    ASSERT_LE(out, 65'535u);
    // Everything but the first is told to have arrived.
    say({sack(its_tsn_ - 1, 0xFFFF'FFFF, {{2, static_cast<unsigned>(out)}})});
  }
  EXPECT_EQ(out, 65'535u);
}

// ---------------------------------------------------------------- heartbeat

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

TEST_F(PeerByHand, a_heartbeat_is_answered_as_soon_as_the_cookie_is_echoed) {
  let_it_begin();
  const auto info = Value().u16(1).u16(12).u32(1).u32(2).bytes;
  say({{ChunkType::heartbeat, 0, info}});
  const auto heard = hear();
  ASSERT_EQ(heard.size(), 1u) << "[rfc9260#8.3]";
  EXPECT_EQ(heard[0].type, ChunkType::heartbeat_ack);
  EXPECT_EQ(heard[0].value, info) << "unchanged";
}

// ---------------------------------------------------------------- shutdown

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
