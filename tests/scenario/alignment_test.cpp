// A datagram stands where it stands: behind a header of the link, in the middle of a burst, in a
// buffer of the application. No packet of any protocol is read or written through a wider type.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sim/pair.hpp"
#include "sim/video_call.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;

struct Place {
  std::size_t misalignment;
  Ciphers cipher;
};

class Alignment : public ::testing::TestWithParam<Place> {};

// STUN, DTLS, SCTP, SRTP and SRTCP, from the first check to the last word, of both ends. UBSan
// looks at every read and write. covers: bug 41
TEST_P(Alignment, of_any_kind_is_good_for_every_packet_of_a_whole_session) {
  World world(31);
  {
    PairOptions options{.cipher = GetParam().cipher, .link = {.loss = 0.02}};
    for (PeerOptions* side : {&options.left, &options.right}) {
      side->misalignment = GetParam().misalignment;
      side->session.auto_reconnect = false;
      side->session.audio = {sdp::AudioCodec::opus, sdp::Direction::sendrecv, 48'000, 2};
      side->session.video = {sdp::VideoCodec::h264, sdp::Direction::sendrecv, 640, 480, 30};
    }
    Pair pair(world, options);
    pair.connect();
    ASSERT_TRUE(pair.run_until_open());
    const std::string large(20'000, 'x');
    for (Peer* from : {pair.left.get(), pair.right.get()}) EXPECT_TRUE(pair.send(*from, large));
    for (std::uint32_t i = 0; i < 100; ++i) {
      for (Peer* from : {pair.left.get(), pair.right.get()}) {
        EXPECT_TRUE(pair.send_audio(*from, 20 * i, std::string(150 + i, 'a')));
        EXPECT_TRUE(pair.send_video(*from, 20 * i, picture(i, i % 10 == 0, 3'000 + i)));
      }
      pair.run_for(milliseconds(20));
    }
    pair.run_for(seconds(12));  // reports, heartbeats and consent
    for (Peer* from : {pair.left.get(), pair.right.get()}) {
      EXPECT_EQ(pair.texts(*from), std::vector<std::string>{large});
      EXPECT_GT(pair.ear(*from).frames.size(), 50u);
      EXPECT_GT(pair.ear(*from).pictures.size(), 50u);
    }
    EXPECT_TRUE(pair.left->disconnect());
    EXPECT_TRUE(pair.run_until([&] { return pair.right_ear.said(State::disconnected); }));
  }
  for (const std::string& failure : world.failures) ADD_FAILURE() << failure;
}

std::vector<Place> places() {
  std::vector<Place> all;
  for (std::size_t misalignment = 0; misalignment < 8; ++misalignment) {
    for (const Ciphers& cipher : {Ciphers(Cipher::openssl), Ciphers(Cipher::mbedtls)}) {
      all.push_back({misalignment, cipher});
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(By, Alignment, ::testing::ValuesIn(places()), [](const auto& tested) {
  return std::to_string(tested.param.misalignment) + "_" + name_of(tested.param.cipher);
});

}  // namespace
}  // namespace esp_peer::sim
