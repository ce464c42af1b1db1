// Local candidates one by one [rfc8838]: the description does not wait for the servers.
#include <algorithm>
#include <string>

#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

constexpr const char* the_end = "end-of-candidates";

bool is_reflexive(const std::string& candidate) {
  return candidate.find(" typ srflx") != candidate.npos;
}

class TrickleOut : public testing::Test {
 protected:
  TrickleOut() {
    c.never_wait();
    c.cat.ext.trickle_out = true;
    c.cat.ext.base.agent_recv_timeout = 10'000;  // would make an offer wait for 50 s
  }
  void cat_asks(std::string url) {
    url_ = std::move(url);
    server_ = {url_.data(), nullptr, nullptr};
    c.cat.cfg.server_lists = &server_;
    c.cat.cfg.server_num = 1;
  }
  bool connected() {
    return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
           c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
  }

  std::string url_;
  esp_peer_ice_server_cfg_t server_{};
  Couple c;
};

TEST_F(TrickleOut, a_candidate_found_later_follows_the_description_and_the_end_follows_it) {
  const StunServer stun(9);  // sees our port 9: an address of its own
  cat_asks(stun.url());
  c.open();
  c.begin();
  // The sheep answers later: once there is a pair nobody waits for the server any more.
  ASSERT_TRUE(pump({&c.cat}, [&] { return c.cat.candidates.size() == 2; }));
  ASSERT_TRUE(c.pump_until([&] { return connected(); }));
  const std::string& offer = c.cat.descriptions.at(0);
  EXPECT_NE(offer.find("a=ice-options:trickle"), offer.npos);
  EXPECT_NE(offer.find(" typ host"), offer.npos) << "what is known at once is in it";
  EXPECT_EQ(offer.find(" typ srflx"), offer.npos);
  EXPECT_EQ(offer.find(the_end), offer.npos) << "more will come";
  EXPECT_EQ(c.cat.candidates[0].rfind("candidate:", 0), 0u);
  EXPECT_TRUE(is_reflexive(c.cat.candidates[0]));
  EXPECT_EQ(c.cat.candidates[1], the_end);
  EXPECT_EQ(c.cat.descriptions.size(), 1u);
  EXPECT_TRUE(c.sheep.candidates.empty()) << "who did not ask for it hears of no candidates";
}

TEST_F(TrickleOut, with_nobody_to_ask_the_description_has_all_and_says_so) {
  c.open();
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return connected(); }));
  EXPECT_NE(c.cat.descriptions.at(0).find("a=end-of-candidates"), std::string::npos);
  EXPECT_TRUE(c.cat.candidates.empty());
}

TEST_F(TrickleOut, peers_connect_while_a_server_keeps_silent) {
  LocalSocket silent;
  cat_asks("stun:127.0.0.1:" + std::to_string(silent.port()));
  c.open();
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return connected(); })) << "not after 50 s";
  EXPECT_EQ(c.cat.descriptions.at(0).find(the_end), std::string::npos);
  // Once they have settled on a pair nobody is asked any more.
  for (const auto& said : c.cat.candidates) EXPECT_EQ(said, the_end);
}

TEST_F(TrickleOut, peers_meet_at_a_trickled_candidate_alone) {
  Wire wire;
  const StunServer stun(wire.outside(Wire::cat));
  cat_asks(stun.url());
  // Of the descriptions no candidate arrives; what trickles is all that the sheep knows.
  c.cat.carry = [&](std::string sdp) {
    std::vector<std::string> host;
    sdp = without_candidates(std::move(sdp), &host);
    const auto port = host.at(0).find("127.0.0.1 ") + 10;
    wire.reachable_at(Wire::cat, static_cast<std::uint16_t>(std::stoul(host.at(0).substr(port))));
    return sdp;
  };
  c.sheep.carry = [&](std::string sdp) { return wire.carry(Wire::sheep, std::move(sdp)); };
  c.open();
  c.begin();
  EXPECT_TRUE(c.pump_until([&] { return connected(); }));
  esp_peer_addr_t addr{};
  EXPECT_EQ(esp_peer_get_paired_addr(c.sheep.handle, &addr), ESP_PEER_ERR_NONE);
  EXPECT_EQ(addr.port, wire.outside(Wire::cat));
  c.close();
}

TEST_F(TrickleOut, an_answer_does_not_wait_either) {
  LocalSocket silent;
  cat_asks("stun:127.0.0.1:" + std::to_string(silent.port()));
  ASSERT_EQ(c.cat.open(ESP_PEER_ROLE_CONTROLLED), ESP_PEER_ERR_NONE);
  ASSERT_EQ(c.sheep.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  c.begin();
  EXPECT_TRUE(c.pump_until([&] { return connected(); }));
  EXPECT_EQ(c.cat.descriptions.size(), 1u);
}

TEST_F(TrickleOut, new_servers_say_the_sdp_again_at_once_and_their_candidates_behind_it) {
  c.cat.other = nullptr;
  c.open();
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(pump({&c.cat}, [&] { return c.cat.descriptions.size() == 1; }));
  const StunServer stun(9);
  std::string url = stun.url();
  esp_peer_ice_server_cfg_t server{url.data(), nullptr, nullptr};
  ASSERT_EQ(esp_peer_update_ice_info(c.cat.handle, ESP_PEER_ROLE_CONTROLLING, &server, 1),
            ESP_PEER_ERR_NONE);
  ASSERT_TRUE(pump({&c.cat}, [&] { return c.cat.candidates.size() == 2; }));
  ASSERT_EQ(c.cat.descriptions.size(), 2u);
  EXPECT_EQ(c.cat.descriptions[1].find(the_end), std::string::npos);
  EXPECT_TRUE(is_reflexive(c.cat.candidates[0]));
  EXPECT_EQ(c.cat.candidates[1], the_end);
}

TEST_F(TrickleOut, with_no_address_at_all_the_attempt_ends) {
  c.cat.cfg.ice_trans_policy = ESP_PEER_ICE_TRANS_POLICY_RELAY;
  c.open();
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(pump({&c.cat}, [&] { return c.cat.has(ESP_PEER_STATE_DISCONNECTED); }));
  EXPECT_TRUE(c.cat.descriptions.empty());
}

}  // namespace
}  // namespace esp_peer::test
