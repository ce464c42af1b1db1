// Any text as a description: it is refused, or our answer to it has its sections, is read as it was
// meant, and holds not a line that the stranger made.
#include <cstdint>
#include <vector>

#include "sdp/description.hpp"
#include "sdp/setup.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using namespace esp_peer::sdp;
using fuzz::require;

constexpr std::string_view candidates[] = {"candidate:1 1 udp 2130706431 192.0.2.1 4711 typ host"};

Local our_side(Setup setup) {
  Local local;
  local.session_id = 7;
  local.ufrag = "uFrA";
  local.password = "passwordpasswordpasswo";
  local.fingerprint = "sha-256 00:01";
  local.setup = setup;
  local.candidates = candidates;
  local.end_of_candidates = true;
  return local;
}

bool is_ours(std::string_view line) {
  for (const std::string_view start : {"v=0",
                                       "o=- 7 1 IN IP4 0.0.0.0",
                                       "s=-",
                                       "t=0 0",
                                       "a=ice-options:",
                                       "a=ice-pacing:5",
                                       "a=group:BUNDLE ",
                                       "m=",
                                       "c=IN IP4 ",
                                       "a=mid:",
                                       "a=sctp-port:5000",
                                       "a=sctpmap:5000 ",
                                       "a=max-message-size:262144",
                                       "a=x-esp-peer:1",
                                       "a=ice-ufrag:uFrA",
                                       "a=ice-pwd:passwordpasswordpasswo",
                                       "a=fingerprint:sha-256 00:01",
                                       "a=setup:",
                                       "a=candidate:1 1 udp",
                                       "a=end-of-candidates",
                                       "a=inactive",
                                       "a=rtcp-mux",
                                       "a=rtpmap:"}) {
    if (line.substr(0, start.size()) == start) return true;
  }
  return false;
}

void check_lines(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    require(end != text.npos);
    const auto line = text.substr(0, end);
    require(is_ours(line));
    for (const char c : line) require(c >= ' ' && c <= '~');
    text.remove_prefix(end + 2);
  }
}

void check_answer(const Description& offer, const RemoteData& theirs, std::string_view text) {
  check_lines(text);
  if (text.size() > max_text) return;
  static Description answer;
  require(parse(text, answer).code() == Errc::ok);
  require(answer.media.size() == offer.media.size());
  const Media& data = offer.media[theirs.section];
  for (std::size_t i = 0; i < offer.media.size(); ++i) {
    const Media &asked = offer.media[i], &given = answer.media[i];
    require(given.mid == asked.mid && given.media == asked.media);
    require(given.protocol == asked.protocol);
    const bool lives = &asked == &data || &asked == &offer.transport_of(data);
    require((given.port != 0) == lives);
  }
  RemoteData ours;
  require(remote_data(answer, ours).code() == Errc::ok);
  require(ours.section == theirs.section && ours.mid == theirs.mid && ours.ufrag == "uFrA");
  require(answer.in_bundle(answer.media[ours.section]) == offer.in_bundle(data));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static Description d;
  RemoteData remote;
  if (!parse(text, d)) return 0;
  require(size <= max_text);
  if (!remote_data(d, remote)) return 0;
  require(remote.ufrag.size() <= 256 && remote.password.size() <= 256);
  require(remote.sctp_port != 0 && !remote.fingerprints.empty());
  const auto setup = setup_for_offer(remote.setup);
  require(setup.has_value());
  std::vector<char> room(size * 2 + 4096);
  auto written = write_answer(our_side(setup->ours), d, room);
  require(static_cast<bool>(written));
  check_answer(d, remote, {room.data(), *written});
  return 0;
}
