// What sections of audio and of video have in common: who sends to whom, sources, payload types
// [rfc3264#6.1, rfc5761, rfc5576].
#pragma once
#include <bitset>
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

// Which number the header extensions have that say what a packet belongs to: a section, a stream of
// it, a stream that it repeats [rfc9143#15, rfc8852#3]. 0 = none.
struct StreamExtensions {
  std::uint8_t mid = 0, rid = 0, repaired_rid = 0;
};

// Two sources of which one repeats what the other has lost [rfc5576#4.2, rfc4588#8.8].
struct RtxPair {
  std::uint32_t source = 0, rtx = 0;
};
using RtxPairs = FixedVector<RtxPair, max_ssrcs / 2>;

// What the side that says it likes to get at most, in bytes a second [rfc3264#5.1]; 0 = no media.
struct Bandwidth {
  static constexpr std::uint64_t unlimited = ~std::uint64_t{0};
  std::uint64_t transport = unlimited;  // with the headers of UDP and IP [rfc8866#5.8]
  std::uint64_t payload = unlimited;    // of RTP packets without any header [rfc3890#6.4]
  bool is_zero() const { return transport == 0 || payload == 0; }
  friend bool operator==(const Bandwidth&, const Bandwidth&) = default;
};
// What keeps to both.
Bandwidth lower_of(const Bandwidth& a, const Bandwidth& b);
// What stands behind "b=". Of several lines the lowest counts.
void note_bandwidth(std::string_view value, Bandwidth& out);

// The peer's section.
struct RemoteStream {
  std::size_t section = 0;  // its index
  std::string_view mid;
  Direction direction = Direction::sendrecv;  // the peer's
  bool reduced_rtcp = false;                  // a=rtcp-rsize [rfc5506]
  Ssrcs ssrcs;                                // those it announces; others may come all the same
  RtxPairs rtx_pairs;
  StreamExtensions extensions;
  Bandwidth bandwidth;  // of this section; the session may have one as well
};
// False where it is not of RTP, or wants RTCP on a port of its own. `bundled`: which is never the
// case in a bundle [rfc9143#9.3].
bool read_stream(const Media& section, bool bundled, RemoteStream& out);

bool is_rtp(const Media& section);

using PayloadTypes = std::bitset<128>;
// 0…63, 96…127: the others would be taken for RTCP [rfc5761#4].
std::optional<std::uint8_t> parse_payload_type(std::string_view text);
// Those of the m-line.
PayloadTypes listed_types(const Media& section);
// Those that mean an encoding, "h264/90000", which is written in lower case here: names know no
// case [rfc8866#6.6]. Of two rows for one number the first counts. `well_known`: this one does
// where it has no row.
PayloadTypes types_of(const Media& section, std::string_view encoding,
                      std::optional<std::uint8_t> well_known = {});
// What stands behind "a=rtpmap:" for this format, "111 opus/48000/2"; printable, empty if nothing.
std::string_view rtpmap_of(const Media& section, std::string_view format);

// The next row of an attribute, "fmtp:", that is about this format: its value, number and all, if
// that is printable.
std::optional<std::string_view> take_row(std::string_view& lines, std::string_view name,
                                         std::string_view format);

// The value of the next line "a=NAME", a name with its colon; nothing at the end.
std::optional<std::string_view> take_attribute(std::string_view& lines, std::string_view name);
// The next of "a=1;b=2", with blanks or without.
std::string_view take_parameter(std::string_view& value);

}  // namespace esp_peer::sdp
