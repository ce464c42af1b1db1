// The thread of ours that keeps connections alive while the application does something else.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <filesystem>
#include <future>
#include <memory>
#include <set>

#include "tests/capi/camera.hpp"
#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

// Threads of ours in this process.
std::vector<std::string> background_threads() {
  std::vector<std::string> found;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");
    std::string name;
    if (std::getline(file, name) && name == "esp_peer") found.push_back(task.path());
  }
  return found;
}

// How often the kernel has put this thread to sleep and woken it.
long sleeps_of(const std::string& task) {
  std::ifstream file(task + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("voluntary_ctxt_switches:", 0) == 0) return std::stol(line.substr(24));
  }
  return -1;
}

bool until(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < end) {
    if (holds()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

void give_background(Couple& c) {
  c.cat.ext.background_thread = c.sheep.ext.background_thread = true;
}

std::uint32_t buffered(const Peer& peer) {
  std::uint32_t bytes = 0;
  EXPECT_EQ(esp_peer_ext_buffered_amount(peer.handle, &bytes), ESP_PEER_ERR_NONE);
  return bytes;
}
// Its connection has ended, told or not.
bool is_gone(const Peer& peer) {
  esp_peer_addr_t address{};
  return esp_peer_get_paired_addr(peer.handle, &address) != ESP_PEER_ERR_NONE;
}

TEST(Background, peers_connect_and_talk_and_callbacks_come_from_main_loop) {
  std::set<std::thread::id> threads;
  Couple c;
  give_background(c);
  c.cat.on_data = [&](const Message&) { threads.insert(std::this_thread::get_id()); };
  c.cat.on_channel = [&](bool, const std::string&, std::uint16_t) {
    threads.insert(std::this_thread::get_id());
  };
  c.cat.on_msg = [&](const std::string&) { threads.insert(std::this_thread::get_id()); };
  c.connect_here();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(c.sheep.send(std::to_string(i)), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.cat.received == 100; }));
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(c.cat.messages[i].body, std::to_string(i));
  EXPECT_EQ(threads, std::set{std::this_thread::get_id()});
}

TEST(Background, is_one_thread_for_all_peers_and_ends_with_the_last_one) {
  EXPECT_TRUE(until([] { return background_threads().empty(); })) << "of the test before";
  {
    std::vector<std::unique_ptr<Couple>> couples;
    for (int i = 0; i < 10; ++i) {
      Couple& c = *couples.emplace_back(std::make_unique<Couple>());
      give_background(c);
      c.connect_here();
    }
    EXPECT_EQ(background_threads().size(), 1u);
    // Those that remain are still served.
    couples.resize(1);
    ASSERT_EQ(couples[0]->cat.send("still here"), ESP_PEER_ERR_NONE);
    EXPECT_TRUE(couples[0]->pump_until([&] { return couples[0]->sheep.received == 1; }));
    EXPECT_EQ(background_threads().size(), 1u);
  }
  EXPECT_TRUE(until([] { return background_threads().empty(); }));
  Couple again;
  give_background(again);
  again.connect_here();
  EXPECT_EQ(background_threads().size(), 1u);
}

// In its own loop a blocked callback acknowledges nothing, and the sheep could send two of these.
TEST(Background, acknowledges_while_a_callback_blocks) {
  std::promise<void> blocked, let_go;
  Couple c;
  give_background(c);
  c.sheep.ext.base.data_ch_cfg.send_cache_size = 3000;
  c.cat.on_data = [&, first = true](const Message&) mutable {
    if (!std::exchange(first, false)) return;
    blocked.set_value();
    let_go.get_future().wait();
  };
  c.connect_with_channel();
  ASSERT_EQ(c.sheep.send("stop and think"), ESP_PEER_ERR_NONE);
  ASSERT_EQ(blocked.get_future().wait_for(patience), std::future_status::ready);
  for (int i = 0; i < 40; ++i) {
    int result = 0;
    EXPECT_TRUE(until([&] {
      result = c.sheep.send(std::string(1000, 'x'));
      return result != ESP_PEER_ERR_WOULD_BLOCK;
    }));
    ASSERT_EQ(result, ESP_PEER_ERR_NONE);
  }
  EXPECT_EQ(c.cat.received, 1u);
  let_go.set_value();
  EXPECT_TRUE(c.cat.wait_for([&] { return c.cat.received == 41; })) << c.cat.received;
}

TEST(Background, what_is_not_fetched_holds_the_peer_back_and_is_not_lost) {
  Couple c;
  give_background(c);
  c.cat.ext.base.data_ch_cfg.recv_cache_size = 20'000;
  c.sheep.ext.base.data_ch_cfg.send_cache_size = 20'000;
  c.connect_here();
  // The cat fetches nothing. Its thread keeps what fits twice, the sheep's cache once.
  int sent = 0, refused = 0;
  const auto send_one = [&] {
    const auto body = std::to_string(sent) + std::string(1000, ' ');
    const bool taken = c.sheep.send(body) == ESP_PEER_ERR_NONE;
    sent += taken ? 1 : 0;
    return taken;
  };
  // For these there is room, however late our thread comes to make it.
  while (sent < 30) ASSERT_TRUE(until(send_one)) << sent;
  while (refused < 50) {
    if (send_one()) {
      refused = 0;
      ASSERT_LT(sent, 80) << "nothing holds it back";
    } else {
      ++refused;
      std::this_thread::sleep_for(5ms);
    }
  }
  EXPECT_TRUE(pump({&c.cat}, [&] { return c.cat.received == static_cast<std::size_t>(sent); }));
  for (int i = 0; i < sent; ++i) {
    EXPECT_EQ(std::stoi(c.cat.messages[static_cast<std::size_t>(i)].body), i);
  }
}

// What was acknowledged is told, also when the peer is gone before there is time to hear it.
TEST(Background, what_a_peer_said_before_it_left_is_told_before_its_end) {
  std::size_t received_before_the_end = 0;
  Couple c;
  give_background(c);
  c.cat.ext.base.data_ch_cfg.recv_cache_size = 20'000;
  c.connect_here();
  // The cat fetches nothing: two thirds of it wait for her, the rest in the session.
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(c.sheep.send(std::to_string(i) + std::string(1000, ' ')), ESP_PEER_ERR_NONE);
  }
  ASSERT_TRUE(until([&] { return buffered(c.sheep) == 0; }));
  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(until([&] { return is_gone(c.cat); })) << "she is gone";
  c.cat.on_state = [&](esp_peer_state_t state) {
    if (state == ESP_PEER_STATE_DISCONNECTED) received_before_the_end = c.cat.received;
  };
  EXPECT_TRUE(pump({&c.cat}, [&] { return c.cat.has(ESP_PEER_STATE_DISCONNECTED); }));
  EXPECT_EQ(received_before_the_end, 30u);
  for (std::size_t i = 0; i < c.cat.messages.size(); ++i) {
    EXPECT_EQ(std::stoul(c.cat.messages[i].body), i);
  }
}

std::uint64_t bytes_that_came_to(const Peer& peer) {
  esp_peer_ext_stats_t stats{};
  stats.size = sizeof(stats);
  EXPECT_EQ(esp_peer_ext_get_stats(peer.handle, &stats), ESP_PEER_ERR_NONE);
  return stats.wire_bytes_received;
}

// What is left out for want of room is lost like any packet: no picture is shown that needs it.
// And pictures that wait take no room from messages.
TEST(Background, pictures_that_nobody_fetched_in_time_are_followed_by_a_keyframe) {
  constexpr std::uint32_t count = 60, last = 10'000;
  std::promise<void> blocked, let_go;
  Cameras c;
  c.cat.ext.loop_wait_ms = c.sheep.ext.loop_wait_ms = 20;
  c.cat.ext.base.data_ch_cfg.send_cache_size = 60'000;
  c.cat.ext.base.rtp_cfg.send_pool_size = 2'000'000;  // nothing is left out there
  c.sheep.ext.background_thread = true;
  c.sheep.ext.base.data_ch_cfg.recv_cache_size = 20'000;
  c.sheep.ext.base.rtp_cfg.video_recv_jitter.cache_size = 50'000;
  c.sheep.on_video = [&, first = true](const VideoFrame&) mutable {
    if (!std::exchange(first, false)) return;
    blocked.set_value();
    let_go.get_future().wait_for(3 * patience);
  };
  c.open();
  c.start();
  ASSERT_TRUE(c.both_wait(ESP_PEER_STATE_DATA_CHANNEL_OPENED));
  const auto film = [&](std::uint32_t pts, bool keyframe) {
    EXPECT_TRUE(until([&] { return c.cat.send_video(pts, access_unit(pts, keyframe)) == 0; }));
  };
  film(0, true);
  ASSERT_EQ(blocked.get_future().wait_for(patience), std::future_status::ready);
  for (std::uint32_t pts = 1; pts < count; ++pts) film(pts, false);
  EXPECT_TRUE(until([&] { return bytes_that_came_to(c.sheep) > 300'000; }));
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(until([&] { return c.cat.send(std::string(1'000, 'x')) == 0; }));
  }
  EXPECT_TRUE(until([&] { return buffered(c.cat) == 0; })) << "there is room for them";
  let_go.set_value();
  EXPECT_TRUE(c.cat.wait_state(ESP_PEER_STATE_VIDEO_PLI_RECEIVED));
  film(last, true);
  EXPECT_TRUE(c.sheep.wait_for(
      [&] { return !c.sheep.pictures.empty() && c.sheep.pictures.back().pts == last; }));
  EXPECT_TRUE(c.sheep.wait_for([&] { return c.sheep.received == 30; }));
  c.close();
  ASSERT_GE(c.sheep.pictures.size(), 2u);
  EXPECT_LT(c.sheep.pictures.size(), count) << "there was no room for all of them";
  for (std::uint32_t i = 0; i + 1 < c.sheep.pictures.size(); ++i) {
    EXPECT_EQ(c.sheep.pictures[i], (VideoFrame{i, access_unit(i, i == 0)}));
  }
  EXPECT_EQ(c.sheep.pictures.back(), (VideoFrame{last, access_unit(last, true)}));
}

int udp_sockets() {
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    int type = 0;
    socklen_t size = sizeof(type);
    const int fd = std::stoi(entry.path().filename());
    found += getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
  }
  return found;
}

// The end stands behind messages, and may be reached by any command that makes room for them.
TEST(Background, an_end_that_is_reached_within_a_command_closes_the_sockets_too) {
  const int before = udp_sockets();
  Couple c;
  give_background(c);
  c.cat.ext.base.data_ch_cfg.recv_cache_size = 20'000;
  c.connect_here();
  EXPECT_EQ(udp_sockets(), before + 2);
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(c.sheep.send(std::string(1000, 'x')), ESP_PEER_ERR_NONE);
  }
  ASSERT_TRUE(until([&] { return buffered(c.sheep) == 0; }));
  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(until([&] { return is_gone(c.cat); }));
  c.cat.on_data = [&](const Message&) {
    if (c.cat.received != 15) return;  // twenty wait for the application, the rest behind them
    EXPECT_EQ(c.cat.send("too late"), ESP_PEER_ERR_WRONG_STATE);
  };
  ASSERT_TRUE(pump({&c.cat}, [&] { return c.cat.has(ESP_PEER_STATE_DISCONNECTED); }));
  EXPECT_EQ(c.cat.received, 30u);
  EXPECT_TRUE(until([&] { return udp_sockets() == before; })) << udp_sockets() - before;
}

// The peer's association has ended, of which it says no more. We read so far while the application
// is busy, and leave as one leaves.
TEST(Background, an_end_that_is_found_by_reading_says_farewell_before_the_sockets_close) {
  constexpr std::uint8_t alert = 21;  // [rfc5246#6.2.1] close_notify is one
  Wire wire;
  Couple c;
  give_background(c);
  c.cat.ext.base.data_ch_cfg.recv_cache_size = 20'000;
  c.cat.carry = [&](std::string sdp) { return wire.carry(Wire::cat, std::move(sdp)); };
  c.sheep.carry = [&](std::string sdp) { return wire.carry(Wire::sheep, std::move(sdp)); };
  c.connect_here();
  const auto says_farewell = [&] {
    for (const std::string& datagram : wire.sent_by(Wire::cat)) {
      if (!datagram.empty() && static_cast<std::uint8_t>(datagram[0]) == alert) return true;
    }
    return false;
  };
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(c.sheep.send(std::string(1000, 'x')), ESP_PEER_ERR_NONE);
  }
  ASSERT_TRUE(until([&] { return buffered(c.sheep) == 0; }));
  wire.lose(Wire::sheep, alert);
  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  // The ABORT has come: nothing can be sent any more.
  ASSERT_TRUE(until([&] { return c.cat.send("are you there?") != ESP_PEER_ERR_NONE; }));
  EXPECT_FALSE(is_gone(c.cat)) << "its messages come first";
  EXPECT_FALSE(says_farewell());
  const std::string& sdp = c.cat.descriptions.front();
  const auto port = sdp.find("127.0.0.1 ", sdp.find("a=candidate:")) + 10;
  LocalSocket stranger;
  c.cat.on_data = [&](const Message&) {
    if (c.cat.received != 15) return;
    stranger.send(static_cast<std::uint16_t>(std::stoul(sdp.substr(port))), "wake up");
    EXPECT_TRUE(until([&] { return is_gone(c.cat); }));
  };
  EXPECT_TRUE(pump({&c.cat}, [&] { return c.cat.has(ESP_PEER_STATE_DISCONNECTED); }));
  EXPECT_EQ(c.cat.received, 30u);
  EXPECT_TRUE(until(says_farewell));
  c.close();
}

// What waited for a peer that is gone is no longer room to come.
TEST(Background, nobody_is_asked_to_write_to_a_peer_that_has_left) {
  static int asked;
  asked = 0;
  Couple c;
  give_background(c);
  c.cat.ext.base.data_ch_cfg.recv_cache_size = c.sheep.ext.base.data_ch_cfg.recv_cache_size =
      20'000;
  c.cat.ext.on_writable = [](void*) { return ++asked; };
  c.never_wait();
  c.open();
  ASSERT_EQ(esp_peer_ext_set_low_threshold(c.cat.handle, UINT32_MAX), ESP_PEER_ERR_NONE);
  c.begin();
  ASSERT_TRUE(c.pump_until([&] {
    return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
           c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
  }));
  // Neither fetches anything: the end will stand behind the sheep's, and the cat's own wait.
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(c.sheep.send(std::string(1000, 'x')), ESP_PEER_ERR_NONE);
  }
  ASSERT_TRUE(until([&] { return buffered(c.sheep) == 0; }));
  while (c.cat.send(std::string(1000, 'x')) == ESP_PEER_ERR_NONE) {
  }
  ASSERT_EQ(esp_peer_ext_set_low_threshold(c.cat.handle, 100), ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_disconnect(c.sheep.handle), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(until([&] { return is_gone(c.cat); }));
  EXPECT_GT(buffered(c.cat), 100u);
  ASSERT_EQ(esp_peer_ext_set_low_threshold(c.cat.handle, UINT32_MAX), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(pump({&c.cat}, [&] { return c.cat.has(ESP_PEER_STATE_DISCONNECTED); }));
  EXPECT_EQ(asked, 0);
}

TEST(Background, sleeps_when_there_is_nothing_to_do) {
  Couple c;
  give_background(c);
  c.connect_here();
  const auto threads = background_threads();
  ASSERT_EQ(threads.size(), 1u);
  EXPECT_TRUE(until([&] {  // acknowledgements and nomination die away
    const long before = sleeps_of(threads[0]);
    std::this_thread::sleep_for(1s);
    const long after = sleeps_of(threads[0]);
    return before >= 0 && after >= before && after - before <= 50;
  }));
}

TEST(Background, main_loop_waits_for_news_and_a_disconnect_ends_the_wait) {
  Couple c;
  give_background(c);
  for (Peer* p : {&c.cat, &c.sheep}) {
    p->ext.loop_wait_set = true;
    p->ext.loop_wait_ms = 60'000;
  }
  c.connect_with_channel();
  until_asleep(c.cat.loop_thread);
  ASSERT_EQ(c.sheep.send("wake up"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.cat.wait_for([&] { return c.cat.received == 1; }));
  until_asleep(c.cat.loop_thread);
  c.cat.end_with_this_turn();
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.cat.has(ESP_PEER_STATE_DISCONNECTED)) << "told here, before it returned";
  c.cat.stop();
  EXPECT_TRUE(c.sheep.wait_state(ESP_PEER_STATE_DISCONNECTED));
}

TEST(Background, close_waits_for_nobody_who_sleeps) {
  Peer peer;
  peer.ext.background_thread = true;
  peer.ext.loop_wait_set = true;
  peer.ext.loop_wait_ms = 60'000;
  ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  peer.run();
  until_asleep(peer.loop_thread);
  peer.close();
  EXPECT_EQ(peer.states, std::vector{ESP_PEER_STATE_CLOSED});
}

TEST(Background, a_filter_may_close_its_peer_in_our_thread) {
  static std::atomic<esp_peer_handle_t> handle;
  static std::atomic<bool> closed;
  closed = false;
  Peer peer;
  peer.ext.background_thread = true;
  peer.ext.interface_filter = [](const char*, const esp_peer_addr_t*, void*) {
    EXPECT_EQ(esp_peer_main_loop(handle), ESP_PEER_ERR_WRONG_STATE);
    if (!closed) {
      EXPECT_EQ(esp_peer_close(handle), ESP_PEER_ERR_NONE);
    }
    closed = true;
    return false;
  };
  ASSERT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
  handle = peer.handle.load();
  ASSERT_EQ(esp_peer_new_connection(peer.handle), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(until([] { return closed.load(); }));
  EXPECT_TRUE(until([] { return background_threads().empty(); }));
  EXPECT_EQ(esp_peer_main_loop(peer.handle), ESP_PEER_ERR_INVALID_ARG);
  peer.handle = nullptr;
}

TEST(Background, is_not_to_be_had_without_descriptors) {
  std::vector<int> taken;
  Peer peer;
  peer.ext.background_thread = true;
  for (int spare = 0; spare < 4; ++spare) {
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const int next = dup(0);
    ::close(next);
    const rlimit few{static_cast<rlim_t>(next + spare), before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    EXPECT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_FAIL) << spare;
    setrlimit(RLIMIT_NOFILE, &before);
  }
  EXPECT_TRUE(peer.states.empty()) << "nobody hears of a peer that was none";
  EXPECT_EQ(peer.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
}

void exit_while_connected() {
  auto* c = new Couple;  // and left there
  give_background(*c);
  c->connect_here();
  std::exit(testing::Test::HasFailure() ? 1 : 0);
}

TEST(Background, stops_when_the_program_ends_without_closing) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(exit_while_connected(), testing::ExitedWithCode(0), "");
}

#if !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ESP_PEER_NO_THREADS_AFTER_FORK 1
#endif
#endif
#else
#define ESP_PEER_NO_THREADS_AFTER_FORK 1
#endif

TEST(Background, a_child_has_a_thread_of_its_own_or_none) {
  Couple c;
  give_background(c);
  c.connect_here();
  // Whatever our thread holds as it works is held in the child for ever.
  const auto threads = background_threads();
  ASSERT_EQ(threads.size(), 1u);
  until_asleep(std::stoi(threads[0].substr(threads[0].rfind('/') + 1)));
  const pid_t child = fork();
  if (child == 0) {
#ifndef ESP_PEER_NO_THREADS_AFTER_FORK  // TSan allows none
    auto* of_child = new Couple;
    give_background(*of_child);
    of_child->connect_here();
    if (background_threads().size() != 1) _exit(2);
    of_child->close();
#endif
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ASSERT_EQ(c.cat.send("the parent's goes on"), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return c.sheep.received == 1; }));
}

}  // namespace
}  // namespace esp_peer::test
