// Whose thread runs a loop, and who may call meanwhile.
#include <memory>

#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

// covers: changelog 43
TEST(MainLoop, runs_in_one_thread_at_a_time) {
  Peer peer;
  peer.ext.loop_wait_set = true;
  peer.ext.loop_wait_ms = 60'000;
  ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  std::thread loop([&, h = peer.handle.load()] {
    while (esp_peer_main_loop(h) != ESP_PEER_ERR_INVALID_ARG) {
    }
  });
  bool refused = false;
  const std::atomic<pid_t> this_thread = gettid();
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!refused && std::chrono::steady_clock::now() < end) {
    // Until the other thread is inside, this one is the loop: something must wake it then.
    std::thread waker([&] {
      until_asleep(this_thread);
      esp_peer_new_connection(peer.handle);
      esp_peer_disconnect(peer.handle);
    });
    refused = esp_peer_main_loop(peer.handle) == ESP_PEER_ERR_WRONG_STATE;
    waker.join();
  }
  EXPECT_TRUE(refused);
  EXPECT_EQ(esp_peer_close(peer.handle), ESP_PEER_ERR_NONE);
  loop.join();
  peer.handle = nullptr;
}

TEST(MainLoop, is_refused_inside_a_callback) {
  std::vector<int> results;
  Couple c;
  c.never_wait();
  c.cat.on_state = [&](esp_peer_state_t) { results.push_back(esp_peer_main_loop(c.cat.handle)); };
  c.cat.on_msg = [&](const std::string&) { results.push_back(esp_peer_main_loop(c.cat.handle)); };
  c.cat.on_channel = [&](bool, const std::string&, std::uint16_t) {
    results.push_back(esp_peer_main_loop(c.cat.handle));
  };
  c.connect_here();
  EXPECT_GE(results.size(), 10u) << "NEW_CONNECTION, which comes from no loop, among them";
  for (const int result : results) EXPECT_EQ(result, ESP_PEER_ERR_WRONG_STATE);
}

TEST(MainLoop, of_the_other_peer_may_be_run_inside_a_callback) {
  Couple c;
  c.never_wait();
  c.cat.on_state = [&](esp_peer_state_t state) {
    if (state != ESP_PEER_STATE_PAIRED) return;
    EXPECT_EQ(esp_peer_main_loop(c.sheep.handle), ESP_PEER_ERR_NONE);
  };
  c.open();
  c.begin();
  EXPECT_TRUE(pump({&c.cat}, [&] {
    if (!c.cat.has(ESP_PEER_STATE_PAIRED)) esp_peer_main_loop(c.sheep.handle);
    return c.cat.has(ESP_PEER_STATE_PAIRED);
  }));
}

TEST(MainLoop, of_an_idle_peer_waits_and_returns) {
  Peer peer;
  peer.ext.base.agent_recv_timeout = 30;
  ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(esp_peer_main_loop(peer.handle), ESP_PEER_ERR_NONE);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 25ms) << "no busy loop";
}

// Its loop sleeps for a minute where nothing wakes it.
struct SleepingPeer : Peer {
  SleepingPeer() {
    ext.loop_wait_set = true;
    ext.loop_wait_ms = 60'000;
    EXPECT_EQ(open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
    run();
  }
};

TEST(MainLoop, returns_early_when_another_thread_gives_it_something_to_do) {
  SleepingPeer peer;
  until_asleep(peer.loop_thread);
  ASSERT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(peer.wait_for([&] { return !peer.descriptions.empty(); })) << "within a minute";
  peer.close();
}

// Servers that change while an offer waits for its answer bring another offer, and no timer.
TEST(MainLoop, returns_early_when_there_is_news_alone) {
  SleepingPeer peer;
  ASSERT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_NONE);
  for (std::size_t offers = 1; offers <= 3; ++offers) {
    EXPECT_TRUE(peer.wait_for([&] { return peer.descriptions.size() == offers; })) << offers;
    until_asleep(peer.loop_thread);
    ASSERT_EQ(esp_peer_update_ice_info(peer.handle, ESP_PEER_ROLE_CONTROLLING, nullptr, 0),
              ESP_PEER_ERR_NONE);
  }
  peer.close();
}

// covers: changelog 34, changelog 51, changelog 43
TEST(Threads, send_from_everywhere_while_the_loop_runs) {
  Couple c;
  c.connect_with_channel();
  constexpr int threads = 4, each = 500;
  std::vector<std::thread> senders;
  for (int t = 0; t < threads; ++t) {
    senders.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        const std::string body = std::to_string(t) + " " + std::to_string(i);
        int result;
        while ((result = c.cat.send(body)) == ESP_PEER_ERR_WOULD_BLOCK) std::this_thread::yield();
        EXPECT_EQ(result, ESP_PEER_ERR_NONE);
      }
    });
  }
  for (std::thread& t : senders) t.join();
  ASSERT_TRUE(c.sheep.wait_for([&] { return c.sheep.messages.size() == threads * each; }));
  int next[threads] = {};
  for (const Message& m : c.sheep.messages) {
    const int thread = m.body[0] - '0';
    EXPECT_EQ(m.body.substr(2), std::to_string(next[thread]++)) << "each one's own are in order";
  }
}

TEST(Threads, a_frame_leaves_at_once_while_the_loop_sleeps) {
  Couple c;
  c.connect_with_channel();
  c.cat.stop();  // nobody runs the cat's loop any more
  ASSERT_EQ(c.cat.send("now"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.sheep.wait_for([&] { return c.sheep.received == 1; }));
}

// Its loop may sleep for a minute, and consent wakes it every few seconds: thirty messages that
// wait for that take longer than all our patience.
TEST(Threads, messages_leave_soon_while_another_thread_sleeps_in_the_loop) {
  Couple c;
  c.cat.ext.loop_wait_set = true;
  c.cat.ext.loop_wait_ms = 60'000;
  c.connect_with_channel();
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t sent = 1; sent <= 30; ++sent) {
    until_asleep(c.cat.loop_thread);
    ASSERT_EQ(c.cat.send("now"), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.sheep.wait_for([&] { return c.sheep.received == sent; }));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, patience);
}

TEST(Threads, two_loops_that_call_into_each_others_peers_never_wait_for_each_other) {
  // All cats in one thread, all sheep in another: each description, answer and message goes from a
  // callback of one into a peer of the other, both ways at once.
  constexpr std::size_t pairs = 100, answers = 5;
  std::vector<std::unique_ptr<Couple>> couples;
  std::atomic<std::size_t> done = 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    auto& c = *couples.emplace_back(std::make_unique<Couple>());
    c.never_wait();
    for (Peer* p : {&c.cat, &c.sheep}) {
      p->on_data = [&done, from = p, to = p->other](const Message& m) {
        esp_peer_addr_t addr{};
        EXPECT_EQ(esp_peer_get_paired_addr(to->handle, &addr), ESP_PEER_ERR_NONE);
        EXPECT_EQ(to->give_candidate("candidate:1 1 udp 1 127.0.0.1 9 typ host"),
                  ESP_PEER_ERR_NONE);
        if (m.body.size() == answers) {
          ++done;
        } else {
          EXPECT_EQ(from->send(m.body + "."), ESP_PEER_ERR_NONE);
        }
      };
      p->on_channel = [from = p](bool open, const std::string&, std::uint16_t) {
        if (open) from->send(".");
      };
    }
    c.open();
    c.begin();
  }
  std::atomic<bool> running = true;
  const auto run = [&](Peer Couple::*side) {
    while (running) {
      for (auto& c : couples) esp_peer_main_loop(((*c).*side).handle);
    }
  };
  std::thread cats(run, &Couple::cat), sheep(run, &Couple::sheep);
  const auto end = std::chrono::steady_clock::now() + 3 * patience;
  while (done < 2 * pairs && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(10ms);
  }
  running = false;
  cats.join();
  sheep.join();
  EXPECT_EQ(done, 2 * pairs);
}

}  // namespace
}  // namespace esp_peer::test
