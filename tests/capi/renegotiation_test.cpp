// What changes while two programs are connected: descriptions that come again, and ICE restarts.
#include <string>

#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

// The description once more, a version later.
std::string later(std::string sdp, const std::string& version) {
  const auto at = sdp.find(' ', sdp.find("o=- ") + 4) + 1;
  return sdp.replace(at, sdp.find(' ', at) - at, version);
}

class Renegotiation : public ::testing::Test {
 protected:
  void connect() {
    c.connect_here();
    for (Peer* p : {&c.cat, &c.sheep}) {
      first_ufrag.push_back(line_of(p->descriptions[0], "a=ice-ufrag:"));
      p->forget();
    }
  }
  void expect_talk() {
    const auto cat = c.cat.received.load(), sheep = c.sheep.received.load();
    ASSERT_EQ(c.cat.send("over the fence"), ESP_PEER_ERR_NONE);
    ASSERT_EQ(c.sheep.send("and back"), ESP_PEER_ERR_NONE);
    EXPECT_TRUE(
        c.pump_until([&] { return c.cat.received == cat + 1 && c.sheep.received == sheep + 1; }));
    for (Peer* p : {&c.cat, &c.sheep}) EXPECT_TRUE(p->states.empty()) << p->states[0];
  }
  Couple c;
  std::vector<std::string> first_ufrag;
};

// covers: changelog 10
TEST_F(Renegotiation, a_changed_description_is_answered_and_an_equal_one_ignored) {
  std::string offer;
  c.cat.on_msg = [&](const std::string& sdp) { offer = sdp; };
  connect();
  ASSERT_EQ(c.sheep.give_sdp(offer), ESP_PEER_ERR_NONE);
  for (int i = 0; i < 100; ++i) esp_peer_main_loop(c.sheep.handle);
  EXPECT_TRUE(c.sheep.descriptions.empty());
  ASSERT_EQ(c.sheep.give_sdp(later(offer, "77")), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.descriptions.size() == 1; }));
  EXPECT_EQ(line_of(c.sheep.descriptions[0], "a=ice-ufrag:"), first_ufrag[1]) << "no restart";
  expect_talk();
}

// covers: changelog 10
TEST_F(Renegotiation, new_credentials_in_an_offer_are_answered_with_new_ones) {
  connect();
  ASSERT_EQ(esp_peer_ext_restart_ice(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.descriptions.size() == 1; }));
  ASSERT_EQ(c.cat.descriptions.size(), 1u);
  EXPECT_NE(line_of(c.cat.descriptions[0], "a=ice-ufrag:"), first_ufrag[0]);
  EXPECT_NE(line_of(c.sheep.descriptions[0], "a=ice-ufrag:"), first_ufrag[1]);
  EXPECT_EQ(line_of(c.sheep.descriptions[0], "a=setup:"), "active") << "the DTLS roles stay";
  expect_talk();
}

TEST_F(Renegotiation, the_answerer_may_ask_for_a_restart_too) {
  connect();
  ASSERT_EQ(esp_peer_ext_restart_ice(c.sheep.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.cat.descriptions.size() == 1; }));
  EXPECT_EQ(line_of(c.sheep.descriptions[0], "a=setup:"), "actpass");
  EXPECT_EQ(line_of(c.cat.descriptions[0], "a=setup:"), "passive");
  expect_talk();
}

TEST_F(Renegotiation, restarts_of_both_at_once_end_in_one) {
  connect();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(esp_peer_ext_restart_ice(c.cat.handle), ESP_PEER_ERR_NONE);
    ASSERT_EQ(esp_peer_ext_restart_ice(c.sheep.handle), ESP_PEER_ERR_NONE);
    // The second one has heard of the first before it could speak, and answers instead.
    const auto spoken = [&] {
      return !c.cat.descriptions.empty() && !c.sheep.descriptions.empty();
    };
    ASSERT_TRUE(c.pump_until(spoken));
    for (Peer* p : {&c.cat, &c.sheep}) p->forget();
    expect_talk();
  }
}

TEST_F(Renegotiation, a_restart_is_an_error_where_there_is_nothing_to_restart) {
  EXPECT_EQ(esp_peer_ext_restart_ice(nullptr), ESP_PEER_ERR_INVALID_ARG);
  ASSERT_EQ(c.cat.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_ext_restart_ice(c.cat.handle), ESP_PEER_ERR_WRONG_STATE);
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_ext_restart_ice(c.cat.handle), ESP_PEER_ERR_WRONG_STATE);
  esp_peer_handle_t gone = c.cat.handle;
  c.cat.close();
  EXPECT_EQ(esp_peer_ext_restart_ice(gone), ESP_PEER_ERR_INVALID_ARG);
  esp_peer_ops_t other = *esp_peer_get_default_impl();
  other.open = [](esp_peer_cfg_t*, esp_peer_handle_t* h) {
    static int anything;
    *h = &anything;
    return 0;
  };
  other.close = [](esp_peer_handle_t) { return 0; };
  esp_peer_handle_t foreign = nullptr;
  ASSERT_EQ(esp_peer_open(&c.cat.cfg, &other, &foreign), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_ext_restart_ice(foreign), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(esp_peer_close(foreign), ESP_PEER_ERR_NONE);
}

// A wire between the two goes dead for a while, as a box that was restarted.
TEST_F(Renegotiation, a_restart_leads_around_a_dead_wire) {
  Wire first, second;
  Wire* wire = &first;
  c.cat.carry = [&](std::string sdp) { return wire->carry(Wire::cat, std::move(sdp)); };
  c.sheep.carry = [&](std::string sdp) { return wire->carry(Wire::sheep, std::move(sdp)); };
  connect();
  first.cut();
  wire = &second;
  ASSERT_EQ(esp_peer_ext_restart_ice(c.cat.handle), ESP_PEER_ERR_NONE);
  expect_talk();
}

}  // namespace
}  // namespace esp_peer::test
