#include "peer/media_session.hpp"

#include "base/timer_table.hpp"
#include "rtp/header_extension.hpp"
#include "rtp/rtcp.hpp"

namespace esp_peer::peer {

MediaSession::MediaSession(const MediaLimits& limits, const MediaKeys& keys, srtp::Backend& backend,
                           Env env)
    : limits_(limits),
      env_(env),
      srtp_(keys.profile, Bytes(keys.exported).first(srtp::exported_size(keys.profile)),
            keys.dtls_client, backend, env) {}

MediaSession::~MediaSession() = default;

void MediaSession::change(Instant now, const std::optional<NegotiatedAudio>& audio,
                          const std::optional<NegotiatedVideo>& video) {
  if (audio_) {
    audio_->change(now, audio);
  } else if (audio) {
    audio_ = Owned<AudioSession>::make(env_.memory, now, *audio, limits_.audio_jitter, srtp_, env_,
                                       limits_.wall_clock);
    if (audio_ && transformer_) audio_->use(*transformer_);
  }
  if (video_) {
    video_->change(now, video);
  } else if (video) {
    video_ = Owned<VideoSession>::make(env_.memory, now, *video, limits_.video, srtp_, env_,
                                       limits_.wall_clock);
    if (video_ && transformer_) video_->use(*transformer_);
  }
  refused_ = !audio && !video;
}

Status MediaSession::send_audio(Instant now, std::uint32_t pts, Bytes frame) {
  if (!audio_) return Error{Errc::unsupported, "no audio was agreed on"};
  return audio_->send(now, pts, frame);
}

Status MediaSession::send_video(Instant now, std::uint32_t pts, Bytes frame) {
  if (!video_) return Error{Errc::unsupported, "no video was agreed on"};
  return video_->send(now, pts, frame);
}

void MediaSession::leave() {
  if (audio_) audio_->leave();
  if (video_) video_->leave();
}

void MediaSession::on_packet(Instant now, MutableBytes datagram) {
  if (refused_) return drop(now, "media is refused", datagram.size());
  if (rtp::is_rtcp(datagram)) {
    const Bytes packet = srtp_.open_rtcp(now, datagram);
    if (!packet.empty()) on_rtcp(now, packet);
    return;
  }
  const Bytes opened = srtp_.open_rtp(now, datagram);
  if (opened.empty()) return;
  const auto packet = rtp::parse_packet(opened);
  if (!packet) return drop(now, "no RTP packet", opened.size());
  if (audio_) audio_->on_source(packet->header.ssrc);
  if (video_) video_->on_source(packet->header.ssrc);
  const Section section = section_of(*packet);
  if (section == Section::none) return drop(now, "of a section that we have not", opened.size());
  if (section == Section::video && video_) video_->on_rtp(now, *packet);
  if (section == Section::audio && audio_) audio_->on_rtp(now, *packet);
}

// [rfc9143#9.2] It says so itself; else its source was announced, or heard before; else its payload
// type tells [rfc8834#4.7].
MediaSession::Section MediaSession::section_of(const rtp::Packet& packet) const {
  const auto named = [&packet](const auto& session) -> std::optional<bool> {
    if (!session) return std::nullopt;
    const Bytes mid = rtp::find_extension(packet, session->agreed().extensions.mid);
    if (mid.empty()) return std::nullopt;
    return as_text(mid) == session->agreed().mid.view();
  };
  const auto as_video = named(video_), as_audio = named(audio_);
  if (as_video.value_or(false)) return Section::video;
  if (as_audio.value_or(false)) return Section::audio;
  if (as_video || as_audio) return Section::none;
  const rtp::Header& header = packet.header;
  if (video_ && video_->knows(header.ssrc)) return Section::video;
  if (audio_ && audio_->knows(header.ssrc)) return Section::audio;
  return video_ && video_->takes(header) ? Section::video : Section::audio;
}

// [rfc3550#6.1] Of which of them a part is, it says itself.
void MediaSession::on_rtcp(Instant now, Bytes bytes) {
  auto compound = rtp::CompoundReader::open(bytes);
  if (!compound) return drop(now, "no RTCP packet", bytes.size());
  while (const auto packet = compound->next()) {
    if (audio_) audio_->on_rtcp(now, *packet);
    if (video_) video_->on_rtcp(now, *packet);
  }
}

void MediaSession::on_deadline(Instant now) {
  if (audio_) audio_->on_deadline(now);
  if (video_) video_->on_deadline(now);
}

std::size_t MediaSession::write_packet(Instant now, MutableBytes out) {
  // A keyframe of a megabyte must not hold a voice up.
  const std::size_t size = audio_ ? audio_->write_packet(now, out) : 0;
  if (!video_) return size;
  if (size == 0) return video_->write_packet(now, out);
  video_->on_audio_sent(now, size);
  return size;
}

std::optional<AudioFrame> MediaSession::read_audio() {
  auto frame = audio_ ? audio_->read_frame() : std::nullopt;
  if (frame) timeline_.on_audio(frame->pts, frame->ntp);
  return frame;
}

std::optional<VideoFrame> MediaSession::read_video(Instant now) {
  auto frame = video_ ? video_->read_frame(now) : std::nullopt;
  if (frame && limits_.sync_pts) frame->pts = timeline_.on_video(frame->pts, frame->ntp);
  return frame;
}

std::optional<Instant> MediaSession::next_deadline() const {
  std::optional<Instant> next;
  if (audio_) next = earliest(next, audio_->next_deadline());
  if (video_) next = earliest(next, video_->next_deadline());
  return next;
}

void MediaSession::hash_state(StateHash& hash) const {
  srtp_.hash_state(hash);
  if (audio_) audio_->hash_state(hash);
  if (video_) video_->hash_state(hash);
}

void MediaSession::drop(Instant now, const char* why, std::size_t size) const {
  env_.trace(now, PacketDropped{"media", why, size});
}

}  // namespace esp_peer::peer
