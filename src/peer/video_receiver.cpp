#include "peer/video_receiver.hpp"

#include <algorithm>

#include "base/timer_table.hpp"
#include "codec/h264_depacketizer.hpp"
#include "rtp/rtx.hpp"

namespace esp_peer::peer {

void VideoReceiver::on_packet(Instant now, const rtp::Packet& packet,
                              const sdp::VideoFormat& format, const VideoStream& stream) {
  format_ = format;
  if (packet.header.payload_type == format.rtx_payload_type) {
    return insert_repeated(now, packet, format, stream);
  }
  if (packet.header.payload_type != format.payload_type) return;
  Source* source = find_or_add(now, packet.header.ssrc);
  if (!source) return;
  if (!stream.rid.empty()) static_cast<void>(source->rid.assign(stream.rid));
  source->left = false;
  if (source->next_pli == Instant::max() && source->keyframe_wanted) {
    source->keyframe_wanted = false;
    want_keyframe(now, *source);
  }
  const auto accepted = source->receiver.on_packet(now, packet.header);
  if (!accepted) return;
  if (accepted->restarted) {
    source->frames.restart(accepted->sequence);
    source->needs_keyframe = true;
  }
  if (source->next_pli == Instant::max()) source->next_pli = after_interval(now);
  insert(now, *source, accepted->sequence, packet);
}

void VideoReceiver::insert_repeated(Instant now, const rtp::Packet& packet,
                                    const sdp::VideoFormat& format, const VideoStream& stream) {
  auto lost = rtp::unwrap_rtx(packet, packet.header.ssrc, format.payload_type);
  Source* source = lost ? find_repaired(*lost, stream) : nullptr;
  if (!source) return;
  lost->header.ssrc = source->receiver.source();
  const auto sequence = source->receiver.extend(lost->header.sequence);
  // [rfc4588#4] What nobody lacks is no repetition, whatever number it names.
  if (!sequence || !source->frames.lacks(*sequence)) return;
  insert(now, *source, *sequence, *lost);
}

// Whose packet it is: the description says it, or the packet; else it is that one's which lacks it
// [rfc4588#5.3]. Where two do, nobody can tell.
VideoReceiver::Source* VideoReceiver::find_repaired(const rtp::Packet& lost,
                                                    const VideoStream& stream) const {
  if (stream.repairs) return find(*stream.repairs);
  Source* found = nullptr;
  for (const Owned<Source>& source : sources_) {
    if (!source) continue;
    if (!stream.repaired_rid.empty()) {
      if (source->rid.view() == stream.repaired_rid) return source.get();
      continue;
    }
    const auto sequence = source->receiver.extend(lost.header.sequence);
    if (!sequence || !source->frames.lacks(*sequence)) continue;
    if (found) return nullptr;
    found = source.get();
  }
  return found;
}

// A transformer may count what it sees: it sees each packet once, and none that comes too late.
void VideoReceiver::insert(Instant now, Source& source, std::uint64_t sequence,
                           const rtp::Packet& packet) {
  if (!source.frames.wants(sequence)) return;
  Buffer room;
  const auto transformed = rtp::transform_received(transformer_, packet, env_.memory, room);
  if (!transformed) return;
  source.frames.insert(now, sequence, transformed->header.timestamp, transformed->header.marker,
                       transformed->payload);
}

void VideoReceiver::on_sender_report(Instant now, const rtp::SenderInfo& report) {
  Source* source = find(report.sender);
  if (source) source->receiver.on_sender_report(now, report.ntp, report.timestamp);
}

void VideoReceiver::on_bye(rtp::Ssrc ssrc) {
  Source* source = find(ssrc);
  if (!source) return;
  source->left = true;
  source->nack_due = source->pli_due = source->keyframe_wanted = false;
  source->next_pli = Instant::max();
}

void VideoReceiver::on_deadline(Instant now) {
  for (const Owned<Source>& source : sources_) {
    if (!source) continue;
    const bool unread = source->frames.has_frame();
    source->frames.on_deadline(now);
    if (source->left) continue;  // nobody is there to be asked
    source->nack_due = format_.nack && source->frames.wants_packets();
    // A picture that is lost, or hardly to be saved, is asked for at once, and not only when the
    // next frame shows it: what waits behind it is of no use until then. But one that nobody
    // fetches may be the keyframe; and a receiver that rests needs none.
    const bool lost = source->frames.lossy() || source->frames.endangered();
    if (lost && !unread) want_keyframe(now, *source);
    if (source->next_pli <= now) {
      if (!source->keyframe_wanted) ++source->request_number;
      const bool silent = now - source->receiver.last_heard() >= asked_for;
      source->pli_due = !silent && (source->pli_due || (!unread && !is_hidden(now, *source)));
      source->next_pli = silent                    ? Instant::max()
                         : source->keyframe_wanted ? now + keyframe_patience()
                                                   : after_interval(now);
    }
  }
}

std::optional<VideoFrame> VideoReceiver::read_frame(Instant now) {
  for (const Owned<Source>& source : sources_) {
    while (source) {
      const auto packets = source->frames.take();
      if (!packets) break;
      const std::int64_t ticks = source->clock.unwrap(packets->timestamp);
      auto frame = join(*source, *packets);
      const bool keyframe = frame && is_keyframe(*frame, packets->may_lack_beginning);
      if (keyframe) {
        show(now, *source);
        source->needs_keyframe = false;
      } else if (!frame || packets->after_loss || source->needs_keyframe ||
                 shown_ != source->receiver.source()) {
        source->needs_keyframe = true;
        want_keyframe(now, *source);
        continue;
      }
      return VideoFrame{rtp::pts_of_ticks(ticks, NegotiatedVideo::clock_rate), std::move(*frame),
                        source->receiver.wall_time_of(packets->timestamp)};
    }
  }
  return std::nullopt;
}

// Where packets that were lost before it may have been its own, an H.264 picture may come without
// its parameter sets or its upper half, which only its beginning shows.
bool VideoReceiver::is_keyframe(const Buffer& frame, bool may_lack_beginning) const {
  if (format_.codec != sdp::VideoCodec::h264) return true;
  return codec::is_h264_keyframe(frame.bytes()) &&
         (!may_lack_beginning || codec::begins_h264_stream(frame.bytes()));
}

std::optional<Buffer> VideoReceiver::join(Source& source,
                                          const rtp::FrameBuffer::Frame& frame) const {
  const std::span<const Buffer> payloads(frame.payloads.begin(), frame.payloads.size());
  if (format_.codec != sdp::VideoCodec::h264) return source.jpeg.join(payloads, env_.memory);
  auto unit = codec::join_h264(payloads, env_.memory);
  if (!unit) return unit;
  source.sets.learn(unit->bytes());
  const auto gap = source.sets.gap(unit->bytes());
  if (gap.size == 0) return unit;
  // With them it would look like a whole one.
  if (frame.may_lack_beginning && !codec::has_upper_edge(unit->bytes())) return std::nullopt;
  Buffer complete = source.sets.complete(unit->bytes(), gap);
  if (!complete) return std::nullopt;
  return complete;
}

void VideoReceiver::want_keyframe(Instant now, Source& source) {
  // It is asked for, or nobody is there, or nobody would see it.
  if (source.keyframe_wanted || source.left || is_hidden(now, source)) return;
  source.keyframe_wanted = source.pli_due = true;
  ++source.request_number;
  source.next_pli = now + keyframe_patience();
}

void VideoReceiver::ask_no_longer(Instant now, Source& source) const {
  if (source.keyframe_wanted) source.next_pli = after_interval(now);
  source.keyframe_wanted = source.pli_due = false;
}

void VideoReceiver::show(Instant now, const Source& source) {
  shown_ = source.receiver.source();
  for (const Owned<Source>& other : sources_) {
    if (other) ask_no_longer(now, *other);
  }
}

// Another one is shown, and goes on.
bool VideoReceiver::is_hidden(Instant now, const Source& source) const {
  const Source* const shown = shown_ ? find(*shown_) : nullptr;
  return shown && shown != &source && !shown->left && now - shown->receiver.last_heard() < quiet;
}

bool VideoReceiver::has_feedback() const {
  return std::any_of(sources_.begin(), sources_.end(), [this](const Owned<Source>& source) {
    return source && (source->nack_due || (source->pli_due && (format_.pli || format_.fir)));
  });
}

void VideoReceiver::write_feedback(Instant now, rtp::CompoundWriter& out, rtp::Ssrc us) {
  // Each may need an entry of its own. Those of two sources fit into one datagram with a report.
  constexpr std::size_t most_numbers = 120;
  for (const Owned<Source>& source : sources_) {
    if (!source) continue;
    if (source->nack_due && format_.nack) {
      std::array<std::uint16_t, most_numbers> numbers;
      const std::size_t count = source->frames.request(now, numbers);
      rtp::write_nack(out, us, source->receiver.source(), std::span(numbers).first(count),
                      most_numbers);
    }
    source->nack_due = format_.nack && !source->left && source->frames.wants_packets();
    if (source->pli_due && format_.pli) {
      rtp::write_picture_loss(out, us, source->receiver.source());
    } else if (source->pli_due && format_.fir) {
      rtp::write_full_intra(out, us, source->receiver.source(), source->request_number);
    }
    source->pli_due = false;
  }
}

std::size_t VideoReceiver::report(Instant now, std::span<rtp::ReportBlock> blocks) {
  std::size_t count = 0;
  for (const Owned<Source>& source : sources_) {
    if (!source || !source->receiver.heard() || source->left || count == blocks.size()) continue;
    blocks[count++] = source->receiver.report(now);
  }
  return count;
}

std::optional<Instant> VideoReceiver::next_deadline() const {
  std::optional<Instant> next;
  for (const Owned<Source>& source : sources_) {
    if (!source) continue;
    next = earliest(next, source->frames.next_deadline());
    if (source->next_pli != Instant::max()) next = earliest(next, source->next_pli);
  }
  return next;
}

VideoReceiver::Source* VideoReceiver::find(rtp::Ssrc ssrc) const {
  for (const Owned<Source>& source : sources_) {
    if (source && source->receiver.source() == ssrc) return source.get();
  }
  return nullptr;
}

VideoReceiver::Source* VideoReceiver::find_or_add(Instant now, rtp::Ssrc ssrc) {
  if (Source* known = find(ssrc)) return known;
  const auto worth = [](const Owned<Source>& place) {  // the least worth makes room
    return !place ? Instant::min() : place->left ? Instant() : place->receiver.last_heard();
  };
  auto place = std::min_element(
      sources_.begin(), sources_.end(),
      [&](const Owned<Source>& a, const Owned<Source>& b) { return worth(a) < worth(b); });
  if (*place && !(*place)->left && now - (*place)->receiver.last_heard() < silence) return nullptr;
  *place = Owned<Source>::make(env_.memory, ssrc, options_, env_);
  return place->get();
}

void VideoReceiver::hash_state(StateHash& hash) const {
  for (const Owned<Source>& source : sources_) {
    if (!source) continue;
    source->receiver.hash_state(hash);
    source->frames.hash_state(hash);
    hash.add(source->needs_keyframe);
    hash.add(source->keyframe_wanted);
    hash.add(source->pli_due);
    hash.add(source->left);
    hash.add(shown_ == source->receiver.source());
  }
}

}  // namespace esp_peer::peer
