// Audio in descriptions: codecs and their payload types, who sends to whom [rfc3264#6.1, rfc8829#5,
// rfc3551#6].
#pragma once
#include <cstdint>
#include <optional>

#include "sdp/rtp_section.hpp"

namespace esp_peer::sdp {

// In the order of esp_peer_audio_codec_t, so that the C facade casts.
enum class AudioCodec : std::uint8_t { none, g711a, g711u, opus };

struct AudioFormat {
  AudioCodec codec = AudioCodec::none;
  std::uint8_t payload_type = 0;    // 0…63, 96…127: the others are RTCP's [rfc5761#4]
  std::uint32_t clock_rate = 8000;  // of the RTP timestamps
  friend bool operator==(const AudioFormat&, const AudioFormat&) = default;
};
// What we call it in an offer.
AudioFormat offered_format(AudioCodec codec);

// What one end says of Opus: what it likes to get, and (sprop) of what it gives. The other end's
// words are another matter [rfc7587#6.1, #7.1].
struct OpusParameters {
  bool stereo = false;        // else it MUST be given one channel
  bool sprop_stereo = false;  // two are likely
  bool constant_bitrate = false, in_band_fec = false, discontinuous = false;
  std::uint32_t max_playback_rate = 48'000;  // Hz
  std::uint32_t max_average_bitrate = 0;     // bit/s; 0 = none named
  friend bool operator==(const OpusParameters&, const OpusParameters&) = default;
};

// The peer's audio section.
struct RemoteAudio : RemoteStream {
  AudioFormat format;   // the first of its own that we speak
  OpusParameters opus;  // the peer's
};

// Reads the lines of a section: nothing where it has not this codec, or nothing that read_stream()
// takes.
std::optional<RemoteAudio> read_audio(const Media& section, AudioCodec codec, bool bundled);

}  // namespace esp_peer::sdp
