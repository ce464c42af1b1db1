// Datagrams of a handshake that a library has written and nobody has fetched yet.
#pragma once
#include <algorithm>
#include <cstddef>

#include "base/containers.hpp"

namespace esp_peer::dtls {

class Outgoing {
 public:
  Outgoing(Memory& memory, std::size_t mtu) : memory_(memory), mtu_(mtu), queue_(memory) {}

  // One that finds the queue full, or no memory, is lost like any other: it is sent again.
  void push(Bytes datagram) {
    if (queue_.size() == max_waiting) return;
    Buffer copy = Buffer::copy_of(memory_, datagram);
    if (copy) static_cast<void>(queue_.push_back(std::move(copy)));
  }

  // OpenSSL repeats a flight message by message. Together in one datagram they share one fate, and
  // on a bad path the handshake needs less luck. The size; 0 = none, or no room.
  std::size_t write_datagram(MutableBytes out) {
    Writer w(out.first(std::min(out.size(), mtu_)));
    while (!queue_.empty() && (w.size() == 0 || queue_.front().size() <= w.room_left())) {
      w.bytes(queue_.front().bytes());
      queue_.pop_front();
    }
    return w.ok() ? w.size() : 0;
  }

  std::size_t size() const { return queue_.size(); }

 private:
  // A flight is one or two datagrams, and each retransmission one a message.
  static constexpr std::size_t max_waiting = 16;

  Memory& memory_;
  std::size_t mtu_;
  Deque<Buffer> queue_;  // at most max_waiting
};

}  // namespace esp_peer::dtls
