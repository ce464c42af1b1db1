// The ClientHellos that today's browsers send, captured: too large for one datagram.
#pragma once
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace esp_peer::test {

struct BrowserHello {
  std::string name;
  std::vector<std::vector<std::byte>> datagrams;
};

std::vector<BrowserHello> browser_hellos();

}  // namespace esp_peer::test
