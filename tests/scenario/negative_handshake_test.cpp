// Whoever writes from the peer's own, checked address while DTLS shakes hands has no key to show,
// and needs none yet: what he says may be read. It ends no session that is to be, brings no answer
// larger than itself, and the worst of it ends the attempt with a state, never with a hang.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "peer/demux.hpp"
#include "sim/pair.hpp"
#include "tests/support/browser_hellos.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;
using Datagram = std::vector<std::byte>;

struct Moment {
  State state;
  bool victim_is_left;  // who offers, and is the DTLS server
  Cipher cipher;
};

PairOptions options(const Moment& moment, bool reconnect) {
  PairOptions options{.cipher = moment.cipher, .link = {.delay = milliseconds(10)}};
  options.left.session.auto_reconnect = options.right.session.auto_reconnect = reconnect;
  return options;
}

// A whole session of two who have these addresses. Of the same seed: the same bytes.
class Stage {
 public:
  Stage(std::uint64_t seed, const Moment& moment, bool reconnect = false)
      : world_(seed),
        victim_is_left_(moment.victim_is_left),
        pair_(world_, options(moment, reconnect)) {
    world_.network.set_tap([this](HostId from, const Route&, Datagram& bytes) {
      if (peer::protocol_of(bytes) != peer::Protocol::dtls) return true;
      (from == victim().host() ? said_by_victim : said_to_victim).push_back(bytes);
      return true;
    });
    pair_.connect();
  }
  ~Stage() {
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
  }
  void reach(State state) {
    ASSERT_TRUE(pair_.run_until([&] { return pair_.ear(victim()).said(state); }));
  }
  // From the peer's own address, and before anything that is due anyway.
  void forge(Datagram datagram) {
    const Route route{Address::v4(192, 0, 2, victim_is_left_ ? 1 : 2, 50'000),
                      Address::v4(192, 0, 2, victim_is_left_ ? 2 : 1, 50'000)};
    victim().command([](auto& session, Instant now) {
      session.on_deadline(now);
      return 0;
    });
    const auto before = victim().bytes_sent_to(route.remote);
    const std::size_t size = datagram.size();
    victim().command([&](auto& session, Instant now) {
      session.on_datagram(now, route, datagram);
      return 0;
    });
    const std::size_t answered = victim().bytes_sent_to(route.remote) - before;
    largest_surplus = std::max(largest_surplus, answered > size ? answered - size : 0);
  }
  // The end: connected with data both ways, or both are told that they are not.
  bool connects() {
    const auto open = [this] { return pair_.left->data_open() && pair_.right->data_open(); };
    const auto over = [](const Peer& p) {
      return p.state() == State::connect_failed || p.state() == State::disconnected;
    };
    const auto decided = [&] { return open() || (over(*pair_.left) && over(*pair_.right)); };
    EXPECT_TRUE(pair_.run_until(decided, seconds(120)))
        << "hangs: " << name_of(pair_.left->state()) << ", " << name_of(pair_.right->state());
    if (!open()) return false;
    talk();
    return true;
  }
  // At once, or by another attempt.
  bool connects_in_the_end() {
    const bool open = pair_.run_until_open(seconds(300));
    if (open) talk();
    return open;
  }
  std::vector<Datagram> said_to_victim, said_by_victim;
  std::size_t largest_surplus = 0;

 private:
  void talk() {
    for (Peer* p : {pair_.left.get(), pair_.right.get()}) {
      EXPECT_TRUE(pair_.send(*p, "hello"));
      EXPECT_TRUE(pair_.run_until([&] { return !pair_.ear(pair_.other(*p)).messages.empty(); }));
    }
  }
  Peer& victim() { return victim_is_left_ ? *pair_.left : *pair_.right; }

  World world_;
  bool victim_is_left_;
  Pair pair_;
};

class WhileShakingHands : public ::testing::TestWithParam<Moment> {
 protected:
  // All of them, at this moment of an attempt of its own. No answer is larger than its question.
  static bool connects_with(const std::vector<Datagram>& forged) {
    Stage stage(4, GetParam());
    stage.reach(GetParam().state);
    for (const Datagram& datagram : forged) stage.forge(datagram);
    EXPECT_EQ(stage.largest_surplus, 0u);
    return stage.connects();
  }
  // [rfc6347#4.1] No record of it is whole.
  static bool is_a_scrap(const Datagram& d) {
    return d.size() < 13 || d.size() < 13 + (std::to_integer<std::size_t>(d[11]) << 8 |
                                             std::to_integer<std::size_t>(d[12]));
  }
};

// covers: bug 4, bug 12, must rfc6347#4.1.2.7
TEST_P(WhileShakingHands, noise_of_the_checked_address_does_not_keep_it_from_ending_well) {
  Rng chance(1);
  std::vector<Datagram> noise;
  for (int i = 0; i < 200; ++i) {
    Datagram datagram(1 + chance.below(1'400));
    chance.fill(datagram);
    datagram[0] = static_cast<std::byte>(20 + chance.below(44));
    noise.push_back(datagram);
  }
  EXPECT_TRUE(connects_with(noise));
}

// covers: bug 4, must rfc6347#4.1.2.7
TEST_P(WhileShakingHands, scraps_of_it_do_not_keep_it_from_ending_well) {
  Stage twin(4, GetParam());
  ASSERT_TRUE(twin.connects());
  std::vector<Datagram> scraps;
  for (const Datagram& original : twin.said_to_victim) {
    for (std::size_t n = 1; n < original.size(); n += 13) {
      Datagram cut(original.begin(), original.begin() + static_cast<std::ptrdiff_t>(n));
      if (is_a_scrap(cut)) scraps.push_back(cut);
    }
  }
  EXPECT_GT(scraps.size(), 20u);
  EXPECT_TRUE(connects_with(scraps));
}

// Before there are keys a whole message in the right place is as good as the peer's: one that is
// not the peer's spoils the handshake. Then both are told, and what is told as connected is.
TEST_P(WhileShakingHands, whole_messages_of_another_and_changed_ones_end_it_at_worst_with_a_state) {
  Stage another(77, GetParam()), twin(4, GetParam());
  ASSERT_TRUE(another.connects() && twin.connects());
  int tries = 0, connected = 0;
  const auto attempt = [&](const Datagram& forged) {
    ++tries;
    connected += connects_with({forged}) ? 1 : 0;
  };
  for (const auto* said : {&another.said_to_victim, &another.said_by_victim, &twin.said_to_victim,
                           &twin.said_by_victim}) {
    for (const Datagram& datagram : *said) attempt(datagram);
  }
  for (const Datagram& original : twin.said_to_victim) {
    for (std::size_t n = 0; n < original.size(); n += 31) {
      Datagram changed = original;
      changed[n] ^= std::byte{1};
      attempt(changed);
    }
  }
  EXPECT_GT(tries, 50);
  EXPECT_GT(connected, tries / 3) << "most of it means nothing";
}

// What a server can serve is the peer's for all it knows: the peer's own ClientHello then finds it
// in the middle of a handshake with nobody. That costs an attempt, and the next one has new
// sockets. covers: bug 4, bug 12, must rfc6347#4.2.8
TEST_P(WhileShakingHands,
       a_thousand_hellos_that_can_be_served_cost_an_attempt_and_the_next_connects) {
  const auto browsers = test::browser_hellos();
  Stage stage(4, GetParam(), true);
  stage.reach(GetParam().state);
  for (int i = 0; i < 1000; ++i) {
    for (Datagram hello : browsers[static_cast<std::size_t>(i) % browsers.size()].datagrams) {
      if (hello.size() > 40) hello[30] ^= static_cast<std::byte>(i);  // of its random numbers
      hello[10] = static_cast<std::byte>(i);                          // of the record's own
      stage.forge(hello);
    }
  }
  EXPECT_TRUE(stage.connects_in_the_end());
}

std::vector<Moment> moments() {
  std::vector<Moment> all;
  for (const State state : {State::pairing, State::paired, State::connecting}) {
    for (const bool left : {true, false}) {
      for (const Cipher cipher : {Cipher::openssl, Cipher::mbedtls}) {
        all.push_back({state, left, cipher});
      }
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(In, WhileShakingHands, ::testing::ValuesIn(moments()),
                         [](const auto& tested) {
                           return std::string(name_of(tested.param.state)) +
                                  (tested.param.victim_is_left ? "_offering_" : "_answering_") +
                                  name_of(Ciphers(tested.param.cipher));
                         });

}  // namespace
}  // namespace esp_peer::sim
