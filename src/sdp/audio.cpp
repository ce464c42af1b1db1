#include "sdp/audio.hpp"

#include <array>

#include "sdp/description.hpp"
#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

// [rfc5761#4] 64 to 95 would be taken for RTCP.
std::optional<std::uint8_t> parse_payload_type(std::string_view text) {
  const auto number = parse_u16(text);
  if (!number || *number > 127 || (*number >= 64 && *number < 96)) return std::nullopt;
  return static_cast<std::uint8_t>(*number);
}

// Encoding names know no case [rfc8866#6.6].
bool take_name(std::string_view& text, std::string_view lower) {
  for (std::size_t i = 0; i < lower.size(); ++i) {
    const char c = i < text.size() ? text[i] : '\0';
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower[i]) return false;
  }
  text.remove_prefix(lower.size());
  return true;
}

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

void add_ssrc(std::string_view value, Ssrcs& ssrcs) {
  const auto ssrc = parse_clamped(first_word(value), std::uint64_t{1} << 32);
  if (!ssrc || *ssrc == 0 || *ssrc > 0xFFFF'FFFF) return;
  for (const auto known : ssrcs) {
    if (known == *ssrc) return;  // it has a line for each of its attributes
  }
  ssrcs.push_back(static_cast<std::uint32_t>(*ssrc));
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

AudioFormat offered_format(AudioCodec codec) {
  if (codec == AudioCodec::opus) return {codec, 111, 2, 48'000};
  return {codec, static_cast<std::uint8_t>(codec == AudioCodec::g711a ? 8 : 0), 1, 8000};
}

// [rfc8829#5.1.2] Whatever the profile says, it is DTLS-SRTP: the fingerprint decides.
bool is_rtp(const Media& section) {
  for (const std::string_view profile : {"RTP/SAVPF", "RTP/SAVP", "RTP/AVPF", "RTP/AVP"}) {
    if (ends_with(section.protocol, profile)) return true;
  }
  return false;
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

std::string_view rtpmap_of(const Media& section, std::string_view format) {
  for (auto lines = section.lines; !lines.empty();) {
    auto line = take_line(lines);
    if (!take_prefix(line, "a=rtpmap:") || !is_printable(line)) continue;
    if (begins_with_word(line, format)) return line;
  }
  return {};
}

}  // namespace esp_peer::sdp
