#include "sdp/rtp_section.hpp"

#include <algorithm>

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

// Encoding names know no case [rfc8866#6.6].
bool same_name(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < lower.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower[i]) return false;
  }
  return true;
}

// From the value of "a=ssrc:"; each once, for it has a line for each of its attributes.
void add_ssrc(std::string_view value, Ssrcs& ssrcs) {
  const std::uint32_t ssrc = parse_ssrc(first_word(value));
  if (ssrc == 0) return;
  for (const auto known : ssrcs) {
    if (known == ssrc) return;
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

}  // namespace

// [rfc8829#5.1.2] Whatever the profile says, it is DTLS-SRTP: the fingerprint decides.
bool is_rtp(const Media& section) {
  for (const std::string_view profile : {"RTP/SAVPF", "RTP/SAVP", "RTP/AVPF", "RTP/AVP"}) {
    if (ends_with(section.protocol, profile)) return true;
  }
  return false;
}

Bandwidth lower_of(const Bandwidth& a, const Bandwidth& b) {
  return {std::min(a.transport, b.transport), std::min(a.payload, b.payload)};
}

// [rfc8866#5.8] Kilobits; CT is the same of everybody together, who are two here. [rfc3890#6.2]
// TIAS is in bits. [rfc8866#5.8] Others MUST be ignored.
void note_bandwidth(std::string_view value, Bandwidth& out) {
  const bool kilobits = take_prefix(value, "AS:") || take_prefix(value, "CT:");
  if (!kilobits && !take_prefix(value, "TIAS:")) return;
  const auto number = parse_clamped_u32(first_word(value));
  if (!number) return;
  Bandwidth noted;
  (kilobits ? noted.transport : noted.payload) =
      kilobits ? std::uint64_t{*number} * 125
               : std::max(*number / 8, std::min<std::uint32_t>(*number, 1));
  out = lower_of(out, noted);
}

bool read_stream(const Media& section, bool bundled, RemoteStream& out) {
  if (!is_rtp(section)) return false;
  bool rtcp_mux = bundled;
  for (auto lines = section.lines; !lines.empty();) {
    auto line = take_line(lines);
    if (take_prefix(line, "b=")) note_bandwidth(line, out.bandwidth);
    if (!take_prefix(line, "a=")) continue;
    if (take_prefix(line, "ssrc:")) {
      add_ssrc(line, out.ssrcs);
    } else if (take_prefix(line, "ssrc-group:")) {
      add_rtx_pair(line, out.rtx_pairs);
    } else if (take_prefix(line, "extmap:")) {
      add_extmap(line, out.extensions);
    } else if (line == "rtcp-mux" || line == "rtcp-mux-only") {
      rtcp_mux = true;
    } else if (line == "rtcp-rsize") {
      out.reduced_rtcp = true;
    }
  }
  out.mid = section.mid;
  out.direction = section.direction;
  return rtcp_mux;
}

// [rfc5761#4] 64 to 95 would be taken for RTCP.
std::optional<std::uint8_t> parse_payload_type(std::string_view text) {
  const auto number = parse_u16(text);
  if (!number || *number > 127 || (*number >= 64 && *number < 96)) return std::nullopt;
  return static_cast<std::uint8_t>(*number);
}

PayloadTypes listed_types(const Media& section) {
  PayloadTypes out;
  for (auto formats = section.formats; !formats.empty();) {
    if (const auto type = parse_payload_type(take_word(formats))) out[*type] = true;
  }
  return out;
}

PayloadTypes types_of(const Media& section, std::string_view encoding,
                      std::optional<std::uint8_t> well_known) {
  PayloadTypes mapped, out;
  for (auto lines = section.lines; auto value = take_attribute(lines, "rtpmap:");) {
    if (!is_printable(*value)) continue;  // as in rtpmap_of()
    const auto type = parse_payload_type(take_word(*value));
    const auto name = first_word(*value);
    if (!type || mapped[*type] || name.empty()) continue;
    mapped[*type] = true;
    out[*type] = same_name(name, encoding);
  }
  if (well_known && !mapped[*well_known]) out[*well_known] = true;
  return out;
}

std::string_view rtpmap_of(const Media& section, std::string_view format) {
  auto lines = section.lines;
  while (const auto row = take_row(lines, "rtpmap:", format)) {
    auto rest = *row;
    take_word(rest);
    if (!first_word(rest).empty()) return *row;
  }
  return {};
}

std::optional<std::string_view> take_row(std::string_view& lines, std::string_view name,
                                         std::string_view format) {
  const auto wanted = parse_payload_type(format);
  while (const auto value = take_attribute(lines, name)) {
    const auto type = parse_payload_type(first_word(*value));
    if (type && type == wanted && is_printable(*value)) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> take_attribute(std::string_view& lines, std::string_view name) {
  while (!lines.empty()) {
    auto line = take_line(lines);
    if (take_prefix(line, "a=") && take_prefix(line, name)) return line;
  }
  return std::nullopt;
}

std::string_view take_parameter(std::string_view& value) {
  const auto end = value.find(';');
  const auto parameter = without_leading_blanks(head(value, end));
  value.remove_prefix(end == value.npos ? value.size() : end + 1);
  return parameter;
}

}  // namespace esp_peer::sdp
