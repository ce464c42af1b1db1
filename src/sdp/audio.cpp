#include "sdp/audio.hpp"

#include <array>

#include "sdp/description.hpp"
#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

// The channels behind "opus/48000/2"; 0 for another encoding.
std::uint8_t channels_of(std::string_view encoding, AudioCodec codec) {
  switch (codec) {
    case AudioCodec::g711a:
      if (!take_name(encoding, "pcma/8000")) return 0;
      break;
    case AudioCodec::g711u:
      if (!take_name(encoding, "pcmu/8000")) return 0;
      break;
    case AudioCodec::opus:
      // [rfc7587#7] always so, whatever the stream holds
      return take_name(encoding, "opus/48000/2") && encoding.empty() ? 2 : 0;
    case AudioCodec::none:
      return 0;
  }
  return encoding.empty() || encoding == "/1" ? 1 : 0;
}

// Which payload types of a section mean our codec. Rows of the attributes are read once, and those
// of the m-line once: neither list has a bound but the length of the text.
class PayloadTypes {
 public:
  explicit PayloadTypes(AudioCodec codec) : codec_(codec) {
    // [rfc3551#6] These need no a=rtpmap.
    if (codec == AudioCodec::g711u) channels_[0] = 1;
    if (codec == AudioCodec::g711a) channels_[8] = 1;
  }
  void on_rtpmap(std::string_view value) {
    if (!is_printable(value)) return;
    const auto type = parse_payload_type(take_word(value));
    if (!type || mapped_[*type]) return;  // of two the first counts, as in rtpmap_of()
    mapped_[*type] = true;
    channels_[*type] = channels_of(first_word(value), codec_);
  }
  std::optional<AudioFormat> first_of(std::string_view formats) const {
    while (!formats.empty()) {
      const auto type = parse_payload_type(take_word(formats));
      if (!type || channels_[*type] == 0) continue;
      AudioFormat format = offered_format(codec_);
      format.payload_type = *type;
      format.channels = channels_[*type];
      return format;
    }
    return std::nullopt;
  }

 private:
  AudioCodec codec_;
  std::array<std::uint8_t, 128> channels_{};  // by payload type; 0: not our codec
  std::array<bool, 128> mapped_{};
};

}  // namespace

AudioFormat offered_format(AudioCodec codec) {
  if (codec == AudioCodec::opus) return {codec, 111, 2, 48'000};
  return {codec, static_cast<std::uint8_t>(codec == AudioCodec::g711a ? 8 : 0), 1, 8000};
}

std::optional<RemoteAudio> read_audio(const Media& section, AudioCodec codec, bool bundled) {
  if (codec == AudioCodec::none || section.kind != MediaKind::audio || !is_rtp(section)) {
    return std::nullopt;
  }
  PayloadTypes types(codec);
  RemoteAudio audio;
  bool rtcp_mux = bundled;
  for (auto lines = section.lines; !lines.empty();) {
    auto line = take_line(lines);
    if (!take_prefix(line, "a=")) continue;
    if (take_prefix(line, "rtpmap:")) {
      types.on_rtpmap(line);
    } else if (take_prefix(line, "ssrc:")) {
      add_ssrc(line, audio.ssrcs);
    } else if (take_prefix(line, "extmap:")) {
      add_extmap(line, audio.extensions);
    } else if (line == "rtcp-mux" || line == "rtcp-mux-only") {
      rtcp_mux = true;
    } else if (line == "rtcp-rsize") {
      audio.reduced_rtcp = true;
    }
  }
  const auto format = types.first_of(section.formats);
  if (!format || !rtcp_mux) return std::nullopt;
  audio.mid = section.mid;
  audio.format = *format;
  audio.direction = section.direction;
  return audio;
}

}  // namespace esp_peer::sdp
