// Audio beside data and alone, from one application to the other, on bad networks too.
#include <gtest/gtest.h>

#include "backends/libsrtp/backend.hpp"
#include "peer/demux.hpp"
#include "rtp/clock.hpp"
#include "rtp/packet.hpp"
#include "rtp/sender_report.hpp"
#include "sim/pair.hpp"
#include "sim/plain_endpoint.hpp"
#include "srtp/session.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;
using sdp::AudioCodec;
using sdp::Direction;

peer::AudioOptions audio_of(AudioCodec codec, Direction direction = Direction::sendrecv) {
  const bool opus = codec == AudioCodec::opus;
  return {codec, direction, opus ? 48'000u : 8'000u, std::uint8_t(opus ? 2 : 1)};
}

class AudioStory : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
  }
  static PairOptions options(AudioCodec codec = AudioCodec::g711a) {
    PairOptions options;
    options.left.session.audio = options.right.session.audio = audio_of(codec);
    return options;
  }
  void begin(const PairOptions& options) {
    pair_ = std::make_unique<Pair>(world_, options);
    pair_->connect();
    ASSERT_TRUE(pair_->run_until([this] { return both(State::connected); }));
  }
  bool both(State state) const {
    return pair_->left_ear.said(state) && pair_->right_ear.said(state);
  }
  // A frame every 20 ms in both directions.
  void talk(std::uint32_t frames, std::uint32_t first_pts = 0) {
    for (std::uint32_t i = 0; i < frames; ++i) {
      const std::uint32_t pts = first_pts + 20 * i;
      const std::string body = "frame " + std::to_string(pts);
      EXPECT_TRUE(pair_->send_audio(*pair_->left, pts, body));
      EXPECT_TRUE(pair_->send_audio(*pair_->right, pts, body));
      pair_->run_for(milliseconds(20));
    }
    pair_->run_for(seconds(1));
  }
  static void expect_in_order(const std::vector<HeardFrame>& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      EXPECT_EQ(frames[i].body, "frame " + std::to_string(frames[i].pts));
      if (i > 0) {
        EXPECT_GT(frames[i].pts, frames[i - 1].pts);
      }
    }
  }

  World world_{4};
  std::unique_ptr<Pair> pair_;
};

TEST_F(AudioStory, every_codec_and_cipher_carries_frames_both_ways_beside_data) {
  std::uint8_t net = 2;
  for (const Ciphers& cipher : every_cipher) {
    for (const AudioCodec codec : {AudioCodec::g711a, AudioCodec::g711u, AudioCodec::opus}) {
      PairOptions with = options(codec);
      with.cipher = cipher;
      with.left_addresses = {Address::v4(192, 0, net, 1, 0)};
      with.right_addresses = {Address::v4(192, 0, net++, 2, 0)};
      begin(with);
      ASSERT_TRUE(pair_->run_until_open());
      talk(50, 12'345);
      EXPECT_TRUE(pair_->send(*pair_->left, "and a word"));
      pair_->run_for(seconds(1));
      EXPECT_EQ(pair_->left_ear.frames.size(), 50u);
      EXPECT_EQ(pair_->right_ear.frames.size(), 50u);
      EXPECT_EQ(pair_->right_ear.frames.front().pts, 12'345u);
      expect_in_order(pair_->left_ear.frames);
      expect_in_order(pair_->right_ear.frames);
      EXPECT_EQ(pair_->texts(*pair_->right), std::vector<std::string>{"and a word"});
    }
  }
}

// covers: changelog 45
TEST_F(AudioStory, audio_alone_is_a_connection_too_and_ends_with_a_word) {
  PairOptions alone = options();
  alone.left.session.data = alone.right.session.data = false;
  begin(alone);
  talk(50);
  EXPECT_EQ(pair_->left_ear.frames.size(), 50u);
  EXPECT_EQ(pair_->right_ear.frames.size(), 50u);
  EXPECT_FALSE(pair_->left_ear.said(State::data_connected));
  // [rfc3550#6.3.7] RTCP with its BYE, then the close_notify of DTLS, and no more.
  std::vector<peer::Protocol> last_words;
  world_.network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& bytes) {
    if (from == pair_->left->host()) last_words.push_back(peer::protocol_of(bytes));
    return true;
  });
  EXPECT_TRUE(pair_->left->disconnect());
  EXPECT_TRUE(pair_->run_until([this] { return pair_->right_ear.said(State::disconnected); }));
  EXPECT_EQ(last_words, (std::vector{peer::Protocol::rtp, peer::Protocol::dtls}));
  world_.network.set_tap({});
}

// [rfc3550#4] As its runner has told it to the session; here 1900 was a million seconds ago.
TEST_F(AudioStory, reports_tell_the_wall_time) {
  PairOptions told = options();
  told.left.session.wall_clock = seconds(1'000'000);
  begin(told);
  const dtls::Endpoint* endpoint = pair_->plain_dtls().endpoint_with(pair_->left->memory());
  ASSERT_TRUE(endpoint && endpoint->srtp_profile());
  std::array<std::byte, srtp::max_exported_size> keys{};
  const MutableBytes exported =
      MutableBytes(keys).first(srtp::exported_size(*endpoint->srtp_profile()));
  ASSERT_TRUE(endpoint->export_keys(dtls::Endpoint::srtp_label, exported));
  test::TestEnv env;
  srtp::Session reader(*endpoint->srtp_profile(), exported, true, libsrtp::backend(), env.env);
  int reports = 0;
  world_.network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& bytes) {
    const auto first = std::to_integer<unsigned>(bytes[0]);
    if (from != pair_->left->host() || first < 128 || first > 191 || !rtp::is_rtcp(bytes)) {
      return true;
    }
    std::vector<std::byte> copy = bytes;
    auto compound = rtp::CompoundReader::open(reader.open_rtcp(world_.time.now(), copy));
    const auto report =
        compound ? rtp::parse_sender_report(*compound->next()) : std::optional<rtp::SenderReport>();
    EXPECT_TRUE(report);
    if (!report) return true;
    EXPECT_EQ(report->info.ntp, rtp::ntp_of(world_.time.now() + seconds(1'000'000)));
    ++reports;
    return true;
  });
  talk(500);
  EXPECT_GE(reports, 1);
}

TEST_F(AudioStory, on_a_bad_network_frames_keep_their_order_and_come_once) {
  PairOptions bad = options();
  bad.link.delay = milliseconds(20);
  bad.link.jitter = milliseconds(40);
  bad.link.reorder = true;
  bad.link.loss = 0.05;
  bad.link.duplication = 0.1;
  begin(bad);
  talk(3'000);
  for (const Ear* ear : {&pair_->left_ear, &pair_->right_ear}) {
    EXPECT_GT(ear->frames.size(), 2'700u);
    EXPECT_LT(ear->frames.size(), 3'000u);
    expect_in_order(ear->frames);
  }
}

// covers: bug 50
TEST_F(AudioStory, a_call_goes_on_past_70000_packets_and_its_state_stays_small) {
  PairOptions quiet = options();
  quiet.left.session.data = quiet.right.session.data = false;
  begin(quiet);
  talk(100);
  const std::size_t memory = pair_->left->memory().live();
  pair_->left_ear.frames.clear();
  pair_->right_ear.frames.clear();
  talk(70'100, 2'000);
  EXPECT_EQ(pair_->left_ear.frames.size(), 70'100u);
  EXPECT_EQ(pair_->right_ear.frames.size(), 70'100u);
  EXPECT_EQ(pair_->right_ear.frames.back().pts, 2'000u + 20 * 70'099);
  EXPECT_LE(pair_->left->memory().live(), memory + 1'000);
}

TEST_F(AudioStory, a_frame_does_not_wait_for_a_megabyte_of_data) {
  PairOptions slow = options();
  slow.left.session.send_buffer = slow.right.session.receive_buffer = 1'000'000;
  slow.link.delay = milliseconds(5);
  begin(slow);
  ASSERT_TRUE(pair_->run_until_open());
  const std::string much(200'000, 'm');
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(pair_->send(*pair_->left, much));
  EXPECT_TRUE(pair_->send_audio(*pair_->left, 0, "frame 0"));
  pair_->run_for(milliseconds(6));
  EXPECT_EQ(pair_->right_ear.frames.size(), 1u);
  EXPECT_TRUE(pair_->right_ear.messages.empty());
}

TEST_F(AudioStory, audio_goes_on_when_the_last_channel_is_closed) {
  begin(options());
  ASSERT_TRUE(pair_->run_until_open());
  EXPECT_TRUE(pair_->left->command(
      [](auto& s, Instant now) { return s.close_channel(now, "esp_channel"); }));
  pair_->run_for(seconds(5));
  talk(10);
  EXPECT_EQ(pair_->right_ear.frames.size(), 10u);
}

TEST_F(AudioStory, the_direction_that_both_allow_is_obeyed_and_told) {
  PairOptions one_way = options();
  one_way.left.session.audio = audio_of(AudioCodec::g711a, Direction::sendonly);
  begin(one_way);
  EXPECT_TRUE(pair_->send_audio(*pair_->left, 0, "frame 0"));
  EXPECT_EQ(pair_->send_audio(*pair_->right, 0, "frame 0").code(), Errc::unsupported);
  pair_->run_for(seconds(1));
  EXPECT_EQ(pair_->right_ear.frames.size(), 1u);
}

TEST_F(AudioStory, who_offers_tells_what_audio_is_once_and_who_answers_once) {
  std::vector<std::string> order;
  PairOptions with = options();
  with.left.session.audio.sample_rate = 0;  // left open
  pair_ = std::make_unique<Pair>(world_, with);
  pair_->on_event = [&](Peer& peer, const peer::Event& event) {
    const std::string name = peer.name();
    if (std::holds_alternative<peer::AudioDescribed>(event)) order.push_back(name + " audio");
    if (std::holds_alternative<peer::LocalDescription>(event)) order.push_back(name + " sdp");
  };
  pair_->connect();
  ASSERT_TRUE(pair_->run_until([this] { return both(State::connected); }));
  EXPECT_EQ(order,
            (std::vector<std::string>{"left audio", "left sdp", "right audio", "right sdp"}));
  EXPECT_EQ(pair_->left_ear.audio_described[0].sample_rate, 0u);  // as configured
  EXPECT_EQ(pair_->right_ear.audio_described[0].sample_rate, 8'000u);
  EXPECT_EQ(pair_->right_ear.audio_described[0].codec, AudioCodec::g711a);
}

TEST_F(AudioStory, who_offered_another_rate_than_is_agreed_on_is_told_so) {
  PairOptions with = options(AudioCodec::opus);
  with.left.session.audio.sample_rate = 16'000;
  begin(with);
  ASSERT_EQ(pair_->left_ear.audio_described.size(), 2u);
  EXPECT_EQ(pair_->left_ear.audio_described[0].sample_rate, 16'000u);
  EXPECT_EQ(pair_->left_ear.audio_described[1].sample_rate, 48'000u);
  EXPECT_EQ(pair_->right_ear.audio_described.size(), 1u);
}

// [rfc7587#6.1] What a=rtpmap says is always two, whatever comes.
TEST_F(AudioStory, two_channels_of_opus_are_told_where_both_sides_have_them) {
  begin(options(AudioCodec::opus));
  ASSERT_EQ(pair_->left_ear.audio_described.size(), 1u);
  ASSERT_EQ(pair_->right_ear.audio_described.size(), 1u);
  EXPECT_EQ(pair_->left_ear.audio_described[0].channels, 2);
  EXPECT_EQ(pair_->right_ear.audio_described[0].channels, 2);
  for (Peer* peer : {pair_->left.get(), pair_->right.get()}) {
    ASSERT_TRUE(peer->session().audio());
    EXPECT_TRUE(peer->session().audio()->opus.stereo);
    EXPECT_TRUE(peer->session().audio()->opus.in_band_fec);
  }
}

TEST_F(AudioStory, who_has_one_channel_of_opus_is_told_one_whatever_the_other_has) {
  PairOptions with = options(AudioCodec::opus);
  with.left.session.audio.channels = 1;
  begin(with);
  ASSERT_EQ(pair_->left_ear.audio_described.size(), 1u) << "it is as configured";
  EXPECT_EQ(pair_->left_ear.audio_described[0].channels, 1);
  ASSERT_EQ(pair_->right_ear.audio_described.size(), 1u);
  EXPECT_EQ(pair_->right_ear.audio_described[0].channels, 1) << "nobody gives it two";
  EXPECT_FALSE(pair_->right->session().audio()->opus.stereo);
}

TEST_F(AudioStory, who_offers_two_channels_of_opus_and_will_get_one_is_told_so) {
  PairOptions with = options(AudioCodec::opus);
  with.right.session.audio.channels = 1;
  begin(with);
  ASSERT_EQ(pair_->left_ear.audio_described.size(), 2u);
  EXPECT_EQ(pair_->left_ear.audio_described[0].channels, 2);
  EXPECT_EQ(pair_->left_ear.audio_described[1].channels, 1);
  ASSERT_EQ(pair_->right_ear.audio_described.size(), 1u);
  EXPECT_EQ(pair_->right_ear.audio_described[0].channels, 1);
}

TEST_F(AudioStory, a_peer_without_audio_is_talked_to_by_data_and_audio_is_not_supported) {
  PairOptions with = options();
  with.right.session.audio = {};
  begin(with);
  ASSERT_TRUE(pair_->run_until_open());
  EXPECT_EQ(pair_->send_audio(*pair_->left, 0, "x").code(), Errc::unsupported);
  EXPECT_EQ(pair_->send_audio(*pair_->right, 0, "x").code(), Errc::unsupported);
  EXPECT_TRUE(pair_->right_ear.audio_described.empty());
}

TEST_F(AudioStory, before_and_after_the_connection_audio_is_in_the_wrong_state) {
  pair_ = std::make_unique<Pair>(world_, options());
  EXPECT_EQ(pair_->send_audio(*pair_->left, 0, "x").code(), Errc::wrong_state);
  pair_->connect();
  EXPECT_EQ(pair_->send_audio(*pair_->left, 0, "x").code(), Errc::wrong_state);
  ASSERT_TRUE(pair_->run_until([this] { return both(State::connected); }));
  EXPECT_TRUE(pair_->send_audio(*pair_->left, 0, "x"));
  EXPECT_TRUE(pair_->left->disconnect());
  EXPECT_EQ(pair_->send_audio(*pair_->left, 0, "x").code(), Errc::wrong_state);
}

// Who offers and who answers, whatever they send and hear.
// covers: bug 32, bug 48, must rfc5764#5.1
TEST_F(AudioStory, forged_media_from_anywhere_in_every_state_changes_nothing) {
  std::uint8_t net = 10;
  for (const Direction of_left : {Direction::sendrecv, Direction::sendonly, Direction::recvonly}) {
    for (const bool victim_is_left : {true, false}) {
      PairOptions with = options();
      with.left.session.audio = audio_of(AudioCodec::g711a, of_left);
      with.left_addresses = {Address::v4(192, 0, net, 1, 0)};
      with.right_addresses = {Address::v4(192, 0, net++, 2, 0)};
      pair_ = std::make_unique<Pair>(world_, with);
      pair_->connect();
      Peer& victim = victim_is_left ? *pair_->left : *pair_->right;
      int on_the_path = 0;
      const auto forge = [&](std::uint8_t second) {
        std::vector<std::byte> datagram(60, std::byte{0x5A});
        datagram[0] = std::byte{0x80};
        datagram[1] = std::byte(second);
        if (victim.sockets().empty()) return;
        const Address own = victim.sockets().front();
        const auto paired = victim.session().paired();
        victim.inject_worthless({own, Address::v4(198, 51, 100, 7, 4444)}, datagram,
                                "forged media");
        if (!paired) return;
        ++on_the_path;
        victim.inject_worthless(*paired, datagram, "forged media on the path");
      };
      const bool left_sends = of_left != Direction::recvonly,
                 right_sends = of_left != Direction::sendonly;
      const auto talk_as_agreed = [&](std::uint32_t first_pts) {
        pair_->left_ear.frames.clear();
        pair_->right_ear.frames.clear();
        for (std::uint32_t i = 0; i < 10; ++i) {
          const std::uint32_t pts = first_pts + 20 * i;
          EXPECT_EQ(bool(pair_->send_audio(*pair_->left, pts, "frame")), left_sends);
          EXPECT_EQ(bool(pair_->send_audio(*pair_->right, pts, "frame")), right_sends);
          forge(8);
          forge(200);
          pair_->run_for(milliseconds(20));
        }
        pair_->run_for(seconds(1));
        EXPECT_EQ(pair_->left_ear.frames.size(), right_sends ? 10u : 0u);
        EXPECT_EQ(pair_->right_ear.frames.size(), left_sends ? 10u : 0u);
      };
      for (int i = 0; i < 400; ++i) {
        forge(8);
        forge(200);
        pair_->run_for(milliseconds(3));
      }
      ASSERT_TRUE(both(State::connected));
      talk_as_agreed(0);
      for (int i = 0; i < 400; ++i) forge(8);
      talk_as_agreed(400);
      EXPECT_GT(on_the_path, 400);
    }
  }
}

// A path is proven by a check on it: what comes by another one is dropped, were it authentic.
// covers: bug 32, must rfc8827#6.3
TEST_F(AudioStory, the_peers_own_media_from_another_address_means_nothing) {
  PairOptions slow = options();
  slow.link.delay = milliseconds(20);
  begin(slow);
  int injected = 0;
  world_.network.set_tap([&](HostId from, const Route& route, std::vector<std::byte>& bytes) {
    if (peer::protocol_of(bytes) != peer::Protocol::rtp) return true;
    Peer& to = from == pair_->left->host() ? *pair_->right : *pair_->left;
    const Route elsewhere{route.remote,
                          injected % 2 == 0
                              ? Address::v4(203, 0, 113, 5, route.local.port)
                              : route.local.with_port(std::uint16_t(route.local.port ^ 1))};
    // A little earlier than the one that really comes.
    world_.time.after(milliseconds(5), [&to, &injected, elsewhere, copy = bytes] {
      ++injected;
      to.inject_worthless(elsewhere, copy, "authentic media from elsewhere");
    });
    return true;
  });
  talk(50);
  world_.network.set_tap({});
  EXPECT_GE(injected, 100);
  EXPECT_EQ(pair_->left_ear.frames.size(), 50u);
  EXPECT_EQ(pair_->right_ear.frames.size(), 50u);
}

TEST_F(AudioStory, comes_back_after_the_peer_came_back) {
  PairOptions with = options();
  begin(with);
  talk(10);
  pair_->right_ear = pair_->left_ear = {};
  EXPECT_TRUE(pair_->right->disconnect());
  EXPECT_TRUE(pair_->right->connect());
  ASSERT_TRUE(pair_->run_until([this] { return both(State::connected); }, seconds(120)));
  talk(10, 1'000);
  EXPECT_EQ(pair_->right_ear.frames.size(), 10u);
  EXPECT_EQ(pair_->left_ear.frames.size(), 10u);
}

}  // namespace
}  // namespace esp_peer::sim
