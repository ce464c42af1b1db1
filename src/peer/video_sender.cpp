#include "peer/video_sender.hpp"

#include <algorithm>
#include <utility>

#include "codec/h264_depacketizer.hpp"
#include "codec/h264_packetizer.hpp"
#include "codec/jpeg_packetizer.hpp"
#include "rtp/rtx.hpp"

namespace esp_peer::peer {

VideoSender::VideoSender(const NegotiatedVideo& video, const VideoSenderOptions& options,
                         std::size_t max_packet, Env env, Duration wall_clock)
    : video_(video),
      options_(options),
      max_payload_(max_packet - rtp::header_size - rtp::rtx_header_size),
      env_(env),
      sets_(env.memory),
      source_(rtp::Ssrc{video.local_ssrc}, NegotiatedVideo::clock_rate, env.random, options.counts,
              wall_clock),
      frames_(env.memory),
      asked_(env.memory) {
  change(video);
}

void VideoSender::change(const NegotiatedVideo& video) {
  video_.format.payload_type = video.format.payload_type;
  video_.format.rtx_payload_type = video.format.rtx_payload_type;
  video_.format.fragments = video.format.fragments;
  limit_.set(video.bandwidth.transport, video.bandwidth.payload);
  if (video_.format.rtx_payload_type && !rtx_) {
    rtx_.emplace(rtp::Ssrc{video_.local_rtx_ssrc}, NegotiatedVideo::clock_rate, env_.random);
  }
}

Status VideoSender::send(Instant now, std::uint32_t timestamp, Bytes bytes) {
  if (bytes.size() / max_payload_ >= max_packets_of_frame) {
    return Error{Errc::over_limit, "a frame of more packets than can be told apart"};
  }
  if (video_.format.codec == sdp::VideoCodec::h264) {
    if (!codec::is_byte_stream(bytes)) {
      return Error{Errc::unsupported, "H.264 without start codes"};
    }
    sets_.learn(bytes);  // also of what is refused: the next keyframe may refer to them
  }
  if (const Status room = has_room(now, bytes); !room) return room;
  needs_keyframe_ = true;  // unless it goes
  Frame frame(env_.memory);
  frame.data = copy_of(bytes);
  if (!frame.data) return Error{Errc::no_memory, "no room for the frame"};
  frame.timestamp = timestamp;
  frame.payload_type = video_.format.payload_type;
  frame.given = now;
  if (const Status cuts = cut(frame); !cuts) return cuts;
  const std::size_t cost = frame.cost(), size = frame.waiting = frame.data.size();
  if (!frames_.push_back(std::move(frame))) return Error{Errc::no_memory, "no room for the frame"};
  bytes_ += cost;
  waiting_bytes_ += size;
  needs_keyframe_ = false;
  pacer_.on_frame(now, size, waiting_bytes_);
  forget_old();
  return {};
}

Status VideoSender::has_room(Instant now, Bytes frame) {
  const std::size_t frames = frames_.size() - sent_frames_;
  const std::size_t waiting = waiting_bytes_ + frames * sizeof(Frame);
  const Duration debt = std::max(limit_.due() - now, Duration(0));
  const Duration wait =
      debt + limit_.time_for(waiting_bytes_, waiting_bytes_ / max_payload_ + frames);
  const Duration most = longest_queue + limit_.time_for(keyframe_, keyframe_ / max_payload_ + 1);
  overfull_ = wait > (overfull_ ? short_queue : most);
  const bool fits = waiting_bytes_ == 0 || waiting + frame.size() <= options_.most_bytes;
  needs_keyframe_ = needs_keyframe_ || overfull_ || !fits;
  if (overfull_ || !fits) return Error{Errc::would_block, "more video than the path carries"};
  const Duration takes = limit_.time_for(frame.size(), frame.size() / max_payload_ + 1);
  if (!needs_keyframe_ && takes == Duration(0)) return {};  // nothing has to be told apart
  const bool keyframe =
      video_.format.codec != sdp::VideoCodec::h264 || codec::is_h264_keyframe(frame);
  if (needs_keyframe_ && !keyframe) {
    return Error{Errc::would_block, "it refers to a frame that was left out"};
  }
  if (keyframe) keyframe_ = frame.size();
  return {};
}

// [rfc6184#8.4] Parameter sets travel in-band, with each keyframe.
Buffer VideoSender::copy_of(Bytes frame) {
  if (video_.format.codec != sdp::VideoCodec::h264) return Buffer::copy_of(env_.memory, frame);
  return sets_.complete(frame, sets_.gap(frame));
}

Status VideoSender::cut(Frame& frame) const {
  frame.may_grow = is_transformed();
  const std::size_t max_payload =
      max_payload_ - (frame.may_grow ? rtp::Transformer::max_growth : 0);
  const auto take_all = [&frame](auto& packetizer) {
    while (const auto fragment = packetizer.next()) {
      if (!frame.packets.push_back({*fragment})) return false;
    }
    return true;
  };
  bool complete = false, fits = false;
  if (video_.format.codec == sdp::VideoCodec::h264) {
    const auto mode = video_.format.fragments ? codec::H264Mode::non_interleaved
                                              : codec::H264Mode::single_nal_unit;
    codec::H264Packetizer packetizer(frame.data.bytes(), mode, max_payload);
    complete = take_all(packetizer);
    fits = !packetizer.too_large();
  } else {
    codec::JpegPacketizer packetizer(frame.data.bytes(), max_payload);
    complete = take_all(packetizer);
    fits = packetizer.ok();
  }
  if (!complete) return Error{Errc::no_memory, "no room for the packets of a frame"};
  if (!fits || frame.packets.empty()) {
    return Error{Errc::unsupported, "a frame that no packet can carry"};
  }
  if (frame.packets.size() > max_packets_of_frame) {
    return Error{Errc::over_limit, "a frame of more packets than can be told apart"};
  }
  return {};
}

// It has waited since before there was a transformer. Where that is of no use, for there is a unit
// that fits no smaller packet, it is for the transformer to find room.
void VideoSender::cut_again(Frame& frame) {
  const std::size_t cost = frame.cost();
  Vector<Packet> as_it_was = std::exchange(frame.packets, Vector<Packet>(env_.memory));
  if (!cut(frame)) frame.packets = std::move(as_it_was);
  bytes_ += frame.cost() - cost;
}

std::size_t VideoSender::write_payload(const Frame& frame, const Packet& packet,
                                       MutableBytes out) const {
  return video_.format.codec == sdp::VideoCodec::h264
             ? codec::H264Packetizer::write(frame.data.bytes(), packet.fragment, out)
             : codec::JpegPacketizer::write(frame.data.bytes(), packet.fragment, out);
}

std::size_t VideoSender::write_packet(Instant now, MutableBytes out) {
  held_back_ = !may_send(now);
  if (held_back_) return 0;
  if (const std::size_t again = write_again(now, out)) {
    pacer_.on_sent(now, again);
    limit_.on_sent_beside(now, again - rtp::header_size);
    return again;
  }
  const std::size_t size = write_new(out);
  if (size == 0) return 0;
  pacer_.on_sent(now, size);
  limit_.on_sent(now, size - rtp::header_size);
  return size;
}

std::size_t VideoSender::write_new(MutableBytes out) {
  std::size_t size = 0;
  // What is dropped here is as lost on its way: the next one follows.
  for (bool dropped = true; dropped && size == 0;) size = write_next(out, dropped);
  return size;
}

std::size_t VideoSender::write_next(MutableBytes out, bool& dropped) {
  dropped = false;
  if (sent_frames_ == frames_.size() || out.size() < rtp::header_size) return 0;
  Frame& frame = frames_[sent_frames_];
  if (frame.sent == 0 && !frame.may_grow && is_transformed()) cut_again(frame);
  const Packet& packet = frame.packets[frame.sent];
  const std::size_t payload = write_payload(frame, packet, out.subspan(rtp::header_size));
  if (payload == 0) return 0;
  // [rfc3550#6.4.1] Reports tie the timestamp to when its picture was given, not to when the pace
  // let it go.
  rtp::Header header = source_.next(frame.given, frame.payload_type, frame.timestamp, payload);
  if (frame.sent == 0) frame.first = header.sequence;
  last_sequence_ = header.sequence;
  ++frame.sent;
  header.marker = frame.sent == frame.packets.size();  // [rfc6184#5.1, rfc2435#3]
  Writer to(out);
  rtp::write(to, header);
  const std::size_t size = transform(frame, frame.sent - 1, out, rtp::header_size + payload);
  dropped = size == 0;
  // Start codes are in no fragment.
  const std::size_t fragment = packet.fragment.size;
  if (dropped) leave_out_rest(frame);
  const bool last = frame.sent == frame.packets.size();
  const std::size_t gone = last ? frame.waiting : std::min(fragment, frame.waiting);
  frame.waiting -= gone;
  waiting_bytes_ -= gone;
  if (last) {
    ++sent_frames_;
    forget_old();
  }
  return size;
}

// Nobody can show it any more.
void VideoSender::leave_out_rest(Frame& frame) {
  const std::size_t cost = frame.cost();
  while (frame.packets.size() > frame.sent) frame.packets.pop_back();
  bytes_ -= cost - frame.cost();
  broken_frame_ = needs_keyframe_ = true;
}

std::size_t VideoSender::transform(Frame& frame, std::size_t index, MutableBytes out,
                                   std::size_t size) {
  if (!is_transformed()) return size;
  // Sent again it must still fit.
  const MutableBytes room = out.first(out.size() - rtp::rtx_header_size);
  const std::size_t after = rtp::transform(transformer_, rtp::Way::out, room, size);
  // [rfc3711#9.1] Nothing else is ever sealed under its number, nor what it was before.
  if (after == 0 || !keep_as_sent(frame, index, Bytes(room).first(after))) {
    frame.packets[index].resends = options_.most_resends;
  }
  return after;
}

bool VideoSender::keep_as_sent(Frame& frame, std::size_t index, Bytes packet) {
  while (frame.as_sent.size() < index) {
    if (!frame.as_sent.push_back({})) return false;
  }
  Buffer copy = Buffer::copy_of(env_.memory, packet);
  if (!copy || !frame.as_sent.push_back(std::move(copy))) return false;
  const std::size_t cost = packet.size() + sizeof(Buffer);
  frame.as_sent_bytes += cost;
  bytes_ += cost;
  return true;
}

// [rfc4588#4] Where it is agreed in a stream of its own; else the same packet once more, which SRTP
// seals to the same bytes.
std::size_t VideoSender::write_again(Instant now, MutableBytes out) {
  const auto rtx_type = video_.format.rtx_payload_type;
  const std::size_t front = rtp::header_size + (rtx_type ? rtp::rtx_header_size : 0);
  if (out.size() < front) return 0;
  while (!asked_.empty()) {
    const std::uint16_t sequence = asked_.front();
    asked_.pop_front();
    const Frame* frame = nullptr;
    Packet* packet = find(sequence, frame);
    if (!packet) continue;
    packet->asked_for = false;
    if (!repeats()) continue;  // any more
    const auto index = static_cast<std::size_t>(packet - frame->packets.begin());
    if (index < frame->as_sent.size() && frame->as_sent[index]) {
      ++packet->resends;
      return repeat_as_sent(now, frame->as_sent[index].bytes(), out);
    }
    const std::size_t payload = write_payload(*frame, *packet, out.subspan(front));
    if (payload == 0) continue;
    ++packet->resends;
    rtp::Header header;
    if (rtx_type) {
      header = rtx_->next(now, *rtx_type, frame->timestamp, rtp::rtx_header_size + payload);
    } else {
      header = {false, frame->payload_type, sequence, frame->timestamp, source_.ssrc()};
    }
    header.marker = packet + 1 == frame->packets.end();
    Writer to(out);
    rtp::write(to, header);
    if (rtx_type) to.u16(sequence);
    return front + payload;
  }
  return 0;
}

// [rfc4588#4] Contributors and extension of the header stay in front.
std::size_t VideoSender::repeat_as_sent(Instant now, Bytes sent, MutableBytes out) {
  const auto packet = rtp::parse_packet(sent);
  if (!packet || out.size() < sent.size() + rtp::rtx_header_size) return 0;
  Writer to(out);
  const auto rtx_type = video_.format.rtx_payload_type;
  if (!rtx_type) {
    to.bytes(sent);
    return to.size();
  }
  const auto front = static_cast<std::size_t>(packet->payload.data() - sent.data());
  rtp::Header header = rtx_->next(now, *rtx_type, packet->header.timestamp,
                                  rtp::rtx_header_size + packet->payload.size());
  header.marker = packet->header.marker;
  rtp::write(to, header);
  out[0] = sent[0];
  to.bytes(sent.first(front).subspan(rtp::header_size));
  to.u16(packet->header.sequence);
  to.bytes(sent.subspan(front));
  return to.size();
}

void VideoSender::on_nack(std::uint16_t sequence) {
  if (!repeats()) return;
  const Frame* frame = nullptr;
  Packet* packet = find(sequence, frame);
  if (!packet || packet->asked_for || packet->resends >= options_.most_resends) return;
  if (asked_.size() == max_asked || !asked_.push_back(sequence)) return;
  packet->asked_for = true;
}

// Nothing for what was never sent, or is too old.
VideoSender::Packet* VideoSender::find(std::uint16_t sequence, const Frame*& found) {
  const auto behind = static_cast<std::uint16_t>(last_sequence_ - sequence);
  if (behind >= options_.most_packets) return nullptr;
  for (std::size_t i = std::min(sent_frames_ + 1, frames_.size()); i-- > 0;) {
    Frame& frame = frames_[i];
    const auto index = static_cast<std::uint16_t>(sequence - frame.first);
    if (index >= frame.sent) continue;
    found = &frame;
    return &frame.packets[index];
  }
  return nullptr;
}

void VideoSender::rename(rtp::Ssrc name) {
  if (name != source_.ssrc()) {
    if (rtx_) rtx_->rename(env_.random);
    return;
  }
  source_.rename(env_.random);
  clear();
}

void VideoSender::clear() {
  while (!frames_.empty()) frames_.pop_front();
  while (!asked_.empty()) asked_.pop_front();
  // The next frame would refer to what was dropped, or refused meanwhile.
  needs_keyframe_ = true;
  overfull_ = false;
  sent_frames_ = bytes_ = waiting_bytes_ = 0;
}

// Above the bound, or because nobody finds their packets any more.
void VideoSender::forget_old() {
  const auto too_old = [this](const Frame& frame) {
    const auto end = static_cast<std::uint16_t>(frame.first + frame.packets.size() - 1);
    return static_cast<std::uint16_t>(last_sequence_ - end) >= options_.most_packets;
  };
  while (sent_frames_ > 0 && (bytes_ > options_.most_bytes || too_old(frames_.front()))) {
    bytes_ -= frames_.front().cost();
    frames_.pop_front();
    --sent_frames_;
  }
}

std::optional<Instant> VideoSender::next_deadline() const {
  const bool idle = sent_frames_ == frames_.size() && asked_.empty();
  if (idle || !held_back_) return std::nullopt;
  return std::max(pacer_.due(), limit_.due());
}

void VideoSender::hash_state(StateHash& hash) const {
  hash.add(needs_keyframe_);
  hash.add(overfull_);
  source_.hash_state(hash);
  hash.add(frames_.size());
  hash.add(sent_frames_);
  hash.add(asked_.size());
}

}  // namespace esp_peer::peer
