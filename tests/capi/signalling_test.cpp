// What goes through on_msg and esp_peer_send_msg(): descriptions early, twice and anew; candidates
// in every spelling; servers that change meanwhile.
#include <string>
#include <utility>
#include <vector>

#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

// "- <id> <version> IN …"
std::pair<std::string, long> origin_of(const std::string& sdp) {
  const std::string origin = line_of(sdp, "o=- ");
  const auto space = origin.find(' ');
  return {origin.substr(0, space), std::stol(origin.substr(space))};
}

std::string with_setup(std::string sdp, const std::string& setup) {
  const std::string before = "a=setup:" + line_of(sdp, "a=setup:");
  return sdp.replace(sdp.find(before), before.size(), "a=setup:" + setup);
}

// A server that sees what comes, and answers nothing.
class SilentServer {
 public:
  bool asked() {
    std::string datagram;
    std::uint16_t from = 0;
    while (socket_.receive(datagram, from)) asked_ = true;
    return asked_;
  }
  esp_peer_ice_server_cfg_t config() { return {url_.data(), nullptr, nullptr}; }

 private:
  LocalSocket socket_;
  std::string url_ = "stun:127.0.0.1:" + std::to_string(socket_.port());
  bool asked_ = false;
};

class Signalling : public testing::Test {
 protected:
  void SetUp() override { c.never_wait(); }
  // Both are connected, with their channel open.
  bool connected() {
    return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
           c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
  }
  // The cat's offer, signalled to nobody.
  std::string offer() {
    c.cat.other = nullptr;
    EXPECT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
    EXPECT_TRUE(c.pump_until([&] { return !c.cat.descriptions.empty(); }));
    return c.cat.descriptions.back();
  }
  Couple c;
};

TEST_F(Signalling, a_controlled_peer_says_nothing_before_the_offer_and_its_answer_once) {
  c.open();
  ASSERT_EQ(esp_peer_new_connection(c.sheep.handle), ESP_PEER_ERR_NONE);
  for (int i = 0; i < 50; ++i) esp_peer_main_loop(c.sheep.handle);
  EXPECT_TRUE(c.sheep.has(ESP_PEER_STATE_CANDIDATE_GATHERING));
  EXPECT_TRUE(c.sheep.descriptions.empty());
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return connected(); }));
  EXPECT_EQ(c.sheep.descriptions.size(), 1u);
  EXPECT_EQ(line_of(c.cat.descriptions[0], "a=setup:"), "actpass");
  EXPECT_EQ(line_of(c.sheep.descriptions[0], "a=setup:"), "active");
  EXPECT_NE(line_of(c.cat.descriptions[0], "a=candidate:"), "") << "all candidates are inside";
  EXPECT_NE(c.cat.descriptions[0].find("a=end-of-candidates"), std::string::npos);
  EXPECT_EQ(line_of(c.cat.descriptions[0], "a=max-message-size:"), "100000");
}

TEST_F(Signalling, an_offer_that_comes_before_the_connection_is_kept) {
  c.open();
  const std::string sdp = offer();
  c.cat.other = &c.sheep;
  ASSERT_EQ(c.sheep.give_sdp(sdp), ESP_PEER_ERR_NONE) << "before new_connection";
  for (int i = 0; i < 20; ++i) esp_peer_main_loop(c.sheep.handle);
  EXPECT_TRUE(c.sheep.states.empty()) << "idle until it is asked";
  ASSERT_EQ(esp_peer_new_connection(c.sheep.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return connected(); }));
}

TEST_F(Signalling, an_answer_to_a_peer_that_has_not_offered_is_refused) {
  c.open();
  const std::string answer = with_setup(offer(), "passive");
  Peer late;  // would offer itself: what leaves no choice is an answer to a connection that is over
  ASSERT_EQ(late.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  EXPECT_EQ(late.give_sdp(answer), ESP_PEER_ERR_WRONG_STATE);
  EXPECT_TRUE(late.states.empty());
}

// The original's older versions offer "passive", others "active": who only answers knows it for an
// offer, early or not.
TEST_F(Signalling, an_offer_that_leaves_no_choice_of_roles_is_one_for_a_controlled_peer) {
  for (const auto& [theirs, ours] :
       {std::pair("passive", "active"), std::pair("active", "passive")}) {
    for (const bool early : {true, false}) {
      Couple pair;
      pair.never_wait();
      pair.cat.carry = [setup = theirs](std::string sdp) {
        return with_setup(std::move(sdp), setup);
      };
      pair.open();
      if (early) {
        ASSERT_EQ(esp_peer_new_connection(pair.cat.handle), ESP_PEER_ERR_NONE);
        ASSERT_TRUE(pump({&pair.cat}, [&] { return !pair.cat.descriptions.empty(); }));
        ASSERT_EQ(esp_peer_new_connection(pair.sheep.handle), ESP_PEER_ERR_NONE);
      } else {
        pair.begin();
      }
      ASSERT_TRUE(pair.pump_until([&] {
        return pair.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
      })) << theirs
          << (early ? ", before the connection" : "");
      EXPECT_EQ(line_of(pair.sheep.descriptions[0], "a=setup:"), ours);
    }
  }
}

TEST_F(Signalling, the_same_description_again_is_nothing) {
  c.open();
  c.begin();
  c.cat.other = nullptr;
  ASSERT_TRUE(c.pump_until([&] { return !c.cat.descriptions.empty(); }));
  const std::string sdp = c.cat.descriptions[0];
  for (int i = 0; i < 3; ++i) EXPECT_EQ(c.sheep.give_sdp(sdp), ESP_PEER_ERR_NONE);
  c.cat.other = &c.sheep;
  ASSERT_TRUE(c.pump_until([&] { return connected(); }));
  EXPECT_EQ(c.cat.give_sdp(c.sheep.descriptions[0]), ESP_PEER_ERR_NONE) << "while connected, too";
  EXPECT_EQ(c.sheep.give_sdp(sdp), ESP_PEER_ERR_NONE);
  for (int i = 0; i < 20; ++i) c.pump_until([] { return true; });
  EXPECT_EQ(c.sheep.descriptions.size(), 1u);
  EXPECT_EQ(c.cat.descriptions.size(), 1u);
  EXPECT_EQ(c.sheep.count(ESP_PEER_STATE_PAIRING), 1);
}

TEST_F(Signalling, exactly_size_bytes_are_read) {
  c.open();
  std::string sdp = offer();
  sdp += std::string("\nm=audio nonsense behind the end");
  esp_peer_msg_t message{ESP_PEER_MSG_TYPE_SDP, reinterpret_cast<std::uint8_t*>(sdp.data()),
                         static_cast<int>(c.cat.descriptions[0].size())};
  ASSERT_EQ(esp_peer_send_msg(c.sheep.handle, &message), ESP_PEER_ERR_NONE);
}

// Users pass strlen() + 1, or the whole of their buffer.
TEST_F(Signalling, a_zero_byte_ends_what_is_read) {
  c.open();
  std::string sdp = offer();
  sdp.erase(sdp.find_last_not_of("\r\n") + 1);  // nothing but the zero ends its last line
  const std::string behind("\0m=audio nonsense behind the end", 33);
  ASSERT_EQ(c.sheep.give_sdp(sdp + behind), ESP_PEER_ERR_NONE);
  EXPECT_EQ(c.sheep.give_candidate("candidate:1 1 udp 1 127.0.0.1 9 typ host" + behind),
            ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_new_connection(c.sheep.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return !c.sheep.descriptions.empty(); }));
  EXPECT_EQ(c.sheep.give_sdp(sdp), ESP_PEER_ERR_NONE) << "the same";
  EXPECT_EQ(c.sheep.give_sdp(std::string(1, '\0')), ESP_PEER_ERR_BAD_DATA);
  for (int i = 0; i < 5; ++i) esp_peer_main_loop(c.sheep.handle);
  EXPECT_EQ(c.sheep.descriptions.size(), 1u);
}

// As FreeSWITCH and others do where ICE is an afterthought.
// covers: changelog 20
TEST_F(Signalling, a_peer_that_names_no_candidates_is_reached_where_its_m_line_says) {
  for (const bool offers : {true, false}) {
    Couple pair;
    pair.never_wait();
    pair.cat.carry = pair.sheep.carry = [](std::string sdp) { return without_candidates(sdp); };
    (offers ? pair.cat : pair.sheep).carry = [](std::string sdp) {
      take_lines(sdp, "a=candidate:");
      EXPECT_NE(sdp.find("\nc=IN IP4 127.0.0.1"), sdp.npos);
      EXPECT_EQ(sdp.find("m=application 9 "), sdp.npos);
      return sdp;
    };
    pair.open();
    pair.begin();
    EXPECT_TRUE(pair.pump_until([&] {
      return pair.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
             pair.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
    })) << (offers ? "who offers" : "who answers");
  }
}

// Trickle in: the description without candidates, then each in another spelling.
class Trickle : public Signalling, public testing::WithParamInterface<const char*> {};

TEST_P(Trickle, a_candidate_is_taken_in_this_spelling) {
  c.open();
  c.cat.other = c.sheep.other = nullptr;
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return !c.cat.descriptions.empty(); }));
  std::vector<std::string> candidates;
  ASSERT_EQ(c.sheep.give_sdp(without_candidates(c.cat.descriptions[0], &candidates)),
            ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return !c.sheep.descriptions.empty(); }));
  ASSERT_EQ(c.cat.give_sdp(without_candidates(c.sheep.descriptions[0])), ESP_PEER_ERR_NONE);
  ASSERT_FALSE(candidates.empty());
  for (const std::string& line : candidates) {
    std::string text = GetParam();
    text.replace(text.find('@'), 1, line.substr(2));  // without "a="
    EXPECT_EQ(c.sheep.give_candidate(text), ESP_PEER_ERR_NONE) << text;
    EXPECT_EQ(c.sheep.give_candidate(text), ESP_PEER_ERR_NONE) << "twice";
  }
  EXPECT_TRUE(c.pump_until([&] { return connected(); }));
}

INSTANTIATE_TEST_SUITE_P(Spellings, Trickle,
                         testing::Values("@", "a=@", "a=@\r\n",
                                         "{\"candidate\":\"@\",\"sdpMid\":\"0\"}",
                                         "{\"candidate\":{\"candidate\":\"@\"}}"));

// The original's flag means the remote: it sends no checks, so ours decide, whoever offered.
// covers: changelog 29, changelog 19
TEST_F(Signalling, with_a_lite_remote_we_are_controlling_and_not_lite_ourselves) {
  c.open();
  const std::string sdp = offer();
  for (const bool by_flag : {true, false}) {
    LocalSocket remote;
    std::string theirs = sdp;
    std::string line = take_lines(theirs, "a=candidate:").front();
    const auto port = line.find("127.0.0.1 ") + 10;
    theirs +=
        line.replace(port, line.find(' ', port) - port, std::to_string(remote.port())) + "\r\n";
    if (!by_flag) theirs.insert(theirs.find("t=0 0\r\n"), "a=ice-lite\r\n");
    Peer peer;
    peer.ext.loop_wait_set = true;
    peer.ext.base.ice_use_lite_mode = by_flag;
    ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLED), ESP_PEER_ERR_NONE);
    ASSERT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_NONE);
    ASSERT_EQ(peer.give_sdp(theirs), ESP_PEER_ERR_NONE);
    std::string check;
    std::uint16_t from = 0;
    ASSERT_TRUE(pump({&peer}, [&] { return remote.receive(check, from); }));
    const std::string controlling("\x80\x2A\x00\x08", 4), controlled("\x80\x29\x00\x08", 4);
    EXPECT_NE(check.find(controlling), check.npos) << (by_flag ? "by the flag" : "by its SDP");
    EXPECT_EQ(check.find(controlled), check.npos);
    EXPECT_EQ(peer.descriptions[0].find("a=ice-lite"), std::string::npos);
  }
}

// covers: fault 23, changelog 61
TEST_F(Signalling, candidates_that_come_before_everything_are_kept) {
  c.open();
  const std::string sdp = offer();
  std::vector<std::string> candidates;
  const std::string bare = without_candidates(sdp, &candidates);
  for (const std::string& line : candidates) {
    ASSERT_EQ(c.sheep.give_candidate(line), ESP_PEER_ERR_NONE);
  }
  ASSERT_EQ(c.sheep.give_sdp(bare), ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_new_connection(c.sheep.handle), ESP_PEER_ERR_NONE);
  c.sheep.other = nullptr;
  ASSERT_TRUE(c.pump_until([&] { return !c.sheep.descriptions.empty(); }));
  ASSERT_EQ(c.cat.give_sdp(without_candidates(c.sheep.descriptions[0])), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return connected(); }));
}

TEST_F(Signalling, new_servers_before_there_is_a_pair_are_asked_and_the_sdp_is_said_again) {
  SilentServer server;
  c.cat.ext.base.agent_recv_timeout = 10;  // patience with the server: five times that
  c.open();
  const std::string first = offer();
  auto config = server.config();
  ASSERT_EQ(esp_peer_update_ice_info(c.cat.handle, ESP_PEER_ROLE_CONTROLLING, &config, 1),
            ESP_PEER_ERR_NONE);
  EXPECT_TRUE(server.asked() || c.pump_until([&] { return server.asked(); }));
  ASSERT_TRUE(c.pump_until([&] { return c.cat.descriptions.size() == 2; }));
  const std::string second = c.cat.descriptions[1];
  EXPECT_EQ(line_of(second, "a=ice-ufrag:"), line_of(first, "a=ice-ufrag:"));
  EXPECT_EQ(line_of(second, "a=ice-pwd:"), line_of(first, "a=ice-pwd:"));
  EXPECT_EQ(origin_of(second).first, origin_of(first).first);
  EXPECT_EQ(origin_of(second).second, origin_of(first).second + 1);
}

TEST_F(Signalling, new_servers_inside_on_msg_as_whip_does) {
  SilentServer server;
  auto config = server.config();
  c.cat.ext.base.agent_recv_timeout = 10;
  int updates = 0;
  c.cat.on_msg = [&](const std::string&) {
    if (updates++ == 0) {
      EXPECT_EQ(esp_peer_update_ice_info(c.cat.handle, ESP_PEER_ROLE_CONTROLLING, &config, 1),
                ESP_PEER_ERR_NONE);
    }
  };
  c.open();
  c.begin();
  EXPECT_TRUE(c.pump_until([&] { return connected(); }));
  EXPECT_TRUE(server.asked());
}

TEST_F(Signalling, new_servers_while_connected_wait_for_the_next_connection) {
  SilentServer server;
  c.cat.ext.base.keep_role = c.sheep.ext.base.keep_role = true;
  c.connect_here();
  auto config = server.config();
  ASSERT_EQ(esp_peer_update_ice_info(c.cat.handle, ESP_PEER_ROLE_CONTROLLING, &config, 1),
            ESP_PEER_ERR_NONE);
  for (int i = 0; i < 50; ++i) c.pump_until([] { return true; });
  EXPECT_EQ(c.cat.descriptions.size(), 1u);
  EXPECT_FALSE(server.asked());
  EXPECT_TRUE(connected()) << "harmless";
  EXPECT_EQ(c.cat.send("still here"), ESP_PEER_ERR_NONE);

  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return server.asked(); }));
}

TEST_F(Signalling, new_servers_are_harmless_in_every_state) {
  SilentServer server;
  for (Peer* p : {&c.cat, &c.sheep}) {
    p->on_state = [&, p](esp_peer_state_t state) {
      if (state == ESP_PEER_STATE_CLOSED) return;
      auto list = server.config();
      const auto role = p == &c.cat ? ESP_PEER_ROLE_CONTROLLING : ESP_PEER_ROLE_CONTROLLED;
      EXPECT_EQ(esp_peer_update_ice_info(p->handle, role, &list, 1), ESP_PEER_ERR_NONE) << state;
    };
  }
  c.open();
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return connected(); }));
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.has(ESP_PEER_STATE_DISCONNECTED); }));
  // And the handles connect again, with the roles that were given last.
  c.begin();
  EXPECT_TRUE(c.pump_until([&] {
    return c.cat.count(ESP_PEER_STATE_DATA_CHANNEL_OPENED) == 2 &&
           c.sheep.count(ESP_PEER_STATE_DATA_CHANNEL_OPENED) == 2;
  }));
  c.cat.on_state = c.sheep.on_state = nullptr;
}

TEST_F(Signalling, a_bad_url_keeps_the_old_servers) {
  SilentServer server;
  auto config = server.config();
  c.cat.cfg.server_lists = &config;
  c.cat.cfg.server_num = 1;
  c.open();
  char bad[] = "stun:host:port";
  esp_peer_ice_server_cfg_t wrong{bad, nullptr, nullptr};
  EXPECT_EQ(esp_peer_update_ice_info(c.cat.handle, ESP_PEER_ROLE_CONTROLLING, &wrong, 1),
            ESP_PEER_ERR_INVALID_ARG);
  ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return server.asked(); }));
}

TEST_F(Signalling, the_role_can_be_given_before_the_sdp_is_out) {
  c.open();
  ASSERT_EQ(esp_peer_update_ice_info(c.cat.handle, ESP_PEER_ROLE_CONTROLLED, nullptr, 0),
            ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_update_ice_info(c.sheep.handle, ESP_PEER_ROLE_CONTROLLING, nullptr, 0),
            ESP_PEER_ERR_NONE);
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return connected(); }));
  EXPECT_EQ(line_of(c.sheep.descriptions[0], "a=setup:"), "actpass") << "the sheep has offered";
}

TEST_F(Signalling, the_role_given_afterwards_is_that_of_the_next_connection) {
  c.connect_here();
  ASSERT_EQ(esp_peer_update_ice_info(c.cat.handle, ESP_PEER_ROLE_CONTROLLED, nullptr, 0),
            ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_update_ice_info(c.sheep.handle, ESP_PEER_ROLE_CONTROLLING, nullptr, 0),
            ESP_PEER_ERR_NONE);
  EXPECT_EQ(c.cat.send("still here"), ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  for (Peer* p : {&c.cat, &c.sheep}) p->forget();
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return connected(); }));
  EXPECT_EQ(line_of(c.sheep.descriptions[0], "a=setup:"), "actpass") << "the sheep has offered";
  EXPECT_EQ(line_of(c.cat.descriptions[0], "a=setup:"), "active");
}

// covers: fault 23
TEST_F(Signalling, two_offers_at_once_are_settled) {
  c.cat.cfg.role = c.sheep.cfg.role = ESP_PEER_ROLE_CONTROLLING;
  ASSERT_EQ(c.cat.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  ASSERT_EQ(c.sheep.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  c.cat.other = c.sheep.other = nullptr;
  c.begin();
  ASSERT_TRUE(
      c.pump_until([&] { return !c.cat.descriptions.empty() && !c.sheep.descriptions.empty(); }));
  c.cat.other = &c.sheep;
  c.sheep.other = &c.cat;
  ASSERT_EQ(c.cat.give_sdp(c.sheep.descriptions[0]), ESP_PEER_ERR_NONE);
  ASSERT_EQ(c.sheep.give_sdp(c.cat.descriptions[0]), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return connected(); }));
  EXPECT_EQ(c.cat.descriptions.size() + c.sheep.descriptions.size(), 3u) << "one answer";
}

TEST_F(Signalling, a_server_that_nobody_can_resolve_holds_nothing_up_for_long) {
  char url[] = "stun:this.name.does.not.exist.invalid";
  esp_peer_ice_server_cfg_t server{url, nullptr, nullptr};
  c.cat.cfg.server_lists = &server;
  c.cat.cfg.server_num = 1;
  c.open();
  c.begin();
  EXPECT_TRUE(c.pump_until([&] { return connected(); }));
}

}  // namespace
}  // namespace esp_peer::test
