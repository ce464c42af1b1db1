// What both halves of an association and its users speak of.
#pragma once
#include <cstdint>

#include "base/containers.hpp"

namespace esp_peer::sctp {

enum class StreamId : std::uint16_t {};
enum class Ppid : std::uint32_t {};

// When a message is given up that did not get through [rfc3758, rfc8831#6.6]; the numbers are those
// of DCEP [rfc8832#5.1].
enum class Reliability : std::uint8_t { reliable, retransmits, lifetime };

struct SendOptions {
  bool unordered = false;
  Reliability reliability = Reliability::reliable;
  std::uint32_t limit = 0;  // retransmissions of a fragment, or milliseconds; 0 is a limit too
};

struct Message {
  StreamId stream{};
  Ppid ppid{};
  bool unordered = false;
  Buffer body;
  // No message: the peer begins this stream anew, and all that it said before has been read.
  bool reset = false;
  // No message: the peer has begun the whole association anew. Nothing of the old one comes behind
  // this, and what we sent that was not acknowledged is lost.
  bool restart = false;
};

// Bytes that a message or fragment costs us beside its own, counted in every bound.
inline constexpr std::size_t bookkeeping = 64;

}  // namespace esp_peer::sctp
