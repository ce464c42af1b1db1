// Two programs of the C API connect and talk.
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

// covers: changelog 64
TEST(CApi, two_peers_connect_and_every_state_comes_in_its_order) {
  Couple c;
  c.connect_with_channel();
  const std::vector<esp_peer_state_t> expected = {
      ESP_PEER_STATE_NEW_CONNECTION,
      ESP_PEER_STATE_CANDIDATE_GATHERING,
      ESP_PEER_STATE_PAIRING,
      ESP_PEER_STATE_PAIRED,
      ESP_PEER_STATE_CONNECTING,
      ESP_PEER_STATE_CONNECTED,
      ESP_PEER_STATE_DATA_CHANNEL_CONNECTED,
      ESP_PEER_STATE_DATA_CHANNEL_OPENED,
  };
  EXPECT_EQ(c.cat.states, expected);
  EXPECT_EQ(c.sheep.states, expected);
  ASSERT_EQ(c.cat.opened.size(), 1u);
  EXPECT_EQ(c.cat.opened[0].first, "esp_channel");
  EXPECT_EQ(c.cat.opened, c.sheep.opened);
  EXPECT_EQ(c.cat.descriptions.size(), 1u);
  EXPECT_EQ(c.sheep.descriptions.size(), 1u);
}

TEST(CApi, messages_of_every_kind_and_size_go_both_ways) {
  Couple c;
  for (Peer* p : {&c.cat, &c.sheep}) {
    p->ext.base.data_ch_cfg.recv_cache_size = 512 * 1024;
    p->ext.base.data_ch_cfg.send_cache_size = 1024 * 1024;  // all of it at once
  }
  c.connect_with_channel();
  std::vector<std::string> sent;
  for (const std::size_t size : {0u, 1u, 1000u, 65'536u, 262'144u}) {
    std::string body(size, 'x');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 31 + size);
    sent.push_back(body);
    for (Peer* p : {&c.cat, &c.sheep}) {
      for (const auto type : {ESP_PEER_DATA_CHANNEL_STRING, ESP_PEER_DATA_CHANNEL_DATA}) {
        ASSERT_EQ(p->send(body, 0, type), ESP_PEER_ERR_NONE) << size;
      }
    }
  }
  for (Peer* p : {&c.cat, &c.sheep}) {
    ASSERT_TRUE(p->wait_for([&] { return p->messages.size() == 2 * sent.size(); }))
        << p->messages.size();
    for (std::size_t i = 0; i < sent.size(); ++i) {
      EXPECT_EQ(p->messages[2 * i].body, sent[i]);
      EXPECT_EQ(p->messages[2 * i].type, ESP_PEER_DATA_CHANNEL_STRING);
      EXPECT_EQ(p->messages[2 * i + 1].body, sent[i]);
      EXPECT_EQ(p->messages[2 * i + 1].type, ESP_PEER_DATA_CHANNEL_DATA);
    }
  }
}

TEST(CApi, disconnect_is_told_in_the_callers_thread_and_the_other_side_notices) {
  Couple c;
  c.connect_with_channel();
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  const std::vector<esp_peer_state_t> last = {ESP_PEER_STATE_DATA_CHANNEL_CLOSED,
                                              ESP_PEER_STATE_DATA_CHANNEL_DISCONNECTED,
                                              ESP_PEER_STATE_DISCONNECTED};
  {
    const std::lock_guard lock(c.cat.mutex);
    ASSERT_GE(c.cat.states.size(), 3u);
    EXPECT_TRUE(std::equal(last.begin(), last.end(), c.cat.states.end() - 3))
        << "told before it returned";
    EXPECT_EQ(c.cat.closed.size(), 1u);
  }
  ASSERT_TRUE(c.sheep.wait_state(ESP_PEER_STATE_DISCONNECTED, 10s))
      << "by close_notify, not by its patience of 30 s";
  EXPECT_EQ(c.sheep.closed.size(), 1u);
  EXPECT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE) << "idle: nothing to do";
}

TEST(CApi, a_handle_connects_again_and_again) {
  Couple c;
  c.connect_with_channel();
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.sheep.wait_state(ESP_PEER_STATE_DISCONNECTED));
    for (Peer* p : {&c.cat, &c.sheep}) p->forget();
    // The sheep keeps no role of its own: whoever connects first offers.
    ASSERT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.cat.wait_for([&] { return !c.cat.descriptions.empty(); }));
    ASSERT_EQ(esp_peer_new_connection(c.sheep.handle), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.cat.wait_state(ESP_PEER_STATE_DATA_CHANNEL_OPENED)) << round;
    ASSERT_TRUE(c.sheep.wait_state(ESP_PEER_STATE_DATA_CHANNEL_OPENED)) << round;
  }
}

// covers: changelog 62
TEST(CApi, manual_channels_open_from_both_sides) {
  Couple c;
  c.cat.cfg.manual_ch_create = c.sheep.cfg.manual_ch_create = true;
  c.connect();
  EXPECT_EQ(c.cat.send("nobody listens"), ESP_PEER_ERR_WRONG_STATE);
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(c.cat.create_channel(("cat " + std::to_string(i)).c_str()), ESP_PEER_ERR_NONE);
    ASSERT_EQ(c.sheep.create_channel(("sheep " + std::to_string(i)).c_str()), ESP_PEER_ERR_NONE);
  }
  ASSERT_TRUE(c.cat.wait_for([&] { return c.cat.opened.size() == 10; }));
  ASSERT_TRUE(c.sheep.wait_for([&] { return c.sheep.opened.size() == 10; }));
  for (const auto& [label, stream] : c.cat.opened) {
    ASSERT_EQ(c.cat.send("on " + label, stream), ESP_PEER_ERR_NONE);
  }
  ASSERT_TRUE(c.sheep.wait_for([&] { return c.sheep.messages.size() == 10; }));
  for (const Message& m : c.sheep.messages) {
    for (const auto& [label, stream] : c.sheep.opened) {
      if (stream == m.stream) {
        EXPECT_EQ(m.body, "on " + label);
      }
    }
  }
  EXPECT_EQ(c.cat.send("none", 777), ESP_PEER_ERR_NOT_EXISTS);
  EXPECT_EQ(esp_peer_close_data_channel(c.cat.handle, "no such label"), ESP_PEER_ERR_NOT_EXISTS);
  EXPECT_EQ(esp_peer_close_data_channel(c.cat.handle, "cat 3"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.cat.wait_state(ESP_PEER_STATE_DATA_CHANNEL_CLOSED));
}

TEST(CApi, the_paired_address_is_the_other_peers) {
  Couple c;
  c.open();
  esp_peer_addr_t addr{};
  EXPECT_EQ(esp_peer_get_paired_addr(c.cat.handle, &addr), ESP_PEER_ERR_WRONG_STATE);
  c.start();
  ASSERT_TRUE(c.cat.wait_state(ESP_PEER_STATE_CONNECTED));
  ASSERT_EQ(esp_peer_get_paired_addr(c.cat.handle, &addr), ESP_PEER_ERR_NONE);
  EXPECT_EQ(addr.ipv4[0], 127);
  EXPECT_NE(addr.port, 0);
  EXPECT_EQ(esp_peer_query(c.cat.handle), ESP_PEER_ERR_NONE);
}

}  // namespace
}  // namespace esp_peer::test
