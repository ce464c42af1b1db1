// The list of bad inputs where audio is carried, beside data, alone, and on behind its end; and
// where an attempt is asked for and has not begun: each leaves the state as it was, tells the
// application nothing, and gets no answer larger than itself. (Data alone: negative_test.cpp.)
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "peer/demux.hpp"
#include "sim/pair.hpp"

namespace esp_peer::sim {
namespace {

using peer::Protocol;
using peer::State;
using Datagram = std::vector<std::byte>;

enum class Story : std::uint8_t {
  audio_alone,
  audio_beside_data,
  audio_after_data,     // DATA_CHANNEL_DISCONNECTED, and the connection goes on
  after_the_end,        // DISCONNECTED
  asked_for_once_more,  // NEW_CONNECTION, before the loop has run
};
constexpr const char* name_of(Story story) {
  constexpr const char* names[] = {"audio_alone", "audio_beside_data", "audio_after_data",
                                   "after_the_end", "asked_for_once_more"};
  return names[static_cast<std::size_t>(story)];
}

struct Situation {
  Story story;
  bool victim_is_left;  // who offers, and is the DTLS server
  Cipher cipher;
};

PairOptions options(const Situation& situation) {
  PairOptions options{.cipher = situation.cipher, .link = {.delay = milliseconds(10)}};
  for (auto* side : {&options.left.session, &options.right.session}) {
    side->auto_reconnect = false;
    side->audio.codec = sdp::AudioCodec::opus;
    side->data = situation.story != Story::audio_alone;
  }
  return options;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return at == text.npos ? text : text.replace(at, from.size(), to);
}

// Two that talk, and all that has been said to one of them.
class Talk {
 public:
  Talk(std::uint64_t seed, const Situation& situation)
      : world_(seed), situation_(situation), pair_(world_, options(situation)) {
    world_.network.set_tap([this](HostId from, const Route&, Datagram& bytes) {
      if (peer::protocol_of(bytes) == Protocol::stun) return true;
      (from == victim().host() ? said_by_victim : said_to_victim).push_back(bytes);
      return true;
    });
    connect();
  }
  ~Talk() {
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
  }
  void connect() {
    pair_.connect();
    EXPECT_TRUE(pair_.run_until([this] {
      return pair_.left->state() == State::connected && pair_.right->state() == State::connected;
    }));
    pair_.run_for(seconds(1));
    talk();
  }
  // Half a second of audio both ways, which is heard, and a report or two.
  void talk() {
    for (int i = 0; i < 25; ++i) {
      for (Peer* p : {pair_.left.get(), pair_.right.get()}) {
        EXPECT_TRUE(pair_.send_audio(*p, pts_, "frame " + std::to_string(pts_)));
      }
      pts_ += 20;
      pair_.run_for(milliseconds(20));
    }
    pair_.run_for(seconds(8));
    for (Ear* ear : {&pair_.left_ear, &pair_.right_ear}) {
      EXPECT_EQ(ear->frames.size(), 25u);
      ear->frames.clear();
    }
  }
  void reach() {
    switch (situation_.story) {
      case Story::audio_alone:
      case Story::audio_beside_data:
        return;
      case Story::audio_after_data:
        return end_data();
      case Story::after_the_end:
        EXPECT_TRUE(victim().disconnect());
        return pair_.run_for(seconds(1));
      case Story::asked_for_once_more:
        EXPECT_TRUE(victim().disconnect());
        pair_.run_for(seconds(1));
        EXPECT_TRUE(victim().connect());
        EXPECT_EQ(victim().state(), State::new_connection);
        return;
    }
  }
  // Nothing that came before was harmed, or what was asked for comes.
  void go_on() {
    const bool over = situation_.story == Story::after_the_end;
    if (over || situation_.story == Story::asked_for_once_more) {
      EXPECT_TRUE(pair_.run_until([&] { return other().state() == State::disconnected; }));
      connect();  // who is asked twice begins once
    } else {
      talk();
    }
  }

  Route from_the_peer() const {
    return {Address::v4(192, 0, 2, situation_.victim_is_left ? 1 : 2, 50'000),
            Address::v4(192, 0, 2, situation_.victim_is_left ? 2 : 1, 50'000)};
  }
  void inject(const Datagram& datagram, const char* what) {
    ++injected;
    Route from_a_stranger = from_the_peer();
    from_a_stranger.remote = Address::v4(203, 0, 113, 9, static_cast<std::uint16_t>(injected));
    for (const Route& route : {from_the_peer(), from_a_stranger}) {
      if (situation_.story == Story::asked_for_once_more) {
        inject_before_it_begins(route, datagram);
      } else {
        victim().inject_worthless(route, datagram, what);
      }
    }
  }
  std::vector<Datagram> said_to_victim, said_by_victim;
  int injected = 0;

 private:
  Peer& victim() { return situation_.victim_is_left ? *pair_.left : *pair_.right; }
  Peer& other() { return pair_.other(victim()); }

  // [rfc8829#5.2.2] A further offer refuses data; audio is carried by what is there.
  void end_data() {
    std::string answer;
    pair_.on_signal = [&](Peer&, std::string& sdp) {
      answer = sdp;
      return false;
    };
    std::string offer = pair_.left_ear.description;
    const auto version = offer.find(' ', offer.find("o=- ") + 4) + 1;
    offer.replace(version, offer.find(' ', version) - version, "100");
    const auto section = offer.find("m=application "), port_end = offer.find(' ', section + 14);
    offer.replace(section, port_end - section, "m=application 0");
    EXPECT_TRUE(pair_.right->hear_description(replaced(offer, "BUNDLE 0 1", "BUNDLE 0")));
    EXPECT_TRUE(pair_.run_until([&] { return !answer.empty(); }));
    EXPECT_TRUE(pair_.left->hear_description(answer));
    pair_.run_for(seconds(1));
    for (const Ear* ear : {&pair_.left_ear, &pair_.right_ear}) {
      EXPECT_TRUE(ear->said(State::data_disconnected));
      EXPECT_FALSE(ear->said(State::disconnected));
    }
  }
  // As inject_worthless(), which would let the attempt begin.
  void inject_before_it_begins(const Route& route, Datagram datagram) {
    const auto before = victim().state_hash();
    const auto states = pair_.ear(victim()).states.size();
    const auto sent = victim().bytes_sent_to(route.remote);
    victim().command([&](auto& session, Instant now) {
      session.on_datagram(now, route, datagram);
      return 0;
    });
    EXPECT_EQ(victim().state_hash(), before);
    EXPECT_EQ(pair_.ear(victim()).states.size(), states);
    EXPECT_EQ(victim().bytes_sent_to(route.remote), sent);
  }

  World world_;
  Situation situation_;
  Pair pair_;
  std::uint32_t pts_ = 0;
};

class NegativeAudio : public ::testing::TestWithParam<Situation> {
 protected:
  NegativeAudio() { talk_.reach(); }
  ~NegativeAudio() override {
    EXPECT_GT(talk_.injected, 10);
    talk_.go_on();
  }
  void inject_all(const std::vector<Datagram>& datagrams, const char* what) {
    for (const Datagram& datagram : datagrams) talk_.inject(datagram, what);
  }
  // A few of each kind: what it begins with, and about the same size.
  static std::vector<Datagram> one_of_each(const std::vector<Datagram>& all) {
    std::vector<Datagram> kinds;
    for (const Datagram& d : all) {
      const bool known = std::any_of(kinds.begin(), kinds.end(), [&](const Datagram& k) {
        return k[0] == d[0] && k[1] == d[1] && k.size() / 16 == d.size() / 16;
      });
      if (!known) kinds.push_back(d);
    }
    return kinds;
  }
  Talk talk_{4, GetParam()};
};

// covers: bug 4, must rfc7983#6
TEST_P(NegativeAudio, nothing_of_any_first_bytes_means_anything) {
  Rng chance(1);
  for (int first = 0; first < 256; ++first) {
    for (const std::size_t length : {1u, 2u, 8u, 12u, 13u, 20u, 28u, 60u, 172u, 1'400u}) {
      Datagram datagram(length);
      chance.fill(datagram);
      datagram[0] = static_cast<std::byte>(first);
      // [rfc5761#4] As RTP of our own numbers, as RTCP, and as anything.
      constexpr std::uint8_t second[] = {111, 0x80 | 111, 200, 201, 203};
      const auto pick = chance.below(8);
      if (length > 1 && pick < 5) datagram[1] = static_cast<std::byte>(second[pick]);
      talk_.inject(datagram, "noise");
    }
  }
}

// covers: bug 4, must rfc5764#5.1
TEST_P(NegativeAudio, what_was_said_in_another_session_means_nothing) {
  const Talk another(77, GetParam());
  inject_all(one_of_each(another.said_to_victim), "a datagram of another session");
  inject_all(one_of_each(another.said_by_victim), "an echo of another session");
  inject_all(one_of_each(std::vector(talk_.said_by_victim)), "an echo");
}

// covers: bug 4, bug 32, fault 12
TEST_P(NegativeAudio, what_was_said_in_this_very_session_means_nothing_once_more) {
  inject_all(std::vector(talk_.said_to_victim), "the same again");
}

// covers: bug 4, bug 32, fault 11
TEST_P(NegativeAudio, what_was_said_in_this_very_session_with_something_wrong_means_nothing) {
  Rng chance(2);
  for (const Datagram& original : one_of_each(talk_.said_to_victim)) {
    for (std::size_t n = 1; n < original.size(); n += 5) {
      const auto end = original.begin() + static_cast<std::ptrdiff_t>(n);
      talk_.inject(Datagram(original.begin(), end), "a truncated copy");
      Datagram changed = original;
      changed[n - 1] ^= static_cast<std::byte>(1 + chance.below(255));
      talk_.inject(changed, "a copy with a byte changed");
      changed = original;
      changed.resize(original.size() + n, std::byte{0x5A});
      // A datagram of DTLS may hold further records; what is no record is none.
      if (peer::protocol_of(original) == Protocol::rtp) talk_.inject(changed, "an extended copy");
    }
  }
}

std::vector<Situation> situations() {
  std::vector<Situation> all;
  for (const Story story : {Story::audio_alone, Story::audio_beside_data, Story::audio_after_data,
                            Story::after_the_end, Story::asked_for_once_more}) {
    for (const bool left : {true, false}) {
      for (const Cipher cipher : {Cipher::openssl, Cipher::mbedtls}) {
        all.push_back({story, left, cipher});
      }
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(In, NegativeAudio, ::testing::ValuesIn(situations()),
                         [](const auto& tested) {
                           return std::string(name_of(tested.param.story)) +
                                  (tested.param.victim_is_left ? "_offering_" : "_answering_") +
                                  name_of(Ciphers(tested.param.cipher));
                         });

}  // namespace
}  // namespace esp_peer::sim
