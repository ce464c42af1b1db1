// What every part of RTP speaks of.
#pragma once
#include <cstdint>

#include "base/bytes.hpp"

namespace esp_peer::rtp {

// The name of a source: its packets count their own sequence [rfc3550#3].
enum class Ssrc : std::uint32_t {};

inline void write(Writer& out, Ssrc ssrc) { out.u32(static_cast<std::uint32_t>(ssrc)); }

}  // namespace esp_peer::rtp
