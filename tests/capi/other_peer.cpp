// A peer in a process of its own, for tests that stop it or kill it: answers whoever speaks to it
// with the same words. Its signalling is its standard input and output: "<bytes>\n" and a
// description. Its argument is alive_binding_retries.
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "esp_peer_ext.h"

namespace {

esp_peer_handle_t peer;

void write_all(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto n = write(STDOUT_FILENO, text.data() + at, text.size() - at);
    if (n <= 0) std::_Exit(1);
    at += static_cast<std::size_t>(n);
  }
}

// False at the end of the input.
bool take_input(std::string& input) {
  pollfd readable{STDIN_FILENO, POLLIN, 0};
  if (poll(&readable, 1, 0) <= 0) return true;
  char some[4096];
  const auto n = read(STDIN_FILENO, some, sizeof(some));
  if (n <= 0) return false;
  input.append(some, static_cast<std::size_t>(n));
  const auto line = input.find('\n');
  if (line == input.npos) return true;
  const auto size = std::strtoul(input.c_str(), nullptr, 10);
  if (input.size() < line + 1 + size) return true;
  std::string sdp = input.substr(line + 1, size);
  input.erase(0, line + 1 + size);
  esp_peer_msg_t message{ESP_PEER_MSG_TYPE_SDP, reinterpret_cast<std::uint8_t*>(sdp.data()),
                         static_cast<int>(sdp.size())};
  esp_peer_send_msg(peer, &message);
  return true;
}

}  // namespace

int main(int, char** arguments) {
  esp_peer_ext_cfg_t ext = ESP_PEER_EXT_CFG_DEFAULT;
  ext.loopback_only = true;
  ext.base.agent_recv_timeout = 10;
  ext.base.keep_role = true;
  ext.base.alive_binding_retries = static_cast<std::uint8_t>(std::atoi(arguments[1]));
  esp_peer_cfg_t cfg{};
  cfg.role = ESP_PEER_ROLE_CONTROLLED;
  cfg.enable_data_channel = true;
  cfg.extra_cfg = &ext;
  cfg.extra_size = sizeof(ext);
  cfg.on_msg = [](esp_peer_msg_t* m, void*) {
    const std::string sdp(reinterpret_cast<const char*>(m->data),
                          static_cast<std::size_t>(m->size));
    write_all(std::to_string(sdp.size()) + "\n" + sdp);
    return 0;
  };
  cfg.on_data = [](esp_peer_data_frame_t* frame, void*) { return esp_peer_send_data(peer, frame); };
  if (esp_peer_open(&cfg, esp_peer_get_default_impl(), &peer) != ESP_PEER_ERR_NONE) return 1;
  if (esp_peer_new_connection(peer) != ESP_PEER_ERR_NONE) return 1;
  for (std::string input; take_input(input);) esp_peer_main_loop(peer);
  esp_peer_close(peer);
}
