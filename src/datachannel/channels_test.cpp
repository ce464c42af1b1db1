// Two ends open, use and close channels over good and bad links.
#include "datachannel/channels.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "crypto/crc32.hpp"
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

PairOptions roomy() {
  PairOptions o;
  for (auto* sctp : {&o.sctp_left, &o.sctp_right}) {
    sctp->send_buffer = sctp->receive_window = 512 * 1024;
  }
  return o;
}
PairOptions cramped(std::uint32_t send_buffer) {
  PairOptions o;
  o.sctp_left.send_buffer = o.sctp_right.send_buffer = send_buffer;
  return o;
}

TEST(Channels, a_channel_opens_at_both_ends) {
  ConnectedPair p;
  const auto id = p.open(p.client, "hello");
  EXPECT_EQ(id, stream(0));
  EXPECT_FALSE(p.client.channels.is_open(id)) << "not before the ACK";
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.log, Log{"opened 0 by us"});
  EXPECT_EQ(p.server.log, Log{"opened 0 by peer"});
  for (End* end : {&p.client, &p.server}) {
    EXPECT_TRUE(end->channels.is_open(id));
    EXPECT_EQ(end->channels.label(id), "hello");
    EXPECT_EQ(end->channels.first_open(), id);
    EXPECT_EQ(end->channels.size(), 1u);
    EXPECT_EQ(end->drops, Log{});
  }
}

// covers: must rfc8832#6, changelog 56
TEST(Channels, the_dtls_client_takes_even_streams_and_the_server_odd_ones) {
  ConnectedPair p;
  EXPECT_EQ(p.open(p.client, "a"), stream(0));
  EXPECT_EQ(p.open(p.server, "b"), stream(1));
  EXPECT_EQ(p.open(p.client, "a"), stream(2));
  EXPECT_EQ(p.open(p.server, "b"), stream(3));
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.count("opened"), 4u) << "two labels twice are four channels";
  EXPECT_EQ(p.server.count("opened"), 4u);
}

// covers: must rfc8831#6.6
TEST(Channels, text_binary_and_empty_messages_arrive_as_what_they_are) {
  ConnectedPair p;
  const auto id = p.open(p.client, "c");
  p.run_for(seconds(1));
  const std::string zero(1, '\0');
  ASSERT_TRUE(p.send(p.client, id, "text"));
  ASSERT_TRUE(p.send(p.client, id, "bytes", Kind::binary));
  ASSERT_TRUE(p.send(p.client, id, "", Kind::string));
  ASSERT_TRUE(p.send(p.client, id, "", Kind::binary));
  ASSERT_TRUE(p.send(p.client, id, zero, Kind::binary));
  p.run_for(seconds(1));
  const auto& heard = p.server.heard;
  ASSERT_EQ(heard.size(), 5u);
  EXPECT_EQ(heard[0].kind, Kind::string);
  EXPECT_EQ(heard[0].body, "text");
  EXPECT_EQ(heard[1].kind, Kind::binary);
  EXPECT_EQ(heard[2].kind, Kind::string);
  EXPECT_EQ(heard[2].body, "");
  EXPECT_EQ(heard[3].kind, Kind::binary);
  EXPECT_EQ(heard[3].body, "");
  EXPECT_EQ(heard[4].body, zero) << "one zero byte is not nothing";
}

// covers: must rfc8831#6.6
TEST(Channels, the_ppids_are_those_of_rfc8831) {
  ChannelPair p;
  p.server.bare = true;
  ASSERT_TRUE(p.connect());
  const auto id = p.open(p.client, "c");
  for (const auto kind : {Kind::string, Kind::binary}) {
    ASSERT_TRUE(p.send(p.client, id, "x", kind));
    ASSERT_TRUE(p.send(p.client, id, "", kind));
  }
  p.run_for(seconds(1));
  EXPECT_EQ(p.server.ppids, (std::vector<unsigned>{50, 51, 56, 53, 57}));
  EXPECT_EQ(p.server.heard[2].body, std::string(1, '\0'));
  EXPECT_EQ(p.server.heard[4].body, std::string(1, '\0'));
}

TEST(Channels, data_may_be_sent_before_the_ack_and_comes_after_the_open_event) {
  ConnectedPair p;
  const auto id = p.open(p.client, {.label = "c", .ordered = false});
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(p.send(p.client, id, std::to_string(i)));
  }
  p.run_for(seconds(1));
  ASSERT_EQ(p.server.log.size(), 21u);
  EXPECT_EQ(p.server.log[0], "opened 0 by peer");
  for (unsigned i = 0; i < 20; ++i) EXPECT_EQ(p.server.heard[i].body, std::to_string(i));
}

TEST(Channels, no_message_is_read_before_its_open_event_is_fetched) {
  ConnectedPair p;
  p.server.idle = true;
  const auto a = p.open(p.client, "a"), b = p.open(p.client, "b");
  ASSERT_TRUE(p.send(p.client, a, "on a"));
  ASSERT_TRUE(p.send(p.client, b, "on b"));
  p.run_for(seconds(1));
  Channels& server = p.server.channels;
  server.process(p.now);
  EXPECT_FALSE(server.read_message(p.now));
  EXPECT_TRUE(server.is_open(a));
  ASSERT_TRUE(server.poll_event());
  const auto message = server.read_message(p.now);
  ASSERT_TRUE(message);
  EXPECT_EQ(as_text(message->body.bytes()), "on a");
  EXPECT_FALSE(server.read_message(p.now)) << "b's event has not been fetched";
  ASSERT_TRUE(server.poll_event());
  EXPECT_TRUE(server.read_message(p.now));
}

// covers: must rfc8832#6
TEST(Channels, everything_on_an_unordered_channel_is_in_order_until_the_answer) {
  ChannelPair p;
  p.server.bare = true;
  ASSERT_TRUE(p.connect());
  const auto id = p.open(p.client, {.label = "c", .ordered = false});
  ASSERT_TRUE(p.send(p.client, id, "before"));
  p.run_for(seconds(1));
  ASSERT_TRUE(p.say(p.server, 0, ppid::dcep, "\x02"));
  p.run_for(seconds(1));
  ASSERT_TRUE(p.send(p.client, id, "after"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.server.unordered, (std::vector<bool>{false, false, true}));
}

TEST(Channels, an_ordered_channel_stays_ordered) {
  ChannelPair p;
  p.server.bare = true;
  ASSERT_TRUE(p.connect());
  const auto id = p.open(p.client, "c");
  p.run_for(seconds(1));
  ASSERT_TRUE(p.say(p.server, 0, ppid::dcep, "\x02"));
  p.run_for(seconds(1));
  ASSERT_TRUE(p.send(p.client, id, "after"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.server.unordered, (std::vector<bool>{false, false}));
}

// covers: must rfc8832#5
TEST(Channels, the_accepting_end_sends_as_the_open_says_and_its_ack_in_order) {
  ChannelPair p;
  p.client.bare = true;
  ASSERT_TRUE(p.connect());
  std::vector<std::byte> open(64);
  open.resize(write_open({.ordered = false, .label = "c"}, open));
  ASSERT_TRUE(p.say(p.client, 0, ppid::dcep, as_text(open)));
  p.run_for(seconds(1));
  ASSERT_TRUE(p.send(p.server, stream(0), "x"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.ppids, (std::vector<unsigned>{50, 51}));
  EXPECT_EQ(p.client.unordered, (std::vector<bool>{false, true}));
  EXPECT_EQ(p.client.heard[0].body, "\x02");
}

TEST(Channels, a_message_counts_as_answer_when_the_ack_comes_later) {
  ChannelPair p;
  p.server.bare = true;
  ASSERT_TRUE(p.connect());
  const auto id = p.open(p.client, "c");
  p.run_for(seconds(1));
  ASSERT_TRUE(p.say(p.server, 0, ppid::string, "early"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.log, (Log{"opened 0 by us", "message 0"}));
  EXPECT_TRUE(p.client.channels.is_open(id));
  ASSERT_TRUE(p.say(p.server, 0, ppid::dcep, "\x02"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.log.size(), 2u) << "opened once";
  EXPECT_EQ(p.client.drops, Log{});
}

TEST(Channels, reliability_and_priority_stand_in_the_open) {
  ChannelPair p;
  p.server.bare = true;
  ASSERT_TRUE(p.connect());
  p.open(p.client, {.label = "l",
                    .protocol = "p",
                    .ordered = false,
                    .reliability = Reliability::lifetime,
                    .limit = 500,
                    .priority = 1024});
  p.open(p.client, {.reliability = Reliability::retransmits, .limit = 0});
  p.run_for(seconds(1));
  ASSERT_EQ(p.server.heard.size(), 2u);
  const auto first = parse_open(as_bytes(p.server.heard[0].body));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->label, "l");
  EXPECT_EQ(first->protocol, "p");
  EXPECT_FALSE(first->ordered);
  EXPECT_EQ(first->reliability, Reliability::lifetime);
  EXPECT_EQ(first->limit, 500u);
  EXPECT_EQ(first->priority, 1024);
  EXPECT_EQ(parse_open(as_bytes(p.server.heard[1].body))->reliability, Reliability::retransmits);
}

// covers: must rfc8831#6.1, must rfc8832#4, changelog 47, changelog 15
TEST(Channels, a_limit_of_retransmissions_holds_in_both_directions_and_for_no_open_or_ack) {
  ConnectedPair p(1, roomy());
  p.link.loss = 0.3;
  std::vector<StreamId> ids;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(p.open(p.client, {.label = "lossy",
                                    .ordered = i % 2 == 0,
                                    .reliability = Reliability::retransmits,
                                    .limit = 0}));
  }
  p.run_for(seconds(60));
  EXPECT_EQ(p.client.count("opened"), 20u) << "OPEN and ACK are sent until they arrive";
  EXPECT_EQ(p.server.count("opened"), 20u);
  p.link.loss = 0.05;
  for (int i = 0; i < 100; ++i) {
    for (const auto id : ids) {
      ASSERT_TRUE(p.send(p.client, id, std::to_string(i)));
      ASSERT_TRUE(p.send(p.server, id, std::to_string(i)));
    }
    p.run_for(milliseconds(100));
  }
  p.link.loss = 0;
  p.run_for(seconds(60));
  for (End* end : {&p.client, &p.server}) {
    EXPECT_LT(end->heard.size(), 1990u) << "lost for good";
    EXPECT_GT(end->heard.size(), 1500u);
    EXPECT_EQ(end->association.buffered(), 0u);
    std::map<unsigned, int> last;
    for (const auto& m : end->heard) {
      const int number = std::stoi(m.body);
      if (m.stream % 4 == 0) {
        EXPECT_TRUE(last.count(m.stream) == 0 || last[m.stream] < number) << "out of order";
      }
      last[m.stream] = number;
    }
  }
}

TEST(Channels, a_lifetime_that_is_over_before_there_is_room_drops_the_message) {
  ConnectedPair p;
  const auto id =
      p.open(p.client, {.label = "short", .reliability = Reliability::lifetime, .limit = 100});
  p.run_for(seconds(1));
  p.link.loss = 1;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(p.send(p.client, id, std::string(3000, 'o')));
  }
  p.run_for(milliseconds(300));
  p.link.loss = 0;
  p.run_for(seconds(3));
  EXPECT_TRUE(p.server.heard.empty());
  ASSERT_TRUE(p.send(p.client, id, "new"));
  p.run_for(seconds(1));
  ASSERT_EQ(p.server.heard.size(), 1u);
  EXPECT_EQ(p.server.heard[0].body, "new");
}

TEST(Channels, half_a_message_that_may_be_lost_is_not_kept_for_ever) {
  for (const bool reliable : {true, false}) {
    ChannelPair p(1, roomy());
    ASSERT_TRUE(p.connect());
    const auto how = reliable ? Reliability::reliable : Reliability::retransmits;
    const auto id = p.open(p.client, {.label = "c", .reliability = how, .limit = 0});
    p.run_for(seconds(1));
    const std::size_t before = p.server.world.memory.live;
    ASSERT_TRUE(p.send(p.client, id, std::string(60'000, 'h')));
    p.run_for(milliseconds(15));
    p.link.loss = 1;
    p.run_for(seconds(1));
    const std::size_t half = p.server.world.memory.live;
    EXPECT_GT(half, before + 3000);
    p.run_for(seconds(12));
    if (reliable) {
      EXPECT_EQ(p.server.world.memory.live, half);
    } else {
      EXPECT_LT(p.server.world.memory.live, half - 3000);
    }
    p.link.loss = 0;
    p.run_for(seconds(60));
    EXPECT_EQ(p.server.heard.size(), reliable ? 1u : 0u);
    ASSERT_TRUE(p.send(p.client, id, "next"));
    p.run_for(seconds(1));
    EXPECT_EQ(p.server.heard.back().body, "next");
  }
}

TEST(Channels, the_longest_label_arrives_whole) {
  PairOptions o;
  o.left.max_message_size = 100'000;  // the default of 64 KB has no room for its OPEN
  ConnectedPair p(1, o);
  std::string label(65'535, 'x');
  label[0] = '\0';
  label[65'534] = '\xFF';
  const auto id = p.open(p.client, label);
  p.run_for(seconds(5));
  EXPECT_EQ(p.server.log, Log{"opened 0 by peer"});
  EXPECT_EQ(p.server.channels.label(id), label);
  EXPECT_EQ(p.client.channels.label(id), label);
  EXPECT_EQ(p.client.channels.open(p.now, {.label = label + "x"}).error().code,
            Errc::invalid_argument);
  const std::string protocol(65'536, 'p');
  EXPECT_EQ(p.client.channels.open(p.now, {.protocol = protocol}).error().code,
            Errc::invalid_argument);
}

TEST(Channels, an_open_that_can_never_be_sent_is_refused_and_leaves_nothing) {
  ConnectedPair p(1, cramped(4000));
  EXPECT_EQ(p.client.channels.open(p.now, {.label = std::string(5000, 'x')}).error().code,
            Errc::over_limit);
  EXPECT_EQ(p.client.channels.size(), 0u);
  EXPECT_EQ(p.open(p.client, "short"), stream(0));
}

// covers: bug 46
TEST(Channels, the_peers_limit_is_kept) {
  for (const std::uint32_t limit : {13u, 1000u, 65'535u, 65'536u}) {  // 13: an OPEN of "c"
    PairOptions o = roomy();
    o.left.max_message_size = limit;
    ConnectedPair p(1, o);
    const auto id = p.open(p.client, "c");
    EXPECT_TRUE(p.send(p.client, id, std::string(limit, 'x')));
    EXPECT_EQ(p.send(p.client, id, std::string(limit + 1, 'x')).code(), Errc::over_limit);
    EXPECT_TRUE(p.send(p.client, id, ""));
    p.run_for(seconds(5));
    ASSERT_EQ(p.server.heard.size(), 2u);
    EXPECT_EQ(p.server.heard[0].body.size(), limit);
  }
}

// An OPEN is a message too; what its names take is not sent to a peer that said it would not fit.
// covers: must rfc8841#6.1
TEST(Channels, an_open_above_the_peers_limit_is_refused_and_leaves_nothing) {
  PairOptions o = roomy();
  o.left.max_message_size = 1'000;
  ConnectedPair p(1, o);
  const std::string names(494, 'n');  // and twelve bytes before them
  EXPECT_EQ(p.client.channels.open(p.now, {.label = names + "n", .protocol = names}).error().code,
            Errc::over_limit);
  EXPECT_EQ(p.client.channels.size(), 0u);
  auto fits = p.client.channels.open(p.now, {.label = names, .protocol = names});
  ASSERT_TRUE(static_cast<bool>(fits));
  EXPECT_EQ(*fits, stream(0));
  p.run_for(seconds(1));
  EXPECT_EQ(p.server.channels.label(stream(0)), names);
}

// covers: bug 46
TEST(Channels, a_limit_of_0_is_none_but_the_send_buffer_is_one) {
  PairOptions o = roomy();
  o.left.max_message_size = 0;
  ConnectedPair p(1, o);
  const auto id = p.open(p.client, "c");
  p.run_for(seconds(1));
  EXPECT_TRUE(p.send(p.client, id, std::string(256 * 1024, 'x')));
  EXPECT_EQ(p.send(p.client, id, std::string(512 * 1024 + 1, 'x')).code(), Errc::over_limit);
  p.run_for(seconds(20));
  ASSERT_EQ(p.server.heard.size(), 1u);
  EXPECT_EQ(p.server.heard[0].body, std::string(256 * 1024, 'x'));
}

TEST(Channels, a_full_association_delays_open_and_ack_and_loses_neither) {
  ConnectedPair p(1, cramped(2000));
  const auto first = p.open(p.client, "first");
  p.run_for(seconds(1));
  // Both directions are full now.
  ASSERT_TRUE(p.send(p.client, first, std::string(1900, 'x')));
  ASSERT_TRUE(p.send(p.server, first, std::string(1900, 'y')));
  const auto second = p.open(p.client, "second");
  EXPECT_EQ(second, stream(2));
  EXPECT_EQ(p.send(p.client, second, "x").code(), Errc::would_block)
      << "nothing may overtake the OPEN";
  EXPECT_EQ(p.send(p.client, first, "x").code(), Errc::would_block);
  p.run_for(seconds(5));
  EXPECT_TRUE(p.client.channels.is_open(second));
  EXPECT_TRUE(p.server.channels.is_open(second));
  EXPECT_TRUE(p.send(p.client, second, "x"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.server.heard.back().body, "x");
}

TEST(Channels, opens_wait_in_line_by_the_hundred) {
  ConnectedPair p(1, cramped(2000));
  for (int i = 0; i < 120; ++i) {
    ASSERT_EQ(p.open(p.client, "c" + std::to_string(i)), stream(2u * static_cast<unsigned>(i)));
    ASSERT_EQ(p.open(p.server, "s" + std::to_string(i)), stream(2u * static_cast<unsigned>(i) + 1));
  }
  p.run_for(seconds(60));
  for (End* end : {&p.client, &p.server}) {
    EXPECT_EQ(end->count("opened"), 240u);
    EXPECT_EQ(end->channels.size(), 240u);
    EXPECT_EQ(end->drops, Log{});
  }
}

// covers: must rfc9260#6.5
TEST(Channels, on_a_bad_link_every_channel_opens_and_every_message_comes_once_in_order) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE(seed);
    ConnectedPair p(seed, roomy());
    p.link = {.loss = 0.2, .duplication = 0.1, .delay_ms = 20, .jitter_ms = 30};
    constexpr unsigned channels = 60, messages = 8;
    for (unsigned i = 0; i < channels; ++i) {
      End& end = i % 2 ? p.server : p.client;
      const std::string label = "channel " + std::to_string(i);
      const auto id = p.open(end, {.label = label, .ordered = i % 3 != 0});
      for (unsigned m = 0; m < messages; ++m) {
        ASSERT_TRUE(p.send(end, id, std::to_string(m) + std::string(m * 300, '.')));
      }
    }
    p.run_for(seconds(120));
    for (End* end : {&p.client, &p.server}) {
      EXPECT_EQ(end->count("opened"), channels);
      EXPECT_EQ(end->count("message"), channels / 2 * messages);
      std::map<unsigned, std::vector<std::string>> by_stream;
      for (const auto& m : end->heard) by_stream[m.stream].push_back(m.body);
      for (auto& [id, bodies] : by_stream) {
        EXPECT_TRUE(end->channels.label(stream(id))->starts_with("channel "));
        ASSERT_EQ(bodies.size(), messages);
        for (unsigned m = 0; m < messages; ++m) {
          EXPECT_EQ(bodies[m], std::to_string(m) + std::string(m * 300, '.'));
        }
      }
      for (std::size_t i = 0; i < end->log.size(); ++i) {  // opened before any message
        if (!end->log[i].starts_with("message")) continue;
        const std::string opened = "opened" + end->log[i].substr(7) + " ";
        EXPECT_TRUE(std::any_of(end->log.begin(), end->log.begin() + static_cast<long>(i),
                                [&](const auto& e) { return e.starts_with(opened); }));
      }
    }
  }
}

// covers: bug 71
TEST(Channels, what_is_not_read_closes_the_window_and_loses_nothing) {
  ConnectedPair p;
  const auto id = p.open(p.client, "c");
  p.run_for(seconds(1));
  p.server.reads = false;
  unsigned sent = 0;
  for (int round = 0; round < 400; ++round) {
    if (p.send(p.client, id, std::to_string(sent) + std::string(3000, 'x'))) ++sent;
    p.run_for(milliseconds(100));
  }
  EXPECT_LT(sent, 80u) << "two windows of 100 kB hold no more";
  EXPECT_LT(p.server.world.memory.live, 300'000u);
  p.server.reads = true;
  p.run_for(seconds(120));
  ASSERT_EQ(p.server.heard.size(), sent);
  for (unsigned i = 0; i < sent; ++i) {
    EXPECT_TRUE(p.server.heard[i].body.starts_with(std::to_string(i) + "x"));
  }
}

TEST(Channels, close_says_so_once_and_delivers_nothing_more) {
  ConnectedPair p;
  const auto a = p.open(p.client, "a");
  const auto b = p.open(p.client, "b");
  p.run_for(seconds(1));
  EXPECT_EQ(p.server.channels.close(p.now, "nobody").code(), Errc::not_found);
  ASSERT_TRUE(p.server.channels.close(p.now, "a"));
  EXPECT_EQ(p.server.channels.close(p.now, "a").code(), Errc::not_found);
  EXPECT_FALSE(p.server.channels.is_open(a));
  EXPECT_EQ(p.server.channels.size(), 1u);
  EXPECT_EQ(p.send(p.server, a, "x").code(), Errc::not_found);
  EXPECT_EQ(p.server.channels.first_open(), b);
  ASSERT_TRUE(p.send(p.client, a, "into the void"));
  ASSERT_TRUE(p.send(p.client, b, "heard"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.server.count("closed"), 1u);
  EXPECT_EQ(p.server.count("message"), 1u);
  EXPECT_EQ(p.server.heard.back().body, "heard");
  EXPECT_EQ(p.server.drops, Log{"message on a channel that was closed"});
  EXPECT_EQ(p.client.count("closed"), 1u) << "the other side hears of it";
}

TEST(Channels, close_takes_every_channel_of_the_label_and_its_unread_message) {
  ConnectedPair p;
  const auto a = p.open(p.client, "same");
  p.open(p.server, "same");
  p.open(p.client, "other");
  p.run_for(seconds(1));
  p.server.reads = false;
  ASSERT_TRUE(p.send(p.client, a, "unread"));
  p.run_for(seconds(1));
  ASSERT_TRUE(p.server.channels.close(p.now, "same"));
  p.server.reads = true;
  p.run_for(seconds(1));
  EXPECT_EQ(p.server.count("closed"), 2u);
  EXPECT_EQ(p.server.count("message"), 0u);
  EXPECT_EQ(p.server.channels.size(), 1u);
}

TEST(Channels, the_label_stays_until_the_end_was_told_and_a_command_followed) {
  ConnectedPair p;
  const auto id = p.open(p.client, "name");
  p.run_for(seconds(1));
  ASSERT_TRUE(p.client.channels.close(p.now, "name"));
  EXPECT_EQ(p.client.channels.label(id), "name");
  static_cast<void>(p.client.channels.close(p.now, "nobody"));
  EXPECT_EQ(p.client.channels.label(id), "name") << "the event has not been fetched";
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.log.back(), "closed 0");
  EXPECT_EQ(p.client.channels.label(id), "name");
  static_cast<void>(p.client.channels.close(p.now, "nobody"));
  EXPECT_FALSE(p.client.channels.label(id));
}

TEST(Channels, streams_that_were_never_used_are_used_first) {
  ConnectedPair p;
  for (unsigned i = 0; i < 300; ++i) {
    ASSERT_EQ(p.open(p.client, "again"), stream(2 * i));
    p.run_for(milliseconds(100));
    ASSERT_TRUE(p.client.channels.close(p.now, "again"));
    ASSERT_TRUE(p.server.channels.close(p.now, "again"));
  }
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.count("opened"), 300u);
  EXPECT_EQ(p.client.count("closed"), 300u);
}

TEST(Channels, streams_end_with_those_that_one_of_ours_takes) {
  PairOptions o = roomy();
  o.left.max_channels = 4000;
  ConnectedPair p(1, o);
  unsigned last = 0;
  for (unsigned i = 0; i < 2'048; ++i) {
    auto id = p.client.channels.open(p.now, {.label = "x"});
    ASSERT_TRUE(id) << i << " " << id.error().what;
    last = number(*id);
    ASSERT_TRUE(p.client.channels.close(p.now, "x"));
  }
  EXPECT_EQ(last, 4'094u);
  ASSERT_FALSE(p.client.channels.open(p.now, {.label = "x"}));
  EXPECT_EQ(p.client.channels.open(p.now, {.label = "x"}).error().code, Errc::over_limit);
  p.run_for(seconds(60));
  EXPECT_EQ(p.open(p.client, "x"), stream(0)) << "all of them have been reset";
}

TEST(Channels, no_channel_is_opened_on_a_stream_that_the_peer_cannot_take) {
  PairOptions o;
  o.sctp_right.max_streams = 4;  // 0 and 2 are the client's
  ConnectedPair p(1, o);
  EXPECT_EQ(p.open(p.client, "a"), stream(0));
  EXPECT_EQ(p.open(p.client, "b"), stream(2));
  const auto refused = p.client.channels.open(p.now, {.label = "c"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::over_limit);
  EXPECT_EQ(p.client.channels.size(), 2u);
  p.run_for(seconds(1));
  EXPECT_EQ(p.server.count("opened"), 2u);
  EXPECT_EQ(p.client.count("opened"), 2u);
}

TEST(Channels, an_ack_that_can_never_go_out_does_not_hold_up_the_others) {
  ChannelPair p;
  p.client.bare = true;
  // The client speaks on all streams and says that it hears no more than four.
  p.meddle = [](std::vector<std::byte>& packet) {
    const auto type = std::to_integer<unsigned>(packet[12]);
    if (type != 1 && type != 2) return;
    Writer(MutableBytes(packet).subspan(26, 2)).u16(4);
    std::fill_n(packet.begin() + 8, 4, std::byte{0});
    const std::uint32_t crc = crypto::crc32c(packet);
    for (unsigned i = 0; i < 4; ++i) packet[8 + i] = static_cast<std::byte>(crc >> 8 * i);
  };
  ASSERT_TRUE(p.connect());
  const auto open = [](std::string_view label) {
    std::vector<std::byte> room(100);
    const std::size_t n = datachannel::write_open({.label = label}, room);
    return std::string(as_text(Bytes(room).first(n)));
  };
  ASSERT_TRUE(p.say(p.client, 4, ppid::dcep, open("deaf")));
  ASSERT_TRUE(p.say(p.client, 2, ppid::dcep, open("good")));
  p.run_for(seconds(1));
  ASSERT_EQ(p.client.heard.size(), 1u);
  EXPECT_EQ(p.client.heard[0].stream, 2u);
}

TEST(Channels, sixty_four_pending_messages_are_each_itself) {
  ConnectedPair p(1, roomy());
  const auto id = p.open(p.client, "c");
  p.run_for(seconds(1));
  p.server.idle = true;
  const auto body = [](unsigned i) {
    return std::string(500 + i, static_cast<char>('a' + i % 26));
  };
  for (unsigned i = 0; i < 64; ++i) ASSERT_TRUE(p.send(p.client, id, body(i)));
  p.run_for(seconds(5));
  std::vector<datachannel::Message> held;
  while (auto message = p.server.channels.read_message(p.now)) held.push_back(std::move(*message));
  ASSERT_EQ(held.size(), 64u);
  // The end goes on, and goes.
  for (unsigned i = 0; i < 64; ++i) ASSERT_TRUE(p.send(p.client, id, "later"));
  p.run_for(seconds(5));
  while (p.server.channels.read_message(p.now)) {
  }
  p.server.channels.end(p.now);
  for (unsigned i = 0; i < 64; ++i) EXPECT_EQ(as_text(held[i].body.bytes()), body(i));
}

TEST(Channels, sixty_four_pending_events_are_each_itself) {
  ConnectedPair p(1, roomy());
  p.server.idle = true;
  for (unsigned i = 0; i < 64; ++i) p.open(p.client, "c" + std::to_string(i));
  p.run_for(seconds(5));
  p.server.channels.process(p.now);
  for (unsigned i = 0; i < 64; ++i) {
    const auto event = p.server.channels.poll_event();
    ASSERT_TRUE(event && std::holds_alternative<Opened>(*event));
    EXPECT_EQ(std::get<Opened>(*event).stream, stream(2 * i));
    EXPECT_EQ(p.server.channels.label(stream(2 * i)), "c" + std::to_string(i));
  }
  p.server.channels.end(p.now);
  for (unsigned i = 0; i < 64; ++i) {
    const auto event = p.server.channels.poll_event();
    ASSERT_TRUE(event && std::holds_alternative<ChannelClosed>(*event));
    EXPECT_EQ(std::get<ChannelClosed>(*event).stream, stream(2 * i));
  }
}

TEST(Channels, a_channel_that_never_opened_ends_in_silence) {
  ChannelPair p;
  p.server.bare = true;
  ASSERT_TRUE(p.connect());
  p.open(p.client, "closed by its owner");
  p.open(p.client, "ended with the association");
  ASSERT_TRUE(p.client.channels.close(p.now, "closed by its owner"));
  p.client.channels.end(p.now);
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.log, Log{});
  EXPECT_EQ(p.client.channels.size(), 0u);
}

TEST(Channels, the_end_of_the_association_closes_each_open_channel_once) {
  ConnectedPair p;
  for (int i = 0; i < 3; ++i) p.open(p.client, "c");
  p.run_for(seconds(1));
  ASSERT_TRUE(p.send(p.server, stream(0), "unread"));
  p.client.reads = false;
  p.run_for(seconds(1));
  p.client.association.abort(p.now);
  p.client.channels.end(p.now);
  p.client.channels.end(p.now);
  p.client.reads = true;
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.log, (Log{"opened 0 by us", "opened 2 by us", "opened 4 by us", "closed 0",
                               "closed 2", "closed 4"}));
  EXPECT_FALSE(p.client.channels.first_open());
  EXPECT_EQ(p.client.channels.open(p.now, {.label = "x"}).error().code, Errc::wrong_state);
  EXPECT_EQ(p.send(p.client, stream(0), "x").code(), Errc::not_found);
  EXPECT_EQ(p.client.channels.close(p.now, "c").code(), Errc::not_found);
}

TEST(Channels, commands_before_the_association_are_answered) {
  ChannelPair p;
  EXPECT_EQ(p.client.channels.open(p.now, {.label = "x"}).error().code, Errc::wrong_state);
  EXPECT_EQ(p.client.channels.close(p.now, "x").code(), Errc::not_found);
  EXPECT_EQ(p.send(p.client, stream(0), "x").code(), Errc::not_found);
  EXPECT_FALSE(p.client.channels.poll_event());
  EXPECT_FALSE(p.client.channels.read_message(p.now));
  EXPECT_FALSE(p.client.channels.label(stream(0)));
}

TEST(Channels, first_open_goes_by_the_order_of_opening) {
  ChannelPair p;
  p.server.bare = true;
  ASSERT_TRUE(p.connect());
  p.open(p.client, "first made");
  p.open(p.client, "first answered");
  p.run_for(seconds(1));
  EXPECT_FALSE(p.client.channels.first_open());
  ASSERT_TRUE(p.say(p.server, 2, ppid::dcep, "\x02"));
  ASSERT_TRUE(p.say(p.server, 0, ppid::dcep, "\x02"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.channels.first_open(), stream(2));
  EXPECT_EQ(p.client.log, (Log{"opened 2 by us", "opened 0 by us"}));
}

TEST(Channels, give_back_all_their_memory) {
  ConnectedPair p;
  test::TestEnv world;
  {
    Channels channels({}, true, p.client.association, world.env);
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(channels.open(p.now, {.label = i % 2 ? "closed" : "left open"}));
    }
    EXPECT_GT(world.memory.live, 0u);
    ASSERT_TRUE(channels.close(p.now, "closed"));
  }
  EXPECT_EQ(world.memory.live, 0u);
}

TEST(Channels, survive_any_allocation_that_fails) {
  for (std::size_t k = 0; k < 12; ++k) {
    SCOPED_TRACE(k);
    ConnectedPair p;
    p.client.idle = true;
    test::TestEnv world;
    world.memory.fail_from = k;
    Channels channels({}, true, p.client.association, world.env);
    std::size_t made = 0, opened = 0;
    for (int i = 0; i < 5; ++i) {
      auto id = channels.open(p.now, {.label = "c"});
      made += id ? 1 : 0;
      if (!id) {
        EXPECT_EQ(id.error().code, Errc::no_memory);
      }
      p.open(p.server, "s");
      p.run_for(seconds(1));
      channels.process(p.now);
      while (channels.poll_event()) ++opened;
    }
    EXPECT_GE(channels.size(), made);
    EXPECT_EQ(channels.size(), opened) << "each that is in the table has been answered";
  }
}

}  // namespace
}  // namespace esp_peer::datachannel
