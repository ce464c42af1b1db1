// Video as one side wants it, and as both have agreed on it.
#pragma once
#include <cstdint>

#include "base/containers.hpp"
#include "peer/negotiated_stream.hpp"
#include "sdp/video.hpp"

namespace esp_peer::peer {

// What the application asks for. Size and rate make the level that we offer.
struct VideoOptions {
  sdp::VideoCodec codec = sdp::VideoCodec::none;  // none: no video
  sdp::Direction direction = sdp::Direction::sendrecv;
  std::uint32_t width = 0, height = 0, frames_per_second = 0;
};

// Valid from the moment on that our description or the peer's, whichever came last, says so.
struct NegotiatedVideo : NegotiatedStream {
  static constexpr std::uint32_t clock_rate = 90'000;  // of every codec [rfc6184#8.1, rfc2435#3]
  sdp::VideoFormat format;                             // what we send: the peer's payload types
  // What may come: also by the numbers that an offer of ours gave it [rfc3264#6.1].
  FixedVector<sdp::VideoFormat, 2> accepted;
  std::uint32_t local_rtx_ssrc = 0;
  sdp::RtxPairs rtx_pairs;
};

}  // namespace esp_peer::peer
