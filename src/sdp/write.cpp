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

  // Out of line: else every literal brings its length and a call's worth of code along.
  [[gnu::noinline]] Text& operator<<(const char* text) { return *this << std::string_view(text); }
  [[gnu::noinline]] Text& operator<<(std::string_view text) {
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

std::string_view name_of(Direction direction) {
  switch (direction) {
    case Direction::sendrecv:
      return "sendrecv";
    case Direction::sendonly:
      return "sendonly";
    case Direction::recvonly:
      return "recvonly";
    case Direction::inactive:
      break;
  }
  return "inactive";
}

std::string_view encoding_of(AudioCodec codec) {
  if (codec == AudioCodec::opus) return "opus/48000/2";
  return codec == AudioCodec::g711a ? "PCMA/8000" : "PCMU/8000";
}

// What we call it in an offer: how a packet says which section it is of [rfc9143#7.2].
constexpr StreamExtensions offered_extensions{.mid = 1};

// The m-line and what follows it; in an answer they mirror the offer.
struct Head {
  std::string_view media, protocol;
  std::string_view formats;
  std::string_view mid;
  std::uint16_t number = 0;  // the format where formats is empty: a payload type, an SCTP port
  StreamExtensions extensions{};
};

// The payload types of video for an m-line: "102 103".
class FormatList {
 public:
  explicit FormatList(const VideoFormat& format) {
    Text text({room_, sizeof(room_)});
    text << std::uint64_t{format.payload_type};
    if (format.rtx_payload_type) text << " " << std::uint64_t{*format.rtx_payload_type};
    size_ = text.size() ? *text.size() : 0;
  }
  std::string_view view() const { return {room_, size_}; }

 private:
  char room_[8];
  std::size_t size_ = 0;
};

class Sections {
 public:
  Sections(const Local& local, std::span<char> out) : local_(local), text_(out) {}

  void session(bool trickle) {
    text_ << "v=0\r\no=- " << local_.session_id << " " << local_.session_version
          << " IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-options:" << (trickle ? "trickle " : "")
          << "ice2\r\na=ice-pacing:5\r\n";
  }
  // The first mid is the tagged section's [rfc9143#7.2.1].
  void begin_bundle(std::string_view mid) { text_ << "a=group:BUNDLE " << mid; }
  void go_on(std::string_view mid) { text_ << " " << mid; }
  void end_line() { text_ << "\r\n"; }
  void audio(const Head& h, Direction direction, bool reduced_rtcp, bool with_candidates) {
    rtp(h, direction, reduced_rtcp);
    text_ << "a=rtpmap:" << h.number << " " << encoding_of(local_.audio.codec) << "\r\n";
    if (local_.audio.codec == AudioCodec::opus) {
      // [rfc7587#6.1] What we like to get.
      text_ << "a=fmtp:" << h.number << " minptime=10;useinbandfec=1"
            << (local_.audio.stereo ? ";stereo=1;sprop-stereo=1\r\n" : "\r\n");
    }
    // [rfc8829#5.2.1, rfc8830#2] Of whom nothing will come, there is no track.
    if (sends(direction)) {
      text_ << "a=msid:esp_stream a0\r\na=ssrc:" << local_.audio.ssrc
            << " cname:" << local_.audio.cname << "\r\n";
    }
    transport();
    if (with_candidates) candidates();
  }
  // `format`: as the other side calls it, and what both can ask with.
  void video(const Head& h, const VideoFormat& format, Direction direction, bool reduced_rtcp,
             bool with_candidates) {
    rtp(h, direction, reduced_rtcp);
    const std::uint64_t type = format.payload_type;
    const bool h264 = format.codec == VideoCodec::h264;
    text_ << "a=rtpmap:" << type << (h264 ? " H264/90000\r\n" : " JPEG/90000\r\n");
    if (format.nack) text_ << "a=rtcp-fb:" << type << " nack\r\n";
    if (format.pli) text_ << "a=rtcp-fb:" << type << " nack pli\r\n";
    if (format.fir) text_ << "a=rtcp-fb:" << type << " ccm fir\r\n";
    if (h264) {
      text_ << "a=fmtp:" << type
            << " level-asymmetry-allowed=1;packetization-mode=" << std::uint64_t{format.fragments}
            << ";profile-level-id=";
      for (int shift = 20; shift >= 0; shift -= 4) {
        text_ << std::string_view("0123456789abcdef")
                     .substr(format.profile_level_id >> shift & 15, 1);
      }
      text_ << "\r\n";
    }
    const auto rtx = format.rtx_payload_type;
    if (rtx) {
      text_ << "a=rtpmap:" << std::uint64_t{*rtx} << " rtx/90000\r\na=fmtp:" << std::uint64_t{*rtx}
            << " apt=" << type << "\r\n";
    }
    if (sends(direction)) {
      const LocalVideo& v = local_.video;
      text_ << "a=msid:esp_stream v0\r\n";
      if (rtx) text_ << "a=ssrc-group:FID " << v.ssrc << " " << v.rtx_ssrc << "\r\n";
      text_ << "a=ssrc:" << v.ssrc << " cname:" << v.cname << "\r\n";
      if (rtx) text_ << "a=ssrc:" << v.rtx_ssrc << " cname:" << v.cname << "\r\n";
    }
    transport();
    if (with_candidates) candidates();
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
  // Sections that live for their transport alone.
  void idle(const Head& h, const Media& theirs) {
    head(h, default_candidate(local_.candidates));
    text_ << "a=inactive\r\na=rtcp-mux\r\n";
    const auto rtpmap = rtpmap_of(theirs, h.formats);
    if (!rtpmap.empty()) text_ << "a=rtpmap:" << rtpmap << "\r\n";
    // [rfc6184#8.2.2] Without them it would be another format.
    for (auto lines = theirs.lines; const auto row = take_row(lines, "fmtp:", h.formats);) {
      text_ << "a=fmtp:" << *row << "\r\n";
    }
    transport();
    candidates();
  }
  void idle_data(const Head& h) {
    head(h, default_candidate(local_.candidates));
    text_ << "a=inactive\r\na=sctp-port:0\r\n";  // [rfc8841#10.3] no association, please
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
  void rtp(const Head& h, Direction direction, bool reduced_rtcp) {
    head(h, default_candidate(local_.candidates));
    // exception: [rfc9143#15.1] We read these and send none: our sources are announced.
    extension(h.extensions.mid, "mid");
    extension(h.extensions.rid, "rtp-stream-id");
    extension(h.extensions.repaired_rid, "repaired-rtp-stream-id");
    text_ << "a=" << name_of(direction) << "\r\na=rtcp-mux\r\n";
    if (reduced_rtcp) text_ << "a=rtcp-rsize\r\n";
  }
  void extension(std::uint8_t id, std::string_view name) {
    if (id == 0) return;
    text_ << "a=extmap:" << id << "/recvonly urn:ietf:params:rtp-hdrext:sdes:" << name << "\r\n";
  }
  void head(const Head& h, const DefaultCandidate& reach) {
    text_ << "m=" << h.media << " " << reach.port << " " << h.protocol << " ";
    if (h.formats.empty()) {
      text_ << h.number;
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
  const bool has_audio = local.audio.codec != AudioCodec::none;
  const bool has_video = local.video.codec != VideoCodec::none;
  const int sections = has_audio + has_video + local.data;
  constexpr std::string_view mids = "012";
  to.session(true);
  to.begin_bundle("0");
  for (std::size_t i = 1; i < static_cast<std::size_t>(sections); ++i) to.go_on(mids.substr(i, 1));
  to.end_line();
  std::size_t next = 0;
  const auto mid = [&] { return mids.substr(next++, 1); };
  if (has_audio) {
    const auto format = offered_format(local.audio.codec);
    to.audio({"audio", "UDP/TLS/RTP/SAVPF", {}, mid(), format.payload_type, offered_extensions},
             local.audio.direction, true, true);
  }
  if (has_video) {
    const auto format = offered_format(local.video.codec, local.video.level);
    const FormatList formats(format);
    to.video({"video", "UDP/TLS/RTP/SAVPF", formats.view(), mid(), 0, offered_extensions}, format,
             local.video.direction, true, !has_audio);
  }
  if (local.data) {
    to.data({"application", "UDP/DTLS/SCTP", "webrtc-datachannel", mid()},
            !has_audio && !has_video);
  }
  return to.size();
}

namespace {

// A description with the sections of another one: of the peer's offer, or of our last one.
Result<std::size_t> write_like(const Local& local, const Description& model, bool answering,
                               std::span<char> out) {
  Choice choice;
  Wanted wanted{local.data, local.audio.codec, local.video.codec};
  if (answering) {  // else the directions are our own words
    wanted.audio_direction = local.audio.direction;
    wanted.video_direction = local.video.direction;
  }
  const Status chosen = choose(model, wanted, choice);
  if (!chosen) return chosen.error();
  const auto is_taken = [&](std::size_t i) {
    return choice.data == i || (choice.audio && choice.audio->section == i) ||
           (choice.video && choice.video->section == i);
  };

  Sections to(local, out);
  // [rfc8840#4.1.3] Trickling only where it was offered.
  to.session(!answering || model.trickle);
  // [rfc9143#7.3] Of the group that was offered, what is not refused; the tagged one first.
  if (model.in_bundle(model.media[choice.transport])) {
    to.begin_bundle(model.media[choice.transport].mid);
    for (std::size_t i = 0; i < model.media.size(); ++i) {
      if (is_taken(i) && i != choice.transport) to.go_on(model.media[i].mid);
    }
    to.end_line();
  }
  for (std::size_t i = 0; i < model.media.size(); ++i) {
    const Media& m = model.media[i];
    const bool carries = i == choice.transport;
    Head head{m.media, m.protocol, m.formats, m.mid};
    if (choice.data == i) {
      if (m.old_sctp_form) {
        head.formats = {};
        head.number = local.sctp_port;
      }
      to.data(head, carries);
    } else if (choice.audio && choice.audio->section == i) {
      const Direction direction =
          answering ? agreed(local.audio.direction, m.direction) : local.audio.direction;
      head.formats = {};
      head.number = choice.audio->format.payload_type;
      head.extensions = choice.audio->extensions;
      to.audio(head, direction, !answering || choice.audio->reduced_rtcp, carries);
    } else if (choice.video && choice.video->section == i) {
      const Direction direction =
          answering ? agreed(local.video.direction, m.direction) : local.video.direction;
      const FormatList formats(choice.video->format);
      head.formats = formats.view();
      head.extensions = choice.video->extensions;
      to.video(head, choice.video->format, direction, !answering || choice.video->reduced_rtcp,
               carries);
    } else if (carries && is_rtp(m)) {
      head.formats = first_word(m.formats);  // [rfc3264#6.1] one at least
      to.idle(head, m);
    } else if (carries) {
      to.idle_data(head);
    } else {
      to.refusal(head);
    }
  }
  return to.size();
}

}  // namespace

Result<std::size_t> write_answer(const Local& local, const Description& offer,
                                 std::span<char> out) {
  return write_like(local, offer, true, out);
}

Result<std::size_t> write_reoffer(const Local& local, const Description& ours,
                                  std::span<char> out) {
  return write_like(local, ours, false, out);
}

}  // namespace esp_peer::sdp
