#include "sdp/video.hpp"

#include <algorithm>

#include "base/containers.hpp"
#include "sdp/description.hpp"
#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

struct Candidate {
  VideoFormat format;
  bool names_mode = false;
  bool usable = true;
};
// Of one section; further ones are ignored. Chromium offers six.
using Candidates = FixedVector<Candidate, 16>;

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

Candidates candidates_of(const Media& section, VideoCodec codec) {
  const bool h264 = codec == VideoCodec::h264;
  const PayloadTypes ours =
      h264 ? types_of(section, "h264/90000") : types_of(section, "jpeg/90000", 26);  // [rfc3551#6]
  Candidates out;
  for (auto formats = section.formats; !formats.empty();) {
    const auto type = parse_payload_type(take_word(formats));
    if (!type || !ours[*type]) continue;
    Candidate candidate;
    candidate.format.codec = codec;
    candidate.format.payload_type = *type;
    // [rfc6184#8.1] Where nothing is named: single units, and baseline of level 1.
    candidate.format.fragments = false;
    candidate.format.profile_level_id = 0x42000A;
    out.push_back(candidate);
  }
  return out;
}

Candidate* find(Candidates& candidates, std::optional<std::uint8_t> payload_type) {
  for (Candidate& candidate : candidates) {
    if (candidate.format.payload_type == payload_type) return &candidate;
  }
  return nullptr;
}

void note_parameters(std::string_view value, Candidate& candidate) {
  while (!value.empty()) {
    auto parameter = take_parameter(value);
    if (take_prefix(parameter, "packetization-mode=")) {
      const auto mode = first_word(parameter);
      candidate.names_mode = true;
      candidate.format.fragments = mode == "1";
      candidate.usable = mode == "1" || mode == "0";
    } else if (take_prefix(parameter, "profile-level-id=")) {
      std::uint32_t& profile = candidate.format.profile_level_id;
      profile = parse_hex24(first_word(parameter)).value_or(profile);
    }
  }
}

std::optional<std::uint8_t> repeated_type(std::string_view value) {
  while (!value.empty()) {
    auto parameter = take_parameter(value);
    if (take_prefix(parameter, "apt=")) return parse_payload_type(first_word(parameter));
  }
  return std::nullopt;
}

void read_parameters(const Media& section, Candidates& candidates) {
  const PayloadTypes rtx = types_of(section, "rtx/90000") & listed_types(section);
  for (auto lines = section.lines; auto value = take_attribute(lines, "fmtp:");) {
    if (!is_printable(*value)) continue;  // as in take_row()
    const auto type = parse_payload_type(take_word(*value));
    if (!type) continue;
    if (Candidate* candidate = find(candidates, type)) {
      note_parameters(*value, *candidate);
    } else if (rtx[*type]) {
      Candidate* const original = find(candidates, repeated_type(*value));
      if (original) original->format.rtx_payload_type = type;
    }
  }
}

void read_feedback(const Media& section, Candidates& candidates) {
  for (auto lines = section.lines; auto value = take_attribute(lines, "rtcp-fb:");) {
    const auto whose = take_word(*value);
    const auto kind = take_word(*value), detail = first_word(*value);
    for (Candidate& candidate : candidates) {
      VideoFormat& format = candidate.format;
      if (whose != "*" && parse_payload_type(whose) != format.payload_type) continue;
      if (kind == "nack" && detail.empty()) format.nack = true;
      if (kind == "nack" && detail == "pli") format.pli = true;
      if (kind == "ccm" && detail == "fir") format.fir = true;
    }
  }
}

// [rfc6184#8.1] Table 5: what every decoder has, and what those of us encode.
bool is_constrained_baseline(std::uint32_t profile_level_id) {
  const std::uint32_t profile = profile_level_id >> 16;
  const auto has = [&](std::uint32_t bits) { return (profile_level_id >> 8 & bits) == bits; };
  return (profile == 0x42 && has(0x40)) || (profile == 0x4D && has(0x80)) ||
         (profile == 0x58 && has(0xC0));
}

// Fragments before single units; then constrained baseline, then baseline; else the peer's order.
int score(const VideoFormat& format) {
  if (format.codec != VideoCodec::h264) return 0;
  const bool baseline = format.profile_level_id >> 16 == 0x42;
  return 4 * format.fragments + 2 * is_constrained_baseline(format.profile_level_id) + baseline;
}

const Candidate* best_of(const Candidates& candidates) {
  const Candidate* best = nullptr;
  for (const Candidate& candidate : candidates) {
    if (!candidate.usable) continue;
    if (!best || score(candidate.format) > score(best->format)) best = &candidate;
  }
  return best;
}

}  // namespace

VideoFormat offered_format(VideoCodec codec, std::uint8_t level) {
  const bool h264 = codec == VideoCodec::h264;
  VideoFormat format;
  format.codec = codec;
  format.payload_type = h264 ? 102 : 26;
  format.rtx_payload_type = h264 ? 103 : 104;
  format.nack = format.pli = format.fir = true;
  format.profile_level_id = (format.profile_level_id & 0xFFFF00) | level;
  return format;
}

// [H.264 Annex A] Table A-1, in macroblocks of 16 x 16.
std::uint8_t h264_level(std::uint32_t width, std::uint32_t height, std::uint32_t fps) {
  struct Level {
    std::uint8_t level;
    std::uint16_t most_of_picture;
    std::uint32_t most_of_second;
  };
  static constexpr Level levels[] = {
      {31, 3600, 108'000},   {32, 5120, 216'000},   {40, 8192, 245'760},    {42, 8704, 522'240},
      {50, 22'080, 589'824}, {51, 36'864, 983'040}, {52, 36'864, 2'073'600}};
  // Beyond these no level is enough, and no product overflows.
  const auto blocks = [](std::uint32_t pixels) {
    return (std::min<std::uint32_t>(pixels, 16'384) + 15) / 16;
  };
  const std::uint32_t picture = blocks(width) * blocks(height);
  const std::uint32_t second = picture * std::min<std::uint32_t>(fps, 1000);
  for (const Level& level : levels) {
    if (picture <= level.most_of_picture && second <= level.most_of_second) return level.level;
  }
  return 52;
}

std::optional<RemoteVideo> read_video(const Media& section, VideoCodec codec, bool bundled) {
  RemoteVideo video;
  if (codec == VideoCodec::none || section.kind != MediaKind::video ||
      !read_stream(section, bundled, video)) {
    return std::nullopt;
  }
  Candidates candidates = candidates_of(section, codec);
  read_parameters(section, candidates);
  read_feedback(section, candidates);
  const Candidate* const best = best_of(candidates);
  if (!best) return std::nullopt;
  video.format = best->format;
  video.names_mode = best->names_mode;
  return video;
}

}  // namespace esp_peer::sdp
