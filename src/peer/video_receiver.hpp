// Video on its way in: packets of the peer's sources, whole frames in their order, and what is
// asked of the peer for them.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "codec/h264_parameter_sets.hpp"
#include "codec/jpeg_depacketizer.hpp"
#include "peer/negotiated_video.hpp"
#include "rtp/clock.hpp"
#include "rtp/feedback.hpp"
#include "rtp/frame_buffer.hpp"
#include "rtp/packet.hpp"
#include "rtp/receiver.hpp"
#include "rtp/sender_report.hpp"
#include "rtp/transformer.hpp"

namespace esp_peer::peer {

struct VideoReceiverOptions {
  rtp::FrameBufferOptions buffer;
  Duration pli_interval{0};  // a keyframe is asked for as often, wanted or not; 0 = never
};

struct VideoFrame {
  std::uint32_t pts = 0;  // ms
  Buffer data;
  std::uint64_t ntp = 0;  // when it was taken, in wall time of the sender; 0 = not known
};

// What is known of the stream of a packet beside its source.
struct VideoStream {
  std::string_view rid, repaired_rid;  // of its header extensions [rfc8852#3]
  std::optional<rtp::Ssrc> repairs;    // as the description says
};

class VideoReceiver {
 public:
  // Heard at a time. The one that has been silent longest, or has left, makes room for another;
  // none does that is heard still.
  static constexpr std::size_t max_sources = 2;
  static constexpr Duration silence = seconds(2);
  // Another one is shown in the place of one that has been quiet for so long.
  static constexpr Duration quiet = milliseconds(500);
  // Whoever has been silent for so long takes no pictures: he is asked when he is heard again.
  static constexpr Duration asked_for = seconds(10);

  VideoReceiver(const VideoReceiverOptions& options, Env env) : options_(options), env_(env) {}

  // What packets go through when they have come, repeated ones too.
  void use(rtp::Transformer& transformer) { transformer_ = &transformer; }

  // A packet of the video section, opened and parsed. `format`: whose payload types they are.
  void on_packet(Instant now, const rtp::Packet& packet, const sdp::VideoFormat& format,
                 const VideoStream& stream = {});
  void on_sender_report(Instant now, const rtp::SenderInfo& report);
  void on_bye(rtp::Ssrc source);
  void on_deadline(Instant now);
  // Nothing comes any more, for now.
  void clear() {
    sources_ = {};
    shown_.reset();
  }

  // Frames come in their order, each once, whole, and from a keyframe on. Of several sources they
  // are of the one whose keyframe came last: pictures of two streams make no film.
  std::optional<VideoFrame> read_frame(Instant now);

  // Something is to be asked of the peer now.
  bool has_feedback() const;
  // NACK, and PLI or FIR, behind what a report begins with [rfc4585#3.1]; several calls if one has
  // not room.
  void write_feedback(Instant now, rtp::CompoundWriter& out, rtp::Ssrc us);
  // What reports say of the sources that are heard; how many.
  std::size_t report(Instant now, std::span<rtp::ReportBlock> blocks);

  bool knows(rtp::Ssrc source) const { return find(source) != nullptr; }
  std::optional<Instant> next_deadline() const;
  void hash_state(StateHash& hash) const;

 private:
  struct Source {
    Source(rtp::Ssrc ssrc, const VideoReceiverOptions& options, Env env)
        : receiver(ssrc, NegotiatedVideo::clock_rate),
          frames(options.buffer, env.memory),
          sets(env.memory) {}
    rtp::Receiver receiver;
    rtp::FrameBuffer frames;
    rtp::TimestampUnwrapper clock;
    codec::H264ParameterSets sets;
    codec::JpegJoiner jpeg;
    FixedString<16> rid;
    bool left = false;             // said BYE
    bool needs_keyframe = true;    // nothing is of use before one
    bool keyframe_wanted = false;  // and asked for
    bool nack_due = false, pli_due = false;
    Instant next_pli = Instant::max();
    // [rfc5104#4.3.1.1] Of FIR; a request that is repeated keeps it.
    std::uint8_t request_number = 0;
  };
  using Sources = std::array<Owned<Source>, max_sources>;

  Instant after_interval(Instant now) const {
    return options_.pli_interval == Duration(0) ? Instant::max() : now + options_.pli_interval;
  }
  // While there is no keyframe, one is asked for again after that: it has the way there and back,
  // and what is lost of it is repaired as long as it may be.
  Duration keyframe_patience() const {
    return std::min(milliseconds(200) + options_.buffer.longest_hold, seconds(1));
  }
  Source* find(rtp::Ssrc ssrc) const;
  Source* find_or_add(Instant now, rtp::Ssrc ssrc);
  Source* find_repaired(const rtp::Packet& lost, const VideoStream& stream) const;
  void insert_repeated(Instant now, const rtp::Packet& packet, const sdp::VideoFormat& format,
                       const VideoStream& stream);
  void insert(Instant now, Source& source, std::uint64_t sequence, const rtp::Packet& packet);
  std::optional<Buffer> join(Source& source, const rtp::FrameBuffer::Frame& frame) const;
  bool is_keyframe(const Buffer& frame, bool may_lack_beginning) const;
  void want_keyframe(Instant now, Source& source);
  void ask_no_longer(Instant now, Source& source) const;
  void show(Instant now, const Source& source);
  bool is_hidden(Instant now, const Source& source) const;

  VideoReceiverOptions options_;
  rtp::Transformer* transformer_ = nullptr;
  Env env_;
  sdp::VideoFormat format_;  // of the packets last heard
  Sources sources_;
  std::optional<rtp::Ssrc> shown_;  // of them
};

}  // namespace esp_peer::peer
