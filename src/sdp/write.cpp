#include "sdp/description.hpp"
#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

class Text {
 public:
  explicit Text(std::span<char> out) : out_(out) {}

  Text& operator<<(std::string_view text) {
    if (text.size() > out_.size() - size_) {
      full_ = true;
      return *this;
    }
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

void write_session(Text& text, const Local& local) {
  text << "v=0\r\no=- " << local.session_id << " " << local.session_version
       << " IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-options:trickle ice2\r\na=ice-pacing:5\r\n";
}

void write_data_section(Text& text, const Local& local, std::string_view mid, bool old_form) {
  if (old_form) {
    text << "m=application 9 DTLS/SCTP " << local.sctp_port << "\r\n";
  } else {
    text << "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
  }
  text << "c=IN IP4 0.0.0.0\r\n";
  if (!mid.empty()) text << "a=mid:" << mid << "\r\n";
  text << "a=ice-ufrag:" << local.ufrag << "\r\na=ice-pwd:" << local.password
       << "\r\na=fingerprint:" << local.fingerprint << "\r\na=setup:" << name_of(local.setup)
       << "\r\n";
  if (old_form) {
    text << "a=sctpmap:" << local.sctp_port << " webrtc-datachannel 65535\r\n";
  } else {
    text << "a=sctp-port:" << local.sctp_port << "\r\n";
  }
  text << "a=max-message-size:" << local.max_message_size << "\r\n";
  for (const auto candidate : local.candidates) text << "a=" << candidate << "\r\n";
  if (local.end_of_candidates) text << "a=end-of-candidates\r\n";
}

// [rfc8829#5.3.1] Port 0 and the formats of the offer.
void write_refusal(Text& text, const Media& offered) {
  text << "m=" << offered.media << " 0 " << offered.protocol << " " << offered.formats
       << "\r\nc=IN IP4 0.0.0.0\r\n";
  if (!offered.mid.empty()) text << "a=mid:" << offered.mid << "\r\n";
  text << "a=inactive\r\n";
}

}  // namespace

Result<std::size_t> write_offer(const Local& local, std::span<char> out) {
  Text text(out);
  write_session(text, local);
  text << "a=group:BUNDLE 0\r\n";
  write_data_section(text, local, "0", false);
  return text.size();
}

Result<std::size_t> write_answer(const Local& local, const Description& offer,
                                 std::span<char> out) {
  RemoteData data;
  if (const Status usable = remote_data(offer, data); !usable) return usable.error();
  Text text(out);
  write_session(text, local);
  const Media& accepted = offer.media[data.section];
  if (offer.in_bundle(accepted)) text << "a=group:BUNDLE " << accepted.mid << "\r\n";
  for (std::size_t i = 0; i < offer.media.size(); ++i) {
    if (i == data.section) {
      write_data_section(text, local, accepted.mid, accepted.old_sctp_form);
    } else {
      write_refusal(text, offer.media[i]);
    }
  }
  return text.size();
}

}  // namespace esp_peer::sdp
