// What sections of audio and of video have in common: who sends to whom, sources, payload types
// [rfc3264#6.1, rfc5761, rfc5576].
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/containers.hpp"

namespace esp_peer::sdp {

struct Media;

// Of the side that says it. The two lower bits are those of esp_peer_media_dir_t.
enum class Direction : std::uint8_t { inactive = 0, sendonly = 1, recvonly = 2, sendrecv = 3 };
constexpr bool sends(Direction d) { return (static_cast<unsigned>(d) & 1) != 0; }
constexpr bool receives(Direction d) { return (static_cast<unsigned>(d) & 2) != 0; }
// The same, as the other side would say it.
constexpr Direction mirrored(Direction d) {
  return static_cast<Direction>((sends(d) ? 2 : 0) | (receives(d) ? 1 : 0));
}
// What both sides allow, each in its own words, in ours [rfc3264#6.1].
constexpr Direction agreed(Direction ours, Direction theirs) {
  return static_cast<Direction>(static_cast<unsigned>(ours) &
                                static_cast<unsigned>(mirrored(theirs)));
}

inline constexpr std::size_t max_ssrcs = 4;  // of one section; further ones are ignored
using Ssrcs = FixedVector<std::uint32_t, max_ssrcs>;

// From the value of "a=ssrc:"; each once, for it has a line for each of its attributes.
void add_ssrc(std::string_view value, Ssrcs& ssrcs);

// Which number the header extensions have that say what a packet belongs to: a section, a stream of
// it, a stream that it repeats [rfc9143#15, rfc8852#3]. 0 = none.
struct StreamExtensions {
  std::uint8_t mid = 0, rid = 0, repaired_rid = 0;
};
// From the value of "a=extmap:".
void add_extmap(std::string_view value, StreamExtensions& extensions);

// Two sources of which one repeats what the other has lost [rfc5576#4.2, rfc4588#8.8].
struct RtxPair {
  std::uint32_t source = 0, rtx = 0;
};
using RtxPairs = FixedVector<RtxPair, max_ssrcs / 2>;
// From the value of "a=ssrc-group:".
void add_rtx_pair(std::string_view value, RtxPairs& pairs);

// 0…63, 96…127: the others would be taken for RTCP [rfc5761#4].
std::optional<std::uint8_t> parse_payload_type(std::string_view text);
// Encoding names know no case [rfc8866#6.6].
bool take_name(std::string_view& text, std::string_view lower);

bool is_rtp(const Media& section);
// What stands behind "a=rtpmap:" for this format, "111 opus/48000/2"; printable, empty if nothing.
std::string_view rtpmap_of(const Media& section, std::string_view format);

}  // namespace esp_peer::sdp
