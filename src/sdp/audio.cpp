#include "sdp/audio.hpp"

#include "sdp/description.hpp"
#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

// [rfc3551#6] G.711 needs no a=rtpmap.
PayloadTypes ours_in(const Media& section, AudioCodec codec) {
  switch (codec) {
    case AudioCodec::g711a:
      return types_of(section, "pcma/8000", 8) | types_of(section, "pcma/8000/1");
    case AudioCodec::g711u:
      return types_of(section, "pcmu/8000", 0) | types_of(section, "pcmu/8000/1");
    case AudioCodec::opus:
      return types_of(section, "opus/48000/2");  // [rfc7587#7] always so, whatever it holds
    case AudioCodec::none:
      break;
  }
  return {};
}

void read_number(std::string_view text, std::uint32_t least, std::uint32_t most,
                 std::uint32_t& out) {
  const auto number = parse_clamped_u32(first_word(text));
  if (number && *number >= least && *number <= most) out = *number;
}

void note_parameters(std::string_view value, OpusParameters& out) {
  struct Wish {
    std::string_view name;
    bool OpusParameters::*to;
  };
  static constexpr Wish wishes[] = {{"stereo=", &OpusParameters::stereo},
                                    {"sprop-stereo=", &OpusParameters::sprop_stereo},
                                    {"cbr=", &OpusParameters::constant_bitrate},
                                    {"useinbandfec=", &OpusParameters::in_band_fec},
                                    {"usedtx=", &OpusParameters::discontinuous}};
  while (!value.empty()) {
    auto parameter = take_parameter(value);
    for (const Wish& wish : wishes) {
      if (take_prefix(parameter, wish.name)) out.*wish.to = first_word(parameter) == "1";
    }
    if (take_prefix(parameter, "maxplaybackrate=")) {
      read_number(parameter, 8'000, 48'000, out.max_playback_rate);
    } else if (take_prefix(parameter, "maxaveragebitrate=")) {
      read_number(parameter, 6'000, 510'000, out.max_average_bitrate);
    }
  }
}

// exception: [rfc7587#7] "a=ssrc:… fmtp:" may say sprop-stereo of one source; nobody writes that.
OpusParameters opus_parameters(const Media& section, std::uint8_t payload_type) {
  OpusParameters out;
  for (auto lines = section.lines; auto value = take_attribute(lines, "fmtp:");) {
    if (parse_payload_type(take_word(*value)) == payload_type) note_parameters(*value, out);
  }
  return out;
}

}  // namespace

AudioFormat offered_format(AudioCodec codec) {
  if (codec == AudioCodec::opus) return {codec, 111, 48'000};
  return {codec, static_cast<std::uint8_t>(codec == AudioCodec::g711a ? 8 : 0), 8000};
}

std::optional<RemoteAudio> read_audio(const Media& section, AudioCodec codec, bool bundled) {
  RemoteAudio audio;
  if (section.kind != MediaKind::audio || !read_stream(section, bundled, audio)) {
    return std::nullopt;
  }
  const PayloadTypes ours = ours_in(section, codec);
  for (auto formats = section.formats; !formats.empty();) {
    const auto type = parse_payload_type(take_word(formats));
    if (!type || !ours[*type]) continue;
    audio.format = offered_format(codec);
    audio.format.payload_type = *type;
    if (codec == AudioCodec::opus) audio.opus = opus_parameters(section, *type);
    return audio;
  }
  return std::nullopt;
}

}  // namespace esp_peer::sdp
