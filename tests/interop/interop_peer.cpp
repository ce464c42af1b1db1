// One peer of ours as a program: commands come in as lines of JSON, what happens goes out the same
// way. Written against the C API alone.
//
// In:  {"do":"connect"} {"do":"sdp","sdp":…} {"do":"candidate","candidate":…}
//      {"do":"create","label":…} {"do":"send","text":…|"bytes":N,"stream":N} {"do":"disconnect"}
//      {"do":"addr"} {"do":"quit"}
// Out: {"event":"state","state":N} {"event":"sdp","sdp":…} {"event":"open","label":…,"stream":N}
//      {"event":"closed",…} {"event":"message","stream":N,"text":…|"bytes":N,"sum":N}
//      {"event":"done","do":…,"result":N}
//
// Echoes with --echo; binary messages are a pattern whose sum tells whether they came whole.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "esp_peer_ext.h"

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

int on_state(esp_peer_state_t state, void*) {
  emit({{"event", "state"}, {"state", static_cast<int>(state)}});
  return 0;
}
int on_msg(esp_peer_msg_t* msg, void*) {
  emit({{"event", "sdp"}, {"sdp", reinterpret_cast<const char*>(msg->data)}});
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
  } else {
    body = pattern(command["bytes"]);
    frame.type = ESP_PEER_DATA_CHANNEL_DATA;
  }
  frame.data = reinterpret_cast<std::uint8_t*>(body.data());
  frame.size = static_cast<int>(body.size());
  return send(program.peer, frame);
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
  if (what == "create") {
    std::string label = command["label"];
    esp_peer_data_channel_cfg_t channel{};
    channel.ordered = command.value("ordered", true);
    channel.label = label.data();
    return esp_peer_create_data_channel(program.peer, &channel);
  }
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

}  // namespace

int main(int argc, char** argv) {
  Program program;
  esp_peer_ext_cfg_t ext{};
  ext.magic = ESP_PEER_EXT_MAGIC;
  ext.size = sizeof(ext);
  ext.base.keep_role = true;
  esp_peer_cfg_t cfg{};
  cfg.role = ESP_PEER_ROLE_CONTROLLED;
  cfg.enable_data_channel = true;
  cfg.no_auto_reconnect = true;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--offer") cfg.role = ESP_PEER_ROLE_CONTROLLING;
    if (arg == "--manual") cfg.manual_ch_create = true;
    if (arg == "--echo") program.echo = true;
    if (arg == "--large") {
      ext.base.data_ch_cfg.send_cache_size = ext.base.data_ch_cfg.recv_cache_size = 512 * 1024;
    }
  }
  cfg.extra_cfg = &ext;
  cfg.extra_size = sizeof(ext);
  cfg.ctx = &program;
  cfg.on_state = on_state;
  cfg.on_msg = on_msg;
  cfg.on_channel_open = on_open;
  cfg.on_channel_close = on_close;
  cfg.on_data = on_data;
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
    emit({{"event", "done"}, {"do", command["do"]}, {"result", execute(program, command)}});
  }
  running = false;
  loop.join();
  return esp_peer_close(program.peer) == ESP_PEER_ERR_NONE ? 0 : 1;
}
