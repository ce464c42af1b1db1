// Frames of video on their way out: cut into packets, sent at a pace, and kept for a while for a
// receiver that asks again.
#pragma once
#include <cstdint>
#include <optional>
#include <utility>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/result.hpp"
#include "codec/fragment.hpp"
#include "codec/h264_parameter_sets.hpp"
#include "peer/negotiated_video.hpp"
#include "rtp/pacer.hpp"
#include "rtp/rate_limit.hpp"
#include "rtp/sender.hpp"
#include "rtp/transformer.hpp"
#include "srtp/session.hpp"

namespace esp_peer::peer {

struct VideoSenderOptions {
  std::size_t most_bytes = 400'000;  // that wait, and that are kept to be sent again
  std::size_t most_packets = 256;    // that are kept
  std::uint16_t most_resends = 3;    // of one packet
  rtp::SenderCounts counts;          // what its reports begin with
};

class VideoSender {
 public:
  // `max_packet`: of RTP in the clear, header included.
  VideoSender(const NegotiatedVideo& video, const VideoSenderOptions& options,
              std::size_t max_packet, Env env, Duration wall_clock = {});

  // A later description names other payload types, RTX or none, and packets of another mode; names
  // and codec stay.
  void change(const NegotiatedVideo& video);
  // Its packets may be sealed again: what is asked for can be sent without RTX, too.
  void allow_repeats(bool allowed = true) { repeats_allowed_ = allowed; }
  // What packets go through before they leave. One that is sent again leaves as it did the first
  // time.
  void use(rtp::Transformer& transformer) { transformer_ = &transformer; }

  // One access unit of H.264, or one JPEG file; copied. unsupported when no packet can carry it,
  // over_limit when it is too many of them, would_block when too much waits already: more than is
  // kept, or more than the limit lets go in `longest_queue`. Where nothing waits, a frame may be
  // larger than that. Behind a frame that was not taken only a keyframe is: what comes between
  // refers to what nobody gets.
  Status send(Instant now, std::uint32_t timestamp, Bytes frame);
  // The receiver lacks a packet. Nothing comes of it when that one is too old, or was sent again
  // often enough.
  void on_nack(std::uint16_t sequence);

  // [rfc8083#4.3] Its own packets keep this distance from now on; 0 = none.
  void set_gap(Duration gap) { limit_.set_gap(gap); }
  // Somebody else has sent so much, and the limit is of both.
  void on_sent_beside(Instant now, std::size_t size) { limit_.on_sent_beside(now, size); }

  // [rfc3550#8.2] Somebody else has this name of ours: it gets another one. What was sent under it
  // is forgotten.
  void rename(rtp::Ssrc name);

  // Nothing goes any more, for now: neither what waits nor what is asked for again.
  void clear();
  void on_deadline(Instant now) { held_back_ = held_back_ && !may_send(now); }

  // The next RTP packet, in the clear, what was asked for again first; 0 = none, or not yet.
  std::size_t write_packet(Instant now, MutableBytes out);
  // When the pace lets the next one go.
  std::optional<Instant> next_deadline() const;

  // A transformer failed with a packet: the rest of its frame was left out, and what refers to it
  // is of no use. Asked once for each time.
  bool take_broken_frame() { return std::exchange(broken_frame_, false); }
  rtp::Sender& source() { return source_; }
  bool has_name(rtp::Ssrc name) const {
    return name == source_.ssrc() || (rtx_ && name == rtx_->ssrc());
  }
  // Of packets that were repeated; nothing before there is one.
  std::optional<rtp::Ssrc> repeating_name() const {
    return rtx_ && rtx_->ever_sent() ? std::optional(rtx_->ssrc()) : std::nullopt;
  }
  std::size_t most_packets() const { return options_.most_packets; }
  // And there is room for it.
  bool needs_keyframe() const {
    return needs_keyframe_ && !overfull_ && waiting_bytes_ <= options_.most_bytes / 2;
  }
  std::size_t bytes() const { return bytes_; }            // kept
  std::size_t waiting() const { return waiting_bytes_; }  // of them, not sent yet
  void hash_state(StateHash& hash) const;

 private:
  // [rfc3550#A.1] A receiver tells what is new from what is old by half of the numbers.
  static constexpr std::size_t max_packets_of_frame = 0x8000;
  // NACKs that come faster than we answer; further ones are asked again.
  static constexpr std::size_t max_asked = 256;
  // [rfc8866#5.8] "Including the transport and network-layer": what is in front of a payload and
  // behind it, over IPv6.
  static constexpr std::size_t wire_overhead = rtp::header_size + srtp::max_growth + 8 + 40;
  // What the limit holds back goes as soon; when there is more, frames are refused until there is
  // little: a keyframe shall find room for those behind it.
  static constexpr Duration longest_queue = milliseconds(300), short_queue = milliseconds(100);

  struct Packet {
    codec::Fragment fragment;
    std::uint16_t resends = 0;
    bool asked_for = false;
  };
  struct Frame {
    explicit Frame(Memory& memory) : packets(memory), as_sent(memory) {}
    std::size_t cost() const {
      return sizeof(Frame) + data.size() + packets.size() * sizeof(Packet) + as_sent_bytes;
    }
    Buffer data;
    Vector<Packet> packets;
    bool may_grow = false;    // they leave room for what a transformer adds
    std::size_t sent = 0;     // of them
    std::size_t waiting = 0;  // bytes
    std::uint32_t timestamp = 0;
    Instant given{};
    std::uint16_t first = 0;  // the first packet's number, once that is sent
    // [rfc3711#3.3.1] A packet that is repeated differs from the first in no bit, or two texts
    // would have one key stream: also where another payload type was agreed on since.
    std::uint8_t payload_type = 0;
    // Its packets as a transformer left them; empty ones of before there was one.
    Vector<Buffer> as_sent;
    std::size_t as_sent_bytes = 0;
  };

  bool repeats() const { return video_.format.rtx_payload_type || repeats_allowed_; }
  bool may_send(Instant now) const { return pacer_.may_send(now) && limit_.may_send(now); }
  Status has_room(Instant now, Bytes frame);
  Buffer copy_of(Bytes frame);
  Status cut(Frame& frame) const;
  void cut_again(Frame& frame);
  void leave_out_rest(Frame& frame);
  bool is_transformed() const { return transformer_ && transformer_->transforms(rtp::Way::out); }
  std::size_t write_new(MutableBytes out);
  std::size_t write_next(MutableBytes out, bool& dropped);
  std::size_t write_again(Instant now, MutableBytes out);
  std::size_t write_payload(const Frame& frame, const Packet& packet, MutableBytes out) const;
  std::size_t transform(Frame& frame, std::size_t index, MutableBytes out, std::size_t size);
  bool keep_as_sent(Frame& frame, std::size_t index, Bytes packet);
  std::size_t repeat_as_sent(Instant now, Bytes packet, MutableBytes out);
  Packet* find(std::uint16_t sequence, const Frame*& frame);
  void forget_old();

  NegotiatedVideo video_;
  VideoSenderOptions options_;
  std::size_t max_payload_;
  rtp::Transformer* transformer_ = nullptr;
  Env env_;
  codec::H264ParameterSets sets_;
  rtp::Sender source_;
  std::optional<rtp::Sender> rtx_;  // once it was agreed on
  bool repeats_allowed_ = false;
  rtp::Pacer pacer_;
  rtp::RateLimit limit_{wire_overhead, Duration(0)};  // repeated packets count
  std::size_t keyframe_ = 0;  // size of the last: what waits behind it may wait so much longer
  bool overfull_ = false, needs_keyframe_ = false;  // frames are refused, or all but keyframes
  // Those that are sent stand in front. Above most_bytes the oldest go, but none that waits.
  Deque<Frame> frames_;
  std::size_t sent_frames_ = 0;
  std::size_t bytes_ = 0, waiting_bytes_ = 0;
  bool held_back_ = false;  // by pace or limit alone
  bool broken_frame_ = false;
  std::uint16_t last_sequence_ = 0;  // sent; packets too far behind it are not found any more
  Deque<std::uint16_t> asked_;       // at most max_asked
};

}  // namespace esp_peer::peer
