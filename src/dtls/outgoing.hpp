// What a DTLS library writes: an application record goes straight into the room of seal(), all else
// waits here, datagram by datagram, until it is fetched.
#pragma once
#include <algorithm>
#include <cstddef>

#include "base/containers.hpp"

namespace esp_peer::dtls {

// A repeat of a flight is of use until the answer comes. Libraries write it when they look for the
// answer, by timers of their own: so it is held until ours is over, and forgotten when they write
// anything else. Never does it share a datagram with another flight.
class Outgoing {
 public:
  Outgoing(Memory& memory, std::size_t mtu) : memory_(memory), mtu_(mtu), queue_(memory) {}

  // Application records go into `room` until it is taken back, which says the size of the last one.
  void lend(MutableBytes room) {
    room_ = room;
    sealed_ = 0;
  }
  std::size_t take_back() {
    room_ = {};
    return sealed_;
  }

  // A datagram of the library; an alert may come during seal(), too. False for an application
  // record without room.
  bool write(Bytes datagram) {
    constexpr std::byte handshake{22}, application_data{23};  // [rfc5246#6.2.1]
    if (datagram.empty()) return true;
    if (datagram[0] == application_data) {
      if (datagram.size() > room_.size()) return false;
      copy_bytes(datagram, room_);
      sealed_ = datagram.size();
      return true;
    }
    has_spoken_ = has_spoken_ || datagram[0] == handshake;
    push(datagram);
    return true;
  }

  // What is written from here to the end repeats the flight that went before, and is held.
  void begin_repeat() {
    forget_repeat();
    repeating_ = held_ = true;
  }
  void end_repeat() { repeating_ = false; }
  void release_repeat() { held_ = false; }
  void forget_repeat() {
    for (; repeats_ != 0; --repeats_) queue_.pop_back();
    held_ = false;
  }

  // OpenSSL repeats a flight message by message. Together in one datagram they share one fate, and
  // on a bad path the handshake needs less luck. The size; 0 = none, or no room.
  std::size_t write_datagram(MutableBytes out) {
    const bool first = queue_.size() != repeats_;
    std::size_t left = first ? queue_.size() - repeats_ : held_ ? 0 : repeats_;
    Writer w(out.first(std::min(out.size(), mtu_)));
    for (; left != 0 && queue_.front().size() <= w.room_left(); --left) {
      w.bytes(queue_.front().bytes());
      queue_.pop_front();
      if (!first) --repeats_;
    }
    return w.size();
  }

  bool holds_repeat() const { return held_; }
  // The library has written a handshake message.
  bool has_spoken() const { return has_spoken_; }
  std::size_t size() const { return queue_.size(); }

 private:
  // A flight is one or two datagrams, and each retransmission one a message.
  static constexpr std::size_t max_waiting = 16;

  // One that finds the queue full, or no memory, is lost like any other: it is sent again. None is
  // longer than the library was told.
  void push(Bytes datagram) {
    constexpr std::byte alert{21};  // [rfc5246#6.2.1] Of no flight.
    if (datagram[0] == alert) end_repeat();
    if (!repeating_) forget_repeat();
    if (queue_.size() == max_waiting || datagram.size() > mtu_) return;
    Buffer copy = Buffer::copy_of(memory_, datagram);
    if (!copy || !queue_.push_back(std::move(copy))) return;
    if (repeating_) ++repeats_;
  }

  Memory& memory_;
  std::size_t mtu_;
  MutableBytes room_;  // lent
  std::size_t sealed_ = 0;
  Deque<Buffer> queue_;      // at most max_waiting
  std::size_t repeats_ = 0;  // of these, the last
  bool repeating_ = false, held_ = false, has_spoken_ = false;
};

}  // namespace esp_peer::dtls
