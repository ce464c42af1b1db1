// Every way in which the pieces of a hello can come.
#include "dtls/hello_joiner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/conformance/dtls_backend.hpp"

namespace esp_peer::dtls {
namespace {

using test::Datagram;
using test::fragment;
using test::record;

// A message of 1,500 bytes, of which no two neighbours are alike.
Datagram message() {
  Datagram body(1500);
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<std::byte>(i * 7 + i / 256);
  return body;
}
Datagram piece_of(const Datagram& whole, std::size_t from, std::size_t to, std::uint64_t number = 0,
                  int message_number = 0) {
  return record(22, 0, number,
                fragment(1, static_cast<std::uint32_t>(whole.size()), message_number,
                         static_cast<std::uint32_t>(from),
                         {whole.begin() + static_cast<std::ptrdiff_t>(from),
                          whole.begin() + static_cast<std::ptrdiff_t>(to)}));
}
Datagram copied(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

struct Joining {
  Bytes give(const Datagram& one) { return joiner.on_record(one); }
  test::TestEnv world;
  HelloJoiner joiner{world.memory};
};

// covers: bug 17, must rfc6347#4.2.3
TEST(HelloJoiner, pieces_in_any_order_often_and_overlapping_become_one_record) {
  const Datagram hello = message();
  std::mt19937 random(1);
  for (std::size_t pieces = 1; pieces <= 60; ++pieces) {
    std::vector<Datagram> flying;
    for (std::size_t i = 0; i < 2 * pieces; ++i) {
      const std::size_t from = i % pieces * hello.size() / pieces;
      const std::size_t to = std::min(hello.size(), (i % pieces + 1) * hello.size() / pieces + 9);
      flying.push_back(piece_of(hello, from, to, i));
    }
    std::ranges::shuffle(flying, random);
    Joining j;
    Datagram joined;
    for (const Datagram& one : flying) {
      const Bytes whole = j.give(one);
      if (joined.empty() && !whole.empty()) joined = copied(whole);
    }
    ASSERT_FALSE(joined.empty()) << pieces;
    const Datagram wanted = piece_of(hello, 0, hello.size());
    EXPECT_TRUE(std::equal(joined.begin() + 11, joined.end(), wanted.begin() + 11, wanted.end()));
  }
}

TEST(HelloJoiner, several_pieces_may_stand_in_one_record) {
  const Datagram hello = message();
  Datagram both = piece_of(hello, 0, 700);
  const Datagram second = piece_of(hello, 700, 1500);
  both.insert(both.end(), second.begin() + 13, second.end());
  Writer(MutableBytes(both).subspan(11)).u16(static_cast<std::uint16_t>(both.size() - 13));
  Joining j;
  EXPECT_EQ(j.give(both).size(), 25u + 1500);
}

TEST(HelloJoiner, the_number_and_version_of_the_record_are_those_of_the_last_piece) {
  const Datagram hello = message();
  Joining j;
  EXPECT_TRUE(j.give(piece_of(hello, 0, 900, 4)).empty());
  EXPECT_EQ(copied(j.give(piece_of(hello, 900, 1500, 0x0A0B0C0D0E))),
            piece_of(hello, 0, 1500, 0x0A0B0C0D0E));
}

// covers: bug 8
TEST(HelloJoiner, pieces_that_contradict_each_other_are_never_joined_and_the_newest_counts) {
  const Datagram hello = message();
  Datagram other = message();
  other[450] ^= std::byte{1};
  Joining j;
  EXPECT_TRUE(j.give(piece_of(hello, 0, 500)).empty());
  EXPECT_TRUE(j.give(piece_of(other, 400, 1500)).empty()) << "other bytes where they overlap";
  EXPECT_TRUE(j.give(piece_of(hello, 0, 500)).empty()) << "and the rest of that one is forgotten";
  EXPECT_FALSE(j.give(piece_of(hello, 500, 1500)).empty());

  Datagram longer = message();
  longer.resize(1600);
  EXPECT_TRUE(j.give(piece_of(longer, 0, 100)).empty());
  EXPECT_TRUE(j.give(piece_of(hello, 100, 1500)).empty()) << "of another length";
  EXPECT_FALSE(j.give(piece_of(hello, 0, 100)).empty());
}

// covers: bug 6, bug 7
TEST(HelloJoiner, holds_no_more_than_one_hello_whatever_comes) {
  Joining j;
  std::mt19937 random(2);
  for (int i = 0; i < 100'000; ++i) {
    const auto length = static_cast<std::uint32_t>(1 + random() % 6000);
    const auto offset = static_cast<std::uint32_t>(random() % 6000);
    const Datagram piece(random() % 50);
    const Bytes whole =
        j.give(record(22, 0, 0, fragment(i % 3 ? 1 : 11, length, i % 5 ? 0 : 1, offset, piece)));
    EXPECT_LE(whole.size(), 25 + HelloJoiner::max_hello);
  }
  EXPECT_LE(j.world.memory.peak, 2 * (25 + HelloJoiner::max_hello * 9 / 8 + 2));
  const Datagram hello = message();
  j.give(piece_of(hello, 0, 700));
  EXPECT_FALSE(j.give(piece_of(hello, 700, 1500)).empty());
}

TEST(HelloJoiner, takes_nothing_but_the_first_message_of_a_client) {
  const Datagram hello = message();
  Joining j;
  EXPECT_TRUE(j.give(piece_of(hello, 0, 1500, 0, 1)).empty()) << "a hello with a cookie";
  EXPECT_TRUE(j.give(record(22, 0, 0, fragment(2, 10, 0, 0, Datagram(10)))).empty());
  EXPECT_TRUE(j.give(record(21, 0, 0, fragment(1, 10, 0, 0, Datagram(10)))).empty());
  EXPECT_TRUE(j.give(record(22, 0, 0, fragment(1, 0, 0, 0, {}))).empty());
  EXPECT_TRUE(j.give(record(22, 0, 0, fragment(1, 10, 0, 5, Datagram(10)))).empty());
  EXPECT_TRUE(j.give(record(22, 0, 0, fragment(1, 10, 0, 11, {}))).empty());
  EXPECT_EQ(j.give(record(22, 0, 0, fragment(1, 10, 0, 0, Datagram(10)))).size(), 35u);
}

TEST(HelloJoiner, without_memory_a_piece_is_lost_and_no_more) {
  const Datagram hello = message();
  Joining j;
  j.world.memory.fail_from = 0;
  EXPECT_TRUE(j.give(piece_of(hello, 0, 1500)).empty());
  j.world.memory.fail_from = static_cast<std::size_t>(-1);
  EXPECT_FALSE(j.give(piece_of(hello, 0, 1500)).empty());
}

}  // namespace
}  // namespace esp_peer::dtls
