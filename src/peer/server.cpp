#include "peer/server.hpp"

#include "base/address.hpp"

namespace esp_peer::peer {
namespace {

constexpr Error bad_url{Errc::invalid_argument, "not a stun:, turn: or turns: URL"};

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned value = 0;
  if (text.empty() || text.size() > 5) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value == 0 || value > 0xFFFF) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

bool is_host(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!word && c != '.' && c != '-' && c != '_' && c != ':') return false;
  }
  return true;
}

// Splits "host", "host:port", "[v6]" and "[v6]:port".
bool split_authority(std::string_view text, std::string_view& host, std::string_view& port) {
  if (take_prefix(text, "[")) {
    const auto end = text.find(']');
    if (end == text.npos) return false;
    host = text.substr(0, end);
    text.remove_prefix(end + 1);
    return parse_ip(host, 0).has_value() &&
           (text.empty() || (take_prefix(text, ":") && !(port = text).empty()));
  }
  const auto colon = text.find(':');
  host = text.substr(0, colon);
  if (colon == text.npos) return true;
  port = text.substr(colon + 1);
  return !port.empty();
}

}  // namespace

Result<Server> parse_server_url(std::string_view url) {
  Server server;
  if (take_prefix(url, "turns:")) {
    server.turn = server.over_stream = true;
    server.port = 5349;
  } else if (take_prefix(url, "turn:")) {
    server.turn = true;
  } else if (!take_prefix(url, "stun:")) {
    return bad_url;
  }
  const auto query = url.find('?');
  if (query != url.npos) {
    const auto transport = url.substr(query);
    if (!server.turn || (transport != "?transport=udp" && transport != "?transport=tcp")) {
      return bad_url;
    }
    server.over_stream = server.over_stream || transport == "?transport=tcp";
    url = url.substr(0, query);
  }
  std::string_view host, port;
  if (!split_authority(url, host, port) || !is_host(host) || !server.host.assign(host)) {
    return bad_url;
  }
  if (!port.empty()) {
    const auto number = parse_port(port);
    if (!number) return bad_url;
    server.port = *number;
  }
  return server;
}

}  // namespace esp_peer::peer
