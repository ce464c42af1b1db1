// What becomes of channels when the peer begins the association under them anew [rfc9260#5.2.4]:
// they are closed, each with its event, and others can be opened.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/channel_pair.hpp"

namespace esp_peer::datachannel {
namespace {

using test::ConnectedPair;
using test::stream;
using Log = std::vector<std::string>;

// covers: must rfc9260#5.2.1, must rfc8831#6.7
TEST(ChannelRestart, closes_every_channel_once_and_others_take_their_streams) {
  for (const bool client_stays : {true, false}) {
    ConnectedPair p;
    p.open(p.client, "a");
    p.open(p.client, "b");
    p.open(p.server, "c");
    p.run_for(seconds(1));
    auto& stays = client_stays ? p.client : p.server;
    auto& forgets = client_stays ? p.server : p.client;
    stays.log.clear();
    p.forget(forgets);
    forgets.log.clear();
    p.run_for(seconds(1));
    ASSERT_EQ(stays.log.size(), 4u);
    std::sort(stays.log.begin(), stays.log.end());
    EXPECT_EQ(stays.log, (Log{"closed 0", "closed 1", "closed 2", "restarted"}));
    EXPECT_EQ(stays.channels.size(), 0u);
    stays.log.clear();
    const auto ours = p.open(stays, "ours");
    const auto theirs = p.open(forgets, "theirs");
    EXPECT_EQ(ours, stream(client_stays ? 0 : 1));
    EXPECT_EQ(theirs, stream(client_stays ? 1 : 0));
    p.run_for(seconds(1));
    EXPECT_EQ(stays.count("opened"), 2u);
    EXPECT_EQ(forgets.count("opened"), 2u);
    EXPECT_EQ(stays.channels.label(ours), "ours");
    EXPECT_EQ(stays.channels.label(theirs), "theirs");
    EXPECT_TRUE(p.send(stays, ours, "to who forgot"));
    EXPECT_TRUE(p.send(forgets, theirs, "to who did not"));
    p.run_for(seconds(1));
    EXPECT_EQ(stays.count("message"), 1u);
    EXPECT_EQ(forgets.count("message"), 1u);
    ASSERT_TRUE(stays.channels.close(p.now, "ours"));
    p.run_for(seconds(1));
    EXPECT_EQ(forgets.count("closed"), 1u);
  }
}

TEST(ChannelRestart, ends_what_was_opening_or_closing_too) {
  ConnectedPair p;
  p.open(p.client, "closing");
  p.run_for(seconds(1));
  p.link.loss = 1;
  ASSERT_TRUE(p.client.channels.close(p.now, "closing"));
  p.open(p.client, "opening");
  ASSERT_TRUE(p.client.channels.open(p.now, {.label = "n", .negotiated = stream(7)}));
  p.run_for(milliseconds(100));
  p.link.loss = 0;
  p.client.log.clear();
  p.forget(p.server);
  p.run_for(seconds(5));
  EXPECT_EQ(p.client.log, (Log{"closed 2", "closed 7", "restarted"}))
      << "the owner of what never opened waits for it";
  EXPECT_EQ(p.open(p.client, "again"), stream(0));
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.log.back(), "opened 0 by us");
  EXPECT_EQ(p.server.log.back(), "opened 0 by peer");
}

// All that was acknowledged is read first, and what is of the new association stands behind the end
// of the old one.
TEST(ChannelRestart, is_told_between_the_messages_of_the_one_and_of_the_other) {
  ConnectedPair p;
  p.open(p.server, "c");
  p.run_for(seconds(1));
  p.client.reads = false;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(p.send(p.server, stream(1), "old"));
  p.run_for(seconds(1));
  p.client.log.clear();
  p.forget(p.server);
  p.run_for(seconds(1));
  const auto again = p.open(p.server, "new");
  p.run_for(seconds(1));
  ASSERT_TRUE(p.send(p.server, again, "new"));
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.log, Log{});
  EXPECT_TRUE(p.client.channels.is_open(stream(1)));
  // It does not know yet, and what it says reaches nobody of the same number.
  EXPECT_EQ(p.send(p.client, stream(1), "to the old one").code(), Errc::wrong_state);
  EXPECT_EQ(p.client.channels.open(p.now, {.label = "x"}).error().code, Errc::wrong_state);
  p.client.reads = true;
  p.run_for(seconds(1));
  EXPECT_EQ(p.client.log, (Log{"message 1", "message 1", "message 1", "closed 1", "restarted",
                               "opened 1 by peer", "message 1"}));
  EXPECT_TRUE(p.server.heard.empty());
  EXPECT_EQ(p.client.heard.back().body, "new");
}

TEST(ChannelRestart, leaves_no_channel_behind_however_often_it_comes) {
  ConnectedPair p;
  p.run_for(seconds(1));
  std::size_t most = 0;
  for (int i = 0; i < 50; ++i) {
    p.open(p.client, "ours");
    p.open(p.server, "theirs");
    p.run_for(seconds(1));
    p.forget(p.server);
    p.run_for(seconds(1));
    EXPECT_EQ(p.client.channels.size(), 0u);
    if (i == 5) most = p.client.world.memory.live;
  }
  EXPECT_EQ(p.client.count("closed"), 100u);
  EXPECT_LE(p.client.world.memory.live, most);
}

}  // namespace
}  // namespace esp_peer::datachannel
