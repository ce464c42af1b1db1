// What a description says of the other end, and what it lacks.
#include <algorithm>
#include <span>

#include "sdp/description.hpp"
#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

bool speaks_data_channels(const Media& m) {
  const bool sctp =
      m.protocol == "UDP/DTLS/SCTP" || m.protocol == "TCP/DTLS/SCTP" || m.protocol == "DTLS/SCTP";
  return m.kind == MediaKind::application && sctp &&
         (m.old_sctp_form || m.formats == "webrtc-datachannel");
}

// The first section that data channels can use.
std::optional<std::size_t> data_section(const Description& d) {
  for (std::size_t i = 0; i < d.media.size(); ++i) {
    if (speaks_data_channels(d.media[i]) && !d.rejected(d.media[i])) return i;
  }
  return std::nullopt;
}

// Of those that `read` takes and that are on the one transport that there is, which is that of
// `others`: the one that carries most, and of equal ones the first. Browsers make a section for
// each track, and leave those of old tracks inactive.
template <class Read>
auto media_section(const Description& d, std::span<const std::size_t> others, Direction ours,
                   Read read) -> decltype(read(d.media[0], false)) {
  decltype(read(d.media[0], false)) best;
  int most = -1;
  for (std::size_t i = 0; i < d.media.size(); ++i) {
    const Media& m = d.media[i];
    const bool bundled = d.in_bundle(m);
    const auto apart = [&](std::size_t other) { return !(bundled && d.in_bundle(d.media[other])); };
    if (d.rejected(m) || std::any_of(others.begin(), others.end(), apart)) continue;
    const Direction carried = agreed(ours, m.direction);
    const int ways = sends(carried) + receives(carried);
    if (ways <= most) continue;
    auto found = read(m, bundled);
    if (!found) continue;
    found->section = i;
    best = found;
    most = ways;
  }
  return best;
}

Error why_nothing(const Description& d, const Wanted& wanted) {
  if (!wanted.data) return {Errc::unsupported, "no section of media with our codec"};
  if (const auto refused = data_section(d)) {
    // [rfc8841#5.1] Without a port the section means nothing.
    if (!d.media[*refused].sctp_port) return {Errc::bad_data, "no a=sctp-port"};
    // [rfc8841#10.3] Port 0 asks for no association.
    return {Errc::unsupported, "a=sctp-port:0 wants no association"};
  }
  for (const Media& m : d.media) {
    if (speaks_data_channels(m)) {
      return {Errc::unsupported, "the m=application section is refused by its port 0"};
    }
  }
  return {Errc::unsupported, "no m=application section for webrtc-datachannel"};
}

std::size_t transport_of(const Description& d, std::size_t section, bool data_wanted) {
  const Media* tagged = d.in_bundle(d.media[section]) ? d.tagged() : nullptr;
  // What is of neither kind we could not answer and leave idle.
  const bool idle = tagged && (is_rtp(*tagged) || (!data_wanted && speaks_data_channels(*tagged)));
  return idle ? static_cast<std::size_t>(tagged - d.media.begin()) : section;
}

Status check(const Remote& remote) {
  // [rfc8839#5.4] At least 24 bits of name and 128 of password: shorter ones can be guessed.
  if (remote.ufrag.empty()) return Error{Errc::bad_data, "no a=ice-ufrag"};
  if (remote.ufrag.size() < 4 || remote.ufrag.size() > 256) {
    return Error{Errc::bad_data, "a=ice-ufrag is not of 4 to 256 characters"};
  }
  if (remote.password.empty()) return Error{Errc::bad_data, "no a=ice-pwd"};
  if (remote.password.size() < 22 || remote.password.size() > 256) {
    return Error{Errc::bad_data, "a=ice-pwd is not of 22 to 256 characters"};
  }
  if (remote.fingerprints.empty()) return Error{Errc::bad_data, "no a=fingerprint"};
  // [rfc8842#5.1] Not to be used.
  if (remote.setup == Setup::holdconn) return Error{Errc::bad_data, "a=setup:holdconn"};
  return {};
}

// [rfc8839#4.2.5] "0.0.0.0" and port 9 stand for candidates that come later, a name for nothing.
std::optional<Address> default_destination(const Media& m) {
  auto line = m.connection;
  if (m.port == 0 || m.port == 9 || take_word(line) != "IN") return std::nullopt;
  const auto family = take_word(line);
  const auto address = parse_ip(first_word(line), m.port);
  if (!address || address->is_unspecified()) return std::nullopt;
  if (family != (address->is_v4() ? "IP4" : "IP6")) return std::nullopt;
  return address;
}

// `carried`: a section on the transport that `tagged` describes.
void read_transport(const Media& tagged, const Media& carried, Remote& out) {
  // A peer that says nothing there says it in the section that is carried.
  const Media& transport = tagged.ufrag.empty() ? carried : tagged;
  const bool own_candidates = transport.candidates.empty() && carried.ufrag == transport.ufrag;
  const Media& reach = own_candidates ? carried : transport;
  out.ufrag = transport.ufrag;
  out.password = transport.password;
  out.setup = tagged.setup != Setup::absent ? tagged.setup : carried.setup;
  out.fingerprints = tagged.fingerprints.empty() ? carried.fingerprints : tagged.fingerprints;
  out.candidates = reach.candidates;
  if (reach.candidates.empty()) out.default_destination = default_destination(transport);
  out.end_of_candidates = reach.end_of_candidates;
}

}  // namespace

Status choose(const Description& d, const Wanted& wanted, Choice& out) {
  out = Choice{};
  if (wanted.data) out.data = data_section(d);
  if (out.data && d.media[*out.data].sctp_port.value_or(0) == 0) out.data.reset();
  FixedVector<std::size_t, 2> taken;
  if (out.data) taken.push_back(*out.data);
  out.audio = media_section(
      d, {taken.begin(), taken.size()}, wanted.audio_direction,
      [&](const Media& m, bool bundled) { return read_audio(m, wanted.audio, bundled); });
  if (out.audio) taken.push_back(out.audio->section);
  out.video = media_section(
      d, {taken.begin(), taken.size()}, wanted.video_direction,
      [&](const Media& m, bool bundled) { return read_video(m, wanted.video, bundled); });
  if (out.video) taken.push_back(out.video->section);
  if (taken.empty()) return why_nothing(d, wanted);
  out.transport = transport_of(d, taken[0], wanted.data);
  return {};
}

Status read_remote(const Description& d, const Wanted& wanted, Remote& out) {
  out = Remote{};
  Choice choice;
  if (const Status chosen = choose(d, wanted, choice); !chosen) return chosen;
  out.transport = choice.transport;
  out.audio = choice.audio;
  out.video = choice.video;
  out.ice_lite = d.ice_lite;
  out.bandwidth = d.bandwidth;
  if (d.pacing_ms) out.pacing_ms = *d.pacing_ms;
  if (choice.data) {
    const Media& m = d.media[*choice.data];
    RemoteData& data = out.data.emplace();
    data.section = *choice.data;
    data.mid = m.mid;
    data.sctp_port = *m.sctp_port;
    if (m.max_message_size) data.max_message_size = *m.max_message_size;
    data.esp_peer = m.esp_peer;
  }
  const std::size_t carried = choice.data    ? *choice.data
                              : choice.audio ? choice.audio->section
                                             : choice.video->section;
  read_transport(d.media[choice.transport], d.media[carried], out);
  return check(out);
}

}  // namespace esp_peer::sdp
