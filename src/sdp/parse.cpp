// From text to sections, line by line. Forgiving where a mistake cannot be misread: unknown lines
// are passed over, of an attribute that stands twice the last one counts.
// exception: [rfc8829#5.8] wants the whole description refused for any such line; real peers would
// be lost by it.
#include "sdp/description.hpp"
#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

struct SessionLevel : Inherited {
  static constexpr std::size_t max_bundles = 4;  // further groups are ignored
  FixedVector<std::string_view, max_bundles> bundles;
};

MediaKind kind_of(std::string_view media) {
  if (media == "audio") return MediaKind::audio;
  if (media == "video") return MediaKind::video;
  if (media == "application") return MediaKind::application;
  return MediaKind::other;
}

Setup setup_of(std::string_view value) {
  if (value == "actpass") return Setup::actpass;
  if (value == "active") return Setup::active;
  if (value == "passive") return Setup::passive;
  if (value == "holdconn") return Setup::holdconn;
  return Setup::absent;
}

std::optional<Direction> direction_of(std::string_view attribute) {
  if (attribute == "sendrecv") return Direction::sendrecv;
  if (attribute == "sendonly") return Direction::sendonly;
  if (attribute == "recvonly") return Direction::recvonly;
  if (attribute == "inactive") return Direction::inactive;
  return std::nullopt;
}

// Strict, for an answer must mirror it.
bool parse_media_line(std::string_view line, Media& m) {
  if (!is_printable(line)) return false;
  m.media = take_word(line);
  m.kind = kind_of(m.media);
  const auto ports = take_word(line);
  const auto port = parse_u16(head(ports, ports.find('/')));  // "9/2": a range, never used
  m.protocol = take_word(line);
  m.formats = without_leading_blanks(line);
  if (!port || m.protocol.empty() || m.formats.empty()) return false;
  m.port = *port;
  if (m.kind == MediaKind::application && m.protocol == "DTLS/SCTP") {
    m.sctp_port = parse_u16(m.formats);
    m.old_sctp_form = m.sctp_port.has_value();
  }
  return true;
}

// Attributes that mean the same at session and media level.
bool parse_common(std::string_view attribute, Inherited& level) {
  auto value = attribute;
  if (take_prefix(value, "ice-ufrag:")) {
    level.ufrag = first_word(value);
  } else if (take_prefix(value, "ice-pwd:")) {
    level.password = first_word(value);
  } else if (take_prefix(value, "setup:")) {
    level.setup = setup_of(first_word(value));
  } else if (take_prefix(value, "fingerprint:")) {
    level.fingerprints.push_back(value);
  } else if (attribute == "end-of-candidates") {
    level.end_of_candidates = true;
  } else if (const auto direction = direction_of(attribute)) {
    level.direction = *direction;
  } else {
    return false;
  }
  return true;
}

// Attributes of the whole session, also where a peer writes them into a section.
bool parse_everywhere(std::string_view attribute, Description& d) {
  auto value = attribute;
  if (attribute == "ice-lite") {
    d.ice_lite = true;
  } else if (take_prefix(value, "ice-options:")) {
    // [rfc8839#5.6] Separated by blanks; libdatachannel writes commas.
    while (!value.empty()) {
      const auto end = value.find_first_of(" ,");
      d.trickle = d.trickle || head(value, end) == "trickle";
      value.remove_prefix(end == value.npos ? value.size() : end + 1);
    }
  } else if (take_prefix(value, "ice-pacing:")) {
    if (const auto ms = parse_clamped_u32(first_word(value))) d.pacing_ms = ms;
  } else {
    return false;
  }
  return true;
}

void parse_media_attribute(std::string_view attribute, Media& m) {
  auto value = attribute;
  if (attribute.starts_with("candidate:")) {
    m.candidates.push_back(attribute);
  } else if (take_prefix(value, "mid:")) {
    const auto mid = first_word(value);
    m.mid = is_printable(mid) ? mid : std::string_view();
  } else if (attribute == "bundle-only") {
    m.bundle_only = true;
  } else if (take_prefix(value, "sctp-port:")) {
    if (const auto port = parse_u16(first_word(value))) m.sctp_port = port;
  } else if (take_prefix(value, "sctpmap:")) {
    if (!m.sctp_port) m.sctp_port = parse_u16(first_word(value));
  } else if (take_prefix(value, "max-message-size:")) {
    // More than 32 bits is more than anybody sends.
    if (const auto size = parse_clamped_u32(first_word(value))) m.max_message_size = size;
  } else if (attribute == "x-esp-peer" || take_prefix(value, "x-esp-peer:")) {
    m.esp_peer = true;
  }
}

void parse_session_attribute(std::string_view attribute, SessionLevel& level) {
  if (!take_prefix(attribute, "group:BUNDLE ")) return;
  // There are no more sections than these, and every mid is looked for in every group.
  auto rest = attribute;
  for (std::size_t i = 0; i < max_media; ++i) take_word(rest);
  level.bundles.push_back(head(attribute, attribute.size() - rest.size()));
}

void parse_attribute(std::string_view attribute, Description& d, SessionLevel& session) {
  if (parse_everywhere(attribute, d)) return;
  if (d.media.empty()) {
    if (!parse_common(attribute, session)) parse_session_attribute(attribute, session);
  } else {
    Media& section = d.media[d.media.size() - 1];
    if (!parse_common(attribute, section)) parse_media_attribute(attribute, section);
  }
}

void parse_connection(std::string_view line, Description& d, SessionLevel& session) {
  Inherited& level =
      d.media.empty() ? static_cast<Inherited&>(session) : d.media[d.media.size() - 1];
  level.connection = line;
}

void parse_origin(std::string_view line, Description& d) {
  const auto number_of = [](std::string_view word) -> std::uint64_t {
    constexpr auto max = ~std::uint64_t{0};
    const auto number = parse_clamped(word, max);
    return number && *number != max ? *number : 0;
  };
  take_word(line);  // user name
  d.session_id = take_word(line);
  d.session_id_number = number_of(d.session_id);
  d.session_version = number_of(take_word(line));
}

Status begin_section(std::string_view line, Description& d, const SessionLevel& session) {
  Media m;
  m.direction = session.direction;
  m.end_of_candidates = session.end_of_candidates;
  if (!parse_media_line(line, m)) return Error{Errc::bad_data, "broken m= line"};
  if (!d.media.push_back(m)) return Error{Errc::over_limit, "more than 16 m= lines"};
  return {};
}

void inherit(const SessionLevel& session, Media& m) {
  if (m.ufrag.empty()) m.ufrag = session.ufrag;
  if (m.password.empty()) m.password = session.password;
  if (m.setup == Setup::absent) m.setup = session.setup;
  if (m.fingerprints.empty()) m.fingerprints = session.fingerprints;
  if (m.connection.empty()) m.connection = session.connection;
}

// A description may have several groups; ours is the one with the data section.
void choose_bundle(const SessionLevel& session, Description& d) {
  if (!session.bundles.empty()) d.bundle = session.bundles[0];
  for (const auto mids : session.bundles) {
    for (const Media& m : d.media) {
      if (m.kind != MediaKind::application || !has_word(mids, m.mid)) continue;
      d.bundle = mids;
      return;
    }
  }
}

// [rfc5888#4] A mid names one section: an answer could not be matched otherwise.
bool mids_are_unique(const Description& d) {
  for (std::size_t i = 0; i < d.media.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (!d.media[i].mid.empty() && d.media[i].mid == d.media[k].mid) return false;
    }
  }
  return true;
}

// In place: a description is too large for a small stack.
void clear(Description& d) {
  d.session_id = d.bundle = {};
  d.session_id_number = d.session_version = 0;
  d.ice_lite = d.trickle = false;
  d.pacing_ms.reset();
  d.bandwidth = {};
  d.media.clear();
}

}  // namespace

bool Description::in_bundle(const Media& section) const {
  return !section.mid.empty() && has_word(bundle, section.mid);
}

const Media* Description::tagged() const {
  auto mids = bundle;
  while (!mids.empty()) {
    const auto mid = take_word(mids);
    for (const Media& m : media) {
      if (!mid.empty() && m.mid == mid && m.port != 0) return &m;
    }
  }
  return nullptr;
}

bool Description::rejected(const Media& section) const {
  if (section.port != 0) return false;
  return !section.bundle_only && !(in_bundle(section) && tagged());
}

Status parse(std::string_view text, Description& out) {
  clear(out);
  if (text.size() > max_text) return Error{Errc::over_limit, "description above 64 KiB"};
  SessionLevel session;
  bool begun = false;
  while (!text.empty()) {
    auto line = take_line(text);
    if (line.empty()) continue;
    if (!begun && line != "v=0") return Error{Errc::bad_data, "no description: v=0 comes first"};
    begun = true;
    if (line.size() < 2 || line[1] != '=') continue;  // not a line of SDP
    const char type = line[0];
    line.remove_prefix(2);
    if (type == 'o' && out.media.empty()) parse_origin(line, out);
    if (type == 'b' && out.media.empty()) note_bandwidth(line, out.bandwidth);
    if (type == 'c') parse_connection(line, out, session);
    if (type == 'a') parse_attribute(line, out, session);
    if (type == 'm') {
      if (const Status begins = begin_section(line, out, session); !begins) return begins.error();
      out.media[out.media.size() - 1].lines = head(text, 0);
    } else if (!out.media.empty()) {
      auto& lines = out.media[out.media.size() - 1].lines;
      lines = {lines.data(), static_cast<std::size_t>(text.data() - lines.data())};
    }
  }
  if (!begun) return Error{Errc::bad_data, "an empty description"};
  if (!mids_are_unique(out)) return Error{Errc::bad_data, "one a=mid for two m= lines"};
  for (Media& m : out.media) inherit(session, m);
  choose_bundle(session, out);
  return {};
}

}  // namespace esp_peer::sdp
