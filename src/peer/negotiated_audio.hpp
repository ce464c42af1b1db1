// Audio as one side wants it, and as both have agreed on it.
#pragma once
#include <cstdint>

#include "base/containers.hpp"
#include "peer/negotiated_stream.hpp"
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
struct NegotiatedAudio : NegotiatedStream {
  sdp::AudioFormat format;  // what we send: the peer's payload type, and the clock of its pts
  // What may come: also by the number that an offer of ours gave it [rfc3264#6.1].
  FixedVector<std::uint8_t, 2> accepted_payload_types;
  sdp::OpusParameters opus;  // the peer's
};

}  // namespace esp_peer::peer
