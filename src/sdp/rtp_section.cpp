#include "sdp/rtp_section.hpp"

#include "sdp/description.hpp"
#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// 0 for what is none.
std::uint32_t parse_ssrc(std::string_view text) {
  const auto ssrc = parse_clamped(text, std::uint64_t{1} << 32);
  return ssrc && *ssrc <= 0xFFFF'FFFF ? static_cast<std::uint32_t>(*ssrc) : 0;
}

}  // namespace

// [rfc8829#5.1.2] Whatever the profile says, it is DTLS-SRTP: the fingerprint decides.
bool is_rtp(const Media& section) {
  for (const std::string_view profile : {"RTP/SAVPF", "RTP/SAVP", "RTP/AVPF", "RTP/AVP"}) {
    if (ends_with(section.protocol, profile)) return true;
  }
  return false;
}

std::string_view rtpmap_of(const Media& section, std::string_view format) {
  for (auto lines = section.lines; !lines.empty();) {
    auto line = take_line(lines);
    if (!take_prefix(line, "a=rtpmap:") || !is_printable(line)) continue;
    if (begins_with_word(line, format)) return line;
  }
  return {};
}

// [rfc5761#4] 64 to 95 would be taken for RTCP.
std::optional<std::uint8_t> parse_payload_type(std::string_view text) {
  const auto number = parse_u16(text);
  if (!number || *number > 127 || (*number >= 64 && *number < 96)) return std::nullopt;
  return static_cast<std::uint8_t>(*number);
}

// Encoding names know no case [rfc8866#6.6].
bool take_name(std::string_view& text, std::string_view lower) {
  for (std::size_t i = 0; i < lower.size(); ++i) {
    const char c = i < text.size() ? text[i] : '\0';
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower[i]) return false;
  }
  text.remove_prefix(lower.size());
  return true;
}

void add_ssrc(std::string_view value, Ssrcs& ssrcs) {
  const std::uint32_t ssrc = parse_ssrc(first_word(value));
  if (ssrc == 0) return;
  for (const auto known : ssrcs) {
    if (known == ssrc) return;  // it has a line for each of its attributes
  }
  ssrcs.push_back(ssrc);
}

void add_rtx_pair(std::string_view value, RtxPairs& pairs) {
  if (take_word(value) != "FID") return;
  RtxPair pair;
  pair.source = parse_ssrc(take_word(value));
  pair.rtx = parse_ssrc(first_word(value));
  if (pair.source != 0 && pair.rtx != 0) pairs.push_back(pair);
}

void add_extmap(std::string_view value, StreamExtensions& extensions) {
  // [rfc8285#5] "4/recvonly urn:…": who uses it does not matter to whoever only reads.
  const auto number_and_direction = take_word(value);
  const auto number = parse_u16(head(number_and_direction, number_and_direction.find('/')));
  auto uri = first_word(value);
  if (!number || *number == 0 || *number > 255) return;
  if (!take_prefix(uri, "urn:ietf:params:rtp-hdrext:sdes:")) return;
  const auto id = static_cast<std::uint8_t>(*number);
  if (uri == "mid") extensions.mid = id;
  if (uri == "rtp-stream-id") extensions.rid = id;
  if (uri == "repaired-rtp-stream-id") extensions.repaired_rid = id;
}

}  // namespace esp_peer::sdp
