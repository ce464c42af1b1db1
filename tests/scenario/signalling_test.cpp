// Signalling is whatever the application has: slow, in any order, twice, both at once. Nothing
// flows before each end has the other's description, however it goes, and in the end they talk.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "peer/demux.hpp"
#include "sim/default_address.hpp"
#include "sim/pair.hpp"
#include "stun/message.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;

// Two applications that send from the first moment on, and a signalling that does what it likes.
class BadSignalling {
 public:
  BadSignalling(std::uint64_t seed, const Ciphers& cipher)
      : world_(seed), pair_(world_, options(seed, cipher)) {
    pair_.on_signal = [this](Peer& from, std::string& sdp) {
      carry(from, sdp);
      return false;
    };
    world_.network.set_tap([this](HostId from, const Route&, std::vector<std::byte>& datagram) {
      Peer& peer = from == pair_.left->host() ? *pair_.left : *pair_.right;
      watch(peer, datagram);
      return true;
    });
    pair_.on_message = [this](Peer& peer, const datachannel::Message&) {
      EXPECT_TRUE(both_described() && pair_.ear(peer).said(State::connected)) << "a message";
    };
    pair_.connect();
  }
  ~BadSignalling() {
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
  }
  // Until each has heard the other's frames and messages.
  bool talk() {
    const auto heard = [](const Ear& ear) { return !ear.frames.empty() && !ear.messages.empty(); };
    for (std::uint32_t pts = 0; pts < 20'000; pts += 20) {
      for (Peer* p : {pair_.left.get(), pair_.right.get()}) {
        static_cast<void>(pair_.send_audio(*p, pts, "frame"));
        static_cast<void>(pair_.send(*p, "message"));
      }
      pair_.run_for(milliseconds(20));
      if (heard(pair_.left_ear) && heard(pair_.right_ear)) return true;
    }
    return false;
  }

 private:
  static PairOptions options(std::uint64_t seed, const Ciphers& cipher) {
    PairOptions options{.cipher = cipher};
    if (seed % 3 == 0) {  // both offer
      options.left.name = "left";
      options.right.name = "right";
    }
    for (PeerOptions* side : {&options.left, &options.right}) {
      side->session.auto_reconnect = false;
      side->session.audio.codec = sdp::AudioCodec::g711a;
    }
    return options;
  }
  void later(Duration longest, std::function<void()> what) {
    world_.time.after(world_.workload.up_to(longest), std::move(what));
  }
  void carry(Peer& from, std::string sdp) {
    Rng& chance = world_.workload;
    Peer& to = pair_.other(from);
    if (chance.chance(0.5)) {  // candidates for themselves, some before what they belong to
      for (auto at = sdp.find("a=candidate:"); at != sdp.npos; at = sdp.find("a=candidate:")) {
        const std::size_t size = sdp.find('\n', at) + 1 - at;
        const std::string line = sdp.substr(at, size);
        sdp.erase(at, size);
        later(milliseconds(800), [&to, line] { static_cast<void>(to.hear_candidate(line)); });
        world_.time.after(milliseconds(1'000),
                          [&to, line] { static_cast<void>(to.hear_candidate(line)); });
      }
      const std::string_view end = "a=end-of-candidates\r\n";
      sdp.erase(sdp.find(end), end.size());
      sdp = without_default_address(std::move(sdp));
    }
    const int copies = chance.chance(0.4) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      later(milliseconds(900), [this, &to, sdp] {
        described_[&to] = true;
        static_cast<void>(to.hear_description(sdp));
      });
    }
  }
  bool both_described() { return described_[pair_.left.get()] && described_[pair_.right.get()]; }

  // What leaves a host.
  void watch(Peer& from, Bytes datagram) {
    // [rfc8445#7.3] A check is answered early: the other one knows our password already.
    const auto message = stun::parse(datagram);
    const bool answers =
        message && (message->kind == stun::Class::success || message->kind == stun::Class::error);
    EXPECT_TRUE(answers || described_[&from]) << "said before anything was heard of the other";
    if (peer::protocol_of(datagram) == peer::Protocol::rtp) {
      EXPECT_TRUE(both_described() && pair_.ear(from).said(State::connected)) << "media";
    }
    for (Peer* p : {pair_.left.get(), pair_.right.get()}) {
      if (!pair_.ear(*p).said(State::connected)) continue;
      EXPECT_TRUE(both_described()) << "connected";
    }
    if (pair_.left_ear.frames.size() + pair_.right_ear.frames.size() != 0) {
      EXPECT_TRUE(both_described()) << "a frame";
    }
  }

  World world_;
  Pair pair_;
  std::map<Peer*, bool> described_;
};

// covers: bug 47, fault 23
TEST(Signalling, in_any_order_doubled_and_colliding_lets_nothing_flow_before_both_descriptions) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Ciphers cipher = seed % 10 != 0   ? Cipher::plain
                           : seed % 20 == 0 ? Cipher::mbedtls
                                            : Cipher::openssl;
    BadSignalling stage(seed, cipher);
    ASSERT_TRUE(stage.talk()) << seed;
    if (::testing::Test::HasFailure()) FAIL() << seed;
  }
}

}  // namespace
}  // namespace esp_peer::sim
