// A peer in another process, which may be stopped and killed, and the peer here that talks to it.
#pragma once
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <string>
#include <thread>

#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {

class OtherProcess {
 public:
  // Its signalling is with `here`, whose loop runs, and it is as patient.
  explicit OtherProcess(Peer& here) : here_(here) {
    int to[2], from[2];
    EXPECT_EQ(pipe2(to, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(from, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    char name[] = ESP_PEER_OTHER_PEER;
    std::string retries = std::to_string(here.ext.base.alive_binding_retries);
    char* const arguments[] = {name, retries.data(), nullptr};
    EXPECT_EQ(posix_spawn(&pid_, name, &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(to[0]);
    ::close(from[1]);
    to_ = to[1];
    from_ = from[0];
    here.on_msg = [this](const std::string& sdp) {
      const std::string text = std::to_string(sdp.size()) + "\n" + sdp;
      // Of one that is dead nobody reads; it says so by EPIPE, for SIGPIPE is ignored.
      static_cast<void>(!::write(to_, text.data(), text.size()));
    };
    reader_ = std::thread([this] { read_descriptions(); });
  }
  OtherProcess(const OtherProcess&) = delete;
  ~OtherProcess() {
    here_.close();
    send(SIGCONT);
    send(SIGKILL);
    ::close(to_);
    reader_.join();
    ::close(from_);
    waitpid(pid_, nullptr, 0);
  }
  void send(int signal_number) { ::kill(pid_, signal_number); }
  // It stands still when this returns: the signal alone finds it at work for a while.
  void freeze() {
    send(SIGSTOP);
    EXPECT_EQ(waitpid(pid_, nullptr, WUNTRACED), pid_);
  }

 private:
  void read_descriptions() {
    std::string input;
    char some[4096];
    for (ssize_t n = 0; (n = ::read(from_, some, sizeof(some))) > 0;) {
      input.append(some, static_cast<std::size_t>(n));
      const auto line = input.find('\n');
      if (line == input.npos) continue;
      const auto size = std::stoul(input);
      if (input.size() < line + 1 + size) continue;
      here_.give_sdp(input.substr(line + 1, size));
      input.erase(0, line + 1 + size);
    }
  }

  Peer& here_;
  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  std::thread reader_;
};

// The peer here, which offers, and one elsewhere. Each notices a loss after `retries` × 6 s.
struct WithAnotherProcess {
  explicit WithAnotherProcess(bool reconnect, std::uint8_t retries = 1)
      : other((prepare(cat, reconnect, retries), cat)) {}
  static void prepare(Peer& cat, bool reconnect, std::uint8_t retries) {
    signal(SIGPIPE, SIG_IGN);
    cat.cfg.no_auto_reconnect = !reconnect;
    cat.ext.base.keep_role = true;
    cat.ext.base.alive_binding_retries = retries;
  }
  void connect() {
    ASSERT_EQ(cat.open(ESP_PEER_ROLE_CONTROLLING), ESP_PEER_ERR_NONE);
    ASSERT_EQ(esp_peer_new_connection(cat.handle), ESP_PEER_ERR_NONE);
    cat.run();
    ASSERT_TRUE(cat.wait_state(ESP_PEER_STATE_DATA_CHANNEL_OPENED));
  }
  // Says something, and hears it back.
  bool echoes(Milliseconds limit = patience) {
    cat.forget();
    return cat.send("echo") == ESP_PEER_ERR_NONE &&
           cat.wait_for([&] { return !cat.messages.empty(); }, limit);
  }

  Peer cat;
  OtherProcess other;
};

}  // namespace esp_peer::test
