// Relays of a real TURN server, coturn.
#include <cstdlib>

#include "tests/capi/coturn.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

// Two that are to be reached through a relay alone.
class Relayed : public testing::Test {
 protected:
  Relayed() {
    for (Peer* p : {&c.cat, &c.sheep}) {
      p->cfg.ice_trans_policy = ESP_PEER_ICE_TRANS_POLICY_RELAY;
      use(*p, url_);
    }
  }
  void use(Peer& p, std::string& url) {
    static char user[] = "alice", password[] = "secret";
    esp_peer_ice_server_cfg_t& server = &p == &c.cat ? cat_server : sheep_server;
    server = {url.data(), user, password};
    p.cfg.server_lists = &server;
    p.cfg.server_num = 1;
  }
  void expect_talk() {
    for (Peer* p : {&c.cat, &c.sheep}) p->forget();
    EXPECT_EQ(c.cat.send("meow"), ESP_PEER_ERR_NONE);
    EXPECT_EQ(c.sheep.send("baa"), ESP_PEER_ERR_NONE);
    EXPECT_TRUE(c.sheep.wait_for([&] { return c.sheep.messages.size() == 1; }));
    EXPECT_TRUE(c.cat.wait_for([&] { return c.cat.messages.size() == 1; }));
    for (int i = 0; i < 20; ++i) {
      const std::string chunk(50'000, static_cast<char>('a' + i));
      while (c.cat.send(chunk) == ESP_PEER_ERR_WOULD_BLOCK) std::this_thread::sleep_for(1ms);
      const auto wanted = static_cast<std::size_t>(i + 2);
      ASSERT_TRUE(c.sheep.wait_for([&] { return c.sheep.messages.size() == wanted; }));
      EXPECT_EQ(c.sheep.messages.back().body, chunk);
    }
  }
  void expect_relays_alone() {
    for (Peer* p : {&c.cat, &c.sheep}) {
      const std::lock_guard lock(p->mutex);
      ASSERT_FALSE(p->descriptions.empty());
      EXPECT_NE(p->descriptions[0].find(" typ relay"), std::string::npos) << p->descriptions[0];
      EXPECT_EQ(p->descriptions[0].find(" typ host"), std::string::npos);
      EXPECT_EQ(p->descriptions[0].find(" typ srflx"), std::string::npos);
    }
  }

  Couple c;

 private:
  std::string url_ = Coturn::url();
  esp_peer_ice_server_cfg_t cat_server{}, sheep_server{};
};

// covers: bug 38, changelog 53
TEST_F(Relayed, by_coturn_two_meet_and_talk) {
  const Coturn server;
  c.connect_with_channel();
  expect_relays_alone();
  expect_talk();
  EXPECT_FALSE(HasFailure()) << server.said();
}

TEST_F(Relayed, with_a_wrong_password_it_says_so) {
  const Coturn server("lt-cred-mech\nuser=alice:another\n");
  c.cat.other = nullptr;
  c.open();
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  c.cat.run();
  ASSERT_TRUE(c.cat.wait_state(ESP_PEER_STATE_DISCONNECTED)) << server.said();
  esp_peer_ext_failure_t why{};
  ASSERT_EQ(esp_peer_ext_get_failure(c.cat.handle, &why), ESP_PEER_ERR_NONE);
  EXPECT_EQ(why, ESP_PEER_EXT_FAILURE_RELAY_REFUSED) << esp_peer_ext_failure_text(why);
}

}  // namespace
}  // namespace esp_peer::test
