#include "capi/audio.hpp"

#include "capi/config.hpp"

namespace esp_peer::capi {
namespace {

using sdp::AudioCodec;
using sdp::Direction;

constexpr bool same(AudioCodec ours, esp_peer_audio_codec_t theirs) {
  return static_cast<int>(ours) == static_cast<int>(theirs);
}
constexpr bool same(Direction ours, esp_peer_media_dir_t theirs) {
  return static_cast<int>(ours) == static_cast<int>(theirs);
}
// Both are cast.
static_assert(same(AudioCodec::none, ESP_PEER_AUDIO_CODEC_NONE));
static_assert(same(AudioCodec::g711a, ESP_PEER_AUDIO_CODEC_G711A));
static_assert(same(AudioCodec::g711u, ESP_PEER_AUDIO_CODEC_G711U));
static_assert(same(AudioCodec::opus, ESP_PEER_AUDIO_CODEC_OPUS));
static_assert(same(Direction::inactive, ESP_PEER_MEDIA_DIR_NONE));
static_assert(same(Direction::sendonly, ESP_PEER_MEDIA_DIR_SEND_ONLY));
static_assert(same(Direction::recvonly, ESP_PEER_MEDIA_DIR_RECV_ONLY));
static_assert(same(Direction::sendrecv, ESP_PEER_MEDIA_DIR_SEND_RECV));

}  // namespace

Status read_audio(const esp_peer_cfg_t& cfg, const esp_peer_default_jitter_cfg_t& jitter,
                  peer::SessionOptions& out) {
  const int codec = raw(cfg.audio_info.codec), direction = raw(cfg.audio_dir);
  if (codec < ESP_PEER_AUDIO_CODEC_NONE || codec > ESP_PEER_AUDIO_CODEC_OPUS) {
    return Error{Errc::invalid_argument, "no such audio codec"};
  }
  if (direction < ESP_PEER_MEDIA_DIR_NONE || direction > ESP_PEER_MEDIA_DIR_SEND_RECV) {
    return Error{Errc::invalid_argument, "no such direction"};
  }
  if (jitter.cache_timeout != 0) out.audio_jitter.longest_hold = milliseconds(jitter.cache_timeout);
  if (jitter.cache_size != 0) out.audio_jitter.most_bytes = jitter.cache_size;
  if (direction == ESP_PEER_MEDIA_DIR_NONE) return {};
  out.audio = {static_cast<AudioCodec>(codec), static_cast<Direction>(direction),
               cfg.audio_info.sample_rate, cfg.audio_info.channel};
  return {};
}

esp_peer_audio_stream_info_t to_c_audio(const peer::AudioOptions& audio) {
  esp_peer_audio_stream_info_t info{};
  info.codec = static_cast<esp_peer_audio_codec_t>(audio.codec);
  info.sample_rate = audio.sample_rate;
  info.channel = audio.channels;
  return info;
}

}  // namespace esp_peer::capi
