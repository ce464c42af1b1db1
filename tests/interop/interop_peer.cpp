// One peer of ours as a program: commands come in as lines of JSON, what happens goes out the same
// way. Written against the C API alone.
//
// In:  {"do":"connect"} {"do":"sdp","sdp":…} {"do":"candidate","candidate":…}
//      {"do":"create","label":…,"ordered":B,"maxRetransmits":N|"maxPacketLifeTime":N}
//      {"do":"send","text":…|"bytes":N|"file":…,"stream":N} {"do":"close","label":…}
//      {"do":"disconnect"}
//      {"do":"addr"} {"do":"play","frames":N} {"do":"heard"} {"do":"quit"}
//      {"do":"film","from":N} begins to send the film with frame N {"do":"cut"} ends it
//      {"do":"filmed"} {"do":"seen","end":B} the end of the recording
// Out: {"event":"state","state":N} {"event":"sdp","sdp":…} {"event":"candidate","candidate":…}
//      {"event":"open","label":…,"stream":N}
//      {"event":"closed",…} {"event":"message","stream":N,"text":…|"bytes":N,"sum":N}
//      {"event":"audio","codec":N,"rate":N,"channels":N} what was agreed on
//      {"event":"played","frames":N,"result":N} all frames are sent, or which error was the first
//      {"event":"heard","frames":N,"bytes":N,"first":PTS,"last":PTS} what has come until now
//      {"event":"video","codec":N} what was agreed on
//      {"event":"filmed","frames":N,"refused":N,"result":N,"stall":MS} see film.hpp
//      {"event":"seen","frames":N,"bytes":N,"first":PTS,"last":PTS,"took":MS} what has come until
//      now and how long after the first the last one did
//      {"event":"done","id":N,"result":N} the answer to the command that had this id
//
// --offer, --manual (no automatic channel), --echo, --trickle (what is found later is said later),
// --stun URL, --large (caches of 512 KB), --audio pcma|pcmu|opus, --sound FILE (which is played),
// --listen FILE (of what is heard, see sound.hpp), --video h264|mjpeg, --film FILE (which is sent),
// --record FILE (of what comes), --hold MS (cache_timeout of video), --pli MS (pli_send_interval).
// Binary messages are a pattern whose sum tells whether they came whole.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "esp_peer_ext.h"
#include "film.hpp"
#include "sound.hpp"

namespace {

using json = nlohmann::json;

std::mutex output;
void emit(const json& line) {
  const std::lock_guard lock(output);
  std::cout << line.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
}

struct Program {
  esp_peer_handle_t peer = nullptr;
  bool echo = false;
  esp_peer_audio_codec_t codec = ESP_PEER_AUDIO_CODEC_NONE;
  interop::Sound sound;
  interop::Ear ear;
  std::jthread playing;
  interop::Projector projector;
  interop::Screen screen;
};

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 & 0xFF);
  return bytes;
}
std::uint32_t sum(const std::uint8_t* data, std::size_t size) {
  std::uint32_t s = 0;
  for (std::size_t i = 0; i < size; ++i) s = s * 31 + data[i];
  return s;
}

// Waits, bounded, where the send cache is full.
int send(esp_peer_handle_t peer, esp_peer_data_frame_t frame) {
  for (int i = 0; i < 5000; ++i) {
    const int result = esp_peer_send_data(peer, &frame);
    if (result != ESP_PEER_ERR_WOULD_BLOCK) return result;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return ESP_PEER_ERR_WOULD_BLOCK;
}

int on_state(esp_peer_state_t state, void* ctx) {
  if (state == ESP_PEER_STATE_VIDEO_PLI_RECEIVED) {
    static_cast<Program*>(ctx)->projector.want_keyframe();
  }
  emit({{"event", "state"}, {"state", static_cast<int>(state)}});
  return 0;
}
int on_msg(esp_peer_msg_t* msg, void*) {
  const char* const what = msg->type == ESP_PEER_MSG_TYPE_CANDIDATE ? "candidate" : "sdp";
  emit({{"event", what}, {what, reinterpret_cast<const char*>(msg->data)}});
  return 0;
}
int on_open(esp_peer_data_channel_info_t* channel, void*) {
  emit({{"event", "open"}, {"label", channel->label}, {"stream", channel->stream_id}});
  return 0;
}
int on_close(esp_peer_data_channel_info_t* channel, void*) {
  emit({{"event", "closed"}, {"label", channel->label}, {"stream", channel->stream_id}});
  return 0;
}
int on_audio_info(esp_peer_audio_stream_info_t* info, void*) {
  emit({{"event", "audio"},
        {"codec", static_cast<int>(info->codec)},
        {"rate", info->sample_rate},
        {"channels", info->channel}});
  return 0;
}
int on_audio(esp_peer_audio_frame_t* frame, void* ctx) {
  static_cast<Program*>(ctx)->ear.hear(*frame);
  return 0;
}
int on_video_info(esp_peer_video_stream_info_t* info, void*) {
  emit({{"event", "video"}, {"codec", static_cast<int>(info->codec)}});
  return 0;
}
int on_video(esp_peer_video_frame_t* frame, void* ctx) {
  static_cast<Program*>(ctx)->screen.show(*frame);
  return 0;
}
int on_data(esp_peer_data_frame_t* frame, void* ctx) {
  const auto& program = *static_cast<Program*>(ctx);
  json line = {{"event", "message"}, {"stream", frame->stream_id}, {"bytes", frame->size}};
  if (frame->type == ESP_PEER_DATA_CHANNEL_STRING) {
    line["text"] = reinterpret_cast<const char*>(frame->data);
  } else {
    line["sum"] = sum(frame->data, static_cast<std::size_t>(frame->size));
  }
  emit(line);
  // An answer may have to wait for room, which only this loop can make: so it must not wait here.
  if (program.echo) {
    std::vector<std::uint8_t> copy(frame->data, frame->data + frame->size);
    std::thread([peer = program.peer, type = frame->type, stream = frame->stream_id,
                 copy = std::move(copy)]() mutable {
      esp_peer_data_frame_t answer{};
      answer.type = type;
      answer.stream_id = stream;
      answer.data = copy.data();
      answer.size = static_cast<int>(copy.size());
      send(peer, answer);
    }).detach();
  }
  return 0;
}

int send_message(Program& program, const json& command) {
  esp_peer_data_frame_t frame{};
  frame.stream_id = command.value("stream", std::uint16_t{0});
  std::string body;
  if (command.contains("text")) {
    body = command["text"];
    frame.type = ESP_PEER_DATA_CHANNEL_STRING;
  } else if (command.contains("file")) {
    std::ifstream in(command["file"].get<std::string>(), std::ios::binary);
    body.assign(std::istreambuf_iterator<char>(in), {});
    frame.type = ESP_PEER_DATA_CHANNEL_DATA;
  } else {
    body = pattern(command["bytes"]);
    frame.type = ESP_PEER_DATA_CHANNEL_DATA;
  }
  frame.data = reinterpret_cast<std::uint8_t*>(body.data());
  frame.size = static_cast<int>(body.size());
  return send(program.peer, frame);
}

int play(Program& program, int frames) {
  program.playing = std::jthread([&program, frames](const std::stop_token& stop) {
    int sent = 0, result = ESP_PEER_ERR_NONE;
    auto next = std::chrono::steady_clock::now();
    for (int i = 0; i < frames && !stop.stop_requested(); ++i) {
      const auto body = program.sound.frame(static_cast<std::size_t>(i));
      esp_peer_audio_frame_t frame{static_cast<std::uint32_t>(i * 20), body.data(),
                                   static_cast<int>(body.size())};
      const int r = esp_peer_send_audio(program.peer, &frame);
      if (r == ESP_PEER_ERR_NONE) ++sent;
      if (result == ESP_PEER_ERR_NONE) result = r;
      std::this_thread::sleep_until(next += std::chrono::milliseconds(20));
    }
    emit({{"event", "played"}, {"frames", sent}, {"result", result}});
  });
  return ESP_PEER_ERR_NONE;
}
int say_heard(interop::Ear& ear) {
  const auto heard = ear.heard();
  emit({{"event", "heard"},
        {"frames", heard.frames},
        {"bytes", heard.bytes},
        {"first", heard.first},
        {"last", heard.last}});
  return ESP_PEER_ERR_NONE;
}

int say_filmed(interop::Projector& projector) {
  emit({{"event", "filmed"},
        {"frames", projector.sent()},
        {"refused", projector.refused()},
        {"result", projector.result()},
        {"stall", projector.take_stall()}});
  return ESP_PEER_ERR_NONE;
}
int say_seen(interop::Screen& screen, const json& command) {
  const auto seen = screen.seen(command.value("end", false));
  emit({{"event", "seen"},
        {"frames", seen.frames},
        {"bytes", seen.bytes},
        {"first", seen.first},
        {"last", seen.last},
        {"took", seen.took.count()}});
  return ESP_PEER_ERR_NONE;
}

int create(Program& program, const json& command) {
  std::string label = command["label"];
  esp_peer_data_channel_cfg_t channel{};
  channel.ordered = command.value("ordered", true);
  channel.label = label.data();
  if (command.contains("maxRetransmits")) {
    channel.type = ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_RETX;
    channel.max_retransmit_count = command["maxRetransmits"];
  } else if (command.contains("maxPacketLifeTime")) {
    channel.type = ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_TIMEOUT;
    channel.max_packet_lifetime = command["maxPacketLifeTime"];
  }
  return esp_peer_create_data_channel(program.peer, &channel);
}

int give(Program& program, esp_peer_msg_type_t type, std::string text) {
  esp_peer_msg_t message{type, reinterpret_cast<std::uint8_t*>(text.data()),
                         static_cast<int>(text.size())};
  return esp_peer_send_msg(program.peer, &message);
}

int execute(Program& program, const json& command) {
  const std::string what = command["do"];
  if (what == "connect") return esp_peer_new_connection(program.peer);
  if (what == "sdp") return give(program, ESP_PEER_MSG_TYPE_SDP, command["sdp"]);
  if (what == "candidate") return give(program, ESP_PEER_MSG_TYPE_CANDIDATE, command["candidate"]);
  if (what == "send") return send_message(program, command);
  if (what == "disconnect") return esp_peer_disconnect(program.peer);
  if (what == "create") return create(program, command);
  if (what == "close") {
    const std::string label = command["label"];
    return esp_peer_close_data_channel(program.peer, label.c_str());
  }
  if (what == "play") return play(program, command["frames"]);
  if (what == "heard") return say_heard(program.ear);
  if (what == "film") {
    program.projector.start(program.peer, command.value("from", std::size_t{0}));
    return ESP_PEER_ERR_NONE;
  }
  if (what == "cut") {
    program.projector.stop();
    return ESP_PEER_ERR_NONE;
  }
  if (what == "filmed") return say_filmed(program.projector);
  if (what == "seen") return say_seen(program.screen, command);
  if (what == "addr") {
    esp_peer_addr_t addr{};
    const int result = esp_peer_get_paired_addr(program.peer, &addr);
    emit({{"event", "addr"},
          {"port", addr.port},
          {"ip", {addr.ipv4[0], addr.ipv4[1], addr.ipv4[2], addr.ipv4[3]}}});
    return result;
  }
  return ESP_PEER_ERR_INVALID_ARG;
}

esp_peer_audio_codec_t codec_named(const std::string& name) {
  if (name == "pcma") return ESP_PEER_AUDIO_CODEC_G711A;
  if (name == "pcmu") return ESP_PEER_AUDIO_CODEC_G711U;
  if (name == "opus") return ESP_PEER_AUDIO_CODEC_OPUS;
  return ESP_PEER_AUDIO_CODEC_NONE;
}
esp_peer_video_codec_t video_codec_named(const std::string& name) {
  if (name == "h264") return ESP_PEER_VIDEO_CODEC_H264;
  if (name == "mjpeg") return ESP_PEER_VIDEO_CODEC_MJPEG;
  return ESP_PEER_VIDEO_CODEC_NONE;
}

}  // namespace

int main(int argc, char** argv) {
  Program program;
  esp_peer_ext_cfg_t ext{};
  ext.magic = ESP_PEER_EXT_MAGIC;
  ext.size = sizeof(ext);
  ext.base.keep_role = true;
  esp_peer_ice_server_cfg_t server{};
  esp_peer_cfg_t cfg{};
  cfg.role = ESP_PEER_ROLE_CONTROLLED;
  cfg.enable_data_channel = true;
  cfg.no_auto_reconnect = true;
  std::string film, sound;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const bool more = i + 1 < argc;
    if (arg == "--offer") cfg.role = ESP_PEER_ROLE_CONTROLLING;
    if (arg == "--manual") cfg.manual_ch_create = true;
    if (arg == "--trickle") ext.trickle_out = true;
    if (arg == "--echo") program.echo = true;
    if (arg == "--stun" && more) server.stun_url = argv[++i];
    if (arg == "--audio" && more) program.codec = codec_named(argv[++i]);
    if (arg == "--sound" && more) sound = argv[++i];
    if (arg == "--listen" && more) program.ear.record(argv[++i]);
    if (arg == "--video" && more) cfg.video_info.codec = video_codec_named(argv[++i]);
    if (arg == "--film" && more) film = argv[++i];
    if (arg == "--record" && more) program.screen.record(argv[++i]);
    auto& jitter = ext.base.rtp_cfg.video_recv_jitter;
    const auto number = [&] { return static_cast<std::uint16_t>(std::stoi(argv[++i])); };
    if (arg == "--hold" && more) jitter.cache_timeout = number();
    if (arg == "--pli" && more) jitter.pli_send_interval = number();
    if (arg == "--large") {
      ext.base.data_ch_cfg.send_cache_size = ext.base.data_ch_cfg.recv_cache_size = 512 * 1024;
    }
  }
  if (program.codec != ESP_PEER_AUDIO_CODEC_NONE) {
    program.sound = {sound, program.codec};
    const bool opus = program.codec == ESP_PEER_AUDIO_CODEC_OPUS;
    cfg.audio_info = {program.codec, opus ? 48000U : 8000U, 1};
    cfg.audio_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
  }
  if (server.stun_url) {
    ext.base.agent_recv_timeout = 2000;  // five of these are waited for an answer
    ext.loop_wait_set = true;
    ext.loop_wait_ms = 100;
    cfg.server_lists = &server;
    cfg.server_num = 1;
  }
  if (cfg.video_info.codec != ESP_PEER_VIDEO_CODEC_NONE) {
    program.projector.load({film, cfg.video_info.codec});
    cfg.video_info.width = 320;
    cfg.video_info.height = 240;
    cfg.video_info.fps = interop::Projector::frames_per_second;
    cfg.video_dir = ESP_PEER_MEDIA_DIR_SEND_RECV;
  }
  cfg.extra_cfg = &ext;
  cfg.extra_size = sizeof(ext);
  cfg.ctx = &program;
  cfg.on_state = on_state;
  cfg.on_msg = on_msg;
  cfg.on_channel_open = on_open;
  cfg.on_channel_close = on_close;
  cfg.on_data = on_data;
  cfg.on_audio_info = on_audio_info;
  cfg.on_audio_data = on_audio;
  cfg.on_video_info = on_video_info;
  cfg.on_video_data = on_video;
  if (esp_peer_open(&cfg, esp_peer_get_default_impl(), &program.peer) != ESP_PEER_ERR_NONE)
    return 1;

  std::atomic<bool> running{true};
  std::thread loop([&] {
    while (running) esp_peer_main_loop(program.peer);
  });
  for (std::string line; std::getline(std::cin, line);) {
    const json command = json::parse(line, nullptr, false);
    if (command.is_discarded() || !command.contains("do")) continue;
    if (command["do"] == "quit") break;
    emit(
        {{"event", "done"}, {"id", command.value("id", 0)}, {"result", execute(program, command)}});
  }
  program.playing = {};  // says stop, and waits
  program.projector.stop();
  running = false;
  loop.join();
  return esp_peer_close(program.peer) == ESP_PEER_ERR_NONE ? 0 : 1;
}
