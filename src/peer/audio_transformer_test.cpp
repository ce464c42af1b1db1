// Packets of sound that an application transforms: there is room for what it adds, and what is
// nothing to hear does not reach it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "backends/libsrtp/backend.hpp"
#include "peer/audio_session.hpp"
#include "peer/media_session.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::peer {
namespace {

using test::at_ms;

// Puts as much behind a packet as it may, and takes it away again.
struct Growing final : rtp::Transformer {
  bool transforms(rtp::Way way) const override { return way == rtp::Way::in ? takes : makes; }
  std::size_t transform(rtp::Way way, MutableBytes room, std::size_t size) override {
    if (way == rtp::Way::out) return size + max_growth;
    seen.push_back(rtp::parse_packet(room.first(size))->header.sequence);
    return size - max_growth;
  }
  bool makes = true, takes = true;
  std::vector<std::uint16_t> seen;
};

NegotiatedAudio alaw(std::uint32_t ssrc) {
  NegotiatedAudio audio;
  audio.format = sdp::offered_format(sdp::AudioCodec::g711a);
  audio.accepted_payload_types.push_back(audio.format.payload_type);
  audio.direction = sdp::Direction::sendrecv;
  audio.local_ssrc = ssrc;
  return audio;
}

struct Side {
  explicit Side(bool client)
      : env(client ? 1 : 2),
        keys(crypto::SrtpProfile::aes128_cm_sha1_80, client),
        srtp(keys.profile, Bytes(keys.exported).first(srtp::exported_size(keys.profile)), client,
             libsrtp::backend(), env.env),
        session(at_ms(0), alaw(client ? 1 : 2), {}, srtp, env.env) {
    session.use(transformer);
  }
  void hear(std::vector<std::byte> datagram) {
    const auto packet = rtp::parse_packet(srtp.open_rtp(at_ms(0), datagram));
    ASSERT_TRUE(packet);
    session.on_rtp(at_ms(0), *packet);
    while (auto frame = session.read_frame()) heard.emplace_back(as_text(frame->payload.bytes()));
  }
  // As the other side may send it, whatever it is.
  std::vector<std::byte> sealed(std::uint8_t payload_type, std::uint16_t sequence) {
    std::vector<std::byte> room(1232);
    Writer out(room);
    rtp::write(out, {false, payload_type, sequence, 0, rtp::Ssrc{9}});
    out.text(std::string(rtp::Transformer::max_growth, 't'));
    room.resize(srtp.seal_rtp(room, out.size()));
    return room;
  }

  test::TestEnv env;
  MediaKeys keys;
  srtp::Session srtp;
  Growing transformer;
  AudioSession session;
  std::vector<std::string> heard;
};

TEST(AudioTransformer, the_largest_frame_may_grow_also_if_it_waited_for_its_transformer) {
  Side left(true), right(false);
  const std::string largest(AudioSession::max_frame, 'L');
  for (const bool waits : {false, true}) {
    left.transformer.makes = !waits;
    EXPECT_EQ(left.session.send(at_ms(0), 0, as_bytes(largest + "L")).code(), Errc::over_limit);
    EXPECT_TRUE(left.session.send(at_ms(0), 0, as_bytes(largest)));
    left.transformer.makes = true;
    std::vector<std::byte> room(1232);
    room.resize(left.session.write_packet(at_ms(0), room));
    ASSERT_FALSE(room.empty()) << "dropped";
    right.hear(room);
    ASSERT_FALSE(right.heard.empty());
    EXPECT_EQ(right.heard.back(), largest);
  }
}

TEST(AudioTransformer, sees_what_can_be_heard_and_nothing_else) {
  constexpr std::uint8_t alaw_type = 8, unknown = 99;
  Side left(true), right(false);
  right.hear(left.sealed(alaw_type, 20));
  right.hear(left.sealed(unknown, 21));
  right.hear(left.sealed(alaw_type, 22));
  right.hear(left.sealed(alaw_type, 18));  // too late
  EXPECT_EQ(right.transformer.seen, (std::vector<std::uint16_t>{20, 22}));
  NegotiatedAudio deaf = alaw(2);
  deaf.direction = sdp::Direction::sendonly;
  right.session.change(at_ms(0), deaf);
  right.hear(left.sealed(alaw_type, 23));
  EXPECT_EQ(right.transformer.seen.size(), 2u);
}

}  // namespace
}  // namespace esp_peer::peer
