// Video as one side wants it, and as both have agreed on it.
#pragma once
#include <cstdint>

#include "base/containers.hpp"
#include "sdp/video.hpp"

namespace esp_peer::peer {

// What the application asks for. Size and rate are no concern of the wire.
struct VideoOptions {
  sdp::VideoCodec codec = sdp::VideoCodec::none;  // none: no video
  sdp::Direction direction = sdp::Direction::sendrecv;
  std::uint32_t width = 0, height = 0, frames_per_second = 0;
};

// Valid from the moment on that our description or the peer's, whichever came last, says so.
struct NegotiatedVideo {
  static constexpr std::uint32_t clock_rate = 90'000;  // of every codec [rfc6184#8.1, rfc2435#3]
  sdp::VideoFormat format;                             // what we send: the peer's payload types
  // What may come: also by the numbers that our own offer gave it [rfc3264#6.1].
  FixedVector<sdp::VideoFormat, 2> accepted;
  sdp::Direction direction = sdp::Direction::inactive;  // ours, as both allow it
  std::uint32_t local_ssrc = 0, local_rtx_ssrc = 0;
  FixedString<16> cname;      // ours, one for all our streams [rfc8834#4.9]
  bool reduced_rtcp = false;  // both sides take RTCP of reduced size [rfc5506]
  // How the peer's packets say that they are of this section [rfc9143#9.2].
  FixedString<16> mid;
  sdp::StreamExtensions extensions;
  sdp::Ssrcs remote_ssrcs;  // announced ones; others may come all the same [rfc8834#4.7]
  sdp::RtxPairs rtx_pairs;
};

}  // namespace esp_peer::peer
