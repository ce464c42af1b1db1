// How channels close: what was sent arrives, both sides hear of it once, and the stream can be used
// again [rfc8831#6.7, rfc6525].
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tests/support/channel_pair.hpp"

namespace esp_peer::datachannel {
namespace {

using test::ChannelPair;
using test::ConnectedPair;
using test::End;
using test::number;
using test::PairOptions;
using test::stream;
using Log = std::vector<std::string>;

// covers: must rfc8831#6.7, must rfc8831#6.1
TEST(Closing, either_side_closes_and_both_hear_of_it_once) {
  for (const bool opener : {true, false}) {
    ConnectedPair p;
    p.open(p.client, "c");
    p.run_for(seconds(1));
    End& closer = opener ? p.client : p.server;
    ASSERT_TRUE(closer.channels.close(p.now, "c"));
    p.run_for(seconds(1));
    EXPECT_EQ(p.client.log, (Log{"opened 0 by us", "closed 0"}));
    EXPECT_EQ(p.server.log, (Log{"opened 0 by peer", "closed 0"}));
    EXPECT_EQ(p.client.channels.size() + p.server.channels.size(), 0u);
  }
}

// covers: must rfc8831#6.7
TEST(Closing, all_that_was_sent_before_arrives_and_only_then_the_end) {
  ConnectedPair p;
  p.link.loss = 0.2;
  const auto id = p.open(p.client, "c");
  const auto other = p.open(p.client, "other");
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(p.send(p.client, id, std::string(2000, 'm')));
    ASSERT_TRUE(p.send(p.client, other, "o"));
  }
  ASSERT_TRUE(p.client.channels.close(p.now, "c"));
  EXPECT_EQ(p.send(p.client, id, "late").code(), Errc::not_found);
  p.run_for(seconds(120));
  EXPECT_EQ(p.server.count("message 0"), 30u);
  EXPECT_EQ(p.server.count("closed"), 1u);
  EXPECT_EQ(p.server.log.back() == "closed 0" || p.server.count("message 2") == 30, true);
}

TEST(Closing, a_slow_reader_reads_everything_before_it_hears_of_the_end) {
  PairOptions o;
  o.sctp_right.receive_window = 20'000;
  ConnectedPair p(1, o);
  const auto id = p.open(p.client, "c");
  p.run_for(seconds(1));
  p.server.reads = false;
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(p.send(p.client, id, std::string(2000, 'm')));
  p.run_for(seconds(1));
  ASSERT_TRUE(p.client.channels.close(p.now, "c"));
  p.run_for(seconds(30));
  EXPECT_EQ(p.server.log, Log{"opened 0 by peer"}) << "the window is shut";
  p.server.reads = true;
  p.run_for(seconds(120));
  EXPECT_EQ(p.server.count("message"), 30u);
  EXPECT_EQ(p.server.log.back(), "closed 0");
  EXPECT_EQ(p.client.log.back(), "closed 0");
  EXPECT_FALSE(p.client.association.is_resetting(id));
}

TEST(Closing, both_at_once_is_one_end_at_each_side) {
  ConnectedPair p;
  const auto id = p.open(p.client, "c");
  p.run_for(seconds(1));
  ASSERT_TRUE(p.send(p.client, id, "to the server"));
  ASSERT_TRUE(p.client.channels.close(p.now, "c"));
  ASSERT_TRUE(p.server.channels.close(p.now, "c"));
  p.run_for(seconds(2));
  EXPECT_EQ(p.client.log, (Log{"opened 0 by us", "closed 0"}));
  EXPECT_EQ(p.server.log, (Log{"opened 0 by peer", "closed 0"}));
  EXPECT_FALSE(p.client.association.is_resetting(id));
  EXPECT_FALSE(p.server.association.is_resetting(id));
}

TEST(Closing, the_label_can_be_opened_again_at_once) {
  ConnectedPair p;
  const auto first = p.open(p.client, "c");
  p.run_for(seconds(1));
  ASSERT_TRUE(p.send(p.client, first, "old"));
  ASSERT_TRUE(p.client.channels.close(p.now, "c"));
  const auto second = p.open(p.client, "c");
  EXPECT_NE(first, second);
  ASSERT_TRUE(p.send(p.client, second, "new"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.log, (Log{"opened 0 by us", "closed 0", "opened 2 by us"}));
  ASSERT_EQ(p.server.heard.size(), 2u);
  EXPECT_EQ(p.server.count("closed"), 1u);
  ASSERT_TRUE(p.client.channels.close(p.now, "c"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.server.count("closed"), 2u);
}

TEST(Closing, a_channel_that_was_never_answered_closes_too) {
  ConnectedPair p;
  p.open(p.client, "c");
  ASSERT_TRUE(p.client.channels.close(p.now, "c"));
  p.run_for(seconds(2));
  EXPECT_TRUE(p.client.log.empty()) << "it never opened here";
  EXPECT_EQ(p.server.log, (Log{"opened 0 by peer", "closed 0"}));
  EXPECT_EQ(p.client.channels.size() + p.server.channels.size(), 0u);
}

// Who asked for a channel learns that there will be none.
// covers: must rfc8831#6.7
TEST(Closing, a_channel_of_ours_that_the_peer_closes_instead_of_answering_is_told_of_once) {
  for (const bool answers_late : {false, true}) {
    ChannelPair p;
    p.server.bare = true;
    ASSERT_TRUE(p.connect());
    const auto id = p.open(p.client, "c");
    p.run_for(milliseconds(300));
    ASSERT_TRUE(p.server.association.reset_stream(p.now, id));
    p.run_for(milliseconds(300));
    if (answers_late) {
      ASSERT_TRUE(p.say(p.server, 0, ppid::dcep, "\x02"));
    }
    p.run_for(seconds(1));
    EXPECT_EQ(p.client.log, Log{"closed 0"});
    EXPECT_EQ(p.client.channels.size(), 0u);
    EXPECT_EQ(p.client.channels.label(id), "c") << "whose it was can be asked";
    EXPECT_EQ(p.send(p.client, id, "x").code(), Errc::not_found);
    // The next one is another.
    p.server.bare = false;
    p.open(p.client, "d");
    p.run_for(seconds(1));
    EXPECT_EQ(p.client.log, (Log{"closed 0", "opened 2 by us"}));
  }
}

// covers: must rfc8831#6.7, must rfc6525#5.1.1
TEST(Closing, streams_are_used_again_when_both_directions_were_reset) {
  PairOptions o;
  o.sctp_left.max_streams = o.sctp_right.max_streams = 8;  // four of each side
  ConnectedPair p(1, o);
  p.link.loss = 0.2;
  p.link.duplication = 0.2;
  p.link.jitter_ms = 30;
  std::set<unsigned> used;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 4; ++i) {
      auto id = p.client.channels.open(p.now, {.label = "c", .ordered = i % 2 == 0});
      ASSERT_TRUE(id) << round;
      used.insert(number(*id));
      ASSERT_TRUE(p.send(p.client, *id, std::to_string(round)));
    }
    EXPECT_FALSE(p.client.channels.open(p.now, {.label = "one too many"}));
    p.run_for(seconds(20));
    ASSERT_TRUE((round % 2 ? p.client : p.server).channels.close(p.now, "c"));
    p.run_for(seconds(40));
    ASSERT_EQ(p.client.count("opened"), p.client.count("closed")) << round;
    ASSERT_EQ(p.server.count("opened"), p.server.count("closed")) << round;
  }
  EXPECT_EQ(used, (std::set<unsigned>{0, 2, 4, 6}));
  ASSERT_EQ(p.server.heard.size(), 160u);
  for (std::size_t i = 0; i < 160; ++i) EXPECT_EQ(p.server.heard[i].body, std::to_string(i / 4));
}

TEST(Closing, the_peer_may_open_a_stream_anew_before_our_reset_was_answered) {
  ChannelPair p;
  p.client.bare = true;
  ASSERT_TRUE(p.connect());
  const auto open = [&](std::string_view label) {
    std::array<std::byte, 100> room{};
    const auto n = write_open({.label = label}, room);
    ASSERT_TRUE(p.say(p.client, 0, ppid::dcep, as_text(Bytes(room).first(n))));
    p.run_for(milliseconds(100));
  };
  open("first");
  // Its answers are lost; what it says comes.
  p.meddle = [](std::vector<std::byte>& packet) {
    auto chunks = Bytes(packet).subspan(12);
    const auto chunk = sctp::take_chunk(chunks);
    if (chunk && chunk->type == sctp::ChunkType::reconfig && chunk->value[1] == std::byte{16}) {
      packet[8] ^= std::byte{1};
    }
  };
  ASSERT_TRUE(p.client.association.reset_stream(p.now, stream(0)));
  p.run_for(milliseconds(300));
  EXPECT_EQ(p.server.log.back(), "closed 0");
  EXPECT_TRUE(p.server.association.is_resetting(stream(0)));
  p.client.heard.clear();
  open("second");
  EXPECT_EQ(p.server.log.back(), "opened 0 by peer");
  EXPECT_EQ(p.server.channels.label(stream(0)), "second");
  EXPECT_EQ(p.send(p.server, stream(0), "too early").code(), Errc::would_block);
  EXPECT_TRUE(p.client.heard.empty());
  p.meddle = nullptr;
  p.run_for(seconds(5));
  ASSERT_EQ(p.client.heard.size(), 1u) << "the ACK, behind the reset";
  ASSERT_TRUE(p.send(p.server, stream(0), "hello"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.heard.size(), 2u);
}

TEST(Closing, a_closed_channel_whose_open_was_waiting_is_never_heard_of) {
  PairOptions o;
  o.sctp_left.send_buffer = 3000;
  ConnectedPair p(1, o);
  const auto full = p.open(p.client, "full");
  for (const std::size_t size : {400u, 1u}) {
    while (p.send(p.client, full, std::string(size, 'x'))) {
    }
  }
  p.open(p.client, "waiting");
  ASSERT_TRUE(p.client.channels.close(p.now, "waiting"));
  p.run_for(seconds(3));
  EXPECT_EQ(p.server.count("opened"), 1u);
}

// covers: must rfc8831#6.7, bug 74
TEST(Closing, on_bad_links_both_sides_open_close_and_agree) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 draw(seed);
    PairOptions o;
    o.sctp_left.max_streams = o.sctp_right.max_streams = 16;
    ConnectedPair p(seed, o);
    p.link.loss = draw() % 2 ? 0.15 : 0;
    p.link.duplication = draw() % 2 ? 0.1 : 0;
    p.link.jitter_ms = static_cast<std::int64_t>(draw() % 40);
    // By label, which is never used twice: what was taken, in order.
    std::map<std::string, std::vector<std::string>> taken[2];
    std::map<std::string, StreamId> open[2];
    unsigned serial = 0;
    for (int step = 0; step < 300; ++step) {
      const int side = static_cast<int>(draw() % 2);
      End& end = side ? p.server : p.client;
      switch (draw() % 4) {
        case 0: {
          const std::string label = std::to_string(side) + "/" + std::to_string(++serial);
          auto id = end.channels.open(p.now, {.label = label});
          if (id) open[side][label] = *id;
          break;
        }
        case 1:
          if (!open[side].empty() && draw() % 3 == 0) {
            const auto label = open[side].begin()->first;
            open[side].erase(label);
            static_cast<void>(end.channels.close(p.now, label));
          }
          break;
        default:
          for (const auto& [label, id] : open[side]) {
            if (end.channels.label(id) != label) continue;  // the peer has closed it
            const std::string body = label + ":" + std::to_string(++serial);
            if (p.send(end, id, body)) taken[side][label].push_back(body);
          }
      }
      if (draw() % 3 == 0) p.run_for(milliseconds(static_cast<std::int64_t>(draw() % 200)));
    }
    for (int side = 0; side < 2; ++side) {
      for (const auto& [label, id] : open[side]) {
        static_cast<void>((side ? p.server : p.client).channels.close(p.now, label));
      }
    }
    p.run_for(seconds(200));
    for (int side = 0; side < 2; ++side) {
      std::map<std::string, std::vector<std::string>> heard;
      for (const auto& m : (side ? p.client : p.server).heard) {
        heard[m.body.substr(0, m.body.find(':'))].push_back(m.body);
      }
      // Only the opener closes here: so all that it sent arrived.
      EXPECT_EQ(heard, taken[side]);
    }
    EXPECT_EQ(p.client.channels.size() + p.server.channels.size(), 0u);
    EXPECT_EQ(p.client.count("opened"), p.client.count("closed"));
    EXPECT_EQ(p.server.count("opened"), p.server.count("closed"));
    for (unsigned s = 0; s < 16; ++s) {
      EXPECT_FALSE(p.client.association.is_resetting(stream(s)));
      EXPECT_FALSE(p.server.association.is_resetting(stream(s)));
    }
    auto still = p.client.channels.open(p.now, {.label = "still"});
    EXPECT_TRUE(still) << still.error().what;
    if (HasFailure()) break;
  }
}

TEST(Closing, five_hundred_channels_of_each_side_open_speak_and_close) {
  PairOptions o;
  ConnectedPair p(1, o);
  p.link.loss = 0.02;
  std::vector<StreamId> ids[2];
  for (int i = 0; i < 500; ++i) {
    ids[0].push_back(p.open(p.client, "c" + std::to_string(i)));
    ids[1].push_back(p.open(p.server, "s" + std::to_string(i)));
  }
  p.run_for(seconds(60));
  ASSERT_EQ(p.client.count("opened"), 1000u);
  ASSERT_EQ(p.server.count("opened"), 1000u);
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(p.send(p.client, ids[0][static_cast<std::size_t>(i)], "from the opener"));
    ASSERT_TRUE(p.send(p.client, ids[1][static_cast<std::size_t>(i)], "from the other"));
    if (i % 100 == 0) p.run_for(seconds(1));
  }
  p.run_for(seconds(60));
  EXPECT_EQ(p.server.heard.size(), 1000u);
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(p.client.channels.close(p.now, "c" + std::to_string(i)));
    ASSERT_TRUE(p.server.channels.close(p.now, "s" + std::to_string(i)));
  }
  p.run_for(seconds(120));
  EXPECT_EQ(p.client.count("closed"), 1000u);
  EXPECT_EQ(p.server.count("closed"), 1000u);
  for (unsigned s = 0; s < 1000; ++s) EXPECT_FALSE(p.client.association.is_resetting(stream(s)));
}

// ---------------------------------------------------------------- negotiated ones

// covers: must rfc8831#6.5, bug 73
TEST(Closing, what_comes_for_a_negotiated_channel_before_it_is_created_here_spoils_nothing) {
  for (const unsigned id : {0u, 1u}) {  // even and odd do not matter
    ConnectedPair p;
    const ChannelOptions negotiated{.label = "n", .negotiated = stream(id)};
    ASSERT_EQ(p.open(p.client, negotiated), stream(id));
    ASSERT_TRUE(p.send(p.client, stream(id), "nobody is there"));
    p.run_for(seconds(1));
    EXPECT_TRUE(p.server.log.empty());
    EXPECT_EQ(p.server.drops.back(), "message on no channel");
    EXPECT_FALSE(p.server.association.is_resetting(stream(id)));
    ASSERT_EQ(p.open(p.server, negotiated), stream(id));
    ASSERT_TRUE(p.send(p.client, stream(id), "to the server"));
    ASSERT_TRUE(p.send(p.server, stream(id), "to the client"));
    p.run_for(seconds(1));
    const std::string n = std::to_string(id);
    EXPECT_EQ(p.client.log, (Log{"opened " + n + " by us", "message " + n}));
    EXPECT_EQ(p.server.log, (Log{"opened " + n + " by us", "message " + n}));
    EXPECT_EQ(p.server.heard.back().body, "to the server");
    EXPECT_EQ(p.client.heard.back().body, "to the client");
  }
}

TEST(Closing, our_own_channels_keep_off_a_negotiated_stream_and_it_off_theirs) {
  ConnectedPair p;
  ASSERT_EQ(p.open(p.client, {.label = "n", .negotiated = stream(0)}), stream(0));
  EXPECT_EQ(p.open(p.client, "c"), stream(2));
  auto twice = p.client.channels.open(p.now, {.label = "m", .negotiated = stream(2)});
  EXPECT_EQ(twice.error().code, Errc::invalid_argument);
  auto none = p.client.channels.open(p.now, {.label = "m", .negotiated = stream(65'535)});
  EXPECT_EQ(none.error().code, Errc::invalid_argument);
  auto beyond = p.client.channels.open(p.now, {.label = "m", .negotiated = stream(65'534)});
  EXPECT_EQ(beyond.error().code, Errc::over_limit);
}

// covers: must rfc8831#6.7
TEST(Closing, a_negotiated_channel_closes_and_is_created_again_on_its_stream) {
  ConnectedPair p;
  p.link.loss = 0.1;
  p.link.jitter_ms = 20;
  const ChannelOptions negotiated{.label = "n", .negotiated = stream(7)};
  for (std::size_t round = 1; round <= 20; ++round) {
    ASSERT_EQ(p.open(p.client, negotiated), stream(7)) << round;
    ASSERT_EQ(p.open(p.server, negotiated), stream(7)) << round;
    const std::string body = std::to_string(round);
    ASSERT_TRUE(p.send(p.client, stream(7), body));
    ASSERT_TRUE(p.send(p.server, stream(7), body));
    p.run_for(seconds(20));
    ASSERT_EQ(p.client.heard.size(), round);
    ASSERT_EQ(p.server.heard.size(), round);
    EXPECT_EQ(p.client.heard.back().body, body);
    ASSERT_TRUE((round % 2 ? p.client : p.server).channels.close(p.now, "n"));
    auto too_early = p.client.channels.open(p.now, negotiated);
    EXPECT_EQ(too_early.error().code, Errc::invalid_argument) << "it is being reset, or still open";
    p.run_for(seconds(40));
    ASSERT_EQ(p.client.count("closed"), round);
    ASSERT_EQ(p.server.count("closed"), round);
  }
}

}  // namespace
}  // namespace esp_peer::datachannel
