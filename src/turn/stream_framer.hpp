// Finds TURN's messages in a byte stream: STUN messages and padded ChannelData, one behind the
// other [rfc8489#6.2.2, rfc8656#12.5].
#pragma once
#include <cstdint>

#include "base/bytes.hpp"
#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/state_hash.hpp"

namespace esp_peer::turn {

class StreamFramer {
 public:
  // A message that is larger is skipped: whoever may send to our relay may make the server send us
  // one of 64 KB, and the stream has to outlive it.
  static constexpr std::size_t max_message = 2048;

  explicit StreamFramer(Memory& memory) : memory_(memory) {}

  // Takes bytes from the front of `stream` up to the end of a message, and gives that message, with
  // its padding; empty when there is none yet, and then nothing of `stream` is left. It is valid
  // until the next call.
  MutableBytes take(MutableBytes& stream);

  // What came is no TURN, and nothing after it can be understood: close the stream. Also without
  // memory.
  bool broken() const { return broken_; }
  void hash_state(StateHash& hash) const;

 private:
  static constexpr std::size_t shortest_header = 4;  // ChannelData's, and of STUN the part with
                                                     // the length
  static std::size_t size_of(Bytes header);          // 0 = no message begins like this
  MutableBytes give_up(MutableBytes& stream);

  Memory& memory_;
  Buffer held_;  // the beginning of a message, max_message bytes; made when needed
  std::size_t held_size_ = 0;
  std::size_t to_skip_ = 0;  // of a message that is too large
  bool broken_ = false;
};

}  // namespace esp_peer::turn
