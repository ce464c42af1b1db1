#include "sdp/description.hpp"
#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

constexpr std::size_t max_text = 64 * 1024;

// What sections inherit where they say nothing of their own [rfc8839#5.4, rfc8122#5].
struct SessionLevel {
  std::string_view ufrag, password;
  Setup setup = Setup::absent;
  Direction direction = Direction::sendrecv;
  FixedVector<std::string_view, max_fingerprints> fingerprints;
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

bool parse_media_line(std::string_view line, Media& m) {
  m.media = take_word(line);
  m.kind = kind_of(m.media);
  auto port = take_word(line);
  port = port.substr(0, port.find('/'));  // "9/2": a range of ports, never used
  const auto number = parse_number(port, 0x10000);
  if (!number || *number > 0xFFFF) return false;
  m.port = static_cast<std::uint16_t>(*number);
  m.protocol = take_word(line);
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  m.formats = line;
  if (m.media.empty() || m.protocol.empty() || m.formats.empty()) return false;
  if (m.kind == MediaKind::application && m.protocol == "DTLS/SCTP") {
    m.old_sctp_form = true;
    if (const auto sctp_port = parse_number(m.formats, 0xFFFF)) {
      m.sctp_port = static_cast<std::uint16_t>(*sctp_port);
    }
  }
  return true;
}

// Attributes that mean the same at session and media level.
template <class Level>
bool parse_common(std::string_view attribute, Level& level) {
  auto value = attribute;
  if (take_prefix(value, "ice-ufrag:")) {
    level.ufrag = value;
  } else if (take_prefix(value, "ice-pwd:")) {
    level.password = value;
  } else if (take_prefix(value, "setup:")) {
    level.setup = setup_of(value);
  } else if (take_prefix(value, "fingerprint:")) {
    level.fingerprints.push_back(value);
  } else if (const auto direction = direction_of(attribute)) {
    level.direction = *direction;
  } else {
    return false;
  }
  return true;
}

void parse_media_attribute(std::string_view attribute, Media& m) {
  auto value = attribute;
  if (parse_common(attribute, m)) return;
  if (attribute.starts_with("candidate:")) {
    m.candidates.push_back(attribute);
  } else if (take_prefix(value, "mid:")) {
    m.mid = value;
  } else if (attribute == "end-of-candidates") {
    m.end_of_candidates = true;
  } else if (attribute == "bundle-only") {
    m.bundle_only = true;
  } else if (take_prefix(value, "sctp-port:") || take_prefix(value, "sctpmap:")) {
    const auto port = parse_number(take_word(value), 0x10000);
    if (port && *port <= 0xFFFF) m.sctp_port = static_cast<std::uint16_t>(*port);
  } else if (take_prefix(value, "max-message-size:")) {
    // More than 32 bits is more than anybody sends.
    if (const auto size = parse_number(value, 0xFFFF'FFFF)) {
      m.max_message_size = static_cast<std::uint32_t>(*size);
    }
  }
}

void parse_session_attribute(std::string_view attribute, Description& d, SessionLevel& level) {
  auto value = attribute;
  if (parse_common(attribute, level)) return;
  if (attribute == "ice-lite") {
    d.ice_lite = true;
  } else if (take_prefix(value, "ice-options:")) {
    while (!value.empty()) d.trickle = take_word(value) == "trickle" || d.trickle;
  } else if (take_prefix(value, "ice-pacing:")) {
    if (const auto ms = parse_number(value, 0xFFFF'FFFF)) {
      d.pacing_ms = static_cast<std::uint32_t>(*ms);
    }
  } else if (take_prefix(value, "group:BUNDLE") && d.bundle.empty()) {
    d.bundle = value;
  }
}

void parse_origin(std::string_view line, Description& d) {
  take_word(line);  // user name
  d.session_id = take_word(line);
  d.session_id_number = parse_number(d.session_id, ~std::uint64_t{0}).value_or(0);
}

void inherit(const SessionLevel& session, Media& m) {
  if (m.ufrag.empty()) m.ufrag = session.ufrag;
  if (m.password.empty()) m.password = session.password;
  if (m.setup == Setup::absent) m.setup = session.setup;
  if (m.fingerprints.empty()) m.fingerprints = session.fingerprints;
}

}  // namespace

bool Description::in_bundle(const Media& section) const {
  auto mids = bundle;
  while (!mids.empty()) {
    const auto mid = take_word(mids);
    if (!mid.empty() && mid == section.mid) return true;
  }
  return false;
}

Status parse(std::string_view text, Description& out) {
  if (text.size() > max_text) return Error{Errc::over_limit, "description above 64 KiB"};
  out = Description{};
  SessionLevel session;
  bool has_version = false;
  while (!text.empty()) {
    auto line = take_line(text);
    if (line.size() < 2 || line[1] != '=') continue;  // not a line of SDP: passed over
    const char type = line[0];
    line.remove_prefix(2);
    if (type == 'v') has_version = true;
    if (type == 'o' && out.media.empty()) parse_origin(line, out);
    if (type == 'm') {
      Media m;
      m.direction = session.direction;
      if (!parse_media_line(line, m)) return Error{Errc::bad_data, "broken m= line"};
      if (!out.media.push_back(m)) return Error{Errc::over_limit, "more than 16 m= lines"};
    }
    if (type != 'a') continue;
    if (out.media.empty()) {
      parse_session_attribute(line, out, session);
    } else {
      parse_media_attribute(line, out.media[out.media.size() - 1]);
    }
  }
  if (!has_version) return Error{Errc::bad_data, "no v= line"};
  for (Media& m : out.media) inherit(session, m);
  return {};
}

}  // namespace esp_peer::sdp
