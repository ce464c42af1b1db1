// Any bytes as the packets of up to three video sources, lost, doubled, repeated, far away and
// late: memory stays under its cap, time goes on, and what comes out are whole access units.
#include <array>
#include <cstdint>

#include "codec/annex_b.hpp"
#include "peer/video_receiver.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using fuzz::require;

constexpr std::size_t bound = 8'000;
// Of each source: what it holds, a window that grows while the old one is still there, sets.
constexpr std::size_t cap = 2 * (4 * bound + 8'000) + 16'000;

sdp::VideoFormat format_of(bool jpeg) {
  sdp::VideoFormat format =
      sdp::offered_format(jpeg ? sdp::VideoCodec::mjpeg : sdp::VideoCodec::h264);
  format.rtx_payload_type = std::uint8_t{103};
  return format;
}

class Stage {
 public:
  explicit Stage(unsigned choice)
      : memory_(cap, choice & 2 ? 7 + choice / 4 : 0),
        format_(format_of(choice & 1)),
        receiver_(options(choice), {memory_, random_, {}}) {}

  // One thing that happens.
  void step(Reader& in) {
    const unsigned what = in.u8(), where = in.u8(), size = in.u8();
    now_ += milliseconds(what & 0x80 ? 40 : 1);
    Source& source = sources_[where % sources_.size()];
    const auto wild = static_cast<std::uint16_t>(where * 0x101);
    source.sequence = static_cast<std::uint16_t>(what & 1 ? wild : source.sequence + 1);
    if (what & 2) source.timestamp += what & 1 ? wild * 0x8001u : 3000;
    const bool repeated = (what & 4) != 0;
    std::array<std::byte, 2 + 255> payload{};
    Writer out(payload);
    if (repeated) out.u16(static_cast<std::uint16_t>(source.sequence - (where >> 4)));
    out.bytes(in.bytes(std::min<std::size_t>(size, in.remaining())));
    rtp::Packet packet;
    packet.header = {(what & 8) != 0, repeated ? *format_.rtx_payload_type : format_.payload_type,
                     source.sequence, source.timestamp,
                     rtp::Ssrc(1 + where % 3 + (repeated ? 9 : 0))};
    packet.payload = Bytes(payload).first(out.size());
    peer::VideoStream stream;
    if (where & 0x40) stream.repaired_rid = stream.rid = "r";
    if (where & 0x80) stream.repairs = rtp::Ssrc(1 + where % 3);
    receiver_.on_packet(now_, packet, format_, stream);
    if ((what & 0x70) == 0x70) receiver_.on_bye(rtp::Ssrc(1 + where % 3));
    if (what & 0x10) read();
    if (what & 0x20) pass_time();
    if (what & 0x40) ask();
  }
  void end() {
    now_ += seconds(1);
    pass_time();
    ask();
    read();
    receiver_.clear();
    read();
  }

 private:
  static peer::VideoReceiverOptions options(unsigned choice) {
    peer::VideoReceiverOptions options;
    options.buffer.most_bytes = bound;
    if (choice & 0x80) options.pli_interval = milliseconds(100);
    return options;
  }
  void pass_time() {
    receiver_.on_deadline(now_);
    const auto next = receiver_.next_deadline();
    require(!next || *next > now_);
  }
  void read() {
    while (const auto frame = receiver_.read_frame(now_)) {
      require(frame->data.size() > 2);
      if (format_.codec != sdp::VideoCodec::h264) {
        require(frame->data.bytes()[0] == std::byte{0xFF});
        continue;
      }
      codec::NalReader units(frame->data.bytes());
      const auto first = units.next();
      require(first && codec::is_nal_type(codec::NalHeader(*first).type()));
    }
  }
  void ask() {
    // Of the 125 packets that it may wait for, one call asks for 120.
    int calls = 0;
    do {
      std::array<std::byte, 1232> room{};
      rtp::CompoundWriter out(room);
      receiver_.write_feedback(now_, out, rtp::Ssrc{77});
      require(out.size() == 0 || rtp::CompoundReader::open(Bytes(room).first(out.size())));
    } while (receiver_.has_feedback() && ++calls < 2);
    require(!receiver_.has_feedback());
    std::array<rtp::ReportBlock, 4> blocks;
    require(receiver_.report(now_, blocks) <= peer::VideoReceiver::max_sources);
  }

  struct Source {
    std::uint16_t sequence = 65'500;
    std::uint32_t timestamp = 0xFFFF'0000;
  };
  fuzz::Memory memory_;
  fuzz::CountingRandom random_{1};
  sdp::VideoFormat format_;
  peer::VideoReceiver receiver_;
  std::array<Source, 3> sources_{};
  Instant now_{seconds(1)};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader in(std::as_bytes(std::span(data, size)));
  Stage stage(in.u8());
  while (in.remaining() >= 3) stage.step(in);
  stage.end();
  return 0;
}
