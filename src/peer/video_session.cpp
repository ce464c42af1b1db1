#include "peer/video_session.hpp"

#include <array>

#include "base/timer_table.hpp"
#include "rtp/bye.hpp"
#include "rtp/header_extension.hpp"
#include "rtp/receiver_report.hpp"
#include "rtp/sender_report.hpp"
#include "rtp/source_description.hpp"

namespace esp_peer::peer {

VideoSession::VideoSession(Instant now, const NegotiatedVideo& video, const VideoLimits& limits,
                           srtp::Session& srtp, Env env, Duration wall_clock)
    : video_(video),
      env_(env),
      srtp_(srtp),
      sender_(video, limits.sender, max_packet, env, wall_clock),
      receiver_(limits.receiver, env) {
  report_timer_.start(now, env.random);
  allow_repeats();
}

VideoSession::~VideoSession() = default;

// [rfc3264#8.2] Of a stream that is removed nothing is sent, reports neither, and what comes is not
// looked at.
void VideoSession::change(Instant now, const std::optional<NegotiatedVideo>& video) {
  const bool was_refused = std::exchange(refused_, !video);
  if (refused_ || sdp::sends(video_.direction) != sdp::sends(video->direction)) {
    breaker_.reset();
    sender_.set_gap(Duration(0));
    stopped_ = false;
  }
  if (refused_) {
    video_.direction = sdp::Direction::inactive;
    report_due_ = false;
    sender_.clear();
    receiver_.clear();
    return;
  }
  if (was_refused) report_timer_.start(now, env_.random);
  const bool another_track = video_.mid != video->mid;
  video_ = *video;
  sender_.change(*video);
  if (!sdp::sends(video_.direction)) sender_.clear();
  if (!sdp::receives(video_.direction) || another_track) receiver_.clear();
}

Status VideoSession::send(Instant now, std::uint32_t pts, Bytes frame) {
  if (!sdp::sends(video_.direction)) return Error{Errc::unsupported, "we do not send video"};
  if (!may_send(now)) return Error{Errc::would_block, breaker_.reason()};
  // exception: [rfc3550#5.1] timestamps have no random offset, so that pts comes out as it went in.
  const std::uint32_t timestamp = rtp::ticks_of_pts(pts, NegotiatedVideo::clock_rate);
  const Status sent = sender_.send(now, timestamp, frame);
  if (sender_.needs_keyframe()) on_keyframe_request(now);
  return sent;
}

void VideoSession::leave() {
  leaving_ = true;
  bye_due_ = !refused_ && (sender_.source().ever_sent() || ever_reported_);
}

const sdp::VideoFormat* VideoSession::format_of(const rtp::Header& header) const {
  for (const sdp::VideoFormat& format : video_.accepted) {
    if (header.payload_type == format.payload_type ||
        header.payload_type == format.rtx_payload_type) {
      return &format;
    }
  }
  return nullptr;
}

bool VideoSession::knows(rtp::Ssrc source) const {
  return receiver_.knows(source) || video_.announces(source);
}

// Without memory for it nothing is sent again.
void VideoSession::allow_repeats() {
  sender_.allow_repeats(!video_.format.rtx_payload_type &&
                        srtp_.allow_repeats(sender_.source().ssrc(), sender_.most_packets()));
}

// [rfc3550#8.2] Two sources chose the same name. SRTP has shown that it is not our own packet that
// has come back.
void VideoSession::on_source(rtp::Ssrc source) {
  if (refused_ || !sender_.has_name(source) || renames_ == rtp::max_renames) return;
  ++renames_;
  left_names_.push_back(source);
  const bool repeats = source != sender_.source().ssrc();
  sender_.rename(source);
  report_due_ = true;
  if (repeats) return;
  allow_repeats();
  breaker_.reset();
  sender_.set_gap(Duration(0));
  stopped_ = false;
  keyframe_asked_ = sdp::sends(video_.direction);  // the peer will ask for one
}

void VideoSession::on_rtp(Instant now, const rtp::Packet& packet) {
  if (refused_ || !sdp::receives(video_.direction)) return;
  const sdp::VideoFormat* const format = format_of(packet.header);
  if (format) receiver_.on_packet(now, packet, *format, stream_of(packet));
}

VideoStream VideoSession::stream_of(const rtp::Packet& packet) const {
  VideoStream stream;
  stream.rid = as_text(rtp::find_extension(packet, video_.extensions.rid));
  stream.repaired_rid = as_text(rtp::find_extension(packet, video_.extensions.repaired_rid));
  for (const sdp::RtxPair& pair : video_.rtx_pairs) {
    if (rtp::Ssrc{pair.rtx} == packet.header.ssrc) stream.repairs = rtp::Ssrc{pair.source};
  }
  return stream;
}

void VideoSession::on_rtcp(Instant now, const rtp::RtcpPacket& packet) {
  if (refused_) return;
  breaker_.on_rtcp();
  const rtp::Sender& us = sender_.source();
  if (const auto report = rtp::find_report(packet, us.ssrc())) {
    breaker_.on_report(now, *report, us.round_trip(now, *report));
    sender_.set_gap(breaker_.least_gap());
  }
  if (const auto nack = rtp::parse_nack(packet)) {
    if (nack->source != us.ssrc()) return;
    breaker_.on_feedback();
    nack->for_each([this](std::uint16_t sequence) { sender_.on_nack(sequence); });
  } else if (const auto lost = rtp::parse_picture_loss(packet)) {
    if (*lost != us.ssrc()) return;
    breaker_.on_feedback();
    on_keyframe_request(now);
  } else if (const auto requests = rtp::parse_full_intra(packet)) {
    for (std::size_t i = 0; i < requests->size(); ++i) {
      if ((*requests)[i].source != us.ssrc()) continue;
      breaker_.on_feedback();
      on_keyframe_request(now);
    }
  } else if (packet.type == rtp::RtcpType::sender_report) {
    const auto report = rtp::parse_sender_report(packet);
    if (report) receiver_.on_sender_report(now, report->info);
  } else if (packet.type == rtp::RtcpType::bye) {
    const auto bye = rtp::parse_bye(packet);
    for (std::size_t i = 0; bye && i < bye->size(); ++i) receiver_.on_bye((*bye)[i]);
  }
}

// Of a storm of requests one counts: what is on its way already is not asked for again. Only time
// tells that. [rfc5104#3.5.1.1] A full intra request that comes later under the number of one that
// was told is a repetition of somebody who has not got the picture, and gets another.
void VideoSession::on_keyframe_request(Instant now) {
  if (!sdp::sends(video_.direction) || now < next_keyframe_) return;
  next_keyframe_ = now + keyframe_interval;
  keyframe_asked_ = true;
}

// What is kept is too old when it may go on; a picture that stands alone begins it anew.
bool VideoSession::may_send(Instant now) {
  const bool stops = !breaker_.allows(now);
  if (stops == stopped_) return !stops;
  stopped_ = stops;
  env_.trace(now, rtp::CircuitBroken{"video", breaker_.reason()});
  if (stops) sender_.clear();
  keyframe_asked_ = keyframe_asked_ || !stops;
  return !stops;
}

void VideoSession::on_deadline(Instant now) {
  if (leaving_ || refused_) return;
  receiver_.on_deadline(now);
  sender_.on_deadline(now);
  if (report_timer_.due() > now) return;
  report_due_ = true;
  report_timer_.restart(now, env_.random);
}

std::size_t VideoSession::write_packet(Instant now, MutableBytes out) {
  if (out.size() < max_packet + srtp::max_growth) return 0;
  if (!refused_ && (report_due_ || bye_due_ || (!leaving_ && receiver_.has_feedback()))) {
    const std::size_t size = write_rtcp(now, out.first(max_packet));
    if (size != 0) return srtp_.seal_rtcp(out, size);
  }
  if (leaving_ || refused_ || !may_send(now)) return 0;
  const std::uint64_t before = sender_.source().sent();
  for (;;) {
    const std::size_t size = sender_.write_packet(now, out.first(max_packet));
    if (sender_.take_broken_frame()) on_keyframe_request(now);
    if (size == 0) return 0;
    const std::size_t sealed = srtp_.seal_rtp(out, size);
    if (sealed != 0 && sender_.source().sent() != before) breaker_.on_sent(now);
    if (sealed != 0) return sealed;  // else it is too old to be sent again
  }
}

// [rfc3550#6.1] A report first, then our canonical name, feedback, a farewell last. Feedback may
// stand alone where both sides take that [rfc5506#3.4.2]; else behind an empty report
// [rfc4585#3.1].
// exception: [rfc4585#3.5] Feedback waits for no timer of RTCP, and for no one else's of a group,
// for there is none: what is lost is of use for a tenth of a second. Its share of the bandwidth
// stays small all the same, for all that is due goes together, a packet is asked for ten times at
// most with the time of a round trip in between, and a keyframe a few times a second.
std::size_t VideoSession::write_rtcp(Instant now, MutableBytes room) {
  rtp::CompoundWriter out(room);
  if (report_due_ || bye_due_) {
    write_report(now, out);
  } else if (!video_.reduced_rtcp) {
    rtp::write_receiver_report(out, sender_.source().ssrc(), {});
    rtp::write_cname(out, sender_.source().ssrc(), video_.cname.view());
  }
  if (!leaving_) receiver_.write_feedback(now, out, sender_.source().ssrc());
  for (const rtp::Ssrc name : left_names_) rtp::write_bye(out, name);
  left_names_.clear();
  if (bye_due_) {
    rtp::write_bye(out, sender_.source().ssrc());
    if (const auto name = sender_.repeating_name()) rtp::write_bye(out, *name);
  }
  bye_due_ = false;
  return out.size();
}

void VideoSession::write_report(Instant now, rtp::CompoundWriter& out) {
  std::array<rtp::ReportBlock, VideoReceiver::max_sources> blocks;
  const std::span<const rtp::ReportBlock> heard(blocks.data(), receiver_.report(now, blocks));
  rtp::Sender& source = sender_.source();
  if (source.active()) {
    rtp::write_sender_report(out, source.report(now), heard);
  } else {
    rtp::write_receiver_report(out, source.ssrc(), heard);
  }
  rtp::write_cname(out, source.ssrc(), video_.cname.view());
  // exception: [rfc3550#6.4] The source of what is sent again has no sender report of its own: its
  // timestamps are those of the first source [rfc4588#4], whose report tells their wall time.
  if (const auto name = sender_.repeating_name()) {
    rtp::write_cname(out, *name, video_.cname.view());
  }
  source.note_report();
  report_due_ = false;
  ever_reported_ = true;
}

std::optional<VideoFrame> VideoSession::read_frame(Instant now) {
  return refused_ ? std::nullopt : receiver_.read_frame(now);
}

std::optional<Instant> VideoSession::next_deadline() const {
  if (leaving_ || refused_) return std::nullopt;
  const auto next = earliest(sender_.next_deadline(), receiver_.next_deadline());
  return earliest(next, report_timer_.due());
}

void VideoSession::hash_state(StateHash& hash) const {
  sender_.hash_state(hash);
  receiver_.hash_state(hash);
  hash.add(report_timer_.due());
  hash.add(report_due_);
  hash.add(video_.direction);
  hash.add(keyframe_asked_);
  breaker_.hash_state(hash);
  hash.add(left_names_.size());
  hash.add(leaving_);
  hash.add(refused_);
}

}  // namespace esp_peer::peer
