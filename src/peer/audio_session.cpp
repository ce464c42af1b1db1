#include "peer/audio_session.hpp"

#include <algorithm>
#include <utility>

#include "base/timer_table.hpp"
#include "rtp/bye.hpp"
#include "rtp/receiver_report.hpp"
#include "rtp/sender_report.hpp"
#include "rtp/source_description.hpp"

namespace esp_peer::peer {
namespace {

// A sender report on everybody, our name, a farewell [rfc3550#6.4.1, 6.5, 6.6].
constexpr std::size_t longest_report =
    28 + AudioSession::max_sources * rtp::ReportBlock::size + 28 + 8 + srtp::max_growth;

}  // namespace

AudioSession::AudioSession(Instant now, const NegotiatedAudio& audio,
                           const rtp::JitterOptions& jitter, srtp::Session& srtp, Env env,
                           Duration wall_clock, rtp::SenderCounts counts)
    : audio_(audio),
      jitter_(jitter),
      env_(env),
      srtp_(srtp),
      sender_(rtp::Ssrc{audio.local_ssrc}, audio.format.clock_rate, env.random, counts, wall_clock),
      queue_(env.memory) {
  report_timer_.start(now, env.random);
  limit_.set(audio_.bandwidth.transport, audio_.bandwidth.payload);
}

AudioSession::~AudioSession() = default;

// [rfc3264#8.2] Of a stream that is removed nothing is sent, reports neither, and what comes is not
// looked at.
void AudioSession::change(Instant now, const std::optional<NegotiatedAudio>& audio) {
  const bool was_refused = std::exchange(refused_, !audio);
  if (refused_ || sdp::sends(audio_.direction) != sdp::sends(audio->direction)) {
    breaker_.reset();
    stopped_ = false;
  }
  if (refused_) {
    audio_.direction = sdp::Direction::inactive;
    report_due_ = false;
    bye_for_.reset();
    sources_ = {};
    while (!queue_.empty()) queue_.pop_front();
    return;
  }
  if (was_refused) report_timer_.start(now, env_.random);
  if (audio_.mid != audio->mid) sources_ = {};  // another track
  // Our name stays the one we have, and the clock the one that its timestamps count.
  const std::uint32_t clock = audio_.format.clock_rate;
  audio_ = *audio;
  audio_.format.clock_rate = clock;
  limit_.set(audio_.bandwidth.transport, audio_.bandwidth.payload);
}

Status AudioSession::send(Instant now, std::uint32_t pts, Bytes frame) {
  if (!sdp::sends(audio_.direction)) return Error{Errc::unsupported, "we do not send audio"};
  if (!may_send(now)) return Error{Errc::would_block, breaker_.reason()};
  if (!limit_.may_send(now)) return Error{Errc::would_block, "more audio than the peer wants"};
  if (frame.size() > max_frame) return Error{Errc::over_limit, "a frame that fits no packet"};
  Buffer packet = Buffer::with_size(env_.memory, rtp::header_size + frame.size());
  if (!packet) return Error{Errc::no_memory, "no room for the frame"};
  if (queue_.size() == max_queued) {
    drop(now, "the runner does not send", queue_.front().size());
    queue_.pop_front();
  }
  Writer out(packet.bytes());
  // exception: [rfc3550#5.1] timestamps have no random offset, so that pts comes out as it went in.
  rtp::write(out, sender_.next(now, audio_.format.payload_type,
                               rtp::ticks_of_pts(pts, audio_.format.clock_rate), frame.size()));
  out.bytes(frame);
  if (!queue_.push_back(std::move(packet))) {
    return Error{Errc::no_memory, "no room for the frame"};
  }
  limit_.on_sent(now, frame.size());
  return {};
}

void AudioSession::leave() {
  leaving_ = true;
  while (!queue_.empty()) queue_.pop_front();
  // [rfc3550#6.3.7] Who never spoke says no farewell.
  const bool spoke = !refused_ && (sender_.ever_sent() || ever_reported_);
  report_due_ = spoke;
  if (spoke) bye_for_ = sender_.ssrc();
}

void AudioSession::on_rtp(Instant now, const rtp::Packet& packet) {
  if (refused_) return;
  // What was never agreed on makes no source: repair packets, or streams of a server, would take
  // the place of a voice.
  const bool accepted_type = accepts(packet.header.payload_type);
  Source* source = accepted_type ? find_or_add(now, packet.header.ssrc) : find(packet.header.ssrc);
  if (!source) return drop(now, "no source, nor room for one", packet.payload.size());
  source->left = false;
  const auto accepted = source->receiver.on_packet(now, packet.header);
  if (!accepted) return drop(now, "far from its sequence", packet.payload.size());
  if (accepted->restarted) source->jitter.restart(accepted->sequence);
  if (!source->jitter.wants(accepted->sequence)) return;
  if (!sdp::receives(audio_.direction) || !accepted_type) {
    // What is nothing to hear still has its place: nobody waits for it.
    source->jitter.insert(now, accepted->sequence, packet.header.timestamp, {});
    return;
  }
  Buffer room;
  const auto transformed = rtp::transform_received(transformer_, packet, env_.memory, room);
  if (!transformed) return drop(now, "by the transformer", packet.payload.size());
  source->jitter.insert(now, accepted->sequence, transformed->header.timestamp,
                        transformed->payload);
}

bool AudioSession::knows(rtp::Ssrc source) const {
  return find(source) || audio_.announces(source);
}

void AudioSession::on_rtcp(Instant now, const rtp::RtcpPacket& packet) {
  if (refused_) return;
  breaker_.on_rtcp();
  if (const auto report = rtp::find_report(packet, sender_.ssrc())) {
    breaker_.on_report(now, *report, sender_.round_trip(now, *report));
  }
  if (packet.type == rtp::RtcpType::sender_report) {
    const auto report = rtp::parse_sender_report(packet);
    Source* source = report ? find(report->info.sender) : nullptr;
    if (source) {
      source->receiver.on_sender_report(now, report->info.ntp, report->info.timestamp);
    }
  } else if (packet.type == rtp::RtcpType::bye) {
    on_bye(packet);
  }
  // [rfc8834#10] The others tell us nothing that we would act on.
}

bool AudioSession::may_send(Instant now) {
  const bool stops = !breaker_.allows(now);
  if (stops == stopped_) return !stops;
  stopped_ = stops;
  env_.trace(now, rtp::CircuitBroken{"audio", breaker_.reason()});
  while (stops && !queue_.empty()) queue_.pop_front();
  return !stops;
}

void AudioSession::on_bye(const rtp::RtcpPacket& packet) {
  const auto bye = rtp::parse_bye(packet);
  for (std::size_t i = 0; bye && i < bye->size(); ++i) {
    Source* source = find((*bye)[i]);
    if (!source) continue;
    source->left = true;
    source->jitter.release();
  }
}

void AudioSession::on_deadline(Instant now) {
  for (const Owned<Source>& source : sources_) {
    if (source) source->jitter.on_deadline(now);
  }
  if (report_timer_.due() > now || leaving_ || refused_) return;
  report_due_ = true;
  report_timer_.restart(now, env_.random);
}

std::size_t AudioSession::write_packet(Instant now, MutableBytes out) {
  while (may_send(now) && !queue_.empty()) {
    const Buffer& packet = queue_.front();
    if (out.size() < packet.size() + srtp::max_growth) return 0;
    copy_bytes(packet.bytes(), out);
    const MutableBytes room = out.first(std::min(out.size() - srtp::max_growth, max_packet));
    const std::size_t size = rtp::transform(transformer_, rtp::Way::out, room, packet.size());
    const std::size_t sealed = size == 0 ? 0 : srtp_.seal_rtp(out, size);
    queue_.pop_front();
    if (sealed == 0) continue;
    breaker_.on_sent(now);
    return sealed;
  }
  if (!report_due_ || out.size() < longest_report) return 0;
  report_due_ = false;
  const std::size_t size = write_report(now, out.first(out.size() - srtp::max_growth));
  return size == 0 ? 0 : srtp_.seal_rtcp(out, size);
}

// [rfc3550#6.1] A report first, then our canonical name, a farewell last. Of reduced size is only
// what is not a regular report [rfc5506#4.2.3]; audio has nothing of that kind.
std::size_t AudioSession::write_report(Instant now, MutableBytes room) {
  std::array<rtp::ReportBlock, max_sources> blocks;
  std::size_t count = 0;
  for (const Owned<Source>& source : sources_) {
    if (!source || !source->receiver.heard() || source->left) continue;
    blocks[count++] = source->receiver.report(now);
  }
  const std::span<const rtp::ReportBlock> heard(blocks.data(), count);
  rtp::CompoundWriter out(room);
  if (sender_.active()) {
    rtp::write_sender_report(out, sender_.report(now), heard);
  } else {
    rtp::write_receiver_report(out, sender_.ssrc(), heard);
  }
  rtp::write_cname(out, sender_.ssrc(), audio_.cname.view());
  if (bye_for_) rtp::write_bye(out, *bye_for_);
  bye_for_.reset();
  sender_.note_report();
  ever_reported_ = true;
  return out.size();
}

std::optional<AudioFrame> AudioSession::read_frame() {
  for (const Owned<Source>& source : sources_) {
    while (source) {
      auto frame = source->jitter.take();
      if (!frame) break;
      const std::int64_t ticks = source->clock.unwrap(frame->timestamp);
      if (frame->payload.size() == 0) continue;
      return AudioFrame{rtp::pts_of_ticks(ticks, audio_.format.clock_rate),
                        std::move(frame->payload), source->receiver.wall_time_of(frame->timestamp)};
    }
  }
  return std::nullopt;
}

std::optional<Instant> AudioSession::next_deadline() const {
  if (leaving_ || refused_) return std::nullopt;
  std::optional<Instant> next = report_timer_.due();
  for (const Owned<Source>& source : sources_) {
    if (source) next = earliest(next, source->jitter.next_deadline());
  }
  return next;
}

AudioSession::Source* AudioSession::find(rtp::Ssrc ssrc) const {
  for (const Owned<Source>& source : sources_) {
    if (source && source->receiver.source() == ssrc) return source.get();
  }
  return nullptr;
}

// [rfc8834#4.8] Announced or not.
AudioSession::Source* AudioSession::find_or_add(Instant now, rtp::Ssrc ssrc) {
  if (Source* known = find(ssrc)) return known;
  const auto worth = [](const Owned<Source>& place) {  // the least worth makes room
    return !place ? Instant::min() : place->left ? Instant() : place->receiver.last_heard();
  };
  auto place = std::min_element(
      sources_.begin(), sources_.end(),
      [&](const Owned<Source>& a, const Owned<Source>& b) { return worth(a) < worth(b); });
  if (*place && !(*place)->left && now - (*place)->receiver.last_heard() < silence) return nullptr;
  *place = Owned<Source>::make(env_.memory, ssrc, audio_.format.clock_rate, jitter_, env_.memory);
  return place->get();
}

// [rfc3550#8.2] Two sources chose the same name. SRTP has shown that it is not our own packet that
// has come back.
void AudioSession::leave_name_to_the_other() {
  ++renames_;
  bye_for_ = sender_.ssrc();
  sender_.rename(env_.random);
  breaker_.reset();
  report_due_ = true;
}

bool AudioSession::accepts(std::uint8_t payload_type) const {
  const auto& accepted = audio_.accepted_payload_types;
  return std::find(accepted.begin(), accepted.end(), payload_type) != accepted.end();
}

void AudioSession::hash_state(StateHash& hash) const {
  sender_.hash_state(hash);
  for (const Owned<Source>& source : sources_) {
    if (!source) continue;
    source->receiver.hash_state(hash);
    source->jitter.hash_state(hash);
    hash.add(source->left);
  }
  breaker_.hash_state(hash);
  hash.add(queue_.size());
  hash.add(report_timer_.due());
  hash.add(report_due_);
  hash.add(audio_.direction);
  hash.add(leaving_);
  hash.add(refused_);
}

void AudioSession::drop(Instant now, const char* why, std::size_t size) const {
  env_.trace(now, PacketDropped{"audio", why, size});
}

}  // namespace esp_peer::peer
