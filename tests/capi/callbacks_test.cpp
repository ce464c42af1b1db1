// What an application does inside its callbacks, and which it leaves out.
#include <climits>

#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

TEST(Callbacks, may_all_be_missing) {
  Couple c;
  c.never_wait();
  c.open();
  esp_peer_cfg_t silent = c.cat.cfg;
  silent.on_state = nullptr;
  silent.on_channel_open = silent.on_channel_close = nullptr;
  silent.on_data = nullptr;
  // The harness's on_msg stays: somebody has to carry the descriptions.
  esp_peer_close(c.cat.handle);
  esp_peer_handle_t opened = nullptr;
  ASSERT_EQ(esp_peer_open(&silent, esp_peer_get_default_impl(), &opened), ESP_PEER_ERR_NONE);
  c.cat.handle = opened;
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED); }));
  EXPECT_EQ(c.sheep.send("to nobody"), ESP_PEER_ERR_NONE);
  for (int i = 0; i < 20; ++i) c.pump_until([] { return true; });
  EXPECT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);

  silent.on_msg = nullptr;
  esp_peer_handle_t deaf = nullptr;
  ASSERT_EQ(esp_peer_open(&silent, esp_peer_get_default_impl(), &deaf), ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_new_connection(deaf), ESP_PEER_ERR_NONE);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(esp_peer_main_loop(deaf), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_close(deaf), ESP_PEER_ERR_NONE);
}

void give_audio(Couple& c) {
  for (Peer* p : {&c.cat, &c.sheep}) {
    p->cfg.audio_info = {ESP_PEER_AUDIO_CODEC_G711A, 8000, 1};
    p->cfg.audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
  }
}

// An application answers what its own parser says, or what its signalling did.
TEST(Callbacks, may_answer_any_error_and_nothing_comes_of_it) {
  for (const int answer : {-1, 1, int{ESP_PEER_ERR_WRONG_STATE}, INT_MIN, INT_MAX}) {
    Couple c;
    c.never_wait();
    give_audio(c);
    c.cat.answer = c.sheep.answer = answer;
    c.connect_here();
    for (std::size_t i = 1; i <= 3; ++i) {
      ASSERT_EQ(c.cat.send("again"), ESP_PEER_ERR_NONE);
      ASSERT_EQ(c.cat.send_audio(20 * static_cast<std::uint32_t>(i), "sound"), ESP_PEER_ERR_NONE);
      ASSERT_TRUE(
          c.pump_until([&] { return c.sheep.received == i && c.sheep.frames.size() == i; }));
    }
    ASSERT_EQ(c.cat.create_channel("more"), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.pump_until([&] { return c.sheep.opened.size() == 2; }));
    EXPECT_EQ(esp_peer_close_data_channel(c.sheep.handle, "more"), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.pump_until([&] { return c.cat.closed.size() == 1; }));
    for (Peer* p : {&c.cat, &c.sheep}) {
      EXPECT_FALSE(p->has(ESP_PEER_STATE_DISCONNECTED));
      EXPECT_FALSE(p->has(ESP_PEER_STATE_CONNECT_FAILED));
      EXPECT_EQ(p->count(ESP_PEER_STATE_NEW_CONNECTION), 1);
      EXPECT_EQ(p->descriptions.size(), 1u);
    }
  }
}

// Whatever a callback asks of its own peer is answered, and nothing waits for itself.
// covers: bug 64
TEST(Callbacks, may_call_every_function_of_their_peer_inside_every_one) {
  int calls = 0;
  Couple c;
  give_audio(c);
  const auto meddle = [&](Peer& p) {
    ++calls;
    p.send("from inside");
    p.send_audio(static_cast<std::uint32_t>(calls), "sound");
    p.create_channel("from inside");
    esp_peer_close_data_channel(p.handle, "from inside");
    p.give_candidate("candidate:1 1 udp 1 127.0.0.1 9 typ host");
    EXPECT_EQ(p.give_sdp("no description"), ESP_PEER_ERR_BAD_DATA);
    esp_peer_update_ice_info(p.handle, p.cfg.role, nullptr, 0);
    esp_peer_new_connection(p.handle);
    esp_peer_addr_t addr{};
    esp_peer_get_paired_addr(p.handle, &addr);
    std::uint32_t bytes = 0;
    EXPECT_EQ(esp_peer_ext_buffered_amount(p.handle, &bytes), ESP_PEER_ERR_NONE);
    EXPECT_EQ(esp_peer_main_loop(p.handle), ESP_PEER_ERR_WRONG_STATE);
  };
  for (Peer* p : {&c.cat, &c.sheep}) {
    p->on_state = [&, p](esp_peer_state_t state) {
      if (state != ESP_PEER_STATE_CLOSED) meddle(*p);
    };
    p->on_channel = [&, p](bool, const std::string& label, std::uint16_t) {
      if (label != "from inside") meddle(*p);
    };
    p->on_audio_info = [&, p](const esp_peer_audio_stream_info_t&) { meddle(*p); };
    p->on_audio = [&, p](const AudioFrame& frame) {
      if (frame.body != "sound") meddle(*p);  // else they would talk for ever
    };
    p->on_data = [&, p](const Message& m) {
      if (m.body != "from inside") meddle(*p);
    };
  }
  c.connect_here();
  ASSERT_EQ(c.cat.send("hello"), ESP_PEER_ERR_NONE);
  ASSERT_EQ(c.cat.send_audio(7, "another sound"), ESP_PEER_ERR_NONE);
  const auto heard = [](const Peer& p, const std::string& body) {
    for (const Message& m : p.messages) {
      if (m.body == body) return true;
    }
    return false;
  };
  EXPECT_TRUE(c.pump_until([&] {
    return heard(c.sheep, "hello") && heard(c.cat, "from inside") && !c.cat.frames.empty();
  }));
  EXPECT_GT(calls, 20);
  // While it closes a handle is none any more.
  c.cat.on_state = c.sheep.on_state = nullptr;
  c.cat.on_channel = c.sheep.on_channel = nullptr;
}

TEST(Callbacks, answer_inside_on_data_and_create_channels_inside_on_state) {
  Couple c;
  c.cat.cfg.manual_ch_create = c.sheep.cfg.manual_ch_create = true;
  c.cat.on_state = [&](esp_peer_state_t state) {
    if (state == ESP_PEER_STATE_DATA_CHANNEL_CONNECTED) {
      EXPECT_EQ(c.cat.create_channel("question"), ESP_PEER_ERR_NONE);
    }
  };
  c.sheep.on_data = [&](const Message& m) {
    EXPECT_EQ(c.sheep.send("re: " + m.body, m.stream), ESP_PEER_ERR_NONE);
  };
  c.connect_with_channel();
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(c.cat.send(std::to_string(i)), ESP_PEER_ERR_NONE);
  }
  ASSERT_TRUE(c.cat.wait_for([&] { return c.cat.messages.size() == 20; }));
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(c.cat.messages[i].body, "re: " + std::to_string(i));
  }
}

TEST(Callbacks, connect_anew_inside_disconnected) {
  Couple c;
  c.cat.ext.base.keep_role = c.sheep.ext.base.keep_role = true;
  const auto again = [](Peer& peer) {
    peer.on_state = [&](esp_peer_state_t state) {
      if (state != ESP_PEER_STATE_DISCONNECTED || peer.count(state) > 0) return;
      EXPECT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_NONE);
    };
  };
  again(c.cat);
  again(c.sheep);
  c.connect_with_channel();
  // The sheep hears of it by the network, in its loop; the cat here, and offers at once. An offer
  // that overtakes the end is none for the old connection: signalling waits.
  c.cat.on_msg = [&](const std::string&) {
    EXPECT_TRUE(c.sheep.wait_state(ESP_PEER_STATE_DISCONNECTED));
  };
  EXPECT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  for (Peer* p : {&c.cat, &c.sheep}) {
    EXPECT_TRUE(p->wait_for([&] { return p->count(ESP_PEER_STATE_DATA_CHANNEL_OPENED) == 2; }));
  }
}

// As an application does that ends its sending thread when the connection is over.
TEST(Callbacks, wait_inside_disconnected_for_a_thread_that_sends) {
  std::atomic<bool> sending = true, joined = false;
  std::thread sender;
  Couple c;
  c.cat.on_state = [&](esp_peer_state_t state) {
    if (state != ESP_PEER_STATE_DISCONNECTED || !sender.joinable()) return;
    sending = false;
    sender.join();
    joined = true;
  };
  c.connect_with_channel();
  sender = std::thread([&] {
    while (sending) c.cat.send("frame");
  });
  ASSERT_TRUE(c.sheep.wait_for([&] { return c.sheep.received > 10; }));
  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.cat.wait_state(ESP_PEER_STATE_DISCONNECTED));
  EXPECT_TRUE(joined);
}

// Found by the fuzzer: new servers bring a new description, whose callback brought new servers.
TEST(Callbacks, that_cause_the_next_one_every_time_end_no_turn_of_the_loop) {
  Couple c;
  c.never_wait();
  c.cat.on_msg = [&](const std::string&) {
    EXPECT_EQ(esp_peer_update_ice_info(c.cat.handle, ESP_PEER_ROLE_CONTROLLING, nullptr, 0),
              ESP_PEER_ERR_NONE);
  };
  c.open();
  c.begin();
  EXPECT_TRUE(c.pump_until([&] {
    return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
           c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
  }));
}

TEST(Callbacks, hand_messages_to_each_other_without_deadlock) {
  for (int round = 0; round < 30; ++round) {
    Couple c;
    c.cat.cfg.role = ESP_PEER_ROLE_CONTROLLING;
    // Each, in its own loop's callback, speaks to the other peer, whose loop does the same.
    const auto meddle = [](Peer& from, Peer& to) {
      from.on_data = [&](const Message& m) {
        if (m.body.size() < 40) to.send(m.body + ".");
        to.give_candidate("candidate:1 1 udp 1 127.0.0.1 9 typ host");
        esp_peer_addr_t addr;
        esp_peer_get_paired_addr(to.handle, &addr);
      };
    };
    meddle(c.cat, c.sheep);
    meddle(c.sheep, c.cat);
    c.connect_with_channel();
    for (int i = 0; i < 5; ++i) {
      c.cat.send("a");
      c.sheep.send("b");
    }
    EXPECT_TRUE(c.cat.wait_for([&] { return c.cat.received > 50; }));
    EXPECT_TRUE(c.sheep.wait_for([&] { return c.sheep.received > 50; }));
  }
}

}  // namespace
}  // namespace esp_peer::test
