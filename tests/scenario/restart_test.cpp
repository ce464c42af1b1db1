// ICE restarts of whole peers [rfc8445#9]: what is connected goes on, whoever wants the restart and
// whatever becomes of it.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/pair.hpp"
#include "sim/stun_server.hpp"
#include "tests/scenario/role_conflicts.hpp"

namespace esp_peer::sim {
namespace {

using peer::State;

std::string value_of(const std::string& sdp, const std::string& attribute) {
  const std::string start = "a=" + attribute + ":";
  const auto at = sdp.find(start);
  if (at == sdp.npos) return "";
  const auto from = at + start.size();
  return sdp.substr(from, sdp.find('\r', from) - from);
}

class Restart : public ::testing::Test {
 protected:
  void begin(PairOptions options = {}, bool reconnect = false) {
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = reconnect;
    pair_ = std::make_unique<Pair>(world_, options);
    pair_->on_signal = [this](Peer& from, std::string& sdp) {
      spoken_.push_back({&from, sdp});
      return !on_signal || on_signal(from, sdp);
    };
    pair_->connect();
    ASSERT_TRUE(pair_->run_until_open());
    pair_->run_for(seconds(1));  // and nominated
    spoken_.clear();
  }
  void TearDown() override {
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
    if (!pair_) return;
    for (Peer* peer : {pair_->left.get(), pair_->right.get()}) {
      if (may_be_lost_ || !peer->alive()) continue;
      EXPECT_EQ(peer->state(), State::connected) << peer->name();
      EXPECT_EQ(peer->attempts(), 1) << peer->name() << ": undisturbed";
      const auto& states = pair_->ear(*peer).states;
      EXPECT_EQ(std::count(states.begin(), states.end(), State::connected), 1) << "one DTLS";
      EXPECT_EQ(std::count(states.begin(), states.end(), State::data_connected), 1) << "one SCTP";
    }
  }
  Status restart(Peer& peer) {
    return peer.command([](auto& session, Instant now) { return session.restart_ice(now); });
  }
  // Both ways, whatever was said before.
  void expect_talk(const std::string& text) {
    EXPECT_TRUE(pair_->send(*pair_->left, text + " there"));
    EXPECT_TRUE(pair_->send(*pair_->right, text + " back"));
    const auto heard = [&] {
      const auto left = pair_->texts(*pair_->left), right = pair_->texts(*pair_->right);
      return std::count(left.begin(), left.end(), text + " back") == 1 &&
             std::count(right.begin(), right.end(), text + " there") == 1;
    };
    EXPECT_TRUE(pair_->run_until(heard, seconds(30))) << text;
  }
  std::string ufrag(Peer& peer) {
    return value_of(std::string(peer.session().local_description()), "ice-ufrag");
  }
  // Checks of the sessions that are begun from now on are swallowed, as far as the test wants.
  void swallow_new_checks(std::function<bool(HostId from, const std::string& check)> wanted) {
    const std::string left = ufrag(*pair_->left), right = ufrag(*pair_->right);
    world_.network.set_tap([=](HostId from, const Route&, std::vector<std::byte>& datagram) {
      const std::string text(reinterpret_cast<const char*>(datagram.data()), datagram.size());
      const bool request =
          datagram.size() > 1 && datagram[0] == std::byte{0} && datagram[1] == std::byte{1};
      const bool is_new = text.find(left) == text.npos && text.find(right) == text.npos;
      return !(request && is_new && wanted(from, text));
    });
  }
  void cut(bool yes) {
    world_.network.for_each_link([&](LinkOptions& link) { link.loss = yes ? 1 : 0; });
  }

  struct Spoken {
    Peer* from;
    std::string sdp;
  };
  World world_{3};
  std::function<bool(Peer&, std::string&)> on_signal;
  std::vector<Spoken> spoken_;
  std::unique_ptr<Pair> pair_;
  bool may_be_lost_ = false;
};

// covers: must rfc8445#9
TEST_F(Restart, that_we_ask_for_is_offered_answered_and_changes_all_credentials) {
  begin();
  const std::string left = ufrag(*pair_->left), right = ufrag(*pair_->right);
  const std::string fingerprint =
      value_of(std::string(pair_->left->session().local_description()), "fingerprint");
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(1));
  ASSERT_EQ(spoken_.size(), 2u);
  EXPECT_EQ(spoken_[0].from, pair_->left.get());
  EXPECT_EQ(value_of(spoken_[0].sdp, "setup"), "actpass");
  EXPECT_NE(ufrag(*pair_->left), left);
  EXPECT_NE(ufrag(*pair_->right), right);
  EXPECT_EQ(value_of(spoken_[0].sdp, "fingerprint"), fingerprint);
  expect_talk("after");
}

TEST_F(Restart, twice_before_the_answer_is_one_restart) {
  begin();
  ASSERT_TRUE(restart(*pair_->left));
  ASSERT_TRUE(pair_->run_until([&] { return !spoken_.empty(); }, seconds(1)));
  ASSERT_EQ(spoken_.size(), 1u) << "not answered yet";
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(2));
  ASSERT_EQ(spoken_.size(), 3u) << "two offers, and one answer to both";
  for (const Spoken& said : spoken_) {
    EXPECT_EQ(value_of(said.sdp, "ice-ufrag"), ufrag(*said.from)) << "that each ended with";
  }
  expect_talk("after");
}

// Two peers that took such a one for an offer would answer each other for ever.
TEST_F(Restart, that_an_answer_to_nothing_brings_is_refused) {
  begin();
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(1));
  ASSERT_EQ(spoken_.size(), 2u);
  std::string answer = spoken_[1].sdp;
  const auto put = [&answer](const std::string& from, const std::string& to) {
    ASSERT_NE(answer.find(from), answer.npos) << answer;
    answer.replace(answer.find(from), from.size(), to);
  };
  put("a=ice-ufrag:" + value_of(answer, "ice-ufrag"), "a=ice-ufrag:else");
  put(" IN IP4", "9 IN IP4");  // a later version
  const Status heard = pair_->left->command(
      [&](auto& session, Instant now) { return session.set_remote_description(now, answer); });
  EXPECT_EQ(heard.code(), Errc::unsupported);
  pair_->run_for(seconds(1));
  EXPECT_EQ(spoken_.size(), 2u);
  expect_talk("after");
}

// A peer that cannot restart, or says once more what it said before.
TEST_F(Restart, that_is_answered_with_the_old_credentials_still_waits_for_its_answer) {
  begin();
  const std::string old = ufrag(*pair_->right);
  const std::string password =
      value_of(std::string(pair_->right->session().local_description()), "ice-pwd");
  on_signal = [&](Peer& from, std::string&) { return &from == pair_->left.get(); };
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(1));
  ASSERT_EQ(spoken_.size(), 2u);
  std::string before = spoken_[1].sdp;
  for (const auto& [name, value] : {std::pair("ice-ufrag", old), {"ice-pwd", password}}) {
    const std::string now = value_of(before, name);
    before.replace(before.find(now), now.size(), value);
  }
  const auto hear = [&](const std::string& sdp) {
    return pair_->left->command(
        [&](auto& session, Instant now) { return session.set_remote_description(now, sdp); });
  };
  EXPECT_EQ(hear(before).code(), Errc::unsupported);
  expect_talk("meanwhile");
  EXPECT_TRUE(hear(spoken_[1].sdp));
  pair_->run_for(seconds(60));
  EXPECT_EQ(spoken_.size(), 2u);
  expect_talk("after");
}

TEST_F(Restart, is_for_whoever_wants_it_offerer_or_answerer) {
  begin({.cipher = Cipher::openssl});
  ASSERT_TRUE(restart(*pair_->right));
  pair_->run_for(seconds(1));
  ASSERT_EQ(spoken_.size(), 2u);
  EXPECT_EQ(spoken_[0].from, pair_->right.get());
  // [rfc8842#5.3] The DTLS roles are those of the first handshake.
  EXPECT_EQ(value_of(spoken_[1].sdp, "setup"), "passive") << "the left one was the DTLS server";
  expect_talk("after");
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(1));
  EXPECT_EQ(value_of(spoken_[3].sdp, "setup"), "active");
  expect_talk("again");
}

TEST_F(Restart, a_hundred_times_costs_nothing) {
  begin();
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(10));
  const std::size_t live = pair_->left->memory().live() + pair_->right->memory().live();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(restart(i % 2 == 0 ? *pair_->right : *pair_->left));
    pair_->run_for(seconds(10));
  }
  EXPECT_LE(pair_->left->memory().live() + pair_->right->memory().live(), live + 1024);
  expect_talk("after");
}

// covers: must rfc7675#5.1c
TEST_F(Restart, meanwhile_the_old_pair_carries_on_with_its_consent) {
  begin();
  // The answer takes two minutes.
  on_signal = [&](Peer& from, std::string& sdp) {
    if (&from == pair_->left.get()) return true;
    world_.time.after(seconds(120), [&, sdp] { (void)pair_->left->hear_description(sdp); });
    return false;
  };
  const auto before = pair_->left->session().paired();
  ASSERT_TRUE(restart(*pair_->left));
  for (int i = 0; i < 6; ++i) {
    pair_->run_for(seconds(18));
    expect_talk("meanwhile " + std::to_string(i));
    EXPECT_EQ(pair_->left->session().paired(), before);
  }
  pair_->run_for(seconds(20));
  expect_talk("after");
}

// The old session is heard for a while, for what was on its way; then it is gone, and its
// credentials with it.
TEST_F(Restart, ends_the_old_session_five_seconds_after_the_new_pair_was_nominated) {
  begin();
  const std::string old[] = {ufrag(*pair_->left) + ":", ufrag(*pair_->right) + ":"};
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(7));
  int checks = 0;
  world_.network.set_tap([&](HostId, const Route&, std::vector<std::byte>& datagram) {
    const std::string_view text = as_text(datagram);
    for (const std::string& name : old) {
      EXPECT_EQ(text.find(name), text.npos) << "a check of the session before";
    }
    checks += text.find(ufrag(*pair_->right) + ":") != text.npos ? 1 : 0;
    return true;
  });
  pair_->run_for(seconds(60));
  world_.network.set_tap({});
  EXPECT_GE(checks, 60 / 6 - 1) << "consent is asked for by the new name";
  expect_talk("after");
}

TEST_F(Restart, moves_to_another_network) {
  begin();
  const auto old = pair_->left->session().paired();
  world_.network.set_addresses(pair_->left->host(), {Address::v4(198, 51, 100, 7, 0)});
  ASSERT_TRUE(restart(*pair_->left));
  expect_talk("from elsewhere");
  const auto now = pair_->left->session().paired();
  ASSERT_TRUE(now);
  EXPECT_NE(now->local.ip, old->local.ip);
  EXPECT_EQ(now->local.ip, Address::v4(198, 51, 100, 7, 0).ip);
  EXPECT_EQ(now->remote.ip, old->remote.ip);
}

TEST_F(Restart, under_heavy_loss_loses_no_message) {
  begin({.link = {.delay = milliseconds(20), .loss = 0.2}});
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(restart(i % 3 == 0 ? *pair_->right : *pair_->left));
    expect_talk("round " + std::to_string(i));
    pair_->run_for(seconds(3));
  }
}

// What is given while a connection stands is for its next gathering.
TEST_F(Restart, asks_the_servers_that_were_given_meanwhile) {
  Nat box({}, Address::v4(198, 51, 100, 101, 0));
  const StunServer server(world_.network,
                          world_.network.add_host("server", {Address::v4(198, 51, 100, 1, 0)}));
  world_.names["stun.example"] = {Address::v4(198, 51, 100, 1, 0)};
  PairOptions options;
  options.left_nat = &box;
  options.left_addresses = {Address::v4(10, 0, 0, 5, 0)};
  begin(options);
  peer::Server stun;
  stun.host.assign("stun.example");
  EXPECT_TRUE(pair_->left->set_servers({stun}));
  pair_->run_for(seconds(10));
  EXPECT_EQ(server.questions(), 0u);
  EXPECT_TRUE(spoken_.empty());
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(2));
  EXPECT_GT(server.questions(), 0u);
  ASSERT_EQ(spoken_.size(), 2u);
  EXPECT_NE(spoken_[0].sdp.find("198.51.100.101"), std::string::npos) << spoken_[0].sdp;
  expect_talk("after");
}

// ---------------------------------------------------------------- both at once

// covers: bug 29
TEST_F(Restart, of_both_sides_at_once_is_one) {
  begin();
  RoleConflicts conflicts(world_);
  ASSERT_TRUE(restart(*pair_->left));
  ASSERT_TRUE(restart(*pair_->right));
  pair_->run_for(seconds(2));
  EXPECT_LE(conflicts.answers(), 3);
  EXPECT_EQ(conflicts.nominating(), 1u) << "one controls, and has nominated within two seconds";
  conflicts.stop();
  EXPECT_EQ(spoken_.size(), 3u) << "two offers, and an answer to the one that stands";
  expect_talk("after");
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(2));
  expect_talk("and again");
}

TEST_F(Restart, of_both_sides_at_every_distance_converges) {
  begin();
  for (int ms = 0; ms <= 120; ms += 5) {
    ASSERT_TRUE(restart(*pair_->left));
    pair_->run_for(milliseconds(ms));
    ASSERT_TRUE(restart(*pair_->right));
    pair_->run_for(seconds(2));
    expect_talk("at " + std::to_string(ms));
  }
}

// ---------------------------------------------------------------- that fail

TEST_F(Restart, whose_offer_never_arrives_changes_nothing) {
  begin();
  on_signal = [](Peer&, std::string&) { return false; };
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(300));
  expect_talk("still");
  on_signal = nullptr;
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(2));
  EXPECT_EQ(ufrag(*pair_->left), value_of(spoken_[1].sdp, "ice-ufrag")) << "a new offer each time";
  expect_talk("after");
}

TEST_F(Restart, that_finds_no_pair_leaves_the_old_one_in_use) {
  begin();
  swallow_new_checks([](HostId, const std::string&) { return true; });
  ASSERT_TRUE(restart(*pair_->left));
  for (int i = 0; i < 6; ++i) {
    pair_->run_for(seconds(15));
    expect_talk("all the same " + std::to_string(i));
  }
}

// The controlled side has a pair that works, and the peer never chooses it.
TEST_F(Restart, whose_pair_is_never_nominated_and_dies_leaves_the_old_one_in_use) {
  begin();
  bool dead = false;
  int chosen = 0;
  swallow_new_checks([&](HostId, const std::string& check) {
    const bool use_candidate = check.find(std::string("\0\x25\0\0", 4)) != check.npos;
    chosen += use_candidate ? 1 : 0;
    return use_candidate || dead;
  });
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(3));
  EXPECT_GT(chosen, 0);
  dead = true;
  for (int i = 0; i < 6; ++i) {
    pair_->run_for(seconds(15));
    expect_talk("all the same " + std::to_string(i));
  }
}

// Back at the old session, whose candidates the peer has, there are none to tell.
TEST_F(Restart, that_finds_no_pair_tells_no_candidates_of_the_old_one) {
  PairOptions options;
  options.left.session.trickle_out = true;
  options.left_addresses = {Address::v4(192, 0, 2, 1, 0), Address::v4(192, 0, 2, 11, 0)};
  begin(options);
  const auto in_use = pair_->left->session().paired();
  ASSERT_TRUE(in_use);
  world_.network.set_addresses(pair_->left->host(), {in_use->local.with_port(0)});
  int told = 0;
  pair_->on_event = [&](Peer&, const peer::Event& event) {
    told += std::holds_alternative<peer::LocalCandidateFound>(event) ||
                    std::holds_alternative<peer::LocalCandidatesDone>(event)
                ? 1
                : 0;
  };
  swallow_new_checks([](HostId, const std::string&) { return true; });
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(100));
  EXPECT_EQ(spoken_.size(), 2u);
  EXPECT_EQ(told, 0) << "all stand in the descriptions";
  expect_talk("all the same");
}

TEST_F(Restart, without_an_address_looks_again_until_there_is_one) {
  for (const bool trickle : {false, true}) {
    World world(5);
    PairOptions options;
    options.left.session.trickle_out = trickle;  // its description goes out, and nothing follows
    peer::Server unknown;
    unknown.host.assign("nowhere.example");
    options.left.servers = {unknown};
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
    Pair pair(world, options);
    pair.connect();
    ASSERT_TRUE(pair.run_until_open());
    pair.run_for(seconds(1));
    world.network.set_addresses(pair.left->host(), {});
    ASSERT_TRUE(restart(*pair.left));
    pair.run_for(milliseconds(5500));
    EXPECT_TRUE(pair.left->sockets().empty());
    EXPECT_EQ(pair.left->state(), State::connected) << trickle;
    const auto home = Address::v4(198, 51, 100, 7, 0);
    world.network.set_addresses(pair.left->host(), {home});
    EXPECT_TRUE(pair.send(*pair.left, "from elsewhere"));
    EXPECT_TRUE(pair.run_until([&] { return !pair.right_ear.messages.empty(); }, seconds(10)))
        << trickle;
    const auto now = pair.left->session().paired();
    EXPECT_TRUE(now && now->local.ip == home.ip);
    EXPECT_EQ(pair.left->attempts(), 1);
    for (const std::string& failure : world.failures) ADD_FAILURE() << failure;
  }
}

TEST_F(Restart, that_finds_no_pair_while_the_old_one_dies_is_a_loss) {
  may_be_lost_ = true;
  begin();
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(milliseconds(40));
  cut(true);
  ASSERT_TRUE(
      pair_->run_until([&] { return pair_->left->state() == State::disconnected; }, seconds(60)));
  EXPECT_GE(world_.time.now() - Timeline::beginning, seconds(30));
}

TEST_F(Restart, is_nothing_before_there_is_something) {
  pair_ = std::make_unique<Pair>(world_, PairOptions{});
  may_be_lost_ = true;
  EXPECT_EQ(restart(*pair_->left).code(), Errc::wrong_state);
  EXPECT_TRUE(pair_->left->connect());
  EXPECT_EQ(restart(*pair_->left).code(), Errc::wrong_state);
  EXPECT_TRUE(pair_->left->disconnect());
  EXPECT_EQ(restart(*pair_->left).code(), Errc::wrong_state);
}

TEST_F(Restart, in_the_middle_of_connecting_delays_it_and_no_more) {
  for (int ms = 0; ms <= 300; ms += 10) {
    World world(static_cast<std::uint64_t>(ms + 1));
    PairOptions options{.cipher = Cipher::openssl, .link = {.delay = milliseconds(20)}};
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = false;
    Pair pair(world, options);
    pair.connect();
    pair.run_for(milliseconds(ms));
    static_cast<void>(restart(ms % 20 == 0 ? *pair.left : *pair.right));
    EXPECT_TRUE(pair.run_until_open(seconds(20))) << ms;
    EXPECT_TRUE(world.failures.empty()) << ms << world.failures[0];
  }
}

// ---------------------------------------------------------------- that save

// [rfc7675#5.1] With 0xFF nothing is reported, but sending stops: until a restart.
TEST_F(Restart, revives_what_has_lost_its_consent) {
  PairOptions options;
  options.left.session.consent_misses = options.right.session.consent_misses = 0xFF;
  begin(options);
  cut(true);
  EXPECT_TRUE(pair_->send(*pair_->left, "into the dark"));
  pair_->run_for(seconds(31));
  const auto sent = pair_->left->bytes_sent_to(pair_->right->sockets()[0]);
  pair_->run_for(seconds(3600));  // longer than SCTP would hope for
  EXPECT_EQ(pair_->left->bytes_sent_to(pair_->right->sockets()[0]), sent) << "silence";
  cut(false);
  pair_->run_for(seconds(60));
  EXPECT_EQ(pair_->left->bytes_sent_to(pair_->right->sockets()[0]), sent) << "consent is gone";
  ASSERT_TRUE(restart(*pair_->right));
  pair_->run_for(seconds(20));
  EXPECT_EQ(pair_->texts(*pair_->right), std::vector<std::string>{"into the dark"});
  expect_talk("and on");
}

TEST_F(Restart, is_how_a_browser_comes_back_after_a_box_forgot_it) {
  Nat box({.mapping = Dependence::address_and_port}, Address::v4(198, 51, 100, 101, 0));
  PairOptions options;
  options.left_nat = &box;
  options.left_addresses = {Address::v4(10, 0, 0, 5, 0)};
  begin(options);
  box.forget();
  ASSERT_TRUE(restart(*pair_->left));
  expect_talk("through another hole");
}

// ---------------------------------------------------------------- what is none

TEST_F(Restart, with_another_certificate_is_a_new_connection) {
  may_be_lost_ = true;
  begin({}, true);
  on_signal = [&](Peer& from, std::string& sdp) {
    if (&from != pair_->left.get()) return false;
    const auto at = sdp.find("a=fingerprint:sha-256 ") + 22;
    sdp[at] = sdp[at] == '0' ? '1' : '0';
    return true;
  };
  ASSERT_TRUE(restart(*pair_->left));
  pair_->run_for(seconds(1));
  EXPECT_EQ(pair_->right->attempts(), 2);
  EXPECT_TRUE(pair_->right_ear.said(State::disconnected));
}

// [rfc8842#5.1] Also where its ICE session is said to be the same.
TEST_F(Restart, is_not_what_another_certificate_on_the_same_session_is) {
  may_be_lost_ = true;
  for (const bool reconnect : {false, true}) {
    World world(6);
    PairOptions options;
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = reconnect;
    Pair pair(world, options);
    pair.connect();
    ASSERT_TRUE(pair.run_until_open());
    std::string offer = pair.left_ear.description;
    offer.insert(offer.find(" IN IP4"), "9");  // a later version
    const auto digit = offer.find("a=fingerprint:sha-256 ") + 22;
    offer[digit] = offer[digit] == '0' ? '1' : '0';
    const Status heard = pair.right->hear_description(offer);
    EXPECT_EQ(static_cast<bool>(heard), reconnect);
    EXPECT_EQ(pair.right_ear.said(State::disconnected), reconnect);
    EXPECT_EQ(pair.send(*pair.right, "still here").code(),
              reconnect ? Errc::wrong_state : Errc::ok);
    pair.run_for(seconds(1));
    EXPECT_EQ(pair.right->attempts(), reconnect ? 2 : 1);
    for (const std::string& failure : world.failures) ADD_FAILURE() << failure;
  }
}

}  // namespace
}  // namespace esp_peer::sim
