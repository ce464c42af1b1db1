// Audio as one side wants it, and as both have agreed on it.
#pragma once
#include <cstdint>

#include "base/containers.hpp"
#include "sdp/audio.hpp"

namespace esp_peer::peer {

// What the application asks for.
struct AudioOptions {
  sdp::AudioCodec codec = sdp::AudioCodec::none;  // none: no audio
  sdp::Direction direction = sdp::Direction::sendrecv;
  std::uint32_t sample_rate = 0;  // of the application's codec; no concern of the wire
  std::uint8_t channels = 0;
};

// Valid from the moment on that our description or the peer's, whichever came last, says so.
struct NegotiatedAudio {
  sdp::AudioFormat format;  // what we send: the peer's payload type, and the clock of its pts
  // What may come: also by the number that our own offer gave it [rfc3264#6.1].
  FixedVector<std::uint8_t, 2> accepted_payload_types;
  sdp::OpusParameters opus;  // the peer's
  sdp::Direction direction = sdp::Direction::inactive;  // ours, as both allow it
  std::uint32_t local_ssrc = 0;
  FixedString<16> cname;      // ours, one for all our streams [rfc8834#4.9]
  sdp::Ssrcs remote_ssrcs;    // announced ones; others may come all the same [rfc8834#4.7]
  bool reduced_rtcp = false;  // both sides take RTCP of reduced size [rfc5506]
  // How the peer's packets say that they are of this section [rfc9143#9.2].
  FixedString<16> mid;
  sdp::StreamExtensions extensions;
};

}  // namespace esp_peer::peer
