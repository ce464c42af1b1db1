// Video in descriptions: codecs and their payload types, what may be asked of a sender
// [rfc6184#8, rfc2435, rfc4585#4.2, rfc4588#8].
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "sdp/rtp_section.hpp"

namespace esp_peer::sdp {

// In the order of esp_peer_video_codec_t, so that the C facade casts.
enum class VideoCodec : std::uint8_t { none, h264, mjpeg };

struct VideoFormat {
  VideoCodec codec = VideoCodec::none;
  std::uint8_t payload_type = 0;
  std::optional<std::uint8_t> rtx_payload_type;  // lost packets are repeated in a stream of its own
  bool fragments = true;                         // H.264: packetization-mode 1
  bool nack = false, pli = false, fir = false;   // what a receiver may ask with
  std::uint32_t profile_level_id = 0x42E01F;     // H.264 [rfc6184#8.1]
  friend bool operator==(const VideoFormat&, const VideoFormat&) = default;
};
// What we call it in an offer.
VideoFormat offered_format(VideoCodec codec);

// The peer's video section.
struct RemoteVideo {
  std::size_t section = 0;  // its index
  std::string_view mid;
  VideoFormat format;  // of its own that we speak, the one that suits us best
  Direction direction = Direction::sendrecv;  // the peer's
  bool reduced_rtcp = false;                  // a=rtcp-rsize [rfc5506]
  Ssrcs ssrcs;                                // those it announces; others may come all the same
  RtxPairs rtx_pairs;
  StreamExtensions extensions;
};

// Reads the lines of a section: nothing where it has not this codec, or is not of RTP, or wants
// RTCP on a port of its own. `bundled`: which is never the case in a bundle [rfc9143#9.3].
std::optional<RemoteVideo> read_video(const Media& section, VideoCodec codec, bool bundled);

}  // namespace esp_peer::sdp
