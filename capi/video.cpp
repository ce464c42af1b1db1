#include "capi/video.hpp"

#include <algorithm>

#include "capi/config.hpp"

namespace esp_peer::capi {
namespace {

using sdp::VideoCodec;

constexpr bool same(VideoCodec ours, esp_peer_video_codec_t theirs) {
  return static_cast<int>(ours) == static_cast<int>(theirs);
}
// Both are cast.
static_assert(same(VideoCodec::none, ESP_PEER_VIDEO_CODEC_NONE));
static_assert(same(VideoCodec::h264, ESP_PEER_VIDEO_CODEC_H264));
static_assert(same(VideoCodec::mjpeg, ESP_PEER_VIDEO_CODEC_MJPEG));

std::uint32_t positive(int value) { return static_cast<std::uint32_t>(std::max(value, 0)); }

}  // namespace

Status read_video(const esp_peer_cfg_t& cfg, const esp_peer_default_rtp_cfg_t& rtp,
                  peer::SessionOptions& out) {
  const int codec = raw(cfg.video_info.codec), direction = raw(cfg.video_dir);
  if (codec < ESP_PEER_VIDEO_CODEC_NONE || codec > ESP_PEER_VIDEO_CODEC_MJPEG) {
    return Error{Errc::invalid_argument, "no such video codec"};
  }
  if (direction < ESP_PEER_MEDIA_DIR_NONE || direction > ESP_PEER_MEDIA_DIR_SEND_RECV) {
    return Error{Errc::invalid_argument, "no such direction"};
  }
  const esp_peer_default_jitter_cfg_t& jitter = rtp.video_recv_jitter;
  peer::VideoLimits& limits = out.video_limits;
  if (jitter.cache_timeout)
    limits.receiver.buffer.longest_hold = milliseconds(jitter.cache_timeout);
  if (jitter.resend_delay) limits.receiver.buffer.resend_delay = milliseconds(jitter.resend_delay);
  if (jitter.cache_size) limits.receiver.buffer.most_bytes = jitter.cache_size;
  limits.receiver.pli_interval = milliseconds(jitter.pli_send_interval);
  if (rtp.send_pool_size) limits.sender.most_bytes = rtp.send_pool_size;
  if (rtp.send_queue_num) limits.sender.most_packets = rtp.send_queue_num;
  if (rtp.max_resend_count) limits.sender.most_resends = rtp.max_resend_count;
  if (direction == ESP_PEER_MEDIA_DIR_NONE) return {};
  out.video = {static_cast<VideoCodec>(codec), static_cast<sdp::Direction>(direction),
               positive(cfg.video_info.width), positive(cfg.video_info.height),
               positive(cfg.video_info.fps)};
  return {};
}

esp_peer_video_stream_info_t to_c_video(const peer::VideoOptions& video) {
  esp_peer_video_stream_info_t info{};
  info.codec = static_cast<esp_peer_video_codec_t>(video.codec);
  info.width = static_cast<int>(video.width);
  info.height = static_cast<int>(video.height);
  info.fps = static_cast<int>(video.frames_per_second);
  return info;
}

}  // namespace esp_peer::capi
