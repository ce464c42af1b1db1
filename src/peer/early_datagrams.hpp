// DTLS datagrams that came before we could use them. Every other native stack drops them and then
// waits a second for the retransmission; a few kilobytes of patience take that second away.
#pragma once
#include <cstdint>

#include "base/address.hpp"
#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/state_hash.hpp"

namespace esp_peer::peer {

class EarlyDatagrams {
 public:
  static constexpr std::size_t max_per_route = 4;
  static constexpr std::size_t max_bytes_per_route = 4096;
  static constexpr std::size_t max_routes = 3;
  static constexpr Duration lifetime = seconds(5);

  explicit EarlyDatagrams(Memory& memory) : memory_(memory), held_(memory) {}

  // Keeps a copy, or says false: the newest is dropped at each bound. The caller has made sure that
  // the peer behind `route` knows our password.
  bool hold(Instant now, const Route& route, Bytes datagram);
  void drop_expired(Instant now);
  void clear() { held_.clear(); }

  // The oldest one, given out; empty when none is left.
  Buffer take();

  bool empty() const { return held_.empty(); }
  std::optional<Instant> next_deadline() const;
  void hash_state(StateHash& hash) const;

 private:
  struct Held {
    Route route;
    Instant expires;
    Buffer datagram;
  };
  Memory& memory_;
  Deque<Held> held_;  // at most max_routes × max_per_route
};

}  // namespace esp_peer::peer
