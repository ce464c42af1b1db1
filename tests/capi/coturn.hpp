// coturn, a TURN server that others have written, on loopback.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/capi/local_network.hpp"

namespace esp_peer::test {

class Coturn {
 public:
  // `more`: further lines of its configuration. Returns when it answers.
  explicit Coturn(const std::string& more = "lt-cred-mech\nuser=alice:secret\n") {
    char name[] = "/tmp/esp_peer_coturn_XXXXXX";
    folder_ = mkdtemp(name);
    std::ofstream(file("conf")) << "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nlistening-port="
                                << port() << "\nrealm=interop.test\nfingerprint\n"
                                << "allow-loopback-peers\nno-cli\nno-multicast-peers\n"
                                << "log-file=stdout\nsimple-log\npidfile=" << file("pid")
                                << "\nuserdb=" << file("users") << "\n"
                                << more;
    start();
  }
  Coturn(const Coturn&) = delete;
  ~Coturn() {
    stop();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void start() {
    const std::string config = file("conf"), log = file("log");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    // It ends with the test, however that ends.
    std::string arguments[] = {"setpriv", "--pdeathsig", "KILL", "turnserver", "-c", config};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const int failed = posix_spawnp(&pid_, "setpriv", &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ASSERT_EQ(failed, 0) << "is coturn installed?";
    ASSERT_TRUE(answers()) << said();
    ASSERT_EQ(waitpid(pid_, nullptr, WNOHANG), 0) << "another one has its port: " << said();
  }
  void stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  // Programs that run at once have one of their own each, below those that the kernel gives away.
  static std::uint16_t port() { return static_cast<std::uint16_t>(20'000 + getpid() % 10'000); }
  static std::string url() { return "turn:127.0.0.1:" + std::to_string(port()); }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  // What it has written, for a test that fails.
  std::string said() const {
    std::ostringstream text;
    text << std::ifstream(file("log")).rdbuf();
    return text.str();
  }

 private:
  // Binding requests, until one is answered.
  static bool answers() {
    LocalSocket socket;
    const std::string request(
        "\x00\x01\x00\x00\x21\x12\xA4\x42"
        "esp_peer_ask",
        20);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < end) {
      socket.send(port(), request);
      pollfd polls{socket.fd(), POLLIN, 0};
      std::string answer;
      std::uint16_t from = 0;
      if (poll(&polls, 1, 50) > 0 && socket.receive(answer, from)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // a refused one does not wait
    }
    return false;
  }

  std::string folder_;
  pid_t pid_ = -1;
};

}  // namespace esp_peer::test
