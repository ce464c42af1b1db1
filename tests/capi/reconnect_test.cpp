// A connection that is lost: who notices, who comes back by itself, and who does not. In real time,
// as short as consent allows.
#include <array>
#include <string>

#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

// Long enough that a first attempt to come back (after 0.8 to 1.2 s) would have begun.
constexpr Milliseconds long_enough = 2s;

bool opened(Peer& peer) { return peer.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED); }

TEST(Reconnect, a_peer_that_lost_the_other_offers_anew_by_itself) {
  Couple c;
  c.sheep.cfg.no_auto_reconnect = false;
  c.connect_here();
  const std::string before = c.sheep.descriptions[0];
  for (Peer* p : {&c.cat, &c.sheep}) p->forget();
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return !c.sheep.descriptions.empty(); }));
  EXPECT_EQ(c.sheep.states,
            (std::vector{ESP_PEER_STATE_DATA_CHANNEL_CLOSED,
                         ESP_PEER_STATE_DATA_CHANNEL_DISCONNECTED, ESP_PEER_STATE_DISCONNECTED,
                         ESP_PEER_STATE_NEW_CONNECTION, ESP_PEER_STATE_CANDIDATE_GATHERING}));
  const std::string offer = c.sheep.descriptions[0];
  EXPECT_EQ(line_of(offer, "a=setup:"), "actpass") << "without keep_role it is CONTROLLING now";
  for (const char* line : {"o=- ", "a=ice-ufrag:", "a=ice-pwd:"}) {
    EXPECT_NE(line_of(offer, line), line_of(before, line)) << line;
  }
  // The cat has the offer already, and answers when its application wants to.
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return opened(c.cat) && opened(c.sheep); }));
}

TEST(Reconnect, with_keep_role_a_controlled_peer_waits_for_the_next_offer) {
  Couple c;
  c.sheep.cfg.no_auto_reconnect = false;
  c.sheep.ext.base.keep_role = true;
  c.connect_here();
  for (Peer* p : {&c.cat, &c.sheep}) p->forget();
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.has(ESP_PEER_STATE_CANDIDATE_GATHERING); }));
  for (int i = 0; i < 50; ++i) esp_peer_main_loop(c.sheep.handle);
  EXPECT_TRUE(c.sheep.descriptions.empty());
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return opened(c.cat) && opened(c.sheep); }));
}

TEST(Reconnect, an_offer_ends_the_wait) {
  Couple c;
  c.sheep.cfg.no_auto_reconnect = false;
  c.sheep.ext.base.keep_role = true;
  c.connect_here();
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.has(ESP_PEER_STATE_DISCONNECTED); }));
  for (Peer* p : {&c.cat, &c.sheep}) p->forget();
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return opened(c.cat) && opened(c.sheep); }));
}

TEST(Reconnect, the_application_need_not_wait_either) {
  Couple c;
  c.sheep.cfg.no_auto_reconnect = false;
  c.connect_here();
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.has(ESP_PEER_STATE_DISCONNECTED); }));
  c.sheep.forget();
  ASSERT_EQ(esp_peer_new_connection(c.sheep.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(c.sheep.states, std::vector{ESP_PEER_STATE_NEW_CONNECTION});
  ASSERT_TRUE(c.pump_until([&] { return !c.sheep.descriptions.empty(); }));
  EXPECT_EQ(c.sheep.count(ESP_PEER_STATE_NEW_CONNECTION), 1) << "one attempt, not two";
}

TEST(Reconnect, never_happens_where_it_is_not_wanted) {
  // Each of these has the end of a connection behind it, and must stay as it is.
  Couple forbidden, left, cancelled, failed;
  for (Couple* c : {&left, &cancelled}) {
    c->cat.cfg.no_auto_reconnect = c->sheep.cfg.no_auto_reconnect = false;
  }
  forbidden.connect_here();
  ASSERT_EQ(esp_peer_disconnect(forbidden.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(
      forbidden.pump_until([&] { return forbidden.sheep.has(ESP_PEER_STATE_DISCONNECTED); }));

  left.connect_here();
  ASSERT_EQ(esp_peer_disconnect(left.cat.handle), ESP_PEER_ERR_NONE);  // by its own wish

  cancelled.connect_here();
  ASSERT_EQ(esp_peer_disconnect(cancelled.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(
      cancelled.pump_until([&] { return cancelled.sheep.has(ESP_PEER_STATE_DISCONNECTED); }));
  const auto told = cancelled.sheep.states.size();
  EXPECT_EQ(esp_peer_disconnect(cancelled.sheep.handle), ESP_PEER_ERR_NONE) << "no more, thanks";
  EXPECT_EQ(cancelled.sheep.states.size(), told) << "it is disconnected already";

  failed.never_wait();
  failed.cat.ext.connect_timeout_ms = 100;
  failed.open();
  ASSERT_EQ(esp_peer_new_connection(failed.cat.handle), ESP_PEER_ERR_NONE);
  failed.cat.carry = [](std::string sdp) { return without_candidates(std::move(sdp)); };
  ASSERT_EQ(esp_peer_new_connection(failed.sheep.handle), ESP_PEER_ERR_NONE);
  failed.sheep.carry = failed.cat.carry;
  ASSERT_TRUE(failed.pump_until([&] { return failed.cat.has(ESP_PEER_STATE_CONNECT_FAILED); }));

  const std::array<Peer*, 5> quiet = {&forbidden.cat, &forbidden.sheep, &left.cat, &cancelled.sheep,
                                      &failed.cat};
  for (Peer* p : quiet) p->forget();
  const auto end = std::chrono::steady_clock::now() + long_enough;
  while (std::chrono::steady_clock::now() < end) {
    for (Peer* p : quiet) EXPECT_EQ(esp_peer_main_loop(p->handle), ESP_PEER_ERR_NONE);
    std::this_thread::sleep_for(1ms);
  }
  for (Peer* p : quiet) EXPECT_TRUE(p->states.empty()) << p->states.front();
}

TEST(Reconnect, an_attempt_that_failed_is_made_again) {
  Couple c;
  c.never_wait();
  c.cat.cfg.no_auto_reconnect = false;
  c.cat.ext.base.keep_role = true;
  c.cat.ext.connect_timeout_ms = 3000;  // the next attempt has to do with it too
  c.cat.carry = c.sheep.carry = [](std::string sdp) { return without_candidates(std::move(sdp)); };
  c.open();
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return c.cat.has(ESP_PEER_STATE_CONNECT_FAILED); }));
  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  c.cat.carry = c.sheep.carry = nullptr;
  for (Peer* p : {&c.cat, &c.sheep}) p->forget();
  ASSERT_TRUE(c.pump_until([&] { return c.cat.has(ESP_PEER_STATE_NEW_CONNECTION); }));
  ASSERT_EQ(esp_peer_new_connection(c.sheep.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return opened(c.sheep); }));
}

// Two peers with a wire between them that can be cut.
struct Wired : Couple {
  Wired() {
    cat.carry = [this](std::string sdp) { return wire.carry(Wire::cat, std::move(sdp)); };
    sheep.carry = [this](std::string sdp) { return wire.carry(Wire::sheep, std::move(sdp)); };
    for (Peer* p : {&cat, &sheep}) p->ext.base.alive_binding_retries = 1;  // 6 s
  }
  ~Wired() { close(); }
  Wire wire;
};

// A wire that is cut, one that only the patient do not miss, and a NAT that gives another port:
// side by side, for each takes the six seconds of a loss. covers: changelog 23, changelog 63, fault
// 3
TEST(Reconnect, both_sides_of_a_cut_wire_notice_and_find_each_other_again) {
  Wired c, patient, moved;
  for (Wired* w : {&c, &moved}) {
    w->cat.cfg.no_auto_reconnect = w->sheep.cfg.no_auto_reconnect = false;
  }
  for (Peer* p : {&patient.cat, &patient.sheep}) p->ext.base.alive_binding_retries = 0xFF;
  c.connect_with_channel();
  patient.connect_with_channel();
  moved.connect_with_channel();
  for (Wired* w : {&c, &moved}) {
    w->cat.forget();
    w->sheep.forget();
  }
  c.wire.cut();
  patient.wire.cut();
  const auto before = moved.wire.outside(Wire::cat);
  moved.wire.rebind(Wire::cat);
  ASSERT_TRUE(c.both_wait(ESP_PEER_STATE_DISCONNECTED));
  for (Peer* p : {&c.cat, &c.sheep}) {
    const auto states = p->states_so_far();
    EXPECT_EQ((std::vector(states.begin(), states.begin() + 3)),
              (std::vector{ESP_PEER_STATE_DATA_CHANNEL_CLOSED,
                           ESP_PEER_STATE_DATA_CHANNEL_DISCONNECTED, ESP_PEER_STATE_DISCONNECTED}));
  }
  c.wire.mend();
  // Both offer; one of the offers stands.
  ASSERT_TRUE(c.both_wait(ESP_PEER_STATE_DATA_CHANNEL_OPENED));
  EXPECT_EQ(c.cat.send("here I am"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.sheep.wait_for([&] { return c.sheep.received == 1; }));
  for (Peer* p : {&patient.cat, &patient.sheep}) {
    const auto states = p->states_so_far();
    EXPECT_EQ(std::count(states.begin(), states.end(), ESP_PEER_STATE_DISCONNECTED), 0)
        << "0xFF: nothing is reported";
  }
  ASSERT_TRUE(moved.both_wait(ESP_PEER_STATE_DISCONNECTED)) << "consent was for the old address";
  ASSERT_TRUE(moved.both_wait(ESP_PEER_STATE_DATA_CHANNEL_OPENED));
  EXPECT_NE(moved.wire.outside(Wire::cat), before);
  EXPECT_EQ(moved.cat.send("from another port"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(moved.sheep.wait_for([&] { return moved.sheep.received == 1; }));
}

}  // namespace
}  // namespace esp_peer::test
