// Audio in descriptions: codecs and their payload types, who sends to whom [rfc3264#6.1, rfc8829#5,
// rfc3551#6].
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/containers.hpp"

namespace esp_peer::sdp {

struct Media;

// In the order of esp_peer_audio_codec_t, so that the C facade casts.
enum class AudioCodec : std::uint8_t { none, g711a, g711u, opus };

// Of the side that says it. The two lower bits are those of esp_peer_media_dir_t.
enum class Direction : std::uint8_t { inactive = 0, sendonly = 1, recvonly = 2, sendrecv = 3 };
constexpr bool sends(Direction d) { return (static_cast<unsigned>(d) & 1) != 0; }
constexpr bool receives(Direction d) { return (static_cast<unsigned>(d) & 2) != 0; }
// The same, as the other side would say it.
constexpr Direction mirrored(Direction d) {
  return static_cast<Direction>((sends(d) ? 2 : 0) | (receives(d) ? 1 : 0));
}
// What both sides allow, each in its own words, in ours [rfc3264#6.1].
constexpr Direction agreed(Direction ours, Direction theirs) {
  return static_cast<Direction>(static_cast<unsigned>(ours) &
                                static_cast<unsigned>(mirrored(theirs)));
}

struct AudioFormat {
  AudioCodec codec = AudioCodec::none;
  std::uint8_t payload_type = 0;  // 0…63, 96…127: the others are RTCP's [rfc5761#4]
  std::uint8_t channels = 1;
  std::uint32_t clock_rate = 8000;  // of the RTP timestamps
  friend bool operator==(const AudioFormat&, const AudioFormat&) = default;
};
// What we call it in an offer.
AudioFormat offered_format(AudioCodec codec);

inline constexpr std::size_t max_ssrcs = 4;  // of one section; further ones are ignored
using Ssrcs = FixedVector<std::uint32_t, max_ssrcs>;

// The peer's audio section.
struct RemoteAudio {
  std::size_t section = 0;  // its index
  std::string_view mid;
  AudioFormat format;                         // the first of its own that we speak
  Direction direction = Direction::sendrecv;  // the peer's
  bool reduced_rtcp = false;                  // a=rtcp-rsize [rfc5506]
  Ssrcs ssrcs;                                // those it announces; others may come all the same
};

// Reads the lines of a section: nothing where it has not this codec, or is not of RTP, or wants
// RTCP on a port of its own. `bundled`: which is never the case in a bundle [rfc9143#9.3].
std::optional<RemoteAudio> read_audio(const Media& section, AudioCodec codec, bool bundled);
bool is_rtp(const Media& section);
// What stands behind "a=rtpmap:" for this format, "111 opus/48000/2"; printable, empty if nothing.
std::string_view rtpmap_of(const Media& section, std::string_view format);

}  // namespace esp_peer::sdp
