// The list of bad inputs, over every state of a whole session: each leaves the state as it was,
// tells the application nothing, keeps no memory, and gets no answer larger than itself.
// ESP_PEER_MUTATIONS says how many of every hundred variations of a recorded datagram (10).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "peer/demux.hpp"
#include "sim/pair.hpp"
#include "stun/message.hpp"
#include "tests/scenario/each_cipher.hpp"

namespace esp_peer::sim {
namespace {

using peer::Protocol;
using peer::State;
using Datagram = std::vector<std::byte>;

struct Recorded {
  Route route;  // as its receiver sees it
  Datagram bytes;
  Instant sent;
};

struct Situation {
  State state;
  bool victim_is_left;  // who offers, and is the DTLS server
  Cipher cipher;
};

constexpr Duration flight = milliseconds(10);  // from one to the other

PairOptions options(const Ciphers& cipher) {
  PairOptions options{.cipher = cipher, .link = {.delay = flight}};
  options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
  return options;
}

// Everything that a whole session of two others said, who had the same addresses.
std::vector<Recorded> record_another_session(Cipher cipher) {
  World world(77);
  std::vector<Recorded> all;
  Pair pair(world, options(cipher));
  world.network.set_tap([&](HostId, const Route& route, Datagram& bytes) {
    all.push_back({{route.remote, route.local}, bytes, world.time.now()});
    return true;
  });
  pair.connect();
  EXPECT_TRUE(pair.run_until_open());
  EXPECT_TRUE(pair.send(*pair.left, "hello"));
  EXPECT_TRUE(pair.send(*pair.right, "well met"));
  pair.run_for(seconds(12));  // heartbeats and consent too
  EXPECT_TRUE(pair.left->disconnect());
  pair.run_for(seconds(1));
  return all;
}
const std::vector<Recorded>& another_session(Cipher cipher) {
  static std::map<Cipher, std::vector<Recorded>> known;
  std::vector<Recorded>& session = known[cipher];
  if (session.empty()) session = record_another_session(cipher);
  return session;
}

// A few of each kind: protocol, type, and about the same size.
std::vector<Recorded> one_of_each(const std::vector<Recorded>& all, const Address& receiver) {
  std::vector<Recorded> kinds;
  const auto same_kind = [](const Datagram& a, const Datagram& b) {
    const std::ptrdiff_t told = peer::protocol_of(a) == Protocol::dtls ? 1 : 2;
    return a.size() / 64 == b.size() / 64 && std::equal(a.begin(), a.begin() + told, b.begin());
  };
  for (const Recorded& r : all) {
    if (r.route.local != receiver || r.bytes.size() < 2) continue;
    const bool known = std::any_of(kinds.begin(), kinds.end(),
                                   [&](const Recorded& k) { return same_kind(k.bytes, r.bytes); });
    if (!known) kinds.push_back(r);
  }
  return kinds;
}

class Negative : public ::testing::TestWithParam<Situation> {
 protected:
  void SetUp() override {
    const char* const wanted = std::getenv("ESP_PEER_MUTATIONS");
    every_ = 100 / std::clamp(wanted ? std::atoi(wanted) : 10, 1, 100);
    foreign_ = another_session(GetParam().cipher);
    pair_ = std::make_unique<Pair>(world_, options(GetParam().cipher));
    world_.network.set_tap([this](HostId, const Route& route, Datagram& bytes) {
      own_.push_back({{route.remote, route.local}, bytes, world_.time.now()});
      return true;
    });
    reach();
  }
  void TearDown() override {
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
    std::printf("bad inputs: %d\n", injected_);
  }

  void reach() {
    const State state = GetParam().state;
    if (state == State::closed) return;
    if (state == State::connect_failed) {
      pair_->on_signal = [](Peer&, std::string& sdp) {
        const std::size_t at = sdp.find("a=fingerprint:sha-256 ") + 22;
        sdp[at] = sdp[at] == '0' ? '1' : '0';
        return true;
      };
    }
    pair_->connect();
    if (state == State::disconnected) {
      ASSERT_TRUE(pair_->run_until_open());
      EXPECT_TRUE(victim().disconnect());
      return;
    }
    if (state == State::data_closed) {  // its only channel, by the peer, and the connection stands
      ASSERT_TRUE(pair_->run_until_open());
      EXPECT_TRUE(pair_->other(victim()).command(
          [](auto& session, Instant now) { return session.close_channel(now, "esp_channel"); }));
    }
    ASSERT_TRUE(pair_->run_until([&] { return pair_->ear(victim()).said(state); }));
    if (state == State::data_opened) pair_->run_for(seconds(1));
  }
  Peer& victim() { return GetParam().victim_is_left ? *pair_->left : *pair_->right; }

  // Where the victim listens, or did, or would.
  Address socket() {
    if (!victim().sockets().empty()) return victim().sockets()[0];
    return Address::v4(192, 0, 2, GetParam().victim_is_left ? 1 : 2, 50'000);
  }
  Route from_the_peer() {
    return {socket(), Address::v4(192, 0, 2, GetParam().victim_is_left ? 2 : 1, 50'000)};
  }
  Route from_a_stranger() {
    const auto n = static_cast<std::uint16_t>(injected_ % 60'000 + 1);
    return {socket(), Address::v4(203, 0, 113, 9, n)};
  }
  // Whoever writes from the checked address can disturb a handshake: nothing is secret yet.
  bool handshake_is_open() const {
    const State s = GetParam().state;
    return s == State::pairing || s == State::paired || s == State::connecting;
  }

  void inject(const Route& route, const Datagram& datagram, const char* what) {
    if (route == from_the_peer() && handshake_is_open() &&
        peer::protocol_of(datagram) == Protocol::dtls) {
      return;
    }
    ++injected_;
    victim().inject_worthless(route, datagram, what);
  }
  void inject_from_both(const Datagram& datagram, const char* what) {
    inject(from_a_stranger(), datagram, what);
    inject(from_the_peer(), datagram, what);
  }

  // Every variation of a datagram that the bad-input list has.
  template <class Use>
  void vary(const Datagram& original, Use use) {
    int count = static_cast<int>(injected_);  // other ones each time
    const auto maybe = [&](const char* what, auto make) {
      if (++count % every_ != 0) return;
      Datagram changed = make();
      if (changed != original) use(changed, what);
    };
    for (std::size_t n = 0; n < original.size(); ++n) {
      maybe("a truncated copy", [&] {
        return Datagram(original.begin(), original.begin() + static_cast<std::ptrdiff_t>(n));
      });
    }
    for (std::size_t n = 1; n <= 64; ++n) {
      maybe("an extended copy", [&] {
        Datagram longer = original;
        longer.resize(original.size() + n, static_cast<std::byte>(n));
        return longer;
      });
    }
    for (std::size_t i = 0; i < original.size(); ++i) {
      for (const int value : {0x00, 0x7f, 0x80, 0xff}) {
        maybe("a copy with a byte set", [&] { return with(original, i, value); });
      }
      for (int bit = 0; bit < 8; ++bit) {
        maybe("a copy with a bit flipped",
              [&] { return with(original, i, std::to_integer<int>(original[i]) ^ 1 << bit); });
      }
      if (i + 1 >= original.size()) continue;
      const int n = std::to_integer<int>(original[i]) << 8 | std::to_integer<int>(original[i + 1]);
      for (const int length : {0, 1, n - 1, n + 1, 0xFFFF}) {
        maybe("a copy with a length changed",
              [&] { return with(with(original, i, length >> 8 & 0xFF), i + 1, length & 0xFF); });
      }
    }
  }
  static Datagram with(Datagram datagram, std::size_t at, int value) {
    datagram[at] = static_cast<std::byte>(value);
    return datagram;
  }

  World world_{4};
  std::vector<Recorded> foreign_, own_;
  std::unique_ptr<Pair> pair_;
  int every_ = 10, injected_ = 0;
};

// covers: bug 4, must rfc7983#6, must rfc6347#4.1.2.7, bug 19, bug 75, changelog 32
TEST_P(Negative, nothing_of_any_first_byte_and_length_means_anything) {
  Rng chance(1);
  constexpr std::size_t lengths[] = {1,   2,   3,   4,   7,   8,     11,    12,    13,   14,
                                     19,  20,  21,  25,  27,  28,    36,    63,    64,   100,
                                     255, 256, 257, 512, 600, 1'000, 1'200, 1'472, 1'500};
  inject_from_both({}, "nothing at all");
  int count = 0;
  const int every = GetParam().cipher == Cipher::openssl ? std::max(every_ / 5, 1) : every_;
  for (int first = 0; first < 256; ++first) {
    for (const std::size_t length : lengths) {
      for (const int fill : {0x00, 0xff, -1}) {
        if (++count % every != 0) continue;
        Datagram datagram(length, static_cast<std::byte>(fill));
        if (fill < 0) chance.fill(datagram);
        datagram[0] = static_cast<std::byte>(first);
        inject_from_both(datagram, "noise");
      }
    }
  }
}

// covers: bug 4, must rfc6347#4.1.2.7, must rfc9260#8.4, bug 26, bug 27, bug 33
TEST_P(Negative, what_was_said_in_another_session_means_nothing) {
  int said = 0;
  for (const Recorded& recorded : foreign_) {
    if (recorded.route.local != from_the_peer().local) continue;
    ++said;
    inject_from_both(recorded.bytes, "a datagram of another session");
  }
  EXPECT_GT(said, 10);
}

// Of another role: what the victim's like has sent.
// covers: bug 27
TEST_P(Negative, what_it_might_have_said_itself_means_nothing) {
  for (const Recorded& recorded : foreign_) {
    if (recorded.route.remote != from_the_peer().local) continue;
    inject_from_both(recorded.bytes, "an echo of another session");
  }
  const std::vector<Recorded> said = own_;  // an answer makes it longer
  for (const Recorded& recorded : said) {
    // Its own checks bear the other's name, and its answers no id that it waits for.
    if (recorded.route.remote != socket()) continue;
    inject_from_both(recorded.bytes, "an echo");
  }
}

// covers: bug 22, bug 23, bug 24, bug 26, bug 41, fault 11, must rfc8489#9, must rfc8489#9.1.4
TEST_P(Negative, a_datagram_of_another_session_with_something_wrong_means_nothing) {
  for (const Recorded& recorded : one_of_each(foreign_, from_the_peer().local)) {
    vary(recorded.bytes,
         [&](const Datagram& changed, const char* what) { inject_from_both(changed, what); });
  }
}

// covers: bug 4, bug 9, bug 11, bug 22, bug 26, fault 11, must rfc6347#4.1.2.6, must rfc6347#4.2.8
TEST_P(Negative, a_datagram_of_this_very_session_with_something_wrong_means_nothing) {
  std::vector<Recorded> delivered;
  for (const Recorded& recorded : own_) {
    if (recorded.sent + flight < world_.time.now()) delivered.push_back(recorded);
  }
  int kinds = 0;
  for (const Recorded& recorded : one_of_each(delivered, socket())) {
    ++kinds;
    const auto message = stun::parse(recorded.bytes);
    vary(recorded.bytes, [&](const Datagram& changed, const char* what) {
      // The key covers all but the FINGERPRINT, which guards against accidents alone.
      if (message && message->has_integrity() && changed.size() >= recorded.bytes.size() &&
          std::equal(recorded.bytes.begin(), recorded.bytes.end() - 8, changed.begin())) {
        return;
      }
      inject_from_both(changed, what);
    });
  }
  if (GetParam().state == State::connected || !peer::is_about_connection(GetParam().state)) {
    EXPECT_GE(kinds, 3);
  }
}

// What the network may do at any time: the same again, a second later or after the end.
// covers: bug 4, bug 14, bug 18, fault 12, must rfc6347#4.1.2.6
TEST_P(Negative, a_record_of_this_very_session_again_means_nothing) {
  if (handshake_is_open()) return;
  const std::vector<Recorded> before = own_;
  pair_->run_for(seconds(1));
  for (const Recorded& recorded : before) {
    if (recorded.route.local != socket()) continue;
    // A check that is heard again is as good as it was, while there is someone to hear it.
    const bool over = victim().sockets().empty();
    if (peer::protocol_of(recorded.bytes) == Protocol::stun && !over) {
      const auto message = stun::parse(recorded.bytes);
      if (!message || message->kind == stun::Class::request) continue;
    }
    inject_from_both(recorded.bytes, "the same again");
  }
}

class NegativeElsewhere : public ::testing::TestWithParam<Ciphers> {};

// A path is proven by a check on it. What comes from elsewhere is dropped, were it authentic.
// covers: bug 13, bug 33, must rfc8827#6.3
TEST_P(NegativeElsewhere, the_peers_own_datagrams_from_another_address_mean_nothing) {
  World world(6);
  {
    Pair pair(world, options(GetParam()));
    int injected = 0;
    Rng chance(7);
    world.network.set_tap([&](HostId from, const Route& route, Datagram& bytes) {
      if (peer::protocol_of(bytes) != Protocol::dtls) return true;
      Peer& to = from == pair.left->host() ? *pair.right : *pair.left;
      const auto other_port = static_cast<std::uint16_t>(route.local.port + 1 + chance.below(99));
      const Route elsewhere{route.remote, chance.chance(0.5)
                                              ? route.local.with_port(other_port)
                                              : Address::v4(203, 0, 113, 5, route.local.port)};
      // A little earlier than the one that really comes.
      world.time.after(milliseconds(5), [&, elsewhere, copy = bytes] {
        ++injected;
        to.inject_worthless(elsewhere, copy, "an authentic one from elsewhere");
      });
      return true;
    });
    pair.connect();
    ASSERT_TRUE(pair.run_until_open());
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(pair.send(*pair.left, std::to_string(i)));
    pair.run_for(seconds(2));
    EXPECT_EQ(pair.right_ear.messages.size(), 20u);
    EXPECT_GE(injected, 10);
  }
  for (const std::string& failure : world.failures) ADD_FAILURE() << failure;
}

INSTANTIATE_TEST_SUITE_P(Over, NegativeElsewhere, ::testing::ValuesIn(real_ciphers),
                         name_of_ciphers);

std::vector<Situation> situations() {
  std::vector<Situation> all;
  for (const State state :
       {State::closed, State::gathering, State::pairing, State::paired, State::connecting,
        State::connected, State::data_connected, State::data_opened, State::data_closed,
        State::disconnected, State::connect_failed}) {
    for (const bool left : {true, false}) {
      for (const Cipher cipher : {Cipher::openssl, Cipher::mbedtls}) {
        all.push_back({state, left, cipher});
      }
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(In, Negative, ::testing::ValuesIn(situations()), [](const auto& tested) {
  return std::string(name_of(tested.param.state)) +
         (tested.param.victim_is_left ? "_offering_" : "_answering_") +
         name_of(Ciphers(tested.param.cipher));
});

}  // namespace
}  // namespace esp_peer::sim
