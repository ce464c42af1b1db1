// One direction of a path: what happens to a datagram between its two ends.
#pragma once
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "sim/random.hpp"

namespace esp_peer::sim {

struct Outage {
  Instant from, until;
};

struct LinkOptions {
  Duration delay = milliseconds(10);
  Duration jitter{0};    // on top of the delay, uniform
  bool reorder = false;  // jitter lets datagrams overtake each other
  double loss = 0;       // of each datagram by itself
  // Gilbert and Elliott: from the good state into the bad one, back, and what is lost there.
  double burst_begin = 0, burst_end = 0.3, burst_loss = 1;
  double duplication = 0;
  int copies = 1;                  // of every datagram
  double corruption = 0;           // some bits are flipped, and no checksum below us notices
  std::int64_t rate = 0;           // bytes a second; 0 = any
  std::int64_t queue = 64 * 1024;  // bytes that may wait for the rate; further ones are lost
  std::size_t mtu = 1472;          // of the UDP payload; a larger datagram is lost without a word
  std::vector<Outage> outages{};
};

class Link {
 public:
  struct Arrival {
    Instant at;
    std::vector<std::byte> bytes;
  };
  Link(const LinkOptions& options, Rng rng) : options_(options), rng_(rng) {}

  // The copies that arrive; none when it is lost.
  std::vector<Arrival> carry(Instant now, Bytes datagram);

  LinkOptions& options() { return options_; }

 private:
  bool lost(Instant now, std::size_t size);
  Instant leaves_queue(Instant now, std::size_t size);
  Arrival arrival(Instant leaves, Bytes datagram);

  LinkOptions options_;
  Rng rng_;
  bool bad_ = false;
  Instant busy_until_{}, last_arrival_{};
};

}  // namespace esp_peer::sim
