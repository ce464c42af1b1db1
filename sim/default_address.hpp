// A description as one writes it whose candidates come later [rfc8840#4.1.1].
#pragma once
#include <string>

namespace esp_peer::sim {

// Its m-lines and c-lines name no address.
inline std::string without_default_address(std::string sdp) {
  for (auto at = sdp.find("\nm="); at != sdp.npos; at = sdp.find("\nm=", at + 1)) {
    const auto port = sdp.find(' ', at) + 1, end = sdp.find(' ', port);
    if (sdp.substr(port, end - port) != "0") sdp.replace(port, end - port, "9");
  }
  for (auto at = sdp.find("\nc="); at != sdp.npos; at = sdp.find("\nc=", at + 1)) {
    sdp.replace(at, sdp.find_first_of("\r\n", at + 1) - at, "\nc=IN IP4 0.0.0.0");
  }
  return sdp;
}

}  // namespace esp_peer::sim
