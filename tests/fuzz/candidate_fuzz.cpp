// Any text as a candidate line: it is refused, or survives being written and read again.
#include <cstdint>

#include "ice/candidate.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace esp_peer;
  using fuzz::require;
  auto c = ice::parse_candidate({reinterpret_cast<const char*>(data), size});
  if (!c) {
    require(c.error().code == Errc::bad_data || c.error().code == Errc::unsupported);
    return 0;
  }
  require(c->address.port != 0 && !c->address.is_unspecified());
  require(c->component == 1 && c->transport == Transport::udp);
  const auto text = ice::candidate_text(*c);
  auto again = ice::parse_candidate(text.view());
  require(static_cast<bool>(again));
  require(again->address == c->address && again->type == c->type);
  require(again->priority == c->priority && again->foundation == c->foundation);
  return 0;
}
