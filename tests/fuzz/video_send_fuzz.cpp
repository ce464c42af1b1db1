// Any bytes as what an application gives a video sender and what a receiver asks of it: the numbers
// of new packets follow each other, a repeated one is what it was, none comes too often, and
// memory stays under its cap.
#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "peer/video_sender.hpp"
#include "rtp/feedback.hpp"
#include "rtp/rtx.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using fuzz::require;

constexpr std::size_t max_packet = 200, bound = 20'000, largest_frame = 0xFFFF / 4;
// What is kept, with one frame that may be larger where nothing waits, and lists that grow.
constexpr std::size_t cap = 4 * (bound + largest_frame) + 30'000;

peer::NegotiatedVideo video(unsigned choice) {
  peer::NegotiatedVideo video;
  video.format = sdp::offered_format(choice & 1 ? sdp::VideoCodec::mjpeg : sdp::VideoCodec::h264);
  video.format.fragments = (choice & 2) == 0;
  if (choice & 4) video.format.rtx_payload_type.reset();
  video.local_ssrc = 1;
  video.local_rtx_ssrc = 2;
  return video;
}
peer::VideoSenderOptions options() {
  peer::VideoSenderOptions options;
  options.most_bytes = bound;
  options.most_packets = 100;
  options.most_resends = 3;
  return options;
}

class Stage {
 public:
  explicit Stage(unsigned choice)
      : memory_(cap, choice & 8 ? 5 + choice / 16 : 0),
        video_(video(choice)),
        sender_(video_, options(), max_packet, {memory_, random_, {}}) {
    if (!video_.format.rtx_payload_type) sender_.allow_repeats();
  }

  void step(Reader& in) {
    const unsigned what = in.u8();
    switch (what % 6) {
      case 0: {  // as given
        const std::size_t size = std::min<std::size_t>(in.u16() / 4, in.remaining());
        return give(in.bytes(size));
      }
      case 1: {  // a large one
        std::vector<std::byte> frame{std::byte{0}, std::byte{0}, std::byte{1}, std::byte{0x65}};
        frame.resize(4 + in.u16() / 4 % (largest_frame - 4), std::byte{0x55});
        return give(frame);
      }
      case 2:
        return fetch(in.u8());
      case 3: {
        const auto back = in.u8();
        return sender_.on_nack(static_cast<std::uint16_t>(last_ - back));
      }
      case 4: {  // any RTCP
        const auto compound =
            rtp::CompoundReader::open(in.bytes(std::min<std::size_t>(in.u8(), in.remaining())));
        if (compound) hear(*compound);
        return;
      }
      default:
        if (what >= 250) {
          sender_.clear();
          require(sender_.bytes() == 0 && sender_.waiting() == 0);
        }
        now_ += milliseconds(what);
        sender_.on_deadline(now_);
        const auto next = sender_.next_deadline();
        require(!next || *next > now_);
    }
  }

 private:
  void give(Bytes frame) {
    const Status sent = sender_.send(now_, timestamp_ += 3000, frame);
    require(sent || sender_.bytes() <= bound + largest_frame * 2);
  }
  void hear(rtp::CompoundReader compound) {
    while (const auto packet = compound.next()) {
      const auto nack = rtp::parse_nack(*packet);
      if (nack) nack->for_each([this](std::uint16_t sequence) { sender_.on_nack(sequence); });
    }
  }
  void fetch(unsigned most) {
    std::array<std::byte, max_packet> room{};
    while (most-- > 0) {
      const std::size_t size = sender_.write_packet(now_, room);
      const auto next = sender_.next_deadline();
      require(!next || *next > now_);
      if (size == 0) return;
      const auto packet = rtp::parse_packet(Bytes(room).first(size));
      require(packet && !packet->payload.empty());
      if (packet->header.ssrc == rtp::Ssrc{2}) {
        const auto again = rtp::unwrap_rtx(*packet, rtp::Ssrc{1}, video_.format.payload_type);
        require(again.has_value());
        check_repeated(*again);
      } else if (!sent_.empty() &&
                 packet->header.sequence != static_cast<std::uint16_t>(last_ + 1)) {
        check_repeated(*packet);
      } else {
        last_ = packet->header.sequence;
        sent_[last_] = {
            {packet->payload.begin(), packet->payload.end()}, packet->header.timestamp, 0};
      }
    }
  }
  void check_repeated(const rtp::Packet& packet) {
    const auto found = sent_.find(packet.header.sequence);
    require(found != sent_.end());
    Sent& sent = found->second;
    require(equal(packet.payload, sent.payload) && packet.header.timestamp == sent.timestamp);
    require(++sent.repeated <= options().most_resends);
  }

  struct Sent {
    std::vector<std::byte> payload;
    std::uint32_t timestamp = 0;
    unsigned repeated = 0;
  };
  fuzz::Memory memory_;
  fuzz::CountingRandom random_{1};
  peer::NegotiatedVideo video_;
  peer::VideoSender sender_;
  std::map<std::uint16_t, Sent> sent_;
  std::uint16_t last_ = 0;
  std::uint32_t timestamp_ = 0;
  Instant now_{seconds(1)};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader in(std::as_bytes(std::span(data, size)));
  Stage stage(in.u8());
  while (in.remaining() >= 2) stage.step(in);
  return 0;
}
