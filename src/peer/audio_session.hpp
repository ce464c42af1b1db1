// The audio half of a connection: frames of the application in SRTP packets and back, and the
// reports about them.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "peer/negotiated_audio.hpp"
#include "peer/session_types.hpp"
#include "rtp/circuit_breaker.hpp"
#include "rtp/jitter_buffer.hpp"
#include "rtp/rate_limit.hpp"
#include "rtp/receiver.hpp"
#include "rtp/report_timer.hpp"
#include "rtp/sender.hpp"
#include "rtp/transformer.hpp"
#include "srtp/session.hpp"

namespace esp_peer::peer {

class AudioSession {
 public:
  // Heard at a time. The one that has been silent longest, or has left, makes room for another;
  // none does that is heard still.
  static constexpr std::size_t max_sources = 4;
  static constexpr Duration silence = seconds(2);
  // Packets that wait for a runner that cannot send; then the oldest one is worth least.
  static constexpr std::size_t max_queued = 16;
  // One frame is one packet, and no datagram is larger than 1232 bytes [SecurePath]. So much a
  // transformer may make of it, also one that is set while frames wait.
  static constexpr std::size_t max_packet = 1232 - srtp::max_growth;
  static constexpr std::size_t max_frame =
      max_packet - rtp::header_size - rtp::Transformer::max_growth;
  // Headers of RTP, UDP and IPv4. exception: [rfc8866#5.8] what SRTP and IPv6 add is not counted: a
  // peer that names what G.711 takes, which cannot take less, has not counted it either.
  static constexpr std::size_t wire_overhead = rtp::header_size + 8 + 20;
  // Frames come as their codec makes them: no even stream.
  static constexpr Duration ahead = milliseconds(250);

  AudioSession(Instant now, const NegotiatedAudio& audio, const rtp::JitterOptions& jitter,
               srtp::Session& srtp, Env env, Duration wall_clock = {},
               rtp::SenderCounts counts = {});
  AudioSession(const AudioSession&) = delete;
  ~AudioSession();  // = default, but not in every caller
  // What packets go through before they are sealed and after they were opened.
  void use(rtp::Transformer& transformer) { transformer_ = &transformer; }

  // A later description says otherwise; nothing = audio is refused now.
  void change(Instant now, const std::optional<NegotiatedAudio>& audio);
  // unsupported where the direction forbids, over_limit for a frame that fits no packet,
  // would_block where the peer wants less [rfc8834#7.1], and while the circuit breaker keeps
  // everything back [rfc8083].
  Status send(Instant now, std::uint32_t pts, Bytes frame);
  // The application leaves: a BYE goes out, nothing else does.
  void leave();

  // Somebody sends under this name, in whatever section.
  void on_source(rtp::Ssrc source) {
    if (!refused_ && source == sender_.ssrc() && renames_ != rtp::max_renames) {
      leave_name_to_the_other();
    }
  }
  // Opened and parsed; of RTCP each part of a datagram.
  void on_rtp(Instant now, const rtp::Packet& packet);
  void on_rtcp(Instant now, const rtp::RtcpPacket& packet);
  void on_deadline(Instant now);
  // The source was announced for this section, or heard in it.
  bool knows(rtp::Ssrc source) const;
  const NegotiatedAudio& agreed() const { return audio_; }

  // The next SRTP or SRTCP packet, frames first; 0 = none.
  std::size_t write_packet(Instant now, MutableBytes out);
  // Frames of one source come in their order, each once.
  std::optional<AudioFrame> read_frame();

  std::optional<Instant> next_deadline() const;
  void hash_state(StateHash& hash) const;

 private:
  struct Source {
    Source(rtp::Ssrc ssrc, rtp::ClockRate rate, const rtp::JitterOptions& options, Memory& memory)
        : receiver(ssrc, rate), jitter(options, memory) {}
    rtp::Receiver receiver;
    rtp::JitterBuffer jitter;
    rtp::TimestampUnwrapper clock;
    bool left = false;  // said BYE
  };
  using Sources = std::array<Owned<Source>, max_sources>;

  bool may_send(Instant now);
  void on_bye(const rtp::RtcpPacket& packet);
  Source* find(rtp::Ssrc ssrc) const;
  Source* find_or_add(Instant now, rtp::Ssrc ssrc);
  void leave_name_to_the_other();
  bool accepts(std::uint8_t payload_type) const;
  std::size_t write_report(Instant now, MutableBytes out);
  void drop(Instant now, const char* why, std::size_t size) const;

  NegotiatedAudio audio_;
  rtp::JitterOptions jitter_;
  rtp::Transformer* transformer_ = nullptr;
  Env env_;
  srtp::Session& srtp_;
  rtp::Sender sender_;
  Sources sources_;
  Deque<Buffer> queue_;  // RTP packets in the clear; at most max_queued
  rtp::ReportTimer report_timer_;
  bool report_due_ = false, ever_reported_ = false;
  std::optional<rtp::Ssrc> bye_for_;  // a name that we give up
  int renames_ = 0;
  bool leaving_ = false, refused_ = false;
  rtp::RateLimit limit_{wire_overhead, ahead};  // of what the application gives
  rtp::CircuitBreaker breaker_;
  bool stopped_ = false;  // by it
};

}  // namespace esp_peer::peer
