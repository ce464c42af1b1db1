// What comes to a media session: raw bytes, which must change nothing, and what a hostile peer
// seals with the right keys, which may be anything but must not break us.
#include <array>
#include <cstdint>

#include "backends/libsrtp/backend.hpp"
#include "backends/openssl_srtp/backend.hpp"
#include "peer/media_session.hpp"
#include "rtp/packet.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using fuzz::require;

constexpr crypto::SrtpProfile profiles[] = {crypto::SrtpProfile::aes128_cm_sha1_80,
                                            crypto::SrtpProfile::aead_aes_128_gcm,
                                            crypto::SrtpProfile::aead_aes_256_gcm};

peer::NegotiatedAudio negotiated() {
  peer::NegotiatedAudio audio;
  audio.format = sdp::offered_format(sdp::AudioCodec::g711a);
  audio.accepted_payload_types.push_back(audio.format.payload_type);
  audio.direction = sdp::Direction::sendrecv;
  audio.local_ssrc = 1;
  audio.cname.assign("fuzz");
  return audio;
}

peer::NegotiatedVideo negotiated_video() {
  peer::NegotiatedVideo video;
  video.format = sdp::offered_format(sdp::VideoCodec::h264);
  video.accepted.push_back(video.format);
  video.direction = sdp::Direction::sendrecv;
  video.local_ssrc = 2;
  video.local_rtx_ssrc = 3;
  video.cname.assign("fuzz");
  return video;
}

peer::VideoSenderOptions small_pool() {
  peer::VideoSenderOptions options;
  options.most_bytes = 20'000;
  return options;
}

class Call {
 public:
  Call(crypto::SrtpProfile profile, srtp::Backend& backend)
      : keys_(profile, true),
        ours_({{milliseconds(100), 8000},
               {{{milliseconds(100), milliseconds(20), 20'000}}, small_pool()}},
              keys_, backend, env_),
        theirs_(profile, Bytes(keys_.exported).first(srtp::exported_size(profile)), false, backend,
                env_) {
    ours_.change(now_, negotiated(), negotiated_video());
  }

  void raw(Bytes datagram) {
    fuzz::Packet copy(datagram.begin(), datagram.end());
    const std::uint64_t before = state();
    ours_.on_packet(now_, copy);
    require(state() == before);
  }
  void sealed(Bytes packet) {
    fuzz::Packet room(packet.begin(), packet.end());
    room.resize(packet.size() + srtp::max_growth);
    const std::size_t size = rtp::is_rtcp(packet) ? theirs_.seal_rtcp(room, packet.size())
                                                  : theirs_.seal_rtp(room, packet.size());
    room.resize(size);
    ours_.on_packet(now_, room);
    read();
  }
  void pass(Duration time) {
    now_ += time;
    ours_.on_deadline(now_);
    const auto next = ours_.next_deadline();
    require(!next || *next > now_);
    read();
    std::byte room[1232];
    for (int i = 0; ours_.write_packet(now_, room) != 0; ++i) require(i < 400);
  }
  void send(Bytes frame) {
    static_cast<void>(ours_.send_audio(now_, 20, frame));
    static_cast<void>(ours_.send_video(now_, 20, frame));
  }
  void leave() { ours_.leave(); }

 private:
  void read() {
    for (int i = 0; ours_.read_audio(); ++i) require(i < 1000);
    for (int i = 0; ours_.read_video(now_); ++i) require(i < 1000);
  }
  std::uint64_t state() const {
    StateHash hash;
    ours_.hash_state(hash);
    return hash.value();
  }

  fuzz::Memory memory_{200'000};
  fuzz::CountingRandom random_{1};
  Env env_{memory_, random_, {}};
  Instant now_{seconds(1)};
  peer::MediaKeys keys_;
  peer::MediaSession ours_;
  srtp::Session theirs_;
};

}  // namespace

// The profile and whose SRTP, then steps: what, a length, so many bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader in(std::as_bytes(std::span(data, size)));
  const unsigned first = in.u8();
  Call call(profiles[first % 3], first / 3 % 2 == 0 ? libsrtp::backend() : openssl_srtp::backend());
  for (int steps = 0; steps < 200 && in.remaining() >= 2; ++steps) {
    const unsigned what = in.u8();
    const std::size_t length = std::min<std::size_t>(in.u8(), in.remaining());
    const Bytes bytes = in.bytes(length);
    switch (what % 8) {
      case 0:
        call.raw(bytes);
        break;
      case 1:
        call.pass(milliseconds(std::int64_t(length)));
        break;
      case 2:
        call.pass(seconds(std::int64_t(length)));
        break;
      case 3:
        call.send(bytes);
        break;
      case 4:
        if (length == 77) call.leave();
        break;
      default:
        call.sealed(bytes);
    }
  }
  return 0;
}
