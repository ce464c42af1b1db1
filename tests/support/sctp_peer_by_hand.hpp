// One association against a peer made by hand, which says exactly what a test wants it to say.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/openssl/provider.hpp"
#include "sctp/association.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::sctp {

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

inline Chunk data(std::uint32_t tsn, std::uint16_t stream, std::uint16_t ssn, std::string_view body,
                  std::uint8_t flags = 3) {
  return {ChunkType::data, flags, Value().u32(tsn).u16(stream).u16(ssn).u32(51).text(body).bytes};
}
using Gaps = std::vector<std::pair<unsigned, unsigned>>;
inline Chunk sack(std::uint32_t cumulative_tsn, std::uint32_t a_rwnd, const Gaps& gaps = {}) {
  Value v;
  v.u32(cumulative_tsn).u32(a_rwnd).u16(static_cast<std::uint16_t>(gaps.size())).u16(0);
  for (const auto& [start, end] : gaps) {
    v.u16(static_cast<std::uint16_t>(start)).u16(static_cast<std::uint16_t>(end));
  }
  return {ChunkType::sack, 0, v.bytes};
}

using Skipped = std::vector<std::pair<unsigned, unsigned>>;  // stream, number in it
inline Chunk forward_tsn(std::uint32_t cumulative_tsn, const Skipped& skipped = {}) {
  Value v;
  v.u32(cumulative_tsn);
  for (const auto& [stream, ssn] : skipped) {
    v.u16(static_cast<std::uint16_t>(stream)).u16(static_cast<std::uint16_t>(ssn));
  }
  return {ChunkType::forward_tsn, 0, v.bytes};
}
inline const std::vector<std::byte> forward_tsn_supported = Value().u16(0xC000).u16(4).bytes;
// As Pion has it: a list of chunk types, RE-CONFIG and FORWARD-TSN.
inline const std::vector<std::byte> supported_extensions =
    Value().u16(0x8008).u16(6).u16(0x82C0).u16(0).bytes;

// All ones: tags and first TSNs are 2^32 - 1, and every counter wraps at its second step.
class Ones final : public Random {
 public:
  void fill_public(MutableBytes out) override {
    std::fill(out.begin(), out.end(), std::byte{0xFF});
  }
  void fill_secret(MutableBytes out) override { fill_public(out); }
};

// Every test that includes this tells its story to an association of its own.
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
    return Value()
        .u32(our_tag_)
        .u32(a_rwnd)
        .u16(streams)
        .u16(streams)
        .u32(our_tsn_)
        .append(extensions_)
        .bytes;
  }
  void take_init_ack(const Packet& packet) {
    ASSERT_EQ(packet.chunks.at(0).type, ChunkType::init_ack);
    tag_ = packet.chunks[0].u32(0);
    its_tsn_ = packet.chunks[0].u32(12);
    const auto ack = parse_init({ChunkType::init_ack, 0, packet.chunks[0].value});
    ASSERT_TRUE(ack);
    cookie_.assign(ack->cookie.begin(), ack->cookie.end());
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
  Status send(std::string_view body, std::uint16_t stream, const SendOptions& how) {
    return association_->send(now_, StreamId{stream}, Ppid{51}, as_bytes(body), how);
  }
  std::vector<std::string> read() {
    std::vector<std::string> bodies;
    while (const auto m = association_->read_message(now_)) {
      bodies.emplace_back(m->restart ? "(restart)" : as_text(m->body.bytes()));
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
  Instant now_ = test::at_ms(5000);
  Options options_;
  std::optional<Association> association_;
  std::uint32_t our_tag_ = 0xAAAA'0001, our_tsn_ = 100;  // the peer's, that is
  std::vector<std::byte> extensions_;                    // parameters of its INIT and INIT-ACK
  std::uint32_t tag_ = 0, its_tsn_ = 0;
  std::vector<std::byte> cookie_;
};

}  // namespace esp_peer::sctp
