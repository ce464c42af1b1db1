// Audio in descriptions: codecs and their payload types, who sends to whom [rfc3264#6.1, rfc8829#5,
// rfc3551#6].
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "sdp/rtp_section.hpp"

namespace esp_peer::sdp {

// In the order of esp_peer_audio_codec_t, so that the C facade casts.
enum class AudioCodec : std::uint8_t { none, g711a, g711u, opus };

struct AudioFormat {
  AudioCodec codec = AudioCodec::none;
  std::uint8_t payload_type = 0;  // 0…63, 96…127: the others are RTCP's [rfc5761#4]
  std::uint8_t channels = 1;
  std::uint32_t clock_rate = 8000;  // of the RTP timestamps
  friend bool operator==(const AudioFormat&, const AudioFormat&) = default;
};
// What we call it in an offer.
AudioFormat offered_format(AudioCodec codec);

// The peer's audio section.
struct RemoteAudio {
  std::size_t section = 0;  // its index
  std::string_view mid;
  AudioFormat format;                         // the first of its own that we speak
  Direction direction = Direction::sendrecv;  // the peer's
  bool reduced_rtcp = false;                  // a=rtcp-rsize [rfc5506]
  Ssrcs ssrcs;                                // those it announces; others may come all the same
  StreamExtensions extensions;
};

// Reads the lines of a section: nothing where it has not this codec, or is not of RTP, or wants
// RTCP on a port of its own. `bundled`: which is never the case in a bundle [rfc9143#9.3].
std::optional<RemoteAudio> read_audio(const Media& section, AudioCodec codec, bool bundled);

}  // namespace esp_peer::sdp
