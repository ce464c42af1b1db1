// For tests: descriptions that real peers wrote (tests/sdp/), and a side of ours to answer them.
#pragma once
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "sdp/description.hpp"

namespace esp_peer::sdp {

inline std::filesystem::path sample_folder() { return ESP_PEER_TEST_SDP; }
inline std::string sample(const std::string& name) {
  std::ifstream file(sample_folder() / (name + ".sdp"), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}
inline std::string without(const std::string& text, std::string_view what) {
  return replaced(text, what, "");
}

inline constexpr std::string_view our_fingerprint =
    "sha-256 "
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:"
    "1F";
inline constexpr std::string_view our_candidates[] = {
    "candidate:1 1 udp 2130706431 192.0.2.1 4711 typ host",
    "candidate:2 1 udp 1694498815 198.51.100.7 5000 typ srflx raddr 192.0.2.1 rport 4711"};

inline Local our_side(Setup setup) {
  Local local;
  local.session_id = 4611686018427387904;
  local.session_version = 3;
  local.ufrag = "uFrA";
  local.password = "passwordpasswordpasswo";
  local.fingerprint = our_fingerprint;
  local.setup = setup;
  local.candidates = our_candidates;
  local.end_of_candidates = true;
  return local;
}

// All that parse() understood, for comparing.
inline std::string print(const Description& d) {
  std::ostringstream out;
  out << d.session_id << ' ' << d.session_id_number << d.ice_lite << d.trickle
      << d.pacing_ms.value_or(99) << ' ' << d.bundle << '\n';
  for (const Media& m : d.media) {
    out << m.media << ' ' << m.port << ' ' << m.protocol << ' ' << m.formats << " mid " << m.mid
        << ' ' << int(m.direction) << int(m.setup) << m.end_of_candidates << m.bundle_only
        << m.old_sctp_form << ' ' << m.ufrag << ' ' << m.password << ' ' << m.sctp_port.value_or(1)
        << ' ' << m.max_message_size.value_or(1) << '\n';
    for (const auto f : m.fingerprints) out << "  " << f << '\n';
    for (const auto c : m.candidates) out << "  " << c << '\n';
  }
  return out.str();
}

}  // namespace esp_peer::sdp
