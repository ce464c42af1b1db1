// Video in descriptions: codecs and their payload types, what may be asked of a sender
// [rfc6184#8, rfc2435, rfc4585#4.2, rfc4588#8].
#pragma once
#include <cstdint>
#include <optional>

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
// The least level, as level_idc, that has room for such pictures; what is not known is 0. At least
// 3.1, which whoever answers is used to, and which every browser decodes.
std::uint8_t h264_level(std::uint32_t width, std::uint32_t height, std::uint32_t fps);
// What we call it in an offer.
VideoFormat offered_format(VideoCodec codec, std::uint8_t level = 31);

// The peer's video section.
struct RemoteVideo : RemoteStream {
  VideoFormat format;  // of its own that we speak, the one that suits us best
  // Of H.264. Where it names none, that is 0 in an offer, and what we offered in an answer.
  bool names_mode = false;
};

// Reads the lines of a section: nothing where it has not this codec, or nothing that read_stream()
// takes.
std::optional<RemoteVideo> read_video(const Media& section, VideoCodec codec, bool bundled);

}  // namespace esp_peer::sdp
