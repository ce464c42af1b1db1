// Puts the packets of one source back into their order. What comes in order goes out at once; what
// comes behind a gap waits for it, but never longer than it may.
#pragma once
#include <cstdint>
#include <optional>

#include "base/containers.hpp"
#include "base/state_hash.hpp"
#include "base/time.hpp"

namespace esp_peer::rtp {

struct JitterOptions {
  Duration longest_hold = milliseconds(100);
  std::size_t most_bytes = 100'000;  // with `bookkeeping` for each packet
};

class JitterBuffer {
 public:
  struct Frame {
    std::uint32_t timestamp = 0;
    Buffer payload;
  };
  static constexpr std::size_t bookkeeping = 64;

  JitterBuffer(const JitterOptions& options, Memory& memory)
      : options_(options), memory_(memory), held_(memory) {}

  // Copies the payload. False for one that comes twice or too late, and when there is no memory.
  // Above the bound the gap in front is given up, then the oldest that nobody has fetched.
  bool insert(Instant now, std::uint64_t sequence, std::uint32_t timestamp, Bytes payload);
  // The source has begun anew with this number, which is above all before: what is held goes out
  // first.
  void restart(std::uint64_t sequence) { released_ = sequence + 1; }
  // Nothing more will come: what is held waits for nobody.
  void release() { released_ = held_.empty() ? released_ : held_.back().sequence + 1; }
  void on_deadline(Instant now);
  // The next frame that has waited enough.
  std::optional<Frame> take();

  // insert() would take it: it comes neither twice nor too late.
  bool wants(std::uint64_t sequence) const;
  std::optional<Instant> next_deadline() const;
  std::size_t held() const { return held_.size(); }
  void hash_state(StateHash& hash) const;

 private:
  struct Held {
    std::uint64_t sequence = 0;
    Instant arrived{};
    Frame frame;
  };
  static std::size_t cost(const Held& held) { return held.frame.payload.size() + bookkeeping; }
  bool ready(const Held& held) const { return held.sequence == next_ || held.sequence < released_; }
  void drop_unfetched();
  void release_above_bound();

  JitterOptions options_;
  Memory& memory_;
  Vector<Held> held_;  // in their order; at most most_bytes, and one packet that is about to go
  std::size_t bytes_ = 0;
  std::uint64_t next_ = 0;      // goes out next if it comes; 0 before the first
  std::uint64_t released_ = 0;  // gaps below this number are given up
};

}  // namespace esp_peer::rtp
