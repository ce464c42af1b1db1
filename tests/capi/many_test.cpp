// A thousand peers in one process, and two peers of many processes.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "tests/capi/peer_harness.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ESP_PEER_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ESP_PEER_TEST_SANITIZED 1
#endif
#endif

namespace esp_peer::test {
namespace {

#ifdef ESP_PEER_TEST_SANITIZED
constexpr std::size_t pairs = 100;
#else
constexpr std::size_t pairs = 500;
#endif

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// Three descriptors each; a process may have 1024 unless it asks for more.
struct ManyDescriptors {
  ManyDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit many{std::min<rlim_t>(before.rlim_max, 8192), before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &many);
  }
  ~ManyDescriptors() { setrlimit(RLIMIT_NOFILE, &before); }
  rlimit before{};
};

class Crowd : public testing::TestWithParam<bool> {};

TEST_P(Crowd, of_a_thousand_peers_connects_talks_and_leaves_nothing_behind) {
  const ManyDescriptors many;
  const std::size_t before = open_descriptors();
  {
    std::vector<std::unique_ptr<Couple>> couples;
    // Of the couples from `first` on, whose loops are run until then.
    const auto until_all = [&](std::size_t first, const std::function<bool(Couple&)>& holds) {
      const auto end = std::chrono::steady_clock::now() + 10 * patience;
      for (std::size_t left = 1; left > 0;) {
        if (std::chrono::steady_clock::now() > end) return false;
        left = 0;
        for (std::size_t i = first; i < couples.size(); ++i) {
          Couple& c = *couples[i];
          esp_peer_main_loop(c.cat.handle);
          esp_peer_main_loop(c.sheep.handle);
          left += holds(c) ? 0 : 1;
        }
        if (GetParam()) std::this_thread::sleep_for(1ms);  // our thread does the work
      }
      return true;
    };
    // A few at a time: a thousand handshakes side by side in one thread take as long as they all
    // do, and each has half a minute. In between those that are connected have their turn.
    while (couples.size() < pairs) {
      const std::size_t first = couples.size();
      for (std::size_t i = first; i < std::min(first + 20, pairs); ++i) {
        Couple& c = *couples.emplace_back(std::make_unique<Couple>());
        c.never_wait();
        c.cat.ext.background_thread = c.sheep.ext.background_thread = GetParam();
        c.open();
        c.begin();
      }
      ASSERT_TRUE(until_all(first, [](Couple& c) {
        return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
               c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
      }));
      ASSERT_TRUE(until_all(0, [](Couple&) { return true; }));
    }
    EXPECT_LE(open_descriptors(), before + 2 * pairs * 3 + 8);
    for (std::size_t i = 0; i < pairs; ++i) {
      ASSERT_EQ(couples[i]->cat.send("pair " + std::to_string(i)), ESP_PEER_ERR_NONE);
      ASSERT_EQ(couples[i]->sheep.send("and back"), ESP_PEER_ERR_NONE);
    }
    ASSERT_TRUE(
        until_all(0, [](Couple& c) { return c.cat.received == 1 && c.sheep.received == 1; }));
    for (std::size_t i = 0; i < pairs; ++i) {
      EXPECT_EQ(couples[i]->sheep.messages.at(0).body, "pair " + std::to_string(i));
      EXPECT_EQ(couples[i]->cat.messages.at(0).body, "and back");
    }
  }
  const auto end = std::chrono::steady_clock::now() + patience;
  while (open_descriptors() > before && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(1ms);  // the thread of ours ends by itself
  }
  EXPECT_LE(open_descriptors(), before);
}

INSTANTIATE_TEST_SUITE_P(Both, Crowd, testing::Bool(), [](const auto& p) {
  return std::string(p.param ? "in_our_thread" : "in_the_applications");
});

// ---------------------------------------------------------------- processes

// Signalling between two processes: descriptions in a pipe, each ended by a zero byte.
void tell(int pipe, const std::string& text) {
  EXPECT_EQ(write(pipe, text.c_str(), text.size() + 1), static_cast<ssize_t>(text.size() + 1));
}
bool hear(int pipe, std::string& partial, Peer& peer) {
  char bytes[4096];
  const auto n = read(pipe, bytes, sizeof(bytes));
  if (n > 0) partial.append(bytes, static_cast<std::size_t>(n));
  const auto end = partial.find('\0');
  if (end == partial.npos) return false;
  EXPECT_EQ(peer.give_sdp(partial.substr(0, end)), ESP_PEER_ERR_NONE);
  partial.erase(0, end + 1);
  return true;
}

// True when the peer of this process has connected, said something and heard the other.
bool converse(esp_peer_role_t role, int in, int out) {
  Peer peer;
  peer.ext.loop_wait_set = true;
  peer.ext.loop_wait_ms = 1;
  peer.on_msg = [&](const std::string& sdp) { tell(out, sdp); };
  peer.on_channel = [&](bool open, const std::string&, std::uint16_t) {
    if (open) peer.send("from process " + std::to_string(getpid()));
  };
  if (peer.open(role) != ESP_PEER_ERR_NONE) return false;
  if (esp_peer_new_connection(peer.handle) != ESP_PEER_ERR_NONE) return false;
  std::string partial;
  if (!pump({&peer}, [&] {
        hear(in, partial, peer);
        return peer.received == 1;
      })) {
    return false;
  }
  // What we said goes on arriving until the other leaves.
  std::uint32_t waiting = 1;
  pump({&peer}, [&] {
    esp_peer_ext_buffered_amount(peer.handle, &waiting);
    return waiting == 0;
  });
  const std::string expected = "from process ";
  return peer.messages.at(0).body.rfind(expected, 0) == 0 &&
         peer.messages.at(0).body != expected + std::to_string(getpid());
}

TEST(Processes, many_of_them_have_a_peer_each_and_meet_in_pairs) {
  constexpr int of_each = 8;
  std::vector<pid_t> children;
  for (int i = 0; i < of_each; ++i) {
    int to_cat[2], to_sheep[2];
    ASSERT_EQ(pipe2(to_cat, O_NONBLOCK | O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(to_sheep, O_NONBLOCK | O_CLOEXEC), 0);
    for (const bool is_cat : {true, false}) {
      const pid_t child = fork();
      if (child == 0) {
        const bool well = is_cat ? converse(ESP_PEER_ROLE_CONTROLLING, to_cat[0], to_sheep[1])
                                 : converse(ESP_PEER_ROLE_CONTROLLED, to_sheep[0], to_cat[1]);
        // Not _exit(): TSan would miss its parent's threads there.
        syscall(SYS_exit_group, well && !testing::Test::HasFailure() ? 0 : 1);
      }
      children.push_back(child);
    }
    for (const int fd : {to_cat[0], to_cat[1], to_sheep[0], to_sheep[1]}) ::close(fd);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
}

}  // namespace
}  // namespace esp_peer::test
