// Streams that speak, of one direction, and the number of the next message of each.
#pragma once
#include <cstdint>

#include "base/containers.hpp"

namespace esp_peer::sctp {

struct Stream {
  std::uint16_t id, next_ssn;
  std::uint32_t messages : 31;  // ours: that were taken and have not arrived
  std::uint32_t may_lose : 1;   // the peer's: it may give messages up
};

class Streams {
 public:
  // `most`: of them at once.
  Streams(Memory& memory, std::size_t most) : most_(most), streams_(memory) {}

  Stream* find(std::uint16_t id);
  const Stream* find(std::uint16_t id) const { return const_cast<Streams*>(this)->find(id); }
  // Adds one that has not spoken; nullptr without room.
  Stream* get(std::uint16_t id);
  void erase(std::uint16_t id);  // the next message is its first
  void clear() { streams_.clear(); }

  bool empty() const { return streams_.empty(); }
  std::uint16_t last_id() const { return streams_[streams_.size() - 1].id; }

 private:
  std::size_t place_of(std::uint16_t id) const;  // or where it would stand

  std::size_t most_;
  Vector<Stream> streams_;  // ascending; at most most_
};

}  // namespace esp_peer::sctp
