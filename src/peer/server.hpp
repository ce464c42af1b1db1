// An ICE server's URL [rfc7064, rfc7065].
#pragma once
#include <cstdint>
#include <string_view>

#include "base/containers.hpp"
#include "base/result.hpp"

namespace esp_peer::peer {

struct Server {
  FixedString<255> host;  // a name, or an address without brackets
  std::uint16_t port = 3478;
  bool turn = false;
  // exception: [rfc7065] TURN over TCP and TLS is not asked for yet.
  bool over_stream = false;
  std::string_view username, password;  // of TURN; whoever keeps the server keeps them
};

inline constexpr std::size_t max_servers = 8;  // of one session
using Servers = FixedVector<Server, max_servers>;

// "stun:host[:port]", "turn:…" and "turns:…" with an optional "?transport=". invalid_argument for
// anything else.
Result<Server> parse_server_url(std::string_view url);

}  // namespace esp_peer::peer
