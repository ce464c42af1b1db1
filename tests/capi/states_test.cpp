// What the application is told, in which order, in which thread; and how an attempt fails.
#include <algorithm>
#include <set>
#include <string>

#include "peer/states.hpp"
#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

// Everything that one peer is told, in words.
class Diary {
 public:
  void of(Peer& peer) {
    peer.on_state = [this](esp_peer_state_t s) { note("state " + std::to_string(s)); };
    peer.on_msg = [this](const std::string&) { note("sdp"); };
    peer.on_channel = [this](bool open, const std::string& label, std::uint16_t) {
      note((open ? "open " : "close ") + label);
    };
    peer.on_data = [this](const Message& m) { note("data " + m.body); };
  }
  std::vector<std::string> entries() {
    const std::lock_guard lock(mutex_);
    return entries_;
  }
  std::vector<std::string> from(const std::string& first) {
    const auto all = entries();
    return {std::find(all.begin(), all.end(), first), all.end()};
  }

 private:
  void note(std::string entry) {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
  }
  std::mutex mutex_;
  std::vector<std::string> entries_;
};

using Entries = std::vector<std::string>;

TEST(States, the_beginning_of_a_connection) {
  Diary cat, sheep;
  Couple c;
  cat.of(c.cat);
  sheep.of(c.sheep);
  c.connect_here();
  EXPECT_EQ(cat.entries(), (Entries{"state 2", "state 3", "sdp", "state 4", "state 5", "state 6",
                                    "state 7", "state 9", "open esp_channel", "state 10"}));
  // The controlled side's SDP comes when the offer is there.
  EXPECT_EQ(sheep.entries(), (Entries{"state 2", "state 3", "state 4", "sdp", "state 5", "state 6",
                                      "state 7", "state 9", "open esp_channel", "state 10"}));
}

TEST(States, the_end_closes_every_channel_first) {
  Diary cat, sheep;
  Couple c;
  c.cat.cfg.manual_ch_create = c.sheep.cfg.manual_ch_create = true;
  c.connect_here();
  for (const char* label : {"a", "b", "c"}) {
    ASSERT_EQ(c.cat.create_channel(label), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.pump_until(
        [&] { return !c.sheep.opened.empty() && c.sheep.opened.back().first == label; }));
  }
  ASSERT_TRUE(c.pump_until([&] { return c.cat.opened.size() == 3; }));
  cat.of(c.cat);
  sheep.of(c.sheep);
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  const Entries end = {"close a", "state 11", "close b",  "state 11",
                       "close c", "state 11", "state 12", "state 1"};
  EXPECT_EQ(cat.entries(), end);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.has(ESP_PEER_STATE_DISCONNECTED); }));
  EXPECT_EQ(sheep.entries(), end) << "the other side, by the network";
}

TEST(States, a_peer_that_closes_while_the_end_is_being_told_hears_all_of_it) {
  Diary diary;
  Couple c;
  c.connect_here();
  diary.of(c.cat);
  c.cat.on_channel = [&](bool, const std::string&, std::uint16_t) {
    EXPECT_EQ(esp_peer_close(c.cat.handle), ESP_PEER_ERR_NONE);
  };
  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.cat.has(ESP_PEER_STATE_CLOSED); }));
  EXPECT_EQ(diary.entries(), (Entries{"state 11", "state 12", "state 1", "state 0"}));
  c.cat.handle = nullptr;
}

// The states of its connection alone, from its first to CLOSED, as docs/migration.md draws them.
void expect_drawn(const Peer& peer) {
  auto before = peer::State::closed;
  for (const esp_peer_state_t told : peer.states) {
    const auto next = static_cast<peer::State>(told);
    if (!peer::is_about_connection(next)) continue;
    EXPECT_TRUE(peer::may_follow(peer::transitions, before, next)) << told;
    before = next;
  }
  EXPECT_EQ(peer.states.back(), ESP_PEER_STATE_CLOSED);
}

TEST(States, lives_that_end_in_many_ways_are_drawn_up_to_the_closed_handle) {
  Couple connected;
  connected.connect_here();
  connected.close();
  Couple disconnected;
  disconnected.connect_here();
  ASSERT_EQ(esp_peer_disconnect(disconnected.cat.handle), ESP_PEER_ERR_NONE);
  disconnected.close();
  Couple failed;
  failed.never_wait();
  for (Peer* p : {&failed.cat, &failed.sheep}) {
    p->ext.connect_timeout_ms = 300;
    p->carry = [](std::string sdp) { return without_candidates(std::move(sdp)); };
  }
  failed.open();
  failed.begin();
  ASSERT_TRUE(failed.pump_until([&] { return failed.cat.has(ESP_PEER_STATE_CONNECT_FAILED); }));
  failed.close();
  EXPECT_FALSE(failed.cat.has(ESP_PEER_STATE_DISCONNECTED));
  Couple begun;
  begun.never_wait();
  begun.open();
  begun.begin();
  begun.close();
  for (Couple* c : {&connected, &disconnected, &failed, &begun}) {
    expect_drawn(c->cat);
    expect_drawn(c->sheep);
  }
}

TEST(States, callbacks_come_from_the_loop_but_for_what_a_call_causes) {
  std::mutex mutex;
  std::set<std::thread::id> threads, of_calls;
  Couple c;
  c.cat.on_state = [&](esp_peer_state_t s) {
    const std::lock_guard lock(mutex);
    const bool of_call = s == ESP_PEER_STATE_NEW_CONNECTION || s == ESP_PEER_STATE_CLOSED;
    (of_call ? of_calls : threads).insert(std::this_thread::get_id());
  };
  const auto note = [&] {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  };
  c.cat.on_msg = [&](const std::string&) { note(); };
  c.cat.on_channel = [&](bool, const std::string&, std::uint16_t) { note(); };
  c.cat.on_data = [&](const Message&) { note(); };
  c.connect_with_channel();
  ASSERT_EQ(c.sheep.send("hello"), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.cat.wait_for([&] { return c.cat.received == 1; }));
  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.cat.wait_state(ESP_PEER_STATE_DISCONNECTED)) << "by the network";
  c.cat.close();
  EXPECT_EQ(threads.size(), 1u);
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
  EXPECT_EQ(of_calls, std::set{std::this_thread::get_id()});
}

TEST(States, new_connection_is_told_before_the_call_returns_and_the_rest_by_the_loop) {
  Peer peer;
  ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(peer.states.empty()) << "nothing happens on open";
  ASSERT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(peer.states, std::vector{ESP_PEER_STATE_NEW_CONNECTION});
  EXPECT_EQ(esp_peer_main_loop(peer.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(peer.states.back(), ESP_PEER_STATE_CANDIDATE_GATHERING);
}

TEST(States, a_relay_alone_is_wanted_and_there_is_none) {
  Diary diary;
  Peer peer;
  diary.of(peer);
  peer.cfg.ice_trans_policy = ESP_PEER_ICE_TRANS_POLICY_RELAY;
  ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(pump({&peer}, [&] { return peer.has(ESP_PEER_STATE_DISCONNECTED); }));
  EXPECT_EQ(diary.entries(), (Entries{"state 2", "state 3", "state 1"})) << "no SDP";
}

TEST(States, nobody_answers_the_checks_and_the_handle_goes_on) {
  LocalSocket nobody;
  Couple c;
  c.never_wait();
  c.cat.ext.connect_timeout_ms = 3000;  // the next attempt has to do with it too
  c.open();
  c.begin();
  const auto elsewhere = [&](std::string sdp) {
    std::string line = take_lines(sdp, "a=candidate:").front();
    const auto port = line.find("127.0.0.1 ") + 10;
    line.replace(port, line.find(' ', port) - port, std::to_string(nobody.port()));
    return sdp + line + "\r\n";
  };
  c.cat.carry = c.sheep.carry = elsewhere;
  ASSERT_TRUE(c.pump_until([&] { return c.cat.has(ESP_PEER_STATE_CONNECT_FAILED); }));
  EXPECT_EQ(c.cat.states.back(), ESP_PEER_STATE_CONNECT_FAILED);
  EXPECT_FALSE(c.cat.has(ESP_PEER_STATE_PAIRED));
  EXPECT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE) << "nothing is left to end";
  EXPECT_EQ(c.cat.states.back(), ESP_PEER_STATE_CONNECT_FAILED);

  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  for (Peer* p : {&c.cat, &c.sheep}) {
    p->carry = nullptr;
    p->forget();
  }
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return !c.cat.descriptions.empty(); }));
  ASSERT_EQ(esp_peer_new_connection(c.sheep.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED); }));
}

TEST(States, query_says_what_the_peer_is_doing_in_every_one) {
  std::string said;
  const auto ask = [&](Peer& peer) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(esp_peer_query(peer.handle), ESP_PEER_ERR_NONE);
    const std::string answer = testing::internal::GetCapturedStderr();
    EXPECT_EQ(answer.rfind("esp_peer: ", 0), 0u) << answer;
    said += answer;
  };
  Couple c;
  c.cat.on_state = [&](esp_peer_state_t s) {
    if (s != ESP_PEER_STATE_CLOSED) ask(c.cat);
  };
  c.connect_here();
  EXPECT_NE(said.find("new connection"), said.npos);
  EXPECT_NE(said.find("candidate gathering"), said.npos);
  esp_peer_addr_t addr{};
  ASSERT_EQ(esp_peer_get_paired_addr(c.cat.handle, &addr), ESP_PEER_ERR_NONE);
  EXPECT_NE(said.find("connected, from 127.0.0.1 port "), said.npos);
  EXPECT_NE(said.find(" to 127.0.0.1 port " + std::to_string(addr.port)), said.npos);
  said.clear();
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  ask(c.cat);
  EXPECT_NE(said.find("esp_peer: disconnected\n"), said.npos);
  // A new one knows nothing.
  Peer peer;
  said.clear();
  ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  ask(peer);
  EXPECT_EQ(said, "esp_peer: closed\n");
}

// covers: changelog 10
TEST(States, a_description_again_while_connected_is_answered_and_harms_nothing) {
  Couple c;
  c.connect_here();
  // The cat's offer once more, a version later, with another line: a renegotiation.
  std::string offer = c.cat.descriptions[0];
  const auto version = offer.find(' ', offer.find("o=- ") + 4) + 1;
  offer.replace(version, offer.find(' ', version) - version, "77");
  c.sheep.other = nullptr;
  ASSERT_EQ(c.sheep.give_sdp(offer), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.descriptions.size() == 2; }));
  EXPECT_EQ(line_of(c.sheep.descriptions[1], "a=setup:"), "active") << "the DTLS roles stay";
  EXPECT_EQ(line_of(c.sheep.descriptions[1], "a=ice-ufrag:"),
            line_of(c.sheep.descriptions[0], "a=ice-ufrag:"));
  EXPECT_EQ(c.sheep.give_sdp("hello"), ESP_PEER_ERR_BAD_DATA);
  ASSERT_EQ(c.cat.send("still here"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return c.sheep.received == 1; }));
  EXPECT_EQ(c.sheep.states.back(), ESP_PEER_STATE_DATA_CHANNEL_OPENED);
}

}  // namespace
}  // namespace esp_peer::test
