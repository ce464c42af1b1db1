// Packets in the hands of an application that encrypts them from end to end.
#include "rtp/transformer.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/support/test_env.hpp"

namespace esp_peer::rtp {
namespace {

struct ByHand final : Transformer {
  bool transforms(Way) const override { return static_cast<bool>(work); }
  std::size_t transform(Way, MutableBytes room, std::size_t size) override {
    return work(room, size);
  }
  std::function<std::size_t(MutableBytes, std::size_t)> work;
};

// Two contributors, an extension of a word, four bytes of payload and four of padding.
const std::string full(
    "\xB2\xE6\x12\x34\x00\x00\x00\x07\x00\x00\x00\x09"
    "\x00\x00\x00\x01\x00\x00\x00\x02"
    "\xBE\xDE\x00\x01\x10\x11\x00\x00"
    "wool\x00\x00\x00\x04",
    36);

struct Received {
  test::TestEnv env;
  ByHand hand;
  Buffer room;
  std::optional<Packet> take(const std::string& bytes) {
    const auto packet = parse_packet(as_bytes(bytes));
    EXPECT_TRUE(packet);
    return transform_received(&hand, *packet, env.memory, room);
  }
};

TEST(RtpTransformer, a_packet_comes_whole_and_goes_on_as_it_is_left) {
  Received r;
  std::string seen;
  r.hand.work = [&](MutableBytes room, std::size_t size) {
    seen = as_text(Bytes(room).first(size));
    EXPECT_EQ(room.size(), Transformer::max_received);
    room[size - 1] = std::byte{'d'};
    room[size] = std::byte{'!'};
    return size + 1;
  };
  const auto packet = r.take(full);
  ASSERT_TRUE(packet);
  EXPECT_EQ(seen, "\x92" + full.substr(1, 31)) << "the same without its padding";
  EXPECT_EQ(as_text(packet->payload), "wood!");
  EXPECT_EQ(packet->contributors.size(), 8u);
  EXPECT_EQ(packet->extension_profile, 0xBEDE);
  EXPECT_EQ(packet->header.sequence, 0x1234);
  EXPECT_TRUE(packet->header.marker);
}

TEST(RtpTransformer, who_has_none_gets_the_packet_that_came) {
  Received r;
  const auto untouched = r.take(full);
  ASSERT_TRUE(untouched);
  EXPECT_EQ(as_text(untouched->payload), "wool");
  EXPECT_FALSE(r.room) << "and no copy of it";
  EXPECT_TRUE(transform_received(nullptr, *untouched, r.env.memory, r.room));
  std::string bytes = full;
  const MutableBytes room = std::as_writable_bytes(std::span(bytes));
  EXPECT_EQ(transform(nullptr, Way::out, room, room.size()), room.size());
}

TEST(RtpTransformer, what_it_drops_or_makes_another_packet_of_is_dropped) {
  Received r;
  for (const std::size_t answer : {std::size_t{0}, std::size_t{11}, std::size_t{5000}}) {
    r.hand.work = [&](MutableBytes, std::size_t) { return answer; };
    EXPECT_FALSE(r.take(full)) << answer;
  }
  for (const std::size_t at : {0u, 2u, 3u, 8u, 11u}) {  // version, number, source
    r.hand.work = [&](MutableBytes room, std::size_t size) {
      room[at] ^= std::byte{0xC0};
      return size;
    };
    EXPECT_FALSE(r.take(full)) << at;
  }
  r.hand.work = [&](MutableBytes room, std::size_t size) {
    room[1] ^= std::byte{0x80};  // the marker is nobody's name
    return size;
  };
  EXPECT_TRUE(r.take(full));
}

TEST(RtpTransformer, without_memory_or_room_it_is_as_lost) {
  Received r;
  r.hand.work = [&](MutableBytes, std::size_t size) { return size; };
  EXPECT_FALSE(r.take(full.substr(0, 28) + std::string(2'100, 'x') + '\1'));
  r.env.memory.fail_from = 0;
  EXPECT_FALSE(r.take(full));
}

}  // namespace
}  // namespace esp_peer::rtp
