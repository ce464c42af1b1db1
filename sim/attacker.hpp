// Sends a peer what is worth nothing: noise, forgeries without a key, records of the peer's own
// with a bit flipped. None of it may change anything.
#pragma once
#include <map>
#include <vector>

#include "sim/peer.hpp"

namespace esp_peer::sim {

class Attacker {
 public:
  explicit Attacker(Rng rng) : rng_(rng) {}

  // Hears what is sent to a peer, to send it again with something wrong.
  void overhear(const Route& route, Bytes datagram);
  void attack(Peer& victim);

 private:
  struct Attempt {
    Route route;
    std::vector<std::byte> bytes;
    const char* what;
  };
  Attempt noise(const Route& route);
  Attempt forged_check(const Route& route);
  Attempt client_hello(const Route& route);
  bool spoil(const Peer& victim, std::vector<std::byte>& datagram);
  Route stranger(const Peer& victim);

  Rng rng_;
  std::vector<std::pair<Route, std::vector<std::byte>>> overheard_;  // the newest of a few
  std::size_t next_ = 0;
};

}  // namespace esp_peer::sim
