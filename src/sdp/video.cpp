#include "sdp/video.hpp"

#include <array>

#include "sdp/description.hpp"
#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

std::optional<std::uint32_t> parse_hex24(std::string_view text) {
  if (text.size() != 6) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<std::uint32_t>(digit);
  }
  return value;
}

// What a section says of each of its payload types. Rows of the attributes are read once, and those
// of the m-line once: neither list has a bound but the length of the text.
class PayloadTypes {
 public:
  explicit PayloadTypes(VideoCodec codec) : codec_(codec) {
    if (codec == VideoCodec::mjpeg) types_[26].ours = true;  // [rfc3551#6] needs no a=rtpmap
  }
  void on_rtpmap(std::string_view value) {
    Type* type = find(take_word(value));
    if (!type) return;
    auto encoding = first_word(value);
    type->rtx = take_name(encoding, "rtx/90000") && encoding.empty();
    encoding = first_word(value);
    const std::string_view name = codec_ == VideoCodec::h264 ? "h264/90000" : "jpeg/90000";
    type->ours = take_name(encoding, name) && encoding.empty();
  }
  void on_fmtp(std::string_view value) {
    Type* type = find(take_word(value));
    if (!type) return;
    while (!value.empty()) {  // "a=1;b=2", with blanks or without
      const auto end = value.find(';');
      auto parameter = without_leading_blanks(sdp::head(value, end));
      value.remove_prefix(end == value.npos ? value.size() : end + 1);
      if (take_prefix(parameter, "packetization-mode=")) {
        type->mode = parameter == "1" ? 1 : parameter == "0" ? 0 : 2;
      } else if (take_prefix(parameter, "profile-level-id=")) {
        type->profile = parse_hex24(first_word(parameter)).value_or(type->profile);
      } else if (take_prefix(parameter, "apt=")) {
        type->repeats = parse_payload_type(first_word(parameter));
      }
    }
  }
  void on_feedback(std::string_view value) {
    const auto whose = take_word(value);
    if (whose == "*") {
      for (Type& type : types_) note_feedback(value, type);
    } else if (Type* type = find(whose)) {
      note_feedback(value, *type);
    }
  }
  // Fragments before single units, constrained baseline before others, else the peer's order.
  std::optional<VideoFormat> best_of(std::string_view formats) const {
    std::optional<VideoFormat> best;
    int best_score = -1;
    for (auto rest = formats; !rest.empty();) {
      const auto number = parse_payload_type(take_word(rest));
      if (!number) continue;
      const Type& type = types_[*number];
      if (!type.ours || type.mode > 1) continue;
      const int score =
          codec_ == VideoCodec::h264 ? 2 * type.mode + ((type.profile >> 16) == 0x42 ? 1 : 0) : 0;
      if (score <= best_score) continue;
      best_score = score;
      best = VideoFormat{codec_,         *number,     rtx_of(*number, formats),
                         type.mode == 1, type.nack,   type.pli,
                         type.fir,       type.profile};
    }
    return best;
  }

 private:
  struct Type {
    bool ours = false, rtx = false, nack = false, pli = false, fir = false;
    std::uint8_t mode = 0;  // [rfc6184#8.1] where none is named
    std::optional<std::uint8_t> repeats;
    std::uint32_t profile = 0x420010;  // [rfc6184#8.1] baseline, level 1
  };
  Type* find(std::string_view text) {
    const auto number = parse_payload_type(text);
    return number ? &types_[*number] : nullptr;
  }
  static void note_feedback(std::string_view value, Type& type) {
    const auto kind = take_word(value);
    const auto detail = first_word(value);
    if (kind == "nack" && detail.empty()) type.nack = true;
    if (kind == "nack" && detail == "pli") type.pli = true;
    if (kind == "ccm" && detail == "fir") type.fir = true;
  }
  std::optional<std::uint8_t> rtx_of(std::uint8_t original, std::string_view formats) const {
    while (!formats.empty()) {
      const auto number = parse_payload_type(take_word(formats));
      if (number && types_[*number].rtx && types_[*number].repeats == original) return number;
    }
    return std::nullopt;
  }

  VideoCodec codec_;
  std::array<Type, 128> types_{};
};

}  // namespace

VideoFormat offered_format(VideoCodec codec) {
  VideoFormat format;
  format.codec = codec;
  format.payload_type = codec == VideoCodec::h264 ? 102 : 26;
  format.rtx_payload_type = codec == VideoCodec::h264 ? 103 : 104;
  format.nack = format.pli = format.fir = true;
  return format;
}

std::optional<RemoteVideo> read_video(const Media& section, VideoCodec codec, bool bundled) {
  if (codec == VideoCodec::none || section.kind != MediaKind::video || !is_rtp(section)) {
    return std::nullopt;
  }
  PayloadTypes types(codec);
  RemoteVideo video;
  bool rtcp_mux = bundled;
  for (auto lines = section.lines; !lines.empty();) {
    auto line = take_line(lines);
    if (!take_prefix(line, "a=")) continue;
    if (take_prefix(line, "rtpmap:")) {
      types.on_rtpmap(line);
    } else if (take_prefix(line, "fmtp:")) {
      types.on_fmtp(line);
    } else if (take_prefix(line, "rtcp-fb:")) {
      types.on_feedback(line);
    } else if (take_prefix(line, "ssrc:")) {
      add_ssrc(line, video.ssrcs);
    } else if (take_prefix(line, "ssrc-group:")) {
      add_rtx_pair(line, video.rtx_pairs);
    } else if (take_prefix(line, "extmap:")) {
      add_extmap(line, video.extensions);
    } else if (line == "rtcp-mux" || line == "rtcp-mux-only") {
      rtcp_mux = true;
    } else if (line == "rtcp-rsize") {
      video.reduced_rtcp = true;
    }
  }
  const auto format = types.best_of(section.formats);
  if (!format || !rtcp_mux) return std::nullopt;
  video.mid = section.mid;
  video.format = *format;
  video.direction = section.direction;
  return video;
}

}  // namespace esp_peer::sdp
