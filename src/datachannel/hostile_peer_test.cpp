// A peer that breaks the rules of RFC 8831 and 8832 over a correct association.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "tests/support/channel_pair.hpp"

namespace esp_peer::datachannel {
namespace {

using namespace std::string_literals;
using test::ChannelPair;
using test::PairOptions;
using test::stream;
using Log = std::vector<std::string>;

std::string open_message(std::string_view label, std::string_view protocol = "") {
  std::vector<std::byte> room(200'000);
  return std::string(
      as_text(Bytes(room).first(write_open({.label = label, .protocol = protocol}, room))));
}

// We are the DTLS server; the client is hostile and has the even streams.
class HostilePeer : public testing::Test {
 protected:
  void SetUp() override {
    p.client.bare = true;
    ASSERT_TRUE(p.connect());
  }
  void hear(unsigned id, sctp::Ppid ppid, std::string_view bytes, bool unordered = false) {
    ASSERT_TRUE(p.say(p.client, id, ppid, bytes, unordered));
    p.run_for(milliseconds(300));
  }
  std::uint64_t state() const {
    StateHash hash;
    p.server.channels.hash_state(hash);
    return hash.value();
  }
  // What was heard changed nothing, was answered by nothing, and was noted.
  void expect_dropped(std::string_view why) {
    EXPECT_EQ(state(), before_);
    EXPECT_EQ(p.client.heard.size(), answers_);
    ASSERT_FALSE(p.server.drops.empty());
    EXPECT_EQ(p.server.drops.back(), why);
  }
  void remember() {
    before_ = state();
    answers_ = p.client.heard.size();
    p.server.drops.clear();
  }

  ChannelPair p;
  std::uint64_t before_ = 0;
  std::size_t answers_ = 0;
};

// covers: bug 74, must rfc8832#4
TEST_F(HostilePeer, open_of_the_wrong_parity_is_not_answered) {
  for (const unsigned id : {1u, 3u, 4'093u}) {
    remember();
    hear(id, ppid::dcep, open_message("x"));
    expect_dropped("OPEN on a stream that is not the peer's to open");
  }
  hear(4'094, ppid::dcep, open_message("x"));
  EXPECT_TRUE(p.server.channels.is_open(stream(4'094)));
}

// covers: bug 74, must rfc8832#4
TEST_F(HostilePeer, open_on_an_open_stream_closes_the_channel) {
  hear(0, ppid::dcep, open_message("first"));
  p.client.heard.clear();
  hear(0, ppid::dcep, open_message("second"));
  EXPECT_EQ(p.server.drops.back(), "OPEN on an open stream");
  EXPECT_EQ(p.server.log, (Log{"opened 0 by peer", "closed 0"}));
  EXPECT_EQ(p.client.resets, std::vector<unsigned>{0});
  EXPECT_TRUE(p.client.heard.empty()) << "and no ACK";
}

// covers: bug 74
TEST_F(HostilePeer, open_on_a_stream_of_ours_closes_the_channel_and_its_owner_hears_of_it) {
  const auto id = p.open(p.server, "ours");
  ASSERT_EQ(id, stream(1));
  p.run_for(milliseconds(300));
  hear(1, ppid::dcep, open_message("theirs"));
  EXPECT_EQ(p.server.drops.back(), "OPEN on a stream that is not the peer's to open");
  EXPECT_FALSE(p.server.channels.is_open(id));
  EXPECT_EQ(p.server.channels.size(), 0u);
  EXPECT_EQ(p.server.log, Log{"closed 1"}) << "it had not opened, and never will";
  EXPECT_EQ(p.client.resets, std::vector<unsigned>{1});
}

// covers: must rfc8832#4
TEST_F(HostilePeer, what_is_no_channel_has_its_stream_reset_and_can_be_opened_then) {
  hear(0, ppid::dcep, "nonsense");
  EXPECT_EQ(p.client.resets, std::vector<unsigned>{0});
  hear(2, ppid::string, "before its OPEN");
  EXPECT_EQ(p.client.resets, std::vector<unsigned>{0}) << "it may be a negotiated one";
  hear(0, ppid::dcep, open_message("now"));
  EXPECT_TRUE(p.server.channels.is_open(stream(0)));
  EXPECT_EQ(p.client.heard.size(), 1u) << "one ACK";
}

// covers: bug 74
TEST_F(HostilePeer, malformed_opens_are_not_answered) {
  const std::string good = open_message("label", "protocol");
  std::vector<std::string> bad;
  for (std::size_t n = 1; n < good.size(); ++n) bad.push_back(good.substr(0, n));
  bad.push_back(good + "x");
  for (const std::size_t at : {0u, 1u, 8u, 9u, 10u, 11u}) {
    for (const unsigned value : {0x01u, 0x03u, 0x7Fu, 0x83u, 0xFFu}) {
      if (at == 0 && value == 0x03) continue;
      if (at == 1 && value == 0x01) continue;
      bad.push_back(good);
      bad.back()[at] = static_cast<char>(value);
    }
  }
  for (const auto& message : bad) {
    remember();
    hear(0, ppid::dcep, message);
    expect_dropped("neither OPEN nor ACK, or malformed");
  }
  hear(0, ppid::dcep, good);
  EXPECT_TRUE(p.server.channels.is_open(stream(0))) << "the stream is still free";
}

// covers: bug 74
TEST_F(HostilePeer, ack_of_nothing_is_ignored) {
  remember();
  hear(1, ppid::dcep, "\x02");
  expect_dropped("ACK of no OPEN");
  hear(0, ppid::dcep, open_message("theirs"));
  remember();
  hear(0, ppid::dcep, "\x02");
  expect_dropped("ACK of no OPEN");
}

TEST_F(HostilePeer, a_second_ack_is_ignored) {
  p.open(p.server, "ours");
  hear(1, ppid::dcep, "\x02");
  remember();
  hear(1, ppid::dcep, "\x02\0\0\0"s);
  EXPECT_EQ(state(), before_);
  EXPECT_EQ(p.server.log, Log{"opened 1 by us"});
}

// covers: bug 73, changelog 32
TEST_F(HostilePeer, data_before_open_is_dropped_and_the_channel_can_still_open) {
  for (const unsigned id : {0u, 1u, 2u, 4'094u}) {
    for (const bool unordered : {false, true}) {
      remember();
      hear(id, ppid::string, "early", unordered);
      expect_dropped("message on no channel");
    }
  }
  hear(0, ppid::dcep, open_message("late"));
  hear(0, ppid::string, "now");
  EXPECT_EQ(p.server.log, (Log{"opened 0 by peer", "message 0"}));
}

TEST_F(HostilePeer, an_answer_to_an_open_that_is_still_waiting_is_no_answer) {
  // Ours is full, so the OPEN on stream 3 is not out.
  p.open(p.server, "first");
  hear(1, ppid::dcep, "\x02");
  while (p.server.channels.send(p.now, stream(1), Kind::binary, as_bytes(std::string(9000, 'x')))) {
  }
  while (p.server.channels.send(p.now, stream(1), Kind::binary, as_bytes("x"))) {
  }
  ASSERT_EQ(p.open(p.server, "second"), stream(3));
  p.server.drops.clear();
  for (const auto& [ppid, bytes] : {std::pair(ppid::dcep, "\x02"), std::pair(ppid::string, "x")}) {
    ASSERT_TRUE(p.say(p.client, 3, ppid, bytes));
    std::array<std::byte, 1300> room{};
    const auto n = p.client.association.write_packet(p.now, room);
    p.server.association.on_packet(p.now, Bytes(room).first(n));
    p.server.channels.process(p.now);
  }
  EXPECT_EQ(p.server.drops, (Log{"ACK of no OPEN", "message on no channel"}));
  EXPECT_FALSE(p.server.channels.is_open(stream(3)));
}

TEST_F(HostilePeer, unknown_ppids_are_dropped_and_do_not_hurt_the_channel) {
  hear(0, ppid::dcep, open_message("c"));
  for (const unsigned unknown : {0u, 1u, 49u, 55u, 58u, 0xFFFF'FFFFu}) {
    remember();
    hear(0, sctp::Ppid{unknown}, "x");
    expect_dropped("message of an unknown PPID");
  }
  hear(0, ppid::string, "fine");
  EXPECT_EQ(p.server.heard.back().body, "fine");
}

TEST_F(HostilePeer, a_message_in_deprecated_parts_is_dropped_whole) {
  hear(0, ppid::dcep, open_message("c"));
  hear(0, ppid::string_part, "one ");
  hear(0, ppid::string_part, "two ");
  hear(0, ppid::string, "three");
  hear(0, ppid::string, "whole");
  hear(0, ppid::binary_part, "1");
  hear(0, ppid::binary, "2");
  hear(0, ppid::binary, "whole too");
  ASSERT_EQ(p.server.heard.size(), 2u);
  EXPECT_EQ(p.server.heard[0].body, "whole");
  EXPECT_EQ(p.server.heard[1].body, "whole too");
}

TEST_F(HostilePeer, the_body_of_an_empty_message_is_ignored) {
  hear(0, ppid::dcep, open_message("c"));
  hear(0, ppid::string_empty, "not empty at all");
  hear(0, ppid::binary_empty, std::string(2000, 'x'));
  ASSERT_EQ(p.server.heard.size(), 2u);
  EXPECT_EQ(p.server.heard[0].body, "");
  EXPECT_EQ(p.server.heard[1].body, "");
}

// covers: bug 74
TEST_F(HostilePeer, names_of_65535_bytes_are_taken) {
  const std::string label(65'535, '\xFF');
  hear(0, ppid::dcep, open_message(label));
  p.run_for(seconds(5));
  EXPECT_EQ(p.server.channels.label(stream(0)), label);
}

TEST_F(HostilePeer, more_channels_than_the_table_holds_are_refused) {
  const unsigned max = Options{}.max_channels;
  for (unsigned i = 0; i < max + 20; ++i) {
    ASSERT_TRUE(p.say(p.client, 2 * i, ppid::dcep, open_message("c" + std::to_string(i))));
    if (i % 50 == 0) p.run_for(seconds(1));
  }
  p.run_for(seconds(5));
  EXPECT_EQ(p.server.channels.size(), max);
  EXPECT_EQ(p.client.heard.size(), max) << "so many ACKs";
  EXPECT_EQ(p.server.drops.size(), 20u);
  EXPECT_EQ(p.server.channels.open(p.now, {.label = "ours"}).error().code, Errc::over_limit);
  ASSERT_TRUE(p.server.channels.close(p.now, "c7"));
  EXPECT_TRUE(p.server.channels.open(p.now, {.label = "ours"}));
}

// covers: bug 72
TEST_F(HostilePeer, long_names_cannot_fill_the_memory) {
  for (unsigned i = 0; i < 40; ++i) {
    ASSERT_TRUE(p.say(p.client, 2 * i, ppid::dcep, open_message(std::string(50'000, 'x'))));
    p.run_for(seconds(5));
  }
  EXPECT_EQ(p.server.channels.size(), Options{}.max_open_bytes / 50'012);
  EXPECT_LT(p.server.world.memory.live, 400'000u);
  EXPECT_EQ(p.server.drops.back(), "OPEN of one channel too many");
}

// covers: bug 72
TEST_F(HostilePeer, long_names_of_closed_channels_cannot_either_while_nobody_fetches_events) {
  p.server.idle = true;
  for (unsigned i = 0; i < 40; ++i) {
    ASSERT_TRUE(p.say(p.client, 2 * i, ppid::dcep, open_message(std::string(50'000, 'x'))));
    for (int ms = 0; ms < 5000; ms += 100) {
      p.run_for(milliseconds(100));
      p.server.channels.process(p.now);
      if (ms == 2000) {
        ASSERT_TRUE(p.client.association.reset_stream(p.now, stream(2 * i)));
      }
    }
  }
  EXPECT_EQ(p.server.channels.size(), 0u);
  EXPECT_LT(p.server.world.memory.live, 400'000u);
  EXPECT_GT(std::count(p.server.drops.begin(), p.server.drops.end(),
                       std::string("OPEN of one channel too many")),
            20);
  // Once they are fetched there is room again.
  p.server.idle = false;
  p.run_for(milliseconds(100));
  p.server.log.clear();
  hear(90, ppid::dcep, open_message(std::string(50'000, 'x')));
  p.run_for(seconds(5));
  EXPECT_EQ(p.server.log, Log{"opened 90 by peer"});
}

TEST_F(HostilePeer, a_flood_of_opens_and_closes_leaves_nothing_behind) {
  hear(0, ppid::dcep, open_message("c"));
  ASSERT_TRUE(p.server.channels.close(p.now, "c"));
  p.run_for(seconds(1));
  const std::size_t live = p.server.world.memory.live;
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(p.client.association.reset_stream(p.now, stream(0)));
    p.run_for(milliseconds(300));
    hear(0, ppid::dcep, open_message("c"));
    ASSERT_TRUE(p.server.channels.close(p.now, "c"));
  }
  p.run_for(seconds(1));
  EXPECT_LE(p.server.world.memory.live, live + 4096);
}

// covers: bug 72
TEST_F(HostilePeer, one_that_never_resets_its_side_cannot_fill_the_memory) {
  unsigned refused = 0;
  for (unsigned i = 0; i < 2'047; ++i) {
    ASSERT_TRUE(p.say(p.client, 2 * i, ppid::dcep, open_message("c")));
    p.run_for(milliseconds(50));
    refused += p.server.channels.close(p.now, "c") ? 0u : 1u;
  }
  EXPECT_EQ(refused, 0u);
  EXPECT_EQ(p.server.channels.size(), 0u);
  EXPECT_LT(p.server.world.memory.live, 600'000u);
  const auto opened = p.server.channels.open(p.now, {.label = "ours"});
  EXPECT_TRUE(opened);
}

TEST_F(HostilePeer, random_dcep_messages_do_no_harm) {
  std::mt19937 random(3);
  for (int i = 0; i < 3000; ++i) {
    std::string message = open_message("label", "protocol");
    for (auto changes = random() % 4; changes > 0; --changes) {
      message[random() % message.size()] = static_cast<char>(random());
    }
    message.resize(1 + random() % message.size());
    ASSERT_TRUE(p.say(p.client, static_cast<unsigned>(random() % 40),
                      random() % 4 ? ppid::dcep : ppid::string, message, random() % 2 == 0));
    if (i % 20 == 0) p.run_for(milliseconds(300));
  }
  p.run_for(seconds(10));
  EXPECT_EQ(p.server.channels.size(), p.server.count("opened") - p.server.count("closed"));
  EXPECT_TRUE(p.server.association.connected());
}

}  // namespace
}  // namespace esp_peer::datachannel
