// Measures ourselves through the C API; bench/run.mjs reads the one line of JSON that comes out.
//
//   bench_peer connect N       two peers of one process, from nothing to a channel open on both
//   bench_peer pingpong N      64 bytes there and back, N times
//   bench_peer memory N        N pairs connected and idle
//   bench_peer send SIZE COUNT CACHE | receive COUNT CACHE
//                              two processes; descriptions go over standard input and output, a
//                              line each, with line ends written as "\n"
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "esp_peer_ext.h"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration;

double cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}
double since(Clock::time_point begin) { return duration<double>(Clock::now() - begin).count(); }
double percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(p * static_cast<double>(values.size())))];
}

struct Peer {
  explicit Peer(esp_peer_role_t role, std::uint32_t cache = 0, std::uint16_t wait_ms = 100) {
    esp_peer_ext_cfg_t ext{};
    ext.magic = ESP_PEER_EXT_MAGIC;
    ext.size = sizeof(ext);
    ext.loopback_only = true;
    ext.base.agent_recv_timeout = wait_ms;
    ext.base.data_ch_cfg.send_cache_size = ext.base.data_ch_cfg.recv_cache_size = cache;
    esp_peer_cfg_t cfg{};
    cfg.role = role;
    cfg.enable_data_channel = true;
    cfg.no_auto_reconnect = true;
    cfg.extra_cfg = &ext;
    cfg.extra_size = sizeof(ext);
    cfg.ctx = this;
    cfg.on_msg = [](esp_peer_msg_t* msg, void* ctx) {
      auto& self = *static_cast<Peer*>(ctx);
      if (self.other) return esp_peer_send_msg(self.other->handle, msg);
      std::string line(reinterpret_cast<const char*>(msg->data),
                       static_cast<std::size_t>(msg->size));
      for (std::size_t at = 0; (at = line.find_first_of("\r\n", at)) != line.npos; at += 2) {
        line.replace(at, 1, line[at] == '\r' ? "\\r" : "\\n");
      }
      std::cout << line << std::endl;
      return 0;
    };
    cfg.on_channel_open = [](esp_peer_data_channel_info_t*, void* ctx) {
      static_cast<Peer*>(ctx)->open = true;
      return 0;
    };
    cfg.on_data = [](esp_peer_data_frame_t* frame, void* ctx) {
      auto& self = *static_cast<Peer*>(ctx);
      if (self.echo) esp_peer_send_data(self.handle, frame);
      ++self.received;
      return 0;
    };
    if (esp_peer_open(&cfg, esp_peer_get_default_impl(), &handle) != ESP_PEER_ERR_NONE)
      std::exit(1);
  }
  Peer(const Peer&) = delete;
  ~Peer() {
    stop();
    esp_peer_close(handle);
  }
  void run() {
    running = true;
    loop = std::thread([this] {
      while (running) esp_peer_main_loop(handle);
    });
  }
  void stop() {
    running = false;
    if (loop.joinable()) loop.join();
  }
  int send(const std::vector<std::uint8_t>& body) {
    esp_peer_data_frame_t frame{};
    frame.type = ESP_PEER_DATA_CHANNEL_DATA;
    frame.data = const_cast<std::uint8_t*>(body.data());
    frame.size = static_cast<int>(body.size());
    return esp_peer_send_data(handle, &frame);
  }
  esp_peer_handle_t handle = nullptr;
  Peer* other = nullptr;
  bool echo = false;
  std::atomic<bool> open{false}, running{false};
  std::atomic<std::uint64_t> received{0};
  std::thread loop;
};

struct Pair {
  explicit Pair(std::uint16_t wait_ms = 100)
      : cat(ESP_PEER_ROLE_CONTROLLING, 0, wait_ms), sheep(ESP_PEER_ROLE_CONTROLLED, 0, wait_ms) {
    cat.other = &sheep;
    sheep.other = &cat;
  }
  void connect() {
    esp_peer_new_connection(sheep.handle);
    esp_peer_new_connection(cat.handle);
    cat.run();
    sheep.run();
    const auto begin = Clock::now();
    while (!(cat.open && sheep.open)) {
      if (since(begin) > 20) std::exit(2);
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
  Peer cat, sheep;
};

void connect(int count) {
  std::vector<double> ms;
  const double cpu = cpu_seconds();
  for (int i = 0; i < count; ++i) {
    const auto begin = Clock::now();
    Pair pair;
    pair.connect();
    ms.push_back(since(begin) * 1e3);
    esp_peer_disconnect(pair.cat.handle);
    esp_peer_disconnect(pair.sheep.handle);
  }
  std::printf("{\"median_ms\":%.3f,\"worst_ms\":%.3f,\"cpu_ms\":%.3f}\n", percentile(ms, 0.5),
              percentile(ms, 1), (cpu_seconds() - cpu) * 1e3 / count);
}

void pingpong(int count) {
  Pair pair;
  pair.sheep.echo = true;
  pair.connect();
  const std::vector<std::uint8_t> ball(64);
  std::vector<double> us;
  for (int i = 0; i < count; ++i) {
    const auto begin = Clock::now();
    pair.cat.send(ball);
    while (pair.cat.received <= static_cast<std::uint64_t>(i)) {
      if (since(begin) > 5) std::exit(3);
      std::this_thread::yield();
    }
    us.push_back(since(begin) * 1e6);
  }
  std::printf("{\"p50_us\":%.1f,\"p99_us\":%.1f}\n", percentile(us, 0.5), percentile(us, 0.99));
}

long resident_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::atol(line.c_str() + 6);
  }
  return 0;
}

// One thread runs all: a thread each would measure stacks.
void memory(int count) {
  std::vector<std::unique_ptr<Pair>> pairs;
  const auto settle = [&] {
    for (int i = 0; i < 5000; ++i) {
      bool all = true;
      for (const auto& p : pairs) {
        if (p->cat.open && p->sheep.open) continue;
        esp_peer_main_loop(p->cat.handle);
        esp_peer_main_loop(p->sheep.handle);
        all = false;
      }
      if (all) return;
    }
    std::exit(4);
  };
  const auto add = [&] {
    pairs.push_back(std::make_unique<Pair>(std::uint16_t{1}));
    esp_peer_new_connection(pairs.back()->sheep.handle);
    esp_peer_new_connection(pairs.back()->cat.handle);
  };
  add();
  settle();  // what the process pays once
  const std::size_t heap = mallinfo2().uordblks;
  const long rss = resident_kb();
  for (int i = 0; i < count; ++i) {
    add();
    settle();
  }
  settle();
  for (const auto begin = Clock::now(); since(begin) < 3;) {  // idle peers give back buffers
    for (const auto& p : pairs) {
      esp_peer_main_loop(p->cat.handle);
      esp_peer_main_loop(p->sheep.handle);
    }
  }
  std::printf("{\"heap_kb\":%.1f,\"rss_kb\":%.1f}\n",
              static_cast<double>(mallinfo2().uordblks - heap) / 1024 / (2 * count),
              static_cast<double>(resident_kb() - rss) / (2 * count));
}

void give_description(Peer& peer) {
  std::string line, text;
  std::getline(std::cin, line);
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) {
      text += line[++i] == 'r' ? '\r' : '\n';
    } else {
      text += line[i];
    }
  }
  esp_peer_msg_t msg{ESP_PEER_MSG_TYPE_SDP, reinterpret_cast<std::uint8_t*>(text.data()),
                     static_cast<int>(text.size())};
  if (esp_peer_send_msg(peer.handle, &msg) != ESP_PEER_ERR_NONE) std::exit(5);
}

void report(const char* role, Clock::time_point begin, double cpu) {
  std::fprintf(stderr, "{\"role\":\"%s\",\"seconds\":%.6f,\"cpu\":%.6f}\n", role, since(begin),
               cpu_seconds() - cpu);
}

void send(std::size_t size, std::uint64_t count, std::uint32_t cache) {
  Peer peer(ESP_PEER_ROLE_CONTROLLING, cache);
  esp_peer_new_connection(peer.handle);
  peer.run();
  give_description(peer);
  while (!peer.open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto begin = Clock::now();
  const double cpu = cpu_seconds();
  const std::vector<std::uint8_t> body(size, 7);
  for (std::uint64_t sent = 0; sent < count && since(begin) < 120;) {
    if (peer.send(body) == ESP_PEER_ERR_NONE) {
      ++sent;
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }
  while (peer.received == 0 && since(begin) < 120) {  // the receiver says that it has all
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  report("send", begin, cpu);
}

void receive(std::uint64_t count, std::uint32_t cache) {
  Peer peer(ESP_PEER_ROLE_CONTROLLED, cache);
  esp_peer_new_connection(peer.handle);
  peer.run();
  give_description(peer);
  while (!peer.open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto begin = Clock::now();
  const double cpu = cpu_seconds();
  while (peer.received < count && since(begin) < 120) {
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  report("receive", begin, cpu);
  peer.send(std::vector<std::uint8_t>(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return argc > i ? std::strtoull(argv[i], nullptr, 10) : 0; };
  if (what == "connect") {
    connect(static_cast<int>(number(2)));
  } else if (what == "pingpong") {
    pingpong(static_cast<int>(number(2)));
  } else if (what == "memory") {
    memory(static_cast<int>(number(2)));
  } else if (what == "send") {
    send(number(2), number(3), static_cast<std::uint32_t>(number(4)));
  } else if (what == "receive") {
    receive(number(2), static_cast<std::uint32_t>(number(3)));
  } else {
    std::fprintf(stderr, "bench_peer: no such measurement\n");
    return 2;
  }
  return 0;
}
