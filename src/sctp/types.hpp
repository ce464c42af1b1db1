// What both halves of an association and its users speak of.
#pragma once
#include <cstdint>

#include "base/containers.hpp"

namespace esp_peer::sctp {

enum class StreamId : std::uint16_t {};
enum class Ppid : std::uint32_t {};

struct Message {
  StreamId stream{};
  Ppid ppid{};
  bool unordered = false;
  Buffer body;
};

// Bytes that a message or fragment costs us beside its own, counted in every bound.
inline constexpr std::size_t bookkeeping = 64;

}  // namespace esp_peer::sctp
