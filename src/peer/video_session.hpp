// The video half of a connection: frames of the application in SRTP packets and back, what both
// ends ask of each other for them, and the reports about them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "peer/negotiated_video.hpp"
#include "peer/video_receiver.hpp"
#include "peer/video_sender.hpp"
#include "rtp/circuit_breaker.hpp"
#include "rtp/report_timer.hpp"
#include "srtp/session.hpp"

namespace esp_peer::peer {

struct VideoLimits {
  VideoReceiverOptions receiver;
  VideoSenderOptions sender;
};

class VideoSession {
 public:
  // No datagram is larger than 1232 bytes [SecurePath].
  static constexpr std::size_t max_packet = 1232 - srtp::max_growth;
  // [rfc4585#6.3.1] However often the peer asks, an encoder is asked no more often.
  static constexpr Duration keyframe_interval = milliseconds(300);

  VideoSession(Instant now, const NegotiatedVideo& video, const VideoLimits& limits,
               srtp::Session& srtp, Env env, Duration wall_clock);
  VideoSession(const VideoSession&) = delete;
  ~VideoSession();  // = default, but not in every caller
  void use(rtp::Transformer& transformer) {
    sender_.use(transformer);
    receiver_.use(transformer);
  }

  // A later description says otherwise; nothing = video is refused now.
  void change(Instant now, const std::optional<NegotiatedVideo>& video);
  // One access unit of H.264 with start codes, or one JPEG file. unsupported where the direction
  // forbids or no packet can carry it, would_block when too much waits, a keyframe is needed, and
  // while the circuit breaker keeps everything back [rfc8083].
  Status send(Instant now, std::uint32_t pts, Bytes frame);
  // Audio has sent so much: where the session has a limit, it takes from what video may send.
  void on_audio_sent(Instant now, std::size_t size) {
    constexpr std::size_t around = rtp::header_size + srtp::max_growth;  // the limit adds them
    if (video_.shares_bandwidth) sender_.on_sent_beside(now, size - std::min(size, around));
  }
  // The application leaves: a BYE goes out, nothing else does.
  void leave();

  // Its payload types are those of this section.
  bool takes(const rtp::Header& header) const { return format_of(header) != nullptr; }
  // The source was announced for this section, or heard in it.
  bool knows(rtp::Ssrc source) const;
  const NegotiatedVideo& agreed() const { return video_; }
  // Somebody sends under this name, in whatever section.
  void on_source(rtp::Ssrc source);
  void on_rtp(Instant now, const rtp::Packet& packet);
  void on_rtcp(Instant now, const rtp::RtcpPacket& packet);
  void on_deadline(Instant now);

  // The next SRTP or SRTCP packet; 0 = none, or not yet. What is asked of the peer goes first.
  std::size_t write_packet(Instant now, MutableBytes out);
  std::optional<VideoFrame> read_frame(Instant now);
  // The peer wants a keyframe; asked once for each time.
  bool take_keyframe_request() { return std::exchange(keyframe_asked_, false); }

  std::optional<Instant> next_deadline() const;
  void hash_state(StateHash& hash) const;

 private:
  // Which it is of, its own packets or its repeated ones; nullptr for none.
  const sdp::VideoFormat* format_of(const rtp::Header& header) const;
  VideoStream stream_of(const rtp::Packet& packet) const;
  void on_keyframe_request(Instant now);
  void allow_repeats();
  bool may_send(Instant now);
  std::size_t write_rtcp(Instant now, MutableBytes room);
  void write_report(Instant now, rtp::CompoundWriter& out);

  NegotiatedVideo video_;
  Env env_;
  srtp::Session& srtp_;
  VideoSender sender_;
  VideoReceiver receiver_;
  rtp::ReportTimer report_timer_{rtp::ReportTimer::video_interval};
  bool report_due_ = false, bye_due_ = false, ever_reported_ = false;
  FixedVector<rtp::Ssrc, 2> left_names_;  // that we give up, and say so
  int renames_ = 0;
  bool leaving_ = false, refused_ = false;
  rtp::CircuitBreaker breaker_;
  bool stopped_ = false;  // by it
  bool keyframe_asked_ = false;
  Instant next_keyframe_ = Instant::min();
};

}  // namespace esp_peer::peer
