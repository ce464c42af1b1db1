// Audio and video of a connection under the keys of one handshake: who of the two a packet is for,
// and which of them sends next.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "peer/audio_session.hpp"
#include "peer/common_timeline.hpp"
#include "peer/video_session.hpp"
#include "srtp/session.hpp"

namespace esp_peer::peer {

// The keys that the handshake made.
struct MediaKeys {
  MediaKeys(crypto::SrtpProfile agreed, bool client) : profile(agreed), dtls_client(client) {}
  MediaKeys(const MediaKeys&) = delete;
  ~MediaKeys() { wipe(exported); }

  crypto::SrtpProfile profile;
  std::array<std::byte, srtp::max_exported_size> exported{};
  bool dtls_client;
};

struct MediaLimits {
  rtp::JitterOptions audio_jitter;  // of each source that is heard
  VideoLimits video;
  Duration wall_clock{};  // from 1900 to Instant zero; 0 = not known
  bool sync_pts = false;  // video is put onto the timeline of audio
};

class MediaSession {
 public:
  MediaSession(const MediaLimits& limits, const MediaKeys& keys, srtp::Backend& backend, Env env);
  MediaSession(const MediaSession&) = delete;
  ~MediaSession();  // = default, but not in every caller
  // Of all streams that begin later.
  void use(rtp::Transformer& transformer) { transformer_ = &transformer; }

  // What a description says: a stream begins, goes on otherwise, or is refused (nothing).
  void change(Instant now, const std::optional<NegotiatedAudio>& audio,
              const std::optional<NegotiatedVideo>& video);
  Status send_audio(Instant now, std::uint32_t pts, Bytes frame);
  Status send_video(Instant now, std::uint32_t pts, Bytes frame);
  // The application leaves: BYE goes out, nothing else does.
  void leave();

  // A datagram that looks like RTP or RTCP, from a path that ICE has checked; changed in place.
  void on_packet(Instant now, MutableBytes datagram);
  void on_deadline(Instant now);

  // The next SRTP or SRTCP packet, audio first; 0 = none.
  std::size_t write_packet(Instant now, MutableBytes out);
  std::optional<AudioFrame> read_audio();
  std::optional<VideoFrame> read_video(Instant now);
  // The peer wants a keyframe of ours; asked once for each time.
  bool take_keyframe_request() { return video_ && video_->take_keyframe_request(); }

  bool ok() const { return srtp_.ok(); }
  std::optional<Instant> next_deadline() const;
  void hash_state(StateHash& hash) const;

 private:
  enum class Section : std::uint8_t { none, audio, video };
  Section section_of(const rtp::Packet& packet) const;
  void on_rtcp(Instant now, Bytes packet);
  void drop(Instant now, const char* why, std::size_t size) const;

  MediaLimits limits_;
  Env env_;
  rtp::Transformer* transformer_ = nullptr;
  srtp::Session srtp_;
  Owned<AudioSession> audio_;
  Owned<VideoSession> video_;
  CommonTimeline timeline_;
  bool refused_ = true;  // both
};

}  // namespace esp_peer::peer
