// Closing and disconnecting: from every state, from callbacks, from other threads.
#include <latch>
#include <memory>
#include <string>
#include <utility>

#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

constexpr esp_peer_state_t every_state_of_a_life[] = {
    ESP_PEER_STATE_NEW_CONNECTION,
    ESP_PEER_STATE_CANDIDATE_GATHERING,
    ESP_PEER_STATE_PAIRING,
    ESP_PEER_STATE_PAIRED,
    ESP_PEER_STATE_CONNECTING,
    ESP_PEER_STATE_CONNECTED,
    ESP_PEER_STATE_DATA_CHANNEL_CONNECTED,
    ESP_PEER_STATE_DATA_CHANNEL_OPENED,
};

class InState : public testing::TestWithParam<esp_peer_state_t> {};
INSTANTIATE_TEST_SUITE_P(EveryState, InState, testing::ValuesIn(every_state_of_a_life));

// covers: fault 24, bug 83, bug 84
TEST_P(InState, close_says_disconnected_and_closed_and_the_handle_is_gone) {
  for (const bool close_the_cat : {true, false}) {
    Couple c;
    c.never_wait();
    c.open();
    c.begin();
    Peer& closing = close_the_cat ? c.cat : c.sheep;
    ASSERT_TRUE(c.pump_until([&] { return closing.has(GetParam()); }));
    const esp_peer_handle_t handle = closing.handle;
    EXPECT_EQ(esp_peer_close(handle), ESP_PEER_ERR_NONE);
    closing.handle = nullptr;
    ASSERT_GE(closing.states.size(), 2u);
    EXPECT_EQ(closing.states.end()[-2], ESP_PEER_STATE_DISCONNECTED);
    EXPECT_EQ(closing.states.end()[-1], ESP_PEER_STATE_CLOSED);
    EXPECT_EQ(closing.opened.size(), closing.closed.size());
    EXPECT_EQ(esp_peer_main_loop(handle), ESP_PEER_ERR_INVALID_ARG);
    EXPECT_EQ(esp_peer_close(handle), ESP_PEER_ERR_INVALID_ARG);
  }
}

// covers: changelog 55
TEST_P(InState, disconnect_ends_it_and_the_handle_connects_again) {
  Couple c;
  c.never_wait();
  c.cat.ext.base.keep_role = c.sheep.ext.base.keep_role = true;
  c.open();
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return c.cat.has(GetParam()); }));
  for (Peer* p : {&c.cat, &c.sheep}) {
    EXPECT_EQ(esp_peer_disconnect(p->handle), ESP_PEER_ERR_NONE);
    EXPECT_EQ(p->states.back(), ESP_PEER_STATE_DISCONNECTED);
    EXPECT_EQ(p->count(ESP_PEER_STATE_DISCONNECTED), 1);
    EXPECT_EQ(p->opened.size(), p->closed.size());
    const auto told = p->states.size();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(esp_peer_main_loop(p->handle), ESP_PEER_ERR_NONE);
    EXPECT_EQ(p->states.size(), told) << "nothing comes after it";
    p->forget();
  }
  c.begin();
  EXPECT_TRUE(c.pump_until([&] {
    return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
           c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
  }));
}

// covers: fault 24, bug 64
TEST_P(InState, close_from_inside_the_callback_that_says_it) {
  bool closed = false;
  Couple c;
  c.never_wait();
  c.cat.on_state = [&](esp_peer_state_t state) {
    if (state != GetParam() || closed) return;
    closed = true;
    EXPECT_EQ(esp_peer_close(c.cat.handle), ESP_PEER_ERR_NONE) << "returns at once";
    EXPECT_EQ(c.cat.count(ESP_PEER_STATE_CLOSED), 1) << "told before it returns";
    EXPECT_EQ(esp_peer_send_data(c.cat.handle, nullptr), ESP_PEER_ERR_INVALID_ARG);
  };
  c.open();
  ASSERT_EQ(esp_peer_new_connection(c.sheep.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_new_connection(c.cat.handle), ESP_PEER_ERR_NONE);
  c.cat.on_msg = [&](const std::string&) { EXPECT_FALSE(closed); };
  ASSERT_TRUE(c.pump_until([&] { return closed; }));
  EXPECT_EQ(esp_peer_main_loop(c.cat.handle), ESP_PEER_ERR_INVALID_ARG);
  // The state in whose callback it happened is noted last; before it stands CLOSED.
  EXPECT_EQ(c.cat.states.end()[-1], GetParam());
  EXPECT_EQ(c.cat.states.end()[-2], ESP_PEER_STATE_CLOSED);
  c.cat.handle = nullptr;
}

// covers: fault 24, bug 64
TEST_P(InState, disconnect_from_inside_the_callback_that_says_it) {
  bool left = false;
  Couple c;
  c.never_wait();
  c.cat.ext.base.keep_role = c.sheep.ext.base.keep_role = true;
  c.cat.on_state = [&](esp_peer_state_t state) {
    if (state != GetParam() || std::exchange(left, true)) return;
    EXPECT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
    EXPECT_EQ(c.cat.count(ESP_PEER_STATE_DISCONNECTED), 1) << "told before it returns";
    EXPECT_EQ(c.cat.send("x"), ESP_PEER_ERR_WRONG_STATE);
  };
  c.open();
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return left; }));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(esp_peer_main_loop(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(c.cat.states.end()[-2], ESP_PEER_STATE_DISCONNECTED);
  EXPECT_EQ(c.cat.states.end()[-1], GetParam()) << "noted behind it, as it is still being told";
  EXPECT_EQ(c.cat.opened.size(), c.cat.closed.size());

  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  for (Peer* p : {&c.cat, &c.sheep}) p->forget();
  c.begin();
  EXPECT_TRUE(c.pump_until([&] { return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED); }));
}

// covers: fault 24, bug 83, changelog 37
TEST_P(InState, close_from_another_thread_while_the_loops_run) {
  Couple c;
  c.open();
  c.start();
  ASSERT_TRUE(c.cat.wait_state(GetParam()));
  EXPECT_EQ(esp_peer_close(c.cat.handle), ESP_PEER_ERR_NONE);
  const auto states = c.cat.states_so_far();
  EXPECT_EQ(states.end()[-2], ESP_PEER_STATE_DISCONNECTED);
  EXPECT_EQ(states.end()[-1], ESP_PEER_STATE_CLOSED);
  c.cat.stop();
  EXPECT_EQ(c.cat.states_so_far().size(), states.size()) << "nothing is told after close()";
  c.cat.handle = nullptr;
}

TEST(Close, of_an_idle_peer_says_closed_alone) {
  Peer peer;
  ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_close(peer.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(peer.states, std::vector<esp_peer_state_t>{ESP_PEER_STATE_CLOSED});
  peer.handle = nullptr;
}

// covers: fault 24, bug 64, bug 83
TEST(Close, from_inside_on_msg_on_channel_open_and_on_data) {
  for (int where = 0; where < 3; ++where) {
    int closed = 0;
    Couple c;
    c.never_wait();
    const auto close_at = [&](int place) {
      if (place == where && closed++ == 0) {
        EXPECT_EQ(esp_peer_close(c.cat.handle), ESP_PEER_ERR_NONE);
      }
    };
    c.cat.on_msg = [&](const std::string&) { close_at(0); };
    c.cat.on_channel = [&](bool open, const std::string&, std::uint16_t) {
      if (open) close_at(1);
    };
    c.cat.on_data = [&](const Message&) { close_at(2); };
    c.sheep.on_channel = [&](bool open, const std::string&, std::uint16_t) {
      if (!open || where != 2) return;  // else the cat may be gone already
      EXPECT_EQ(c.sheep.send("one"), ESP_PEER_ERR_NONE);
      EXPECT_EQ(c.sheep.send("two"), ESP_PEER_ERR_NONE);
    };
    c.cat.other = where == 0 ? nullptr : &c.sheep;
    c.open();
    c.begin();
    ASSERT_TRUE(c.pump_until([&] { return closed > 0; })) << where;
    EXPECT_EQ(closed, 1) << "nothing more is told";
    EXPECT_EQ(c.cat.count(ESP_PEER_STATE_CLOSED), 1);
    EXPECT_EQ(esp_peer_main_loop(c.cat.handle), ESP_PEER_ERR_INVALID_ARG);
    c.cat.handle = nullptr;
  }
}

// covers: fault 24, bug 64
TEST(Close, from_inside_every_other_callback) {
  enum Where { audio_info, audio_data, channel_close, writable, places };
  static Couple* couple;  // the extension's callback is a function alone
  static int where, closed;
  static const auto close_at = [](int place) {
    if (place != where || closed++ != 0) return;
    EXPECT_EQ(esp_peer_close(couple->cat.handle), ESP_PEER_ERR_NONE);
    EXPECT_EQ(couple->cat.count(ESP_PEER_STATE_CLOSED), 1) << "told before it returns";
  };
  for (where = 0; where < places; ++where) {
    Couple c;
    couple = &c;
    closed = 0;
    c.never_wait();
    for (Peer* p : {&c.cat, &c.sheep}) {
      p->cfg.audio_info = {ESP_PEER_AUDIO_CODEC_G711A, 8000, 1};
      p->cfg.audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
    }
    c.cat.on_audio_info = [](const esp_peer_audio_stream_info_t&) { close_at(audio_info); };
    c.cat.on_audio = [](const AudioFrame&) { close_at(audio_data); };
    c.cat.on_channel = [](bool open, const std::string&, std::uint16_t) {
      if (!open) close_at(channel_close);
    };
    c.cat.ext.on_writable = [](void*) {
      close_at(writable);
      return 0;
    };
    c.open();
    c.begin();
    const auto both_open = [&] {
      return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
             c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
    };
    ASSERT_TRUE(c.pump_until([&] { return closed != 0 || both_open(); })) << where;
    c.sheep.send_audio(1, "sound");
    if (where == channel_close) esp_peer_close_data_channel(c.sheep.handle, "esp_channel");
    if (closed == 0) c.cat.send("to be acknowledged");
    ASSERT_TRUE(c.pump_until([&] { return closed != 0; })) << where;
    EXPECT_EQ(c.cat.count(ESP_PEER_STATE_CLOSED), 1) << where;
    EXPECT_EQ(esp_peer_main_loop(c.cat.handle), ESP_PEER_ERR_INVALID_ARG);
    c.cat.handle = nullptr;
    // Whoever is left hears of it, if there was something to end.
    if (where != audio_info) {
      EXPECT_TRUE(c.pump_until([&] { return c.sheep.has(ESP_PEER_STATE_DISCONNECTED); })) << where;
    }
  }
}

TEST(Close, wakes_a_loop_that_would_sleep_for_a_minute_and_waits_for_it) {
  Peer peer;
  peer.ext.loop_wait_set = true;
  peer.ext.loop_wait_ms = 60'000;
  ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  std::atomic<bool> left = false;
  std::atomic<pid_t> thread = 0;
  std::thread loop([&, h = peer.handle.load()] {
    thread = gettid();
    EXPECT_EQ(esp_peer_main_loop(h), ESP_PEER_ERR_NONE);
    left = true;
    EXPECT_EQ(esp_peer_main_loop(h), ESP_PEER_ERR_INVALID_ARG);
  });
  until_asleep(thread);
  EXPECT_EQ(esp_peer_close(peer.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(peer.states.back(), ESP_PEER_STATE_CLOSED);
  loop.join();
  EXPECT_TRUE(left);
  peer.handle = nullptr;
}

TEST(Close, waits_for_a_callback_that_runs_in_another_thread) {
  std::latch inside(1);
  std::atomic<bool> release = false, finished = false;
  Couple c;
  c.cat.on_data = [&](const Message&) {
    inside.count_down();
    release.wait(false);
    finished = true;
  };
  c.connect_with_channel();
  ASSERT_EQ(c.sheep.send("hello"), ESP_PEER_ERR_NONE);
  inside.wait();
  std::atomic<pid_t> thread = 0;
  std::thread closer([&] {
    thread = gettid();
    EXPECT_EQ(esp_peer_close(c.cat.handle), ESP_PEER_ERR_NONE);
    EXPECT_TRUE(finished) << "whoever closes may free what the callbacks use";
  });
  until_asleep(thread);  // it waits; or it did not, has failed and is gone
  EXPECT_FALSE(c.cat.wait_for([&] { return c.cat.has(ESP_PEER_STATE_CLOSED); }, 1ms));
  release = true;
  release.notify_all();
  closer.join();
  c.cat.stop();
  c.cat.handle = nullptr;
}

TEST(Close, by_a_callback_and_by_another_thread_at_once_succeeds_for_one) {
  for (int round = 0; round < 20; ++round) {
    std::latch inside(1);
    std::atomic<int> closed = 0, refused = 0;
    Couple c;
    const auto close = [&](esp_peer_handle_t h) {
      ++(esp_peer_close(h) == ESP_PEER_ERR_NONE ? closed : refused);
    };
    c.cat.on_data = [&](const Message&) {
      inside.count_down();
      close(c.cat.handle);
    };
    c.connect_with_channel();
    ASSERT_EQ(c.sheep.send("hello"), ESP_PEER_ERR_NONE);
    inside.wait();
    close(c.cat.handle);
    c.cat.stop();
    EXPECT_EQ(closed, 1);
    EXPECT_EQ(refused, 1);
    EXPECT_EQ(c.cat.count(ESP_PEER_STATE_CLOSED), 1);
    c.cat.handle = nullptr;
  }
}

TEST(Close, of_the_other_peer_inside_a_callback_waits_for_its_loop) {
  for (int round = 0; round < 20; ++round) {
    std::latch closed(1);
    Couple c;
    c.cat.on_data = [&](const Message&) {
      EXPECT_EQ(esp_peer_close(c.sheep.handle), ESP_PEER_ERR_NONE);
      EXPECT_EQ(c.sheep.states_so_far().back(), ESP_PEER_STATE_CLOSED);
      closed.count_down();
    };
    c.connect_with_channel();
    ASSERT_EQ(c.sheep.send("do it"), ESP_PEER_ERR_NONE);
    closed.wait();
    c.sheep.stop();
    c.sheep.handle = nullptr;
  }
}

// covers: fault 24, bug 83
TEST(Close, by_two_threads_at_once_succeeds_for_one) {
  for (int round = 0; round < 100; ++round) {
    Peer peer;
    ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
    std::atomic<int> closed = 0, refused = 0;
    const auto close = [&, h = peer.handle.load()] {
      const int result = esp_peer_close(h);
      ++(result == ESP_PEER_ERR_NONE ? closed : refused);
    };
    std::thread other(close);
    close();
    other.join();
    EXPECT_EQ(closed, 1);
    EXPECT_EQ(refused, 1);
    EXPECT_EQ(peer.count(ESP_PEER_STATE_CLOSED), 1);
    peer.handle = nullptr;
  }
}

// covers: bug 80, bug 83, changelog 37, changelog 43, changelog 55
TEST(Close, while_every_function_is_being_called_from_other_threads) {
  for (int round = 0; round < 20; ++round) {
    Couple c;
    c.connect_with_channel();
    std::atomic<bool> running = true;
    std::atomic<int> turns = 0;
    std::vector<std::thread> callers;
    for (int i = 0; i < 3; ++i) {
      callers.emplace_back([&, h = c.cat.handle.load()] {
        std::uint8_t byte = 0;
        char label[] = "x";
        char text[] = "candidate:1 1 udp 1 127.0.0.1 9 typ host";
        esp_peer_data_frame_t frame{ESP_PEER_DATA_CHANNEL_DATA, 0, &byte, 1};
        esp_peer_data_channel_cfg_t channel{};
        channel.label = label;
        esp_peer_msg_t message{ESP_PEER_MSG_TYPE_CANDIDATE, reinterpret_cast<std::uint8_t*>(text),
                               sizeof(text) - 1};
        esp_peer_addr_t addr{};
        while (running) {
          esp_peer_send_data(h, &frame);
          esp_peer_create_data_channel(h, &channel);
          esp_peer_close_data_channel(h, label);
          esp_peer_send_msg(h, &message);
          esp_peer_get_paired_addr(h, &addr);
          esp_peer_update_ice_info(h, ESP_PEER_ROLE_CONTROLLING, nullptr, 0);
          esp_peer_main_loop(h);
          ++turns;
        }
      });
    }
    while (turns < 10) std::this_thread::yield();
    EXPECT_EQ(esp_peer_close(c.cat.handle), ESP_PEER_ERR_NONE);
    EXPECT_EQ(c.cat.count(ESP_PEER_STATE_CLOSED), 1);
    EXPECT_EQ(c.cat.states.back(), ESP_PEER_STATE_CLOSED);
    running = false;
    for (std::thread& t : callers) t.join();
    c.cat.stop();
    c.cat.handle = nullptr;
  }
}

// Nothing else wakes it: one who waits for an offer, and one that is idle, have no timer.
TEST(Disconnect, wakes_a_loop_that_would_sleep_for_a_minute) {
  for (const bool connecting : {true, false}) {
    Peer peer;
    peer.ext.loop_wait_set = true;
    peer.ext.loop_wait_ms = 60'000;
    ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLED), ESP_PEER_ERR_NONE);
    if (connecting) {
      ASSERT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_NONE);
    }
    std::atomic<int> turns = 0;
    std::atomic<pid_t> thread = 0;
    std::thread loop([&, h = peer.handle.load()] {
      thread = gettid();
      while (esp_peer_main_loop(h) == ESP_PEER_ERR_NONE) {
        ++turns;
      }
    });
    if (connecting) {
      EXPECT_TRUE(peer.wait_state(ESP_PEER_STATE_CANDIDATE_GATHERING));
    }
    until_asleep(thread);
    const int before = turns;
    EXPECT_EQ(esp_peer_disconnect(peer.handle), ESP_PEER_ERR_NONE);
    const auto end = std::chrono::steady_clock::now() + patience;
    while (turns == before && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    EXPECT_GT(turns, before) << (connecting ? "connecting" : "idle");
    peer.close();
    loop.join();
  }
}

TEST(Disconnect, the_caller_hears_it_in_its_own_thread_before_it_returns) {
  std::thread::id told_in;
  Couple c;
  c.cat.on_state = [&](esp_peer_state_t state) {
    if (state == ESP_PEER_STATE_DISCONNECTED) told_in = std::this_thread::get_id();
  };
  c.connect_with_channel();
  EXPECT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(told_in, std::this_thread::get_id());
  const auto states = c.cat.states_so_far();
  const std::vector<esp_peer_state_t> end(states.end() - 3, states.end());
  EXPECT_EQ(end, (std::vector<esp_peer_state_t>{ESP_PEER_STATE_DATA_CHANNEL_CLOSED,
                                                ESP_PEER_STATE_DATA_CHANNEL_DISCONNECTED,
                                                ESP_PEER_STATE_DISCONNECTED}));
}

// covers: changelog 55
TEST(Disconnect, nothing_of_the_connection_is_told_afterwards) {
  for (int round = 0; round < 20; ++round) {
    Couple c;
    c.connect_with_channel();
    std::atomic<bool> running = true;
    std::thread talker([&] {
      while (running) c.sheep.send("chatter");
    });
    while (c.cat.received < 10) std::this_thread::yield();
    EXPECT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
    // One callback of the loop may overlap; when it is over, nothing follows.
    c.cat.stop();
    const std::size_t received = c.cat.received;
    const std::size_t told = c.cat.states.size();
    for (int i = 0; i < 3; ++i) esp_peer_main_loop(c.cat.handle);
    EXPECT_EQ(c.cat.received, received);
    EXPECT_EQ(c.cat.states.size(), told);
    EXPECT_EQ(c.cat.states.back(), ESP_PEER_STATE_DISCONNECTED);
    running = false;
    talker.join();
  }
}

TEST(Disconnect, of_an_idle_controlled_peer_leaves_its_role_alone) {
  Couple c;
  c.never_wait();
  c.open();
  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED); }));
  EXPECT_NE(c.cat.descriptions[0].find("a=setup:actpass"), std::string::npos);
  EXPECT_EQ(c.sheep.descriptions.size(), 1u);
  EXPECT_EQ(c.sheep.descriptions[0].find("a=setup:actpass"), std::string::npos);
}

}  // namespace
}  // namespace esp_peer::test
