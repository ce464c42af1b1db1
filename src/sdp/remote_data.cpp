// What a description says of the other end of our data channels, and what it lacks.
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

const char* why_no_data(const Description& d) {
  for (const Media& m : d.media) {
    if (speaks_data_channels(m)) return "the m=application section is refused by its port 0";
  }
  return "no m=application section for webrtc-datachannel";
}

Status check(const RemoteData& data) {
  // [rfc8839#5.4] At least 24 bits of name and 128 of password: shorter ones can be guessed.
  if (data.ufrag.empty()) return Error{Errc::bad_data, "no a=ice-ufrag"};
  if (data.ufrag.size() < 4 || data.ufrag.size() > 256) {
    return Error{Errc::bad_data, "a=ice-ufrag is not of 4 to 256 characters"};
  }
  if (data.password.empty()) return Error{Errc::bad_data, "no a=ice-pwd"};
  if (data.password.size() < 22 || data.password.size() > 256) {
    return Error{Errc::bad_data, "a=ice-pwd is not of 22 to 256 characters"};
  }
  if (data.fingerprints.empty()) return Error{Errc::bad_data, "no a=fingerprint"};
  // [rfc8842#5.1] Not to be used.
  if (data.setup == Setup::holdconn) return Error{Errc::bad_data, "a=setup:holdconn"};
  return {};
}

}  // namespace

std::optional<std::size_t> data_section(const Description& d) {
  for (std::size_t i = 0; i < d.media.size(); ++i) {
    if (speaks_data_channels(d.media[i]) && !d.rejected(d.media[i])) return i;
  }
  return std::nullopt;
}

Status remote_data(const Description& d, RemoteData& out) {
  out = RemoteData{};
  const auto section = data_section(d);
  if (!section) return Error{Errc::unsupported, why_no_data(d)};
  const Media& data = d.media[*section];
  // [rfc8841#5.1] Without a port the section means nothing.
  if (!data.sctp_port) return Error{Errc::bad_data, "no a=sctp-port"};
  // [rfc8841#10.3] Port 0 asks for no association.
  if (*data.sctp_port == 0) return Error{Errc::unsupported, "a=sctp-port:0 wants no association"};

  const Media& tagged = d.transport_of(data);
  // A peer that says nothing there says it in the data section.
  const Media& transport = tagged.ufrag.empty() ? data : tagged;
  const bool own_candidates = transport.candidates.empty() && data.ufrag == transport.ufrag;
  const Media& reach = own_candidates ? data : transport;
  out.section = *section;
  out.mid = data.mid;
  out.ufrag = transport.ufrag;
  out.password = transport.password;
  out.setup = tagged.setup != Setup::absent ? tagged.setup : data.setup;
  out.fingerprints = tagged.fingerprints.empty() ? data.fingerprints : tagged.fingerprints;
  out.candidates = reach.candidates;
  out.end_of_candidates = reach.end_of_candidates;
  out.ice_lite = d.ice_lite;
  if (d.pacing_ms) out.pacing_ms = *d.pacing_ms;
  out.sctp_port = *data.sctp_port;
  if (data.max_message_size) out.max_message_size = *data.max_message_size;
  out.esp_peer = data.esp_peer;
  return check(out);
}

}  // namespace esp_peer::sdp
