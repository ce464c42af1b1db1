// A page that talks to esp_peer: a test picture, a tone, your camera and a chat, in the browser of
// this machine.
//
//   browser_demo [--network] [PORT]
//   PORT        8080 by default; 0 takes any that is free
//   --network   media and data go over this machine's other addresses too: Firefox never sends them
//               to loopback. The page stays there.
//
// The page POSTs its offer to /offer and is given the answer. The program ends with Ctrl-C, and by
// itself after an hour.
#include <httplib.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "session.hpp"

namespace {

constexpr std::size_t most_sessions = 4;
constexpr std::size_t longest_offer = 64 * 1024;
constexpr std::chrono::hours longest_run{1};
constexpr const char* loopback = "127.0.0.1";

// Everybody who is here. HTTP comes in several threads.
class Sessions {
 public:
  Sessions(const TestPicture& film, bool loopback_only)
      : film_(film), loopback_only_(loopback_only) {}

  void on_offer(const httplib::Request& request, httplib::Response& response) {
    // No other page can send this type here without asking us first.
    if (request.get_header_value("Content-Type") != "application/sdp") {
      response.status = 415;
      return;
    }
    const std::lock_guard lock(mutex_);
    sessions_.remove_if([](const Session& session) { return session.is_over(); });
    if (sessions_.size() == most_sessions) {
      response.status = 503;
      return;
    }
    const auto answer = sessions_.emplace_back(film_, loopback_only_).answer(request.body);
    if (answer) {
      response.set_content(*answer, "application/sdp");
    } else {
      sessions_.pop_back();
      response.status = 400;
    }
  }

 private:
  const TestPicture& film_;
  const bool loopback_only_;
  std::mutex mutex_;
  std::list<Session> sessions_;  // at most most_sessions
};

// A name that somebody else has pointed at this machine is not ours.
bool names_us(const httplib::Request& request, int port) {
  const std::string host = request.get_header_value("Host"), at = ':' + std::to_string(port);
  return host == loopback + at || host == "localhost" + at;
}

struct Arguments {
  bool loopback_only = true;
  int port = 8080;
};
// Nothing where one is none.
std::optional<Arguments> read_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--network") {
      arguments.loopback_only = false;
      continue;
    }
    const auto [end, error] =
        std::from_chars(word.data(), word.data() + word.size(), arguments.port);
    if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    if (arguments.port < 0 || arguments.port > 65535) return std::nullopt;
  }
  return arguments;
}

// Of no thread that begins later either: main() waits for them.
sigset_t block_signals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  return ends;
}

// Until one of them comes, or for so long. Who is stopped and goes on (Ctrl-Z, fg) waits on.
void wait_for(const sigset_t& ends, std::chrono::seconds longest) {
  const auto until = Clock::now() + longest;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(until - Clock::now());
    const timespec time{std::max<time_t>(left.count(), 0), 0};
    if (sigtimedwait(&ends, nullptr, &time) >= 0 || errno != EINTR) return;
  }
}

// The port at which it is to be found, or nothing.
std::optional<int> bind(httplib::Server& server, int wanted) {
  // Not with another program together, as the library would have it.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  if (wanted != 0)
    return server.bind_to_port(loopback, wanted) ? std::optional(wanted) : std::nullopt;
  const int port = server.bind_to_any_port(loopback);
  return port > 0 ? std::optional(port) : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Arguments> arguments = read_arguments(argc, argv);
  if (!arguments) {
    std::fprintf(stderr, "usage: browser_demo [--network] [PORT]\n");
    return 2;
  }
  const TestPicture film(BROWSER_DEMO_DIR "/picture/test_picture.h264");
  if (film.empty()) {
    std::fprintf(stderr, "No test picture in " BROWSER_DEMO_DIR "/picture\n");
    return 1;
  }
  const sigset_t ends = block_signals();
  Sessions sessions(film, arguments->loopback_only);
  httplib::Server server;
  const std::optional<int> port = bind(server, arguments->port);
  if (!port) {
    std::fprintf(stderr, "Port %d is not free.\n", arguments->port);
    return 1;
  }
  server.set_payload_max_length(longest_offer);
  server.set_keep_alive_max_count(1);  // who is idle holds nobody up at the end
  server.set_pre_routing_handler([&](const httplib::Request& request, httplib::Response& response) {
    if (names_us(request, *port)) return httplib::Server::HandlerResponse::Unhandled;
    response.status = 403;
    return httplib::Server::HandlerResponse::Handled;
  });
  server.set_mount_point("/", BROWSER_DEMO_DIR "/page");
  server.Post("/offer", [&](const httplib::Request& request, httplib::Response& response) {
    sessions.on_offer(request, response);
  });

  std::thread http([&] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();  // or stop() would find nothing to stop
  std::printf("Open http://%s:%d/ in a browser of this machine. Ctrl-C ends it.\n", loopback,
              *port);
  std::fflush(stdout);
  wait_for(ends, longest_run);
  server.stop();
  http.join();
  return 0;
}
