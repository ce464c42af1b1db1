// Our descriptions [rfc8829#5.2.1, #5.3.1]. Attributes stand in the sections even where the session
// could have them; a=tls-id [rfc8842#4] is left out, as every browser does.
#include "sdp/default_candidate.hpp"
#include "sdp/description.hpp"
#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

class Text {
 public:
  explicit Text(std::span<char> out) : out_(out) {}

  Text& operator<<(std::string_view text) {
    full_ = full_ || text.size() > out_.size() - size_;
    if (full_) return *this;
    for (const char c : text) out_[size_++] = c;
    return *this;
  }
  Text& operator<<(std::uint64_t value) {
    char digits[20];
    std::size_t n = 0;
    do digits[sizeof(digits) - ++n] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    return *this << std::string_view(digits + sizeof(digits) - n, n);
  }
  Result<std::size_t> size() const {
    if (full_) return Error{Errc::no_memory, "description larger than its room"};
    return size_;
  }

 private:
  std::span<char> out_;
  std::size_t size_ = 0;
  bool full_ = false;
};

std::string_view name_of(Setup setup) {
  switch (setup) {
    case Setup::active:
      return "active";
    case Setup::passive:
      return "passive";
    case Setup::holdconn:
      return "holdconn";
    case Setup::actpass:
    case Setup::absent:
      break;
  }
  return "actpass";
}

// The m-line and what follows it; in an answer they mirror the offer.
struct Head {
  std::string_view media, protocol;
  std::string_view formats;  // where there is none: our SCTP port, as the old form has it
  std::string_view mid;
};

class Sections {
 public:
  Sections(const Local& local, std::span<char> out) : local_(local), text_(out) {}

  void session(bool trickle) {
    text_ << "v=0\r\no=- " << local_.session_id << " " << local_.session_version
          << " IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-options:" << (trickle ? "trickle " : "")
          << "ice2\r\na=ice-pacing:5\r\n";
  }
  void bundle(std::string_view first, std::string_view second) {
    text_ << "a=group:BUNDLE " << first;
    if (!second.empty()) text_ << " " << second;
    text_ << "\r\n";
  }
  void data(const Head& h, bool with_candidates) {
    head(h, default_candidate(local_.candidates));
    if (h.formats.empty()) {
      text_ << "a=sctpmap:" << local_.sctp_port << " webrtc-datachannel 65535\r\n";
    } else {
      text_ << "a=sctp-port:" << local_.sctp_port << "\r\n";
    }
    // [rfc8866#5.13] Whoever does not know x-esp-peer passes over it. Its 1 is a version.
    text_ << "a=max-message-size:" << local_.max_message_size << "\r\na=x-esp-peer:1\r\n";
    transport();
    if (with_candidates) candidates();
  }
  // A section that lives for its transport alone.
  void idle(const Head& h, std::string_view rtpmap) {
    head(h, default_candidate(local_.candidates));
    text_ << "a=inactive\r\na=rtcp-mux\r\n";
    if (!rtpmap.empty()) text_ << "a=rtpmap:" << rtpmap << "\r\n";
    transport();
    candidates();
  }
  // [rfc3264#6] Port 0, and the formats of the offer.
  void refusal(const Head& h) {
    head(h, {.port = "0"});
    text_ << "a=inactive\r\n";
  }
  Result<std::size_t> size() const { return text_.size(); }

 private:
  void head(const Head& h, const DefaultCandidate& reach) {
    text_ << "m=" << h.media << " " << reach.port << " " << h.protocol << " ";
    if (h.formats.empty()) {
      text_ << local_.sctp_port;
    } else {
      text_ << h.formats;
    }
    text_ << "\r\nc=IN " << reach.family << " " << reach.address << "\r\n";
    if (!h.mid.empty()) text_ << "a=mid:" << h.mid << "\r\n";
  }
  void transport() {
    text_ << "a=ice-ufrag:" << local_.ufrag << "\r\na=ice-pwd:" << local_.password
          << "\r\na=fingerprint:" << local_.fingerprint << "\r\na=setup:" << name_of(local_.setup)
          << "\r\n";
  }
  void candidates() {
    for (const auto candidate : local_.candidates) text_ << "a=" << candidate << "\r\n";
    if (local_.end_of_candidates) text_ << "a=end-of-candidates\r\n";
  }

  const Local& local_;
  Text text_;
};

}  // namespace

Result<std::size_t> write_offer(const Local& local, std::span<char> out) {
  Sections to(local, out);
  to.session(true);
  to.bundle("0", "");
  to.data({"application", "UDP/DTLS/SCTP", "webrtc-datachannel", "0"}, true);
  return to.size();
}

Result<std::size_t> write_answer(const Local& local, const Description& offer,
                                 std::span<char> out) {
  const auto section = data_section(offer);
  if (!section) return Error{Errc::unsupported, "no m=application section to accept"};
  const Media& data = offer.media[*section];
  const Media& tagged = offer.transport_of(data);
  const bool alone = &tagged == &data;

  Sections to(local, out);
  // [rfc8840#4.1.3] Trickling only where it was offered.
  to.session(offer.trickle);
  // [rfc9143#7.3] Of the group that was offered, what is not refused; the tagged one first.
  if (offer.in_bundle(data)) to.bundle(tagged.mid, alone ? "" : data.mid);
  for (const Media& m : offer.media) {
    Head head{m.media, m.protocol, m.formats, m.mid};
    if (&m == &data) {
      if (m.old_sctp_form) head.formats = {};
      to.data(head, alone);
    } else if (&m == &tagged) {
      head.formats = first_word(m.formats);  // [rfc3264#6.1] one at least
      to.idle(head, m.rtpmap);
    } else {
      to.refusal(head);
    }
  }
  return to.size();
}

}  // namespace esp_peer::sdp
