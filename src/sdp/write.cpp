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

// What the m-line of the data section says; in an answer it mirrors the offer.
struct DataLine {
  std::string_view protocol = "UDP/DTLS/SCTP", formats = "webrtc-datachannel";
  std::string_view mid = "0";
  bool old_form = false;
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

void write_session(Text& text, const Local& local, bool trickle) {
  text << "v=0\r\no=- " << local.session_id << " " << local.session_version
       << " IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-options:" << (trickle ? "trickle " : "")
       << "ice2\r\na=ice-pacing:5\r\n";
}

void write_data_section(Text& text, const Local& local, const DataLine& line) {
  const auto reach = default_candidate(local.candidates);
  text << "m=application " << reach.port << " " << line.protocol << " ";
  if (line.old_form) {
    text << local.sctp_port;
  } else {
    text << line.formats;
  }
  text << "\r\nc=IN " << reach.family << " " << reach.address << "\r\n";
  if (!line.mid.empty()) text << "a=mid:" << line.mid << "\r\n";
  if (line.old_form) {
    text << "a=sctpmap:" << local.sctp_port << " webrtc-datachannel 65535\r\n";
  } else {
    text << "a=sctp-port:" << local.sctp_port << "\r\n";
  }
  text << "a=max-message-size:" << local.max_message_size << "\r\na=ice-ufrag:" << local.ufrag
       << "\r\na=ice-pwd:" << local.password << "\r\na=fingerprint:" << local.fingerprint
       << "\r\na=setup:" << name_of(local.setup) << "\r\n";
  for (const auto candidate : local.candidates) text << "a=" << candidate << "\r\n";
  if (local.end_of_candidates) text << "a=end-of-candidates\r\n";
}

// [rfc3264#6] Port 0, and the formats of the offer.
void write_refusal(Text& text, const Media& offered) {
  text << "m=" << offered.media << " 0 " << offered.protocol << " " << offered.formats
       << "\r\nc=IN IP4 0.0.0.0\r\n";
  if (!offered.mid.empty()) text << "a=mid:" << offered.mid << "\r\n";
  text << "a=inactive\r\n";
}

}  // namespace

Result<std::size_t> write_offer(const Local& local, std::span<char> out) {
  Text text(out);
  write_session(text, local, true);
  text << "a=group:BUNDLE 0\r\n";
  write_data_section(text, local, {});
  return text.size();
}

Result<std::size_t> write_answer(const Local& local, const Description& offer,
                                 std::span<char> out) {
  const auto data = data_section(offer);
  if (!data) return Error{Errc::unsupported, "no m=application section to accept"};
  const Media& accepted = offer.media[*data];
  Text text(out);
  // [rfc8840#4.1.3] Trickling only where it was offered.
  write_session(text, local, offer.trickle);
  // [rfc9143#7.3] A group of what was grouped and is not refused.
  if (offer.in_bundle(accepted)) text << "a=group:BUNDLE " << accepted.mid << "\r\n";
  for (std::size_t i = 0; i < offer.media.size(); ++i) {
    if (i == *data) {
      write_data_section(
          text, local, {accepted.protocol, accepted.formats, accepted.mid, accepted.old_sctp_form});
    } else {
      write_refusal(text, offer.media[i]);
    }
  }
  return text.size();
}

}  // namespace esp_peer::sdp
