#include "capi/news.hpp"

#include "capi/audio.hpp"
#include "capi/video.hpp"

namespace esp_peer::capi {
namespace {

using peer::State;

constexpr bool same(State ours, esp_peer_state_t theirs) {
  return static_cast<int>(ours) == static_cast<int>(theirs);
}
// Our states are cast to theirs.
static_assert(same(State::closed, ESP_PEER_STATE_CLOSED));
static_assert(same(State::disconnected, ESP_PEER_STATE_DISCONNECTED));
static_assert(same(State::new_connection, ESP_PEER_STATE_NEW_CONNECTION));
static_assert(same(State::gathering, ESP_PEER_STATE_CANDIDATE_GATHERING));
static_assert(same(State::pairing, ESP_PEER_STATE_PAIRING));
static_assert(same(State::paired, ESP_PEER_STATE_PAIRED));
static_assert(same(State::connecting, ESP_PEER_STATE_CONNECTING));
static_assert(same(State::connected, ESP_PEER_STATE_CONNECTED));
static_assert(same(State::connect_failed, ESP_PEER_STATE_CONNECT_FAILED));
static_assert(same(State::data_connected, ESP_PEER_STATE_DATA_CHANNEL_CONNECTED));
static_assert(same(State::data_opened, ESP_PEER_STATE_DATA_CHANNEL_OPENED));
static_assert(same(State::data_closed, ESP_PEER_STATE_DATA_CHANNEL_CLOSED));
static_assert(same(State::data_disconnected, ESP_PEER_STATE_DATA_CHANNEL_DISCONNECTED));
static_assert(same(State::audio_added, ESP_PEER_STATE_REMOTE_AUDIO_TRACK_ADDED));
static_assert(same(State::audio_removed, ESP_PEER_STATE_REMOTE_AUDIO_TRACK_REMOVED));
static_assert(same(State::video_added, ESP_PEER_STATE_REMOTE_VIDEO_TRACK_ADDED));
static_assert(same(State::video_removed, ESP_PEER_STATE_REMOTE_VIDEO_TRACK_REMOVED));
static_assert(same(State::keyframe_wanted, ESP_PEER_STATE_VIDEO_PLI_RECEIVED));

// The application may do with the bytes what it likes; a zero byte stands behind them.
std::uint8_t* data_of(News& news) {
  return reinterpret_cast<std::uint8_t*>(news.body.bytes().data());
}

void tell_signalling(const esp_peer_cfg_t& application, News& news) {
  if (!application.on_msg) return;
  esp_peer_msg_t message{};
  message.type =
      news.kind == News::Kind::description ? ESP_PEER_MSG_TYPE_SDP : ESP_PEER_MSG_TYPE_CANDIDATE;
  message.data = data_of(news);
  message.size = static_cast<int>(news.body.size());
  application.on_msg(&message, application.ctx);
}

void tell_channel(const esp_peer_cfg_t& application, News& news) {
  const auto callback = news.kind == News::Kind::channel_open ? application.on_channel_open
                                                              : application.on_channel_close;
  if (!callback) return;
  esp_peer_data_channel_info_t channel{};
  channel.label = reinterpret_cast<const char*>(data_of(news));
  channel.stream_id = news.stream;
  callback(&channel, application.ctx);
}

void tell_message(const esp_peer_cfg_t& application, News& news) {
  if (!application.on_data) return;
  esp_peer_data_frame_t frame{};
  frame.type = news.is_string ? ESP_PEER_DATA_CHANNEL_STRING : ESP_PEER_DATA_CHANNEL_DATA;
  frame.stream_id = news.stream;
  frame.data = data_of(news);
  frame.size = static_cast<int>(news.body.size());
  application.on_data(&frame, application.ctx);
}

void tell_audio_info(const esp_peer_cfg_t& application, const News& news) {
  if (!application.on_audio_info) return;
  esp_peer_audio_stream_info_t info = to_c_audio(news.audio);
  application.on_audio_info(&info, application.ctx);
}

void tell_audio(const esp_peer_cfg_t& application, News& news) {
  if (!application.on_audio_data) return;
  esp_peer_audio_frame_t frame{};
  frame.pts = news.pts;
  frame.data = data_of(news);
  frame.size = static_cast<int>(news.body.size());
  application.on_audio_data(&frame, application.ctx);
}

void tell_video_info(const esp_peer_cfg_t& application, const News& news) {
  if (!application.on_video_info) return;
  esp_peer_video_stream_info_t info = to_c_video(news.video);
  application.on_video_info(&info, application.ctx);
}

void tell_video(const esp_peer_cfg_t& application, News& news) {
  if (!application.on_video_data) return;
  esp_peer_video_frame_t frame{};
  frame.pts = news.pts;
  frame.data = data_of(news);
  frame.size = static_cast<int>(news.body.size());
  application.on_video_data(&frame, application.ctx);
}

}  // namespace

void tell(const esp_peer_cfg_t& application, News& news) {
  switch (news.kind) {
    case News::Kind::state:
      if (!application.on_state) return;
      application.on_state(static_cast<esp_peer_state_t>(news.state), application.ctx);
      return;
    case News::Kind::description:
    case News::Kind::candidate:
      return tell_signalling(application, news);
    case News::Kind::channel_open:
    case News::Kind::channel_close:
      return tell_channel(application, news);
    case News::Kind::message:
      return tell_message(application, news);
    case News::Kind::audio_info:
      return tell_audio_info(application, news);
    case News::Kind::audio:
      return tell_audio(application, news);
    case News::Kind::video_info:
      return tell_video_info(application, news);
    case News::Kind::video:
      return tell_video(application, news);
    case News::Kind::writable:  // not in that configuration
    case News::Kind::count:
      return;
  }
}

}  // namespace esp_peer::capi
