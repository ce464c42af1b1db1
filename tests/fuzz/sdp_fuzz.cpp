// Any text as a description: it is refused, or our answer to it has its sections, is read as it was
// meant, and holds not a line that the stranger made; and so does the offer that we would make
// after it. With and without data, for each codec of audio and of video.
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
                                       "a=sctp-port:0",
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
                                       "a=sendrecv",
                                       "a=sendonly",
                                       "a=recvonly",
                                       "a=rtcp-mux",
                                       "a=rtcp-rsize",
                                       "a=fmtp:",
                                       "a=msid:esp_stream a0",
                                       "a=ssrc:9 cname:name",
                                       "a=msid:esp_stream v0",
                                       "a=ssrc-group:FID 5 6",
                                       "a=ssrc:5 cname:name",
                                       "a=ssrc:6 cname:name",
                                       "a=rtcp-fb:",
                                       "a=extmap:",
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

bool is_taken(const Remote& remote, std::size_t i) {
  return (remote.data && remote.data->section == i) ||
         (remote.audio && remote.audio->section == i) ||
         (remote.video && remote.video->section == i) || remote.transport == i;
}

// `text` of ours has the sections of `model`, and in `remote` stands what we take of those.
void check_ours(const Description& model, const Remote& remote, const Wanted& wanted,
                std::string_view text, Description& ours) {
  check_lines(text);
  if (text.size() > max_text) return;
  require(parse(text, ours).code() == Errc::ok);
  require(ours.media.size() == model.media.size());
  for (std::size_t i = 0; i < model.media.size(); ++i) {
    const Media &asked = model.media[i], &given = ours.media[i];
    require(given.mid == asked.mid && given.media == asked.media);
    require(given.protocol == asked.protocol);
    require((given.port != 0) == is_taken(remote, i));
    require(ours.in_bundle(given) == (is_taken(remote, i) && model.in_bundle(asked)));
  }
  Remote back;
  require(read_remote(ours, wanted, back).code() == Errc::ok);
  require(back.data.has_value() == remote.data.has_value());
  require(back.audio.has_value() == remote.audio.has_value());
  require(back.video.has_value() == remote.video.has_value());
  require(back.transport == remote.transport && back.ufrag == "uFrA");
  if (back.data) require(back.data->section == remote.data->section);
  if (back.audio) require(back.audio->format == remote.audio->format);
  if (back.video) require(back.video->format == remote.video->format);
}

void try_with(const Description& d, std::size_t size, const Wanted& wanted) {
  static Description answer, reoffer;
  Remote remote;
  if (!read_remote(d, wanted, remote)) return;
  require(remote.data || remote.audio || remote.video);
  require(wanted.data || !remote.data);
  require(remote.ufrag.size() <= 256 && remote.password.size() <= 256);
  require(!remote.fingerprints.empty());
  if (remote.default_destination) {
    require(remote.candidates.empty() && remote.default_destination->port != 0);
  }
  if (remote.data) require(remote.data->sctp_port != 0);
  if (remote.audio) {
    const auto& format = remote.audio->format;
    require(format.codec == wanted.audio && format.payload_type < 128);
    require(format.payload_type < 64 || format.payload_type >= 96);
  }
  if (remote.video) {
    const auto& format = remote.video->format;
    require(format.codec == wanted.video && format.payload_type < 128);
    require(format.rtx_payload_type != format.payload_type);
    if (remote.audio) require(remote.audio->section != remote.video->section);
  }
  const auto setup = setup_for_offer(remote.setup);
  require(setup.has_value());
  Local local = our_side(setup->ours);
  local.data = wanted.data;
  local.audio = {wanted.audio, Direction::sendrecv, 9, "name"};
  local.video = {wanted.video, Direction::sendrecv, 5, 6, "name"};
  std::vector<char> room(size * 2 + 4096);
  auto written = write_answer(local, d, room);
  require(static_cast<bool>(written));
  check_ours(d, remote, wanted, {room.data(), *written}, answer);
  if (*written > max_text) return;
  std::vector<char> room_again(size * 4 + 8192);
  local.setup = Setup::actpass;
  auto again = write_reoffer(local, answer, room_again);
  require(static_cast<bool>(again));
  check_ours(answer, remote, wanted, {room_again.data(), *again}, reoffer);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static Description d;
  if (!parse(text, d)) return 0;
  require(size <= max_text);
  for (const auto codec :
       {AudioCodec::none, AudioCodec::g711a, AudioCodec::g711u, AudioCodec::opus}) {
    for (const auto video : {VideoCodec::none, VideoCodec::h264, VideoCodec::mjpeg}) {
      try_with(d, size, {true, codec, video});
      try_with(d, size, {false, codec, video});
    }
  }
  return 0;
}
