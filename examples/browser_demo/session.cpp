#include "session.hpp"

#include <cstdio>

namespace {

constexpr auto patience = std::chrono::seconds(10);  // until our description is there
constexpr int turn_ms = 5;                           // a frame is late by that at most

// The C API takes what it only reads by pointers to what may be written.
std::uint8_t* bytes_of(const void* data) {
  return static_cast<std::uint8_t*>(const_cast<void*>(data));
}
std::string_view text_of(const std::uint8_t* data, int size) {
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
}

}  // namespace

Session::~Session() {
  thread_ = {};  // says stop, and waits
  if (peer_) esp_peer_close(peer_);
}

bool Session::open() {
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  ext.loopback_only = loopback_only_;
  ext.loop_wait_ms = turn_ms;
  esp_peer_cfg_t cfg{};
  cfg.role = ESP_PEER_ROLE_CONTROLLED;  // the browser offers
  cfg.no_auto_reconnect = true;
  cfg.video_info = {ESP_PEER_VIDEO_CODEC_H264, TestPicture::width, TestPicture::height,
                    TestPicture::frames_per_second};
  cfg.video_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
  cfg.audio_info = {ESP_PEER_AUDIO_CODEC_G711U, 8000, 1};
  cfg.audio_dir = ESP_PEER_MEDIA_DIR_SEND_ONLY;
  cfg.enable_data_channel = true;
  cfg.manual_ch_create = true;  // the browser makes them
  cfg.extra_cfg = &ext;
  cfg.extra_size = sizeof(ext);
  cfg.ctx = this;
  cfg.on_state = [](esp_peer_state_t state, void* ctx) {
    static_cast<Session*>(ctx)->on_state(state);
    return 0;
  };
  cfg.on_msg = [](esp_peer_msg_t* message, void* ctx) {
    static_cast<Session*>(ctx)->description_ = text_of(message->data, message->size);
    return 0;
  };
  cfg.on_video_data = [](esp_peer_video_frame_t* frame, void* ctx) {
    Counted& camera = static_cast<Session*>(ctx)->camera_;
    ++camera.frames;
    camera.bytes += static_cast<std::uint64_t>(frame->size);
    return 0;
  };
  cfg.on_channel_open = [](esp_peer_data_channel_info_t* channel, void* ctx) {
    static_cast<Session*>(ctx)->on_channel_open(channel->label, channel->stream_id);
    return 0;
  };
  cfg.on_data = [](esp_peer_data_frame_t* frame, void* ctx) {
    static_cast<Session*>(ctx)->on_data(frame->stream_id, text_of(frame->data, frame->size));
    return 0;
  };
  return esp_peer_open(&cfg, esp_peer_get_default_impl(), &peer_) == ESP_PEER_ERR_NONE;
}

std::optional<std::string> Session::answer(std::string offer) {
  esp_peer_msg_t message{ESP_PEER_MSG_TYPE_SDP, bytes_of(offer.data()),
                         static_cast<int>(offer.size())};
  if (!open() || esp_peer_new_connection(peer_) != ESP_PEER_ERR_NONE ||
      esp_peer_send_msg(peer_, &message) != ESP_PEER_ERR_NONE) {
    return std::nullopt;
  }
  const auto deadline = Clock::now() + patience;
  while (description_.empty() && Clock::now() < deadline) esp_peer_main_loop(peer_);
  if (description_.empty()) return std::nullopt;
  std::string said = std::move(description_);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return said;
}

// Callbacks come out of esp_peer_main_loop(), so that all of a session happens in this thread.
void Session::run(const std::stop_token& stop) {
  const auto end = Clock::now() + longest;
  while (!stop.stop_requested() && !over_ && Clock::now() < end) {
    esp_peer_main_loop(peer_);
    if (connected_) play(Clock::now());
  }
  esp_peer_disconnect(peer_);
  over_ = true;
}

void Session::play(Clock::time_point now) {
  const auto pts_of = [this](Clock::time_point due) {
    using std::chrono::milliseconds;
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<milliseconds>(due - began_).count());
  };
  while (const auto due = pictures_.poll(now)) show_picture(pts_of(*due));
  while (const auto due = sounds_.poll(now)) {
    esp_peer_audio_frame_t frame{pts_of(*due), tone_.data(), static_cast<int>(tone_.size())};
    esp_peer_send_audio(peer_, &frame);  // what is lost of it is lost
  }
  if (seconds_.poll(now)) tell_statistics();
}

void Session::show_picture(std::uint32_t pts) {
  const std::string& picture = showing_.next();
  esp_peer_video_frame_t frame{pts, bytes_of(picture.data()), static_cast<int>(picture.size())};
  // Without this picture those that build on it are of no use.
  if (esp_peer_send_video(peer_, &frame) != ESP_PEER_ERR_NONE) showing_.skip_to_keyframe();
}

void Session::tell_statistics() {
  const Counted camera = std::exchange(camera_, {});
  if (!statistics_) return;
  char text[160];
  std::snprintf(text, sizeof(text), R"({"frames":%u,"bytes":%llu,"keyframesAsked":%u})",
                camera.frames, static_cast<unsigned long long>(camera.bytes), keyframes_asked_);
  say(*statistics_, text);
}

void Session::say(std::uint16_t channel, std::string text) {
  esp_peer_data_frame_t frame{ESP_PEER_DATA_CHANNEL_STRING, channel, bytes_of(text.data()),
                              static_cast<int>(text.size())};
  esp_peer_send_data(peer_, &frame);  // who does not listen hears less
}

void Session::on_state(esp_peer_state_t state) {
  if (state == ESP_PEER_STATE_CONNECTED) {
    connected_ = true;
    began_ = Clock::now();
    for (Beat* beat : {&pictures_, &sounds_, &seconds_}) beat->start(began_);
  } else if (state == ESP_PEER_STATE_VIDEO_PLI_RECEIVED) {
    ++keyframes_asked_;
    showing_.skip_to_keyframe();
  } else if (state == ESP_PEER_STATE_CONNECT_FAILED || state == ESP_PEER_STATE_DISCONNECTED) {
    over_ = true;
  }
}

void Session::on_channel_open(std::string_view label, std::uint16_t channel) {
  if (label == "statistics") statistics_ = channel;
  if (label == "chat") {
    chat_ = channel;
    say(channel, "Hello. What you write here comes back.");
  }
}

void Session::on_data(std::uint16_t channel, std::string_view text) {
  if (channel == chat_) say(channel, "You said “" + std::string(text) + "”.");
}
