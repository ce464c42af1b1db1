#include "sdp/description.hpp"
#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

// [rfc9143#7.3.1] In a bundle the first section that lives, the tagged one, has the transport.
const Media& transport_of(const Description& d, const Media& data) {
  if (!d.in_bundle(data)) return data;
  auto mids = d.bundle;
  while (!mids.empty()) {
    const auto mid = take_word(mids);
    for (const Media& m : d.media) {
      if (!mid.empty() && m.mid == mid && !m.ufrag.empty() && !m.candidates.empty()) return m;
    }
  }
  return data;
}

const Media* find_data(const Description& d, std::size_t& section) {
  for (section = 0; section < d.media.size(); ++section) {
    const Media& m = d.media[section];
    const bool sctp =
        m.protocol == "UDP/DTLS/SCTP" || m.protocol == "DTLS/SCTP" || m.protocol == "TCP/DTLS/SCTP";
    if (m.kind == MediaKind::application && sctp && !d.rejected(m)) return &m;
  }
  return nullptr;
}

}  // namespace

Status remote_data(const Description& d, RemoteData& out) {
  out = RemoteData{};
  const Media* data = find_data(d, out.section);
  if (!data) return Error{Errc::unsupported, "no m=application section that can be used"};
  // [rfc8841#5.1] Without a port the section means nothing.
  if (!data->sctp_port) return Error{Errc::bad_data, "no a=sctp-port"};
  if (*data->sctp_port == 0) return Error{Errc::unsupported, "a=sctp-port:0 closes the section"};

  // aiortc gives each section of a bundle its own credentials: those of the data section are as
  // good as the tagged one's there, and candidates go with their credentials.
  const Media& transport = data->candidates.empty() ? transport_of(d, *data) : *data;
  out.mid = data->mid;
  out.ufrag = transport.ufrag.empty() ? data->ufrag : transport.ufrag;
  out.password = transport.password.empty() ? data->password : transport.password;
  out.setup = data->setup != Setup::absent ? data->setup : transport.setup;
  out.fingerprints = transport.fingerprints.empty() ? data->fingerprints : transport.fingerprints;
  out.candidates = transport.candidates;
  out.end_of_candidates = transport.end_of_candidates;
  out.ice_lite = d.ice_lite;
  if (d.pacing_ms) out.pacing_ms = *d.pacing_ms;
  out.sctp_port = *data->sctp_port;
  if (data->max_message_size) out.max_message_size = *data->max_message_size;

  // [rfc8839#5.4] At least 24 bits of name and 128 of password; shorter ones can be guessed.
  if (out.ufrag.size() < 4 || out.ufrag.size() > 256) {
    return Error{Errc::bad_data, "no a=ice-ufrag of 4 to 256 characters"};
  }
  if (out.password.size() < 22 || out.password.size() > 256) {
    return Error{Errc::bad_data, "no a=ice-pwd of 22 to 256 characters"};
  }
  if (out.fingerprints.empty()) return Error{Errc::bad_data, "no a=fingerprint"};
  if (out.setup == Setup::holdconn) return Error{Errc::bad_data, "a=setup:holdconn"};
  return {};
}

}  // namespace esp_peer::sdp
