// What may stand between two peers of one machine: a wire that carries, changes, records and cuts,
// and a STUN server. Each is a thread with sockets on loopback.
#pragma once
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sim/default_address.hpp"

namespace esp_peer::test {

// The value behind this prefix, to the end of its line.
inline std::string line_of(const std::string& sdp, const std::string& prefix) {
  const auto at = sdp.find(prefix);
  if (at == sdp.npos) return "";
  const auto begin = at + prefix.size();
  return sdp.substr(begin, sdp.find_first_of("\r\n", begin) - begin);
}

// Every line that begins with this prefix, and the description without them.
inline std::vector<std::string> take_lines(std::string& sdp, const std::string& prefix) {
  std::vector<std::string> lines;
  for (auto at = sdp.find(prefix); at != sdp.npos; at = sdp.find(prefix)) {
    lines.push_back(sdp.substr(at, sdp.find_first_of("\r\n", at) - at));
    sdp.erase(at, sdp.find('\n', at) + 1 - at);
  }
  return lines;
}

// The description of one whose candidates come later: nothing in it is an address.
inline std::string without_candidates(std::string sdp,
                                      std::vector<std::string>* candidates = nullptr) {
  auto lines = take_lines(sdp, "a=candidate:");
  take_lines(sdp, "a=end-of-candidates");
  if (candidates) *candidates = std::move(lines);
  return sim::without_default_address(std::move(sdp));
}

// A UDP socket on 127.0.0.1.
class LocalSocket {
 public:
  LocalSocket() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const sockaddr_in any = at(0);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&any), sizeof(any)), 0);
    sockaddr_in bound{};
    socklen_t size = sizeof(bound);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &size);
    port_ = ntohs(bound.sin_port);
  }
  LocalSocket(const LocalSocket&) = delete;
  ~LocalSocket() { ::close(fd_); }

  void send(std::uint16_t to, const std::string& datagram) {
    const sockaddr_in address = at(to);
    sendto(fd_, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&address),
           sizeof(address));
  }
  // False when nothing is there.
  bool receive(std::string& datagram, std::uint16_t& from) {
    char buffer[65'536];
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    const auto n =
        recvfrom(fd_, buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&address), &size);
    if (n < 0) return false;
    datagram.assign(buffer, static_cast<std::size_t>(n));
    from = ntohs(address.sin_port);
    return true;
  }
  int fd() const { return fd_; }
  std::uint16_t port() const { return port_; }

 private:
  static sockaddr_in at(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  int fd_;
  std::uint16_t port_ = 0;
};

// Two peers that know each other by this wire's addresses alone, as behind a NAT each.
class Wire {
 public:
  enum Side { cat, sheep };

  Wire() : thread_([this] { run(); }) {}
  Wire(const Wire&) = delete;
  ~Wire() {
    stop_ = true;
    thread_.join();
  }

  // The description of this side as the other one is to see it: its first candidate is ours.
  std::string carry(Side from, std::string sdp) {
    auto candidates = take_lines(sdp, "a=candidate:");
    EXPECT_FALSE(candidates.empty());
    if (candidates.empty()) return sdp;
    std::string& line = candidates.front();
    const auto address = line.find("127.0.0.1 ");
    EXPECT_NE(address, line.npos) << line;
    const auto port = address + 10, end = line.find(' ', port);
    reachable_at(from, static_cast<std::uint16_t>(std::stoul(line.substr(port, end - port))));
    line.replace(port, end - port, std::to_string(outside(from)));
    return sdp + line + "\r\n";
  }
  // What comes to outside(side) goes on to this port.
  void reachable_at(Side side, std::uint16_t port) { inside_[side] = port; }
  // The port at which the other side finds this one.
  std::uint16_t outside(Side side) {
    const std::lock_guard lock(mutex_);
    return sockets_[side]->port();
  }
  // Datagrams of which this says so do not arrive. Asked in the wire's thread.
  void lose(std::function<bool(Side from, const std::string&)> loses) {
    const std::lock_guard lock(mutex_);
    loses_ = std::move(loses);
  }
  void cut() { cut_ = true; }
  // From now on what this side sends is lost where it begins with this byte [rfc7983#7].
  void lose(Side from, std::uint8_t first) {
    lose([from, first](Side who, const std::string& datagram) {
      return who == from && datagram.starts_with(static_cast<char>(first));
    });
  }
  // What this side sends from now on is changed so on its way.
  void change(Side from, std::function<void(std::string&)> how) {
    const std::lock_guard lock(mutex_);
    change_[from] = std::move(how);
  }
  void mend() { cut_ = false; }
  // As a NAT that has forgotten this side: it gets another port, and at the old one is nobody.
  void rebind(Side side) {
    auto fresh = std::make_unique<LocalSocket>();
    const std::lock_guard lock(mutex_);
    fresh_[side] = std::move(fresh);
  }

  // All that this side has sent.
  std::vector<std::string> sent_by(Side side) {
    const std::lock_guard lock(mutex_);
    return sent_[side];
  }

 private:
  void run() {
    while (!stop_) {
      for (const Side side : {cat, sheep}) take_fresh(side);
      pollfd polls[2] = {{sockets_[cat]->fd(), POLLIN, 0}, {sockets_[sheep]->fd(), POLLIN, 0}};
      poll(polls, 2, 20);
      for (const Side to : {cat, sheep}) forward(to, to == cat ? sheep : cat);
    }
  }
  void take_fresh(Side side) {
    const std::lock_guard lock(mutex_);
    if (fresh_[side]) sockets_[side] = std::move(fresh_[side]);
  }
  void forward(Side to, Side from) {
    std::string datagram;
    std::uint16_t source = 0;
    while (sockets_[to]->receive(datagram, source)) {
      bool lost = cut_;
      {
        const std::lock_guard lock(mutex_);
        sent_[from].push_back(datagram);
        if (change_[from]) change_[from](datagram);
        lost = lost || (loses_ && loses_(from, datagram));
      }
      if (!lost && inside_[to] != 0) sockets_[from]->send(inside_[to], datagram);
    }
  }

  // Changed by the thread alone, under the mutex.
  std::unique_ptr<LocalSocket> sockets_[2] = {std::make_unique<LocalSocket>(),
                                              std::make_unique<LocalSocket>()};
  std::unique_ptr<LocalSocket> fresh_[2];
  std::atomic<std::uint16_t> inside_[2] = {0, 0};
  std::atomic<bool> stop_ = false, cut_ = false;
  std::mutex mutex_;
  std::vector<std::string> sent_[2];
  std::function<void(std::string&)> change_[2];
  std::function<bool(Side, const std::string&)> loses_;
  std::thread thread_;
};

// Answers Binding requests [rfc8489#7.3.1], with the address it is told to see.
class StunServer {
 public:
  // 0: the port that a request really comes from.
  explicit StunServer(std::uint16_t mapped_port = 0)
      : mapped_port_(mapped_port), thread_([this] { run(); }) {}
  StunServer(const StunServer&) = delete;
  ~StunServer() {
    stop_ = true;
    thread_.join();
  }
  std::string url(const std::string& host = "127.0.0.1") const {
    return "stun:" + host + ":" + std::to_string(socket_.port());
  }
  int requests() const { return requests_; }

 private:
  void run() {
    while (!stop_) {
      pollfd polls{socket_.fd(), POLLIN, 0};
      poll(&polls, 1, 20);
      std::string request;
      std::uint16_t from = 0;
      while (socket_.receive(request, from)) answer(request, from);
    }
  }
  void answer(const std::string& request, std::uint16_t from) {
    if (request.size() < 20 || request[0] != 0 || request[1] != 1) return;
    ++requests_;
    const std::uint16_t port = mapped_port_ != 0 ? mapped_port_ : from;
    const std::uint8_t mapped[] = {0x00,
                                   0x20,
                                   0,
                                   8,  // XOR-MAPPED-ADDRESS
                                   0x00,
                                   0x01,  // IPv4
                                   static_cast<std::uint8_t>(port >> 8 ^ 0x21),
                                   static_cast<std::uint8_t>((port & 0xFF) ^ 0x12),
                                   127 ^ 0x21,
                                   0 ^ 0x12,
                                   0 ^ 0xA4,
                                   1 ^ 0x42};
    std::string response("\x01\x01\x00\x0c", 4);
    response += request.substr(4, 16);
    response.append(reinterpret_cast<const char*>(mapped), sizeof(mapped));
    socket_.send(from, response);
  }

  LocalSocket socket_;
  const std::uint16_t mapped_port_;
  std::atomic<int> requests_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace esp_peer::test
