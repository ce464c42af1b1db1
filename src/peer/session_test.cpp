// A session without a network: what it says, and what it asks its runner for, when commands come in
// one breath or memory is short just as an attempt begins. (Stories with a network:
// tests/scenario.)
#include "peer/session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/openssl/backend.hpp"
#include "backends/openssl/provider.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::peer {
namespace {

using test::at_ms;

// Refuses the k-th allocation from now on, once.
class RefusingMemory final : public Memory {
 public:
  void* allocate(std::size_t size) override {
    if (wait_ != 0 && --wait_ == 0) {
      refused = true;
      return nullptr;
    }
    return std::malloc(size);
  }
  void release(void* block, std::size_t) override { std::free(block); }
  void refuse_at(int k) { wait_ = k; }

  bool refused = false;

 private:
  int wait_ = 0;
};

struct Identities final : IdentitySource {
  dtls::Identity* identity() override { return openssl::backend().create_identity(1'700'000'000); }
};

SessionOptions options(ice::Role role) {
  SessionOptions options;
  options.role = role;
  options.auto_reconnect = false;
  return options;
}

struct Handle {
  Handle(ice::Role role, std::uint8_t last_byte)
      : own_address(Address::v4(192, 0, 2, last_byte, 50'000)),
        random(last_byte),
        session(options(role), {openssl::provider(), openssl::backend(), identities},
                {memory, random, {}}) {}

  void begin() {
    EXPECT_TRUE(session.new_connection(now));
    session.on_deadline(now);
  }
  // The runner, as far as sockets go: the names that it is asked for on the way.
  std::vector<std::string> serve() {
    std::vector<std::string> names;
    while (const auto request = session.poll_request()) {
      if (const auto* name = std::get_if<Resolve>(&*request)) {
        names.emplace_back(session.server_name(name->id));
      } else if (std::holds_alternative<OpenSockets>(*request)) {
        session.on_sockets(now, {&own_address, 1});
      }
    }
    return names;
  }
  std::vector<State> states() {
    std::vector<State> heard;
    while (const auto event = session.poll_event()) {
      if (const auto* changed = std::get_if<StateChanged>(&*event)) heard.push_back(changed->state);
    }
    return heard;
  }
  void hear(std::string_view description) {
    EXPECT_TRUE(session.set_remote_description(now, description));
  }
  std::string description() const { return std::string(session.local_description()); }

  Instant now = at_ms(1'000);
  const Address own_address;
  RefusingMemory memory;
  test::SeededRandom random;
  Identities identities;
  Session session;
};

Server named(std::string_view host) {
  Server server;
  server.host.assign(host);
  return server;
}

// session_fuzz, "ended_as_it_began": there is no room for the first request to the runner, so the
// attempt is over; the peer's offer, which had waited for it, made it PAIRING.
TEST(Session, an_attempt_that_ends_as_it_begins_stays_ended_though_an_offer_waits_for_it) {
  Handle offerer(ice::Role::controlling, 1);
  offerer.begin();
  offerer.serve();
  const std::string offer = offerer.description();
  ASSERT_FALSE(offer.empty());
  int ended_as_they_began = 0;
  bool refused = true;
  for (int k = 1; refused; ++k) {
    Handle answerer(ice::Role::controlled, 2);
    answerer.hear(offer);
    EXPECT_TRUE(answerer.session.new_connection(answerer.now));
    answerer.memory.refuse_at(k);
    answerer.session.on_deadline(answerer.now);
    refused = answerer.memory.refused;
    const std::vector<State> heard = answerer.states();
    const auto end = std::find(heard.begin(), heard.end(), State::disconnected);
    if (end == heard.end()) continue;  // never begun, or only the offer was lost
    ++ended_as_they_began;
    EXPECT_EQ(end + 1, heard.end()) << "refused " << k << ": told of more behind its end";
    EXPECT_EQ(answerer.session.state(), State::disconnected) << "refused " << k;
    answerer.serve();
    EXPECT_TRUE(answerer.description().empty()) << "nobody is answered";
    EXPECT_TRUE(answerer.session.new_connection(answerer.now)) << "and it can begin anew";
  }
  EXPECT_GE(ended_as_they_began, 1);
}

class ServersWithNames : public ::testing::Test {
 protected:
  // Both are described, and no pair has been found yet: new servers are asked at once.
  ServersWithNames() {
    offerer_.begin();
    offerer_.serve();
    answerer_.hear(offerer_.description());
    answerer_.begin();
    answerer_.serve();
    offerer_.hear(answerer_.description());
    EXPECT_EQ(offerer_.session.state(), State::pairing);
  }
  void change_servers(std::string_view host) {
    const Server server = named(host);
    EXPECT_TRUE(offerer_.session.set_servers(offerer_.now, {&server, 1}));
  }
  Handle offerer_{ice::Role::controlling, 1}, answerer_{ice::Role::controlled, 2};
};

// session_fuzz, "servers_and_restart": the look-up of before the restart was still asked for, and
// its name was empty by then.
TEST_F(ServersWithNames, are_looked_up_once_when_an_ice_restart_comes_in_the_same_breath) {
  change_servers("stun.example");
  EXPECT_TRUE(offerer_.session.restart_ice(offerer_.now));
  EXPECT_EQ(offerer_.serve(), std::vector<std::string>{}) << "nobody waits for that answer";
  offerer_.session.on_deadline(offerer_.now);  // sockets are looked for again
  EXPECT_EQ(offerer_.serve(), std::vector<std::string>{"stun.example"});
}

TEST_F(ServersWithNames, that_others_replace_in_the_same_breath_are_not_looked_up) {
  change_servers("old.example");
  change_servers("new.example");
  EXPECT_EQ(offerer_.serve(), std::vector<std::string>{"new.example"});
}

}  // namespace
}  // namespace esp_peer::peer
