// What a stranger or a liar says to an association changes nothing that matters.
#include "crypto/crc32.hpp"
#include "tests/support/association_pair.hpp"

namespace esp_peer::sctp {
namespace {

std::uint64_t state_of(const Association& a) {
  StateHash hash;
  a.hash_state(hash);
  return hash.value();
}

std::vector<std::byte> packet_of(ChunkType type, std::uint32_t tag, Bytes value,
                                 std::uint8_t flags = 0) {
  std::vector<std::byte> room(1300);
  PacketWriter w(room, 5000, 5000, tag);
  copy_bytes(value, w.begin(type, flags, value.size()));
  room.resize(w.finish());
  return room;
}

class HostilePackets : public ::testing::Test {
 protected:
  void SetUp() override {
    pair_.meddle = [&](bool from_left, std::vector<std::byte>& bytes) {
      if (!from_left) tag_of_left_ = Reader(Bytes(bytes).subspan(4)).u32();
      if (from_left) tag_of_right_ = Reader(Bytes(bytes).subspan(4)).u32();
      return true;
    };
    pair_.connect();
    ASSERT_TRUE(pair_.send(pair_.right, 1, "hello"));
    ASSERT_TRUE(pair_.send(pair_.left, 1, "hello"));
    pair_.run_for(seconds(1));
  }
  Pair pair_;
  std::uint32_t tag_of_left_ = 0, tag_of_right_ = 0;
};

// covers: bug 67, must rfc9260#8.5
TEST_F(HostilePackets, every_chunk_with_a_wrong_tag_changes_nothing) {
  const std::array<std::byte, 32> value{};
  for (unsigned type = 0; type < 256; ++type) {
    if (type == static_cast<unsigned>(ChunkType::init)) continue;  // its tag is zero by right
    for (const std::uint32_t tag : {0u, tag_of_left_ + 1, tag_of_right_}) {
      for (const std::uint8_t flags : {std::uint8_t{0}, std::uint8_t{1}}) {
        const bool reflected = flags == 1 && tag == tag_of_right_;  // the T bit [rfc9260#8.5.1]
        if (reflected) continue;
        const std::uint64_t before = state_of(pair_.left.association);
        pair_.left.association.on_packet(
            pair_.now, packet_of(static_cast<ChunkType>(type), tag, value, flags));
        ASSERT_EQ(state_of(pair_.left.association), before) << "type " << type << " tag " << tag;
      }
    }
  }
}

// covers: must rfc9260#6.8, fault 11
TEST_F(HostilePackets, every_corrupted_bit_is_caught_by_the_checksum) {
  std::array<std::byte, 16> sack{};
  auto packet = packet_of(ChunkType::sack, tag_of_left_, sack);
  for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
    packet[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    const std::uint64_t before = state_of(pair_.left.association);
    pair_.left.association.on_packet(pair_.now, packet);
    ASSERT_EQ(state_of(pair_.left.association), before);
    packet[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
}

// covers: bug 61, changelog 2
TEST_F(HostilePackets, lengths_of_zero_to_three_and_beyond_the_end_are_steps_to_nowhere) {
  for (unsigned type = 0; type < 16; ++type) {
    for (const unsigned length : {0u, 1u, 2u, 3u, 5u, 100u, 65535u}) {
      if (type == 6 && length == 5) continue;  // an ABORT in good order
      std::vector<std::byte> packet(12 + 8);
      Writer w(packet);
      w.u16(5000);
      w.u16(5000);
      w.u32(tag_of_left_);
      w.u32(0);
      w.u8(static_cast<std::uint8_t>(type));
      w.u8(0);
      w.u16(static_cast<std::uint16_t>(length));
      w.u32(0);
      const std::uint32_t crc = crypto::crc32c(packet);  // over the zeros in its own place
      for (int i = 0; i < 4; ++i)
        packet[8 + static_cast<std::size_t>(i)] = static_cast<std::byte>(crc >> 8 * i);
      ASSERT_TRUE(parse_packet(packet));
      pair_.left.association.on_packet(pair_.now, packet);
    }
  }
  ASSERT_TRUE(pair_.send(pair_.right, 1, "still here"));
  pair_.run_for(seconds(1));
  EXPECT_EQ(pair_.left.received.back().body, "still here");
}

// covers: bug 69
TEST_F(HostilePackets, sacks_that_lie_are_not_believed) {
  pair_.meddle = [](bool from_left, std::vector<std::byte>&) {
    return from_left;
  };  // no true SACKs
  ASSERT_TRUE(pair_.send(pair_.left, 1, std::string(5000, 'x')));
  pair_.run_for(milliseconds(20));
  const std::size_t buffered = pair_.left.association.buffered();
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::byte> value(12 + 8);
    Writer w(value);
    w.u32(static_cast<std::uint32_t>(random()));
    w.u32(100'000);
    w.u16(2);
    w.u16(0);
    w.u32(static_cast<std::uint32_t>(random()));
    w.u32(static_cast<std::uint32_t>(random()));
    pair_.left.association.on_packet(pair_.now, packet_of(ChunkType::sack, tag_of_left_, value));
  }
  EXPECT_EQ(pair_.left.association.buffered(), buffered);
}

// covers: must rfc9260#5.1
TEST_F(HostilePackets, a_million_inits_cost_no_memory) {
  std::array<std::byte, 16> init{};
  Writer w(init);
  w.u32(77);
  w.u32(100'000);
  w.u16(10);
  w.u16(10);
  w.u32(5);
  const auto packet = packet_of(ChunkType::init, 0, init);
  pair_.left.association.on_packet(pair_.now, packet);
  std::array<std::byte, 1300> room{};
  pair_.left.association.write_packet(pair_.now, room);
  const std::size_t live = pair_.left.world.memory.live;
  for (int i = 0; i < 100'000; ++i) {
    pair_.left.association.on_packet(pair_.now, packet);
    ASSERT_NE(pair_.left.association.write_packet(pair_.now, room), 0u);
  }
  EXPECT_EQ(pair_.left.world.memory.live, live);
  EXPECT_TRUE(pair_.left.association.connected()) << "and it lives on";
}

// covers: must rfc9260#3.3.2, bug 78, changelog 2
TEST_F(HostilePackets, inits_that_may_not_be_obeyed_get_no_answer) {
  struct Row {
    std::uint32_t tag, a_rwnd;
    std::uint16_t out, in;
  };
  for (const Row& row : {Row{0, 100'000, 10, 10}, Row{7, 1499, 10, 10}, Row{7, 100'000, 0, 10},
                         Row{7, 100'000, 10, 0}}) {
    std::array<std::byte, 16> init{};
    Writer w(init);
    w.u32(row.tag);
    w.u32(row.a_rwnd);
    w.u16(row.out);
    w.u16(row.in);
    w.u32(5);
    const std::uint64_t before = state_of(pair_.left.association);
    pair_.left.association.on_packet(pair_.now, packet_of(ChunkType::init, 0, init));
    EXPECT_EQ(state_of(pair_.left.association), before);
  }
}

// covers: bug 72
TEST_F(HostilePackets, tiny_fragments_that_never_end_stay_in_the_window) {
  std::uint32_t tsn = 0;
  pair_.meddle = [&](bool from_left, std::vector<std::byte>& bytes) {
    if (!from_left && bytes[12] == std::byte{0}) tsn = Reader(Bytes(bytes).subspan(16)).u32();
    return true;
  };
  ASSERT_TRUE(pair_.send(pair_.right, 1, "learn the TSN"));
  pair_.run_for(seconds(1));
  ASSERT_NE(tsn, 0u);
  for (std::uint32_t i = 0; i < 60'000; ++i) {
    std::array<std::byte, 13> value{};
    Writer w(value);
    w.u32(tsn + 2 + i * 2 % 60'000);  // gaps everywhere
    w.u16(static_cast<std::uint16_t>(i % 50));
    w.u16(static_cast<std::uint16_t>(i));
    w.u32(51);
    pair_.left.association.on_packet(pair_.now, packet_of(ChunkType::data, tag_of_left_, value, 2));
  }
  EXPECT_LE(pair_.left.world.memory.live, 300'000u);
}

}  // namespace
}  // namespace esp_peer::sctp
