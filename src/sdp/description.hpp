// A session description: parsed tolerantly into views of its text, written exactly
// [rfc8866, rfc8829, rfc8839, rfc8841, rfc8842].
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/containers.hpp"
#include "base/result.hpp"
#include "sdp/audio.hpp"
#include "sdp/video.hpp"

namespace esp_peer::sdp {

enum class MediaKind : std::uint8_t { audio, video, application, other };
enum class Setup : std::uint8_t { absent, actpass, active, passive, holdconn };

inline constexpr std::size_t max_text = 64 * 1024;  // bytes of one description
inline constexpr std::size_t max_media = 16;        // m-sections of one description
inline constexpr std::size_t max_fingerprints = 4;  // of one section; further ones are ignored
inline constexpr std::size_t max_candidates = 32;   // of one section; further ones are ignored

// What a section takes from the session where it says nothing of its own [rfc8839#5.4, rfc8122#5,
// rfc8866#5.7].
struct Inherited {
  std::string_view ufrag, password;
  Setup setup = Setup::absent;
  Direction direction = Direction::sendrecv;
  bool end_of_candidates = false;
  std::string_view connection;                                   // its c-line: "IN IP4 192.0.2.1"
  FixedVector<std::string_view, max_fingerprints> fingerprints;  // "sha-256 AB:…"
};

struct Media : Inherited {
  MediaKind kind = MediaKind::other;
  std::string_view media, protocol, formats;  // of the m-line, as they stand; printable
  std::string_view lines;                     // all that stands behind it
  std::uint16_t port = 0;
  std::string_view mid;                                      // printable; empty if there is none
  FixedVector<std::string_view, max_candidates> candidates;  // "candidate:…"
  bool bundle_only = false;
  bool old_sctp_form = false;  // "m=application 9 DTLS/SCTP 5000" with a=sctpmap: before rfc8841
  // a=sctp-port; else the number in the m-line of the old form; else a=sctpmap's.
  std::optional<std::uint16_t> sctp_port;
  std::optional<std::uint32_t> max_message_size;  // 0 = any size
  bool esp_peer = false;                          // a=x-esp-peer: one of our own kind wrote it
};

// Session-level attributes that sections inherit are copied into the sections by parse().
struct Description {
  std::string_view session_id;
  std::uint64_t session_id_number = 0;  // 0 where it is no number of 64 bits
  std::uint64_t session_version = 0;    // the same
  bool ice_lite = false;
  bool trickle = false;
  std::optional<std::uint32_t> pacing_ms;  // a=ice-pacing
  Bandwidth bandwidth;                     // of all sections together
  // The mids, blank-separated, of the BUNDLE group that has the data section, else of the first.
  std::string_view bundle;
  FixedVector<Media, max_media> media;

  bool in_bundle(const Media& section) const;
  // The first section of the bundle that has a port: its transport is the bundle's
  // [rfc9143#7.2.1]. nullptr where there is none.
  const Media* tagged() const;
  // [rfc3264#6] Port 0 refuses a section. [rfc9143#7.3.5] But one that is bundled with a section
  // that has a port lives on that one's.
  bool rejected(const Media& section) const;
};

// bad_data: no description at all, an m-line that cannot be answered, or a mid that stands twice;
// over_limit: more than max_media sections or max_text bytes. Views point into `text`.
Status parse(std::string_view text, Description& out);

// What we want of a description.
struct Wanted {
  bool data = true;
  AudioCodec audio = AudioCodec::none;
  VideoCodec video = VideoCodec::none;
  // What we allow: of several sections the one that carries most is taken.
  Direction audio_direction = Direction::sendrecv, video_direction = Direction::sendrecv;
};

// The peer's data section.
struct RemoteData {
  std::size_t section = 0;  // its index
  std::string_view mid;
  std::uint16_t sctp_port = 5000;
  std::uint32_t max_message_size = 65536;  // [rfc8841#6.1] where none is named; 0 = any size
  bool esp_peer = false;                   // of our own kind
};

// What a description says of the other end: its one transport, and what we can carry on it.
struct Remote {
  std::string_view ufrag, password;
  Setup setup = Setup::absent;
  FixedVector<std::string_view, max_fingerprints> fingerprints;
  FixedVector<std::string_view, max_candidates> candidates;
  // Where there are none: what the m-line and the c-line name, if that is a port and an address.
  std::optional<Address> default_destination;
  bool end_of_candidates = false;
  bool ice_lite = false;
  std::uint32_t pacing_ms = 50;  // [rfc8445#14.2] where none is named
  std::size_t transport = 0;     // index of the section that describes it
  Bandwidth bandwidth;           // of all sections together
  std::optional<RemoteData> data;
  std::optional<RemoteAudio> audio;
  std::optional<RemoteVideo> video;
};
// Which sections of a description we take.
struct Choice {
  std::optional<std::size_t> data;   // an index
  std::optional<RemoteAudio> audio;  // in the same bundle as the others that are there
  std::optional<RemoteVideo> video;
  // Whose transport it is: in a bundle the tagged section's. Our answer keeps that alive, for to
  // refuse it is to refuse its bundle [rfc8829#5.3.1]; Chromium insists with bundlePolicy
  // max-bundle.
  std::size_t transport = 0;
};
// bad_data: a mandatory piece is missing; unsupported: nothing of what is wanted is there.
Status choose(const Description& description, const Wanted& wanted, Choice& out);
// bad_data: a mandatory piece is missing or holdconn; unsupported: nothing of what is wanted is
// there. The error's `what` says which piece.
Status read_remote(const Description& description, const Wanted& wanted, Remote& out);

// Audio of ours.
struct LocalAudio {
  AudioCodec codec = AudioCodec::none;        // none: no audio
  Direction direction = Direction::sendrecv;  // what we allow
  std::uint32_t ssrc = 0;                     // that we send with
  std::string_view cname;
  bool stereo = false;  // of Opus: we play two channels, and have two
};

// Video of ours.
struct LocalVideo {
  VideoCodec codec = VideoCodec::none;        // none: no video
  Direction direction = Direction::sendrecv;  // what we allow
  std::uint32_t ssrc = 0, rtx_ssrc = 0;       // that we send with
  std::string_view cname;
  std::uint8_t level = 31;  // of H.264, in an offer: h264_level()
};

// Our side of a description.
struct Local {
  std::uint64_t session_id = 0, session_version = 1;
  std::string_view ufrag, password;
  std::string_view fingerprint;  // "sha-256 AB:…"
  Setup setup = Setup::actpass;
  std::span<const std::string_view> candidates;  // "candidate:…"
  bool end_of_candidates = false;
  bool data = true;
  std::uint16_t sctp_port = 5000;
  std::uint32_t max_message_size = 262144;
  LocalAudio audio;
  LocalVideo video;
};
// The size written, without a terminating NUL; no_memory when `out` is too small.
Result<std::size_t> write_offer(const Local& local, std::span<char> out);
// Answers every section of `offer` in its order, mids and formats mirrored: what we can carry is
// taken, the section with its transport kept inactive, the others refused. unsupported where there
// is nothing to take.
Result<std::size_t> write_answer(const Local& local, const Description& offer, std::span<char> out);
// A further offer: the sections of `ours`, our last description, in their order [rfc3264#8].
Result<std::size_t> write_reoffer(const Local& local, const Description& ours, std::span<char> out);

}  // namespace esp_peer::sdp
