// Two agents over a link that delays, loses, doubles and reorders, in virtual time.
#include "ice/agent.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <vector>

#include "backends/openssl/provider.hpp"
#include "stun/builder.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::ice {
namespace {

using test::at_ms;

struct Link {
  double loss = 0, duplication = 0;
  std::int64_t delay_ms = 10, jitter_ms = 0;
};

struct Side {
  Side(std::uint64_t seed, const Options& options)
      : world(seed),
        agent(options, generate_credentials(world.random), openssl::provider(), world.env) {}
  test::TestEnv world;
  Agent agent;
  std::vector<Agent::Event> events;
  std::map<Instant, int> sent;  // when, how many

  template <class E>
  const E* last() const {
    for (auto at = events.rbegin(); at != events.rend(); ++at) {
      if (const auto* e = std::get_if<E>(&*at)) return e;
    }
    return nullptr;
  }
  template <class E>
  std::size_t count() const {
    std::size_t n = 0;
    for (const auto& e : events) n += std::holds_alternative<E>(e) ? 1u : 0u;
    return n;
  }
};

// The world: datagrams on their way, and a hook for a NAT or an attacker.
class Pairing {
 public:
  explicit Pairing(std::uint64_t seed = 1, Options a = {}, Options b = controlled())
      : left(seed * 2 + 1, a), right(seed * 2 + 2, b), random_(seed) {}

  static Options controlled() {
    Options o;
    o.role = Role::controlled;
    return o;
  }
  void add_hosts() {
    ASSERT_TRUE(left.agent.add_host(now, left_address));
    ASSERT_TRUE(right.agent.add_host(now, right_address));
  }
  void describe(Side& from, Side& to, bool with_candidates = true) {
    ASSERT_TRUE(to.agent.set_remote(now, from.agent.local_credentials(), false, milliseconds(5)));
    if (!with_candidates) return;
    for (const Candidate& c : from.agent.local_candidates()) {
      ASSERT_TRUE(to.agent.add_remote(now, c));
    }
  }
  void start() {
    add_hosts();
    describe(left, right);
    describe(right, left);
  }
  void run_until(Instant end) {
    for (int steps = 0; steps < 100'000; ++steps) {
      pump(left);
      pump(right);
      auto next = earliest(left.agent.next_deadline(), right.agent.next_deadline());
      if (!in_flight_.empty()) next = earliest(next, in_flight_.begin()->first);
      if (!next || *next > end) {
        now = end;
        return;
      }
      now = std::max(now, *next);
      while (!in_flight_.empty() && in_flight_.begin()->first <= now) {
        auto datagram = in_flight_.extract(in_flight_.begin()).mapped();
        Side& to = datagram.route.local == left_address ? left : right;
        to.agent.on_stun(now, datagram.route, datagram.bytes);
      }
      for (Side* side : {&left, &right}) {
        side->agent.on_deadline(now);
        const auto deadline = side->agent.next_deadline();
        ASSERT_TRUE(!deadline || *deadline > now) << "a machine never spins";
      }
    }
    FAIL() << "too many steps";
  }
  bool selected() const { return left.agent.selected() && right.agent.selected(); }

  Instant now = at_ms(1000);
  Side left, right;
  Link link;
  Address left_address = Address::v4(10, 0, 0, 1, 1111),
          right_address = Address::v4(10, 0, 0, 2, 2222);
  // Rewrites a datagram on its way; false loses it.
  std::function<bool(Route& from_sender, std::vector<std::byte>&)> meddle;

 private:
  struct Datagram {
    Route route;  // as the receiver sees it
    std::vector<std::byte> bytes;
  };
  void pump(Side& side) {
    std::array<std::byte, 1500> room{};
    Route to;
    while (const std::size_t n = side.agent.write_datagram(now, room, to)) {
      ++side.sent[now];
      std::vector<std::byte> bytes(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(n));
      Route route = to;
      if (meddle && !meddle(route, bytes)) continue;
      for (int copies = chance(link.duplication) ? 2 : 1; copies > 0; --copies) {
        if (chance(link.loss)) continue;
        const auto jitter =
            static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(link.jitter_ms + 1));
        in_flight_.emplace(now + milliseconds(link.delay_ms + jitter),
                           Datagram{{route.remote, route.local}, bytes});
      }
    }
    while (auto event = side.agent.poll_event()) side.events.push_back(*event);
  }
  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }

  std::mt19937_64 random_;
  std::multimap<Instant, Datagram> in_flight_;
};

TEST(IceAgent, two_hosts_select_the_same_pair_within_two_round_trips) {
  Pairing p;
  p.start();
  p.run_until(p.now + milliseconds(45));
  ASSERT_TRUE(p.selected());
  EXPECT_EQ(p.left.agent.selected()->remote, p.right_address);
  EXPECT_EQ(p.right.agent.selected()->remote, p.left_address);
  EXPECT_TRUE(p.left.agent.route());
  EXPECT_EQ(p.left.count<PairSelected>(), 1u);
  EXPECT_EQ(p.left.count<PairValid>(), 1u);
}

TEST(IceAgent, the_controlled_side_never_nominates) {
  Pairing p;
  bool controlled_nominated = false;
  p.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    const auto m = stun::parse(bytes);
    if (m && route.local == p.right_address) controlled_nominated |= m->use_candidate;
    return true;
  };
  p.start();
  p.run_until(p.now + seconds(5));
  ASSERT_TRUE(p.selected());
  EXPECT_FALSE(controlled_nominated);
}

TEST(IceAgent, checks_that_come_before_the_description_are_answered_and_remembered) {
  Pairing p;
  p.add_hosts();
  p.describe(p.right, p.left);  // the left side may check, the right one knows nothing yet
  p.run_until(p.now + milliseconds(100));
  EXPECT_TRUE(p.left.agent.route()) << "its check was answered";
  EXPECT_TRUE(p.right.agent.authenticated({p.right_address, p.left_address}));
  p.describe(p.left, p.right, false);
  p.run_until(p.now + milliseconds(100));
  EXPECT_TRUE(p.selected()) << "the early check became a triggered one";
}

TEST(IceAgent, a_nat_on_the_way_makes_a_peer_reflexive_candidate) {
  Pairing p;
  const Address mapped = Address::v4(198, 51, 100, 1, 40000);
  p.meddle = [&](Route& route, std::vector<std::byte>&) {
    if (route.local == p.left_address) route.local = mapped;
    if (route.remote == p.left_address) return false;  // unreachable from outside
    if (route.remote == mapped) route.remote = p.left_address;
    return true;
  };
  p.start();
  p.run_until(p.now + seconds(2));
  ASSERT_TRUE(p.selected());
  EXPECT_EQ(p.right.agent.selected()->remote, mapped);
}

class RoleConflict : public ::testing::TestWithParam<Role> {};

TEST_P(RoleConflict, ends_in_opposite_roles_without_a_storm) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Options o;
    o.role = GetParam();
    Pairing p(seed, o, o);
    int conflicts = 0;
    p.meddle = [&](Route&, std::vector<std::byte>& bytes) {
      const auto m = stun::parse(bytes);
      conflicts += m && m->error_code == 487;
      return true;
    };
    p.start();
    p.run_until(p.now + seconds(2));
    ASSERT_TRUE(p.selected()) << seed;
    EXPECT_NE(p.left.agent.role(), p.right.agent.role()) << seed;
    EXPECT_LE(conflicts, 3) << seed;
  }
}
INSTANTIATE_TEST_SUITE_P(Both, RoleConflict,
                         ::testing::Values(Role::controlling, Role::controlled));

TEST(IceAgent, a_thousand_bad_networks_all_end_on_one_pair) {
  Duration slowest{};
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    Pairing p(seed);
    p.link = {.loss = 0.2,
              .duplication = 0.1,
              .delay_ms = 5 + static_cast<std::int64_t>(seed % 100),
              .jitter_ms = 40};
    p.start();
    const Instant begin = p.now;
    while (!p.selected() && p.now < begin + seconds(39)) p.run_until(p.now + milliseconds(100));
    ASSERT_TRUE(p.selected()) << "seed " << seed;
    slowest = std::max(slowest, p.now - begin);
    EXPECT_EQ(p.left.agent.selected()->remote, p.right.agent.selected()->local);
  }
  std::cout << "slowest of 1000: " << slowest.count() / 1000 << " virtual ms\n";
}

TEST(IceAgent, consent_is_checked_every_five_seconds_more_or_less_with_new_ids) {
  Pairing p;
  p.start();
  p.run_until(p.now + seconds(1));
  ASSERT_TRUE(p.selected());
  std::vector<Instant> checks;
  std::vector<stun::TransactionId> ids;
  p.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    const auto m = stun::parse(bytes);
    if (route.local == p.left_address && m->kind == stun::Class::request) {
      checks.push_back(p.now);
      for (const auto& id : ids) EXPECT_NE(id, m->id);
      ids.push_back(m->id);
    }
    return true;
  };
  p.run_until(p.now + seconds(600));
  ASSERT_GE(checks.size(), 100u);
  for (std::size_t i = 1; i < checks.size(); ++i) {
    EXPECT_GE(checks[i] - checks[i - 1], seconds(4));
    EXPECT_LE(checks[i] - checks[i - 1], seconds(6));
  }
  EXPECT_TRUE(p.left.agent.route());
}

TEST(IceAgent, sending_stops_thirty_seconds_after_the_last_answer_and_the_loss_is_told) {
  Options o;
  o.consent_misses = 2;
  Pairing p(1, o);
  p.start();
  p.run_until(p.now + seconds(1));
  Instant last_answer = p.now;
  bool cut = false;
  p.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    const auto m = stun::parse(bytes);
    if (cut) return false;
    if (route.remote == p.left_address && m->kind == stun::Class::success) {
      last_answer = p.now + milliseconds(10);
    }
    return true;
  };
  p.run_until(p.now + seconds(20));
  cut = true;
  p.run_until(last_answer + milliseconds(11'999));
  EXPECT_EQ(p.left.count<Lost>(), 0u);
  p.run_until(last_answer + milliseconds(12'001));
  EXPECT_EQ(p.left.count<Lost>(), 1u) << "two misses of six seconds";
  p.run_until(last_answer + milliseconds(29'999));
  EXPECT_TRUE(p.left.agent.route());
  p.run_until(last_answer + milliseconds(30'001));
  EXPECT_FALSE(p.left.agent.route());
  EXPECT_EQ(p.left.count<ConsentLost>(), 1u);
  cut = false;
  p.run_until(p.now + seconds(60));
  EXPECT_FALSE(p.left.agent.route()) << "[rfc7675#5.1] what has ended stays ended";
}

TEST(IceAgent, nothing_works_and_patience_ends) {
  Pairing p;
  p.meddle = [](Route&, std::vector<std::byte>&) { return false; };
  p.start();
  p.run_until(at_ms(1000) + milliseconds(39'400));
  EXPECT_EQ(p.left.count<Failed>(), 0u);
  p.run_until(at_ms(1000) + milliseconds(39'600));
  EXPECT_EQ(p.left.count<Failed>(), 1u);
}

TEST(IceAgent, a_stun_server_shows_our_outer_address) {
  Pairing p;
  const Address server = Address::v4(192, 0, 2, 3, 3478), mapped = Address::v4(198, 51, 100, 1, 7);
  ASSERT_TRUE(p.left.agent.add_host(p.now, p.left_address));
  ASSERT_TRUE(p.left.agent.add_stun_server(p.now, server));
  EXPECT_TRUE(p.left.agent.gathering());
  int asked = 0;
  p.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    if (route.remote != server) return true;
    if (++asked == 1) return false;  // lost, and asked again
    const auto m = stun::parse(bytes);
    std::array<std::byte, 100> room{};
    stun::Builder b(room, stun::Class::success, stun::binding, m->id);
    b.xor_mapped_address(mapped);
    const std::size_t n = b.finish();
    p.left.agent.on_stun(p.now, {p.left_address, Address::v4(192, 0, 2, 9, 3478)},
                         Bytes(room).first(n));
    EXPECT_TRUE(p.left.agent.gathering()) << "another address's word is not taken";
    p.left.agent.on_stun(p.now, {p.left_address, server}, Bytes(room).first(n));
    return false;
  };
  p.run_until(p.now + seconds(1));
  EXPECT_EQ(asked, 2);
  EXPECT_FALSE(p.left.agent.gathering());
  EXPECT_EQ(p.left.count<GatheringDone>(), 1u);
  ASSERT_EQ(p.left.agent.local_candidates().size(), 2u);
  EXPECT_EQ(p.left.agent.local_candidates()[1].address, mapped);
  EXPECT_EQ(p.left.agent.local_candidates()[1].type, CandidateType::server_reflexive);
}

TEST(IceAgent, a_silent_stun_server_is_given_up) {
  Pairing p;
  ASSERT_TRUE(p.left.agent.add_host(p.now, p.left_address));
  ASSERT_TRUE(p.left.agent.add_stun_server(p.now, Address::v4(192, 0, 2, 3, 3478)));
  p.meddle = [](Route&, std::vector<std::byte>&) { return false; };
  p.run_until(p.now + seconds(60));
  EXPECT_FALSE(p.left.agent.gathering());
  EXPECT_EQ(p.left.count<GatheringDone>(), 1u);
}

// ---------------------------------------------------------------- hostile

std::uint64_t state_of(const Agent& agent) {
  StateHash hash;
  agent.hash_state(hash);
  return hash.value();
}

TEST(IceAgent, what_is_not_signed_with_our_password_changes_nothing) {
  Pairing p;
  p.start();
  p.run_until(p.now + milliseconds(500));
  ASSERT_TRUE(p.selected());
  const Route attacker{p.left_address, Address::v4(203, 0, 113, 9, 9)};
  const std::string user = std::string(p.left.agent.local_credentials().ufrag.view()) + ":" +
                           std::string(p.right.agent.local_credentials().ufrag.view());
  std::array<std::byte, 300> room{}, out{};
  for (const Route& route : {attacker, Route{p.left_address, p.right_address}}) {
    for (int kind = 0; kind < 6; ++kind) {
      const std::uint64_t before = state_of(p.left.agent);
      stun::Builder b(room, kind < 4 ? stun::Class::request : stun::Class::success, stun::binding,
                      {});
      if (kind == 1) b.username(user);
      if (kind == 2) b.username("other:user");
      if (kind == 3) b.username(user);
      b.priority(1);
      b.use_candidate();
      b.xor_mapped_address(p.left_address);
      if (kind == 2)
        b.integrity(openssl::provider(),
                    as_bytes(p.left.agent.local_credentials().password.view()));
      if (kind == 3 || kind == 5)
        b.integrity(openssl::provider(), as_bytes("wrong password of any length"));
      const std::size_t n = b.finish();
      p.left.agent.on_stun(p.now, route, Bytes(room).first(n));
      Route to;
      const std::size_t answered = p.left.agent.write_datagram(p.now, out, to);
      EXPECT_LE(answered, n) << "never more than was sent";
      if (answered != 0) {
        const auto m = stun::parse(Bytes(out).first(answered));
        ASSERT_TRUE(m);
        EXPECT_TRUE(m->error_code == 400 || m->error_code == 401);
        EXPECT_FALSE(m->has_integrity());
      }
      EXPECT_EQ(state_of(p.left.agent), before) << "kind " << kind;
    }
  }
  std::mt19937 random(7);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t before = state_of(p.left.agent);
    std::vector<std::byte> junk(random() % 200);
    for (auto& b : junk) b = static_cast<std::byte>(random());
    if (!junk.empty()) junk[0] &= std::byte{3};
    p.left.agent.on_stun(p.now, attacker, junk);
    ASSERT_EQ(state_of(p.left.agent), before);
  }
  EXPECT_EQ(p.left.agent.selected()->remote, p.right_address);
}

TEST(IceAgent, sixty_thousand_reflexive_sources_and_ten_thousand_candidates_stay_in_their_bounds) {
  Pairing p;
  p.start();
  const std::string user = std::string(p.left.agent.local_credentials().ufrag.view()) + ":" +
                           std::string(p.right.agent.local_credentials().ufrag.view());
  std::array<std::byte, 300> room{}, out{};
  std::size_t live_early = 0;
  for (unsigned port = 1; port <= 65'535; ++port) {
    stun::Builder b(room, stun::Class::request, stun::binding, {});
    b.username(user);
    b.priority(port);
    b.controlled(1);
    b.integrity(openssl::provider(), as_bytes(p.left.agent.local_credentials().password.view()));
    const std::size_t n = b.finish();
    p.left.agent.on_stun(
        p.now, {p.left_address, Address::v4(203, 0, 113, 9, static_cast<std::uint16_t>(port))},
        Bytes(room).first(n));
    Route to;
    while (p.left.agent.write_datagram(p.now, out, to) != 0) {
    }
    if (port == 100) live_early = p.left.world.memory.live;
  }
  EXPECT_EQ(p.left.world.memory.live, live_early);
  std::size_t taken = 0;
  for (unsigned i = 0; i < 10'000; ++i) {
    Candidate c;
    c.address =
        Address::v4(10, 1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 5);
    const auto code = p.left.agent.add_remote(p.now, c).code();
    EXPECT_TRUE(code == Errc::ok || code == Errc::over_limit);
    taken += code == Errc::ok;
  }
  EXPECT_EQ(taken, 31u) << "32, one of which is the right side";
  EXPECT_LE(p.left.world.memory.peak, 25'000u);
}

TEST(IceAgent, every_answer_after_a_passed_check_is_signed) {
  Pairing p;
  p.start();
  const std::string user = std::string(p.left.agent.local_credentials().ufrag.view()) + ":" +
                           std::string(p.right.agent.local_credentials().ufrag.view());
  const auto key = p.left.agent.local_credentials().password;
  for (const int expected : {0, 420, 487}) {
    std::array<std::byte, 300> room{}, out{};
    stun::Builder b(room, stun::Class::request, stun::binding, {});
    b.username(user);
    if (expected != 400) b.priority(1);
    if (expected == 487) b.controlling(0);  // the smallest tie-breaker loses
    if (expected == 420) b.unknown_attributes({});
    b.integrity(openssl::provider(), as_bytes(key.view()));
    std::size_t n = b.finish();
    if (expected == 420) {  // rename UNKNOWN-ATTRIBUTES into something required and unknown
      stun::Builder again(room, stun::Class::request, stun::binding, {});
      again.username(user);
      again.priority(1);
      again.unknown_attributes({});
      const std::size_t header_at = 20 + 4 + (user.size() + 3) / 4 * 4 + 8;
      room[header_at] = std::byte{0x7F};
      room[header_at + 1] = std::byte{0xFF};
      again.integrity(openssl::provider(), as_bytes(key.view()));
      n = again.finish();
    }
    p.left.agent.on_stun(p.now, {p.left_address, p.right_address}, Bytes(room).first(n));
    Route to;
    n = p.left.agent.write_datagram(p.now, out, to);
    const auto m = stun::parse(Bytes(out).first(n));
    ASSERT_TRUE(m) << expected;
    EXPECT_EQ(m->error_code.value_or(0), expected);
    EXPECT_TRUE(m->integrity_matches(openssl::provider(), as_bytes(key.view()))) << expected;
    EXPECT_FALSE(m->username);
  }
}

TEST(IceAgent, is_silent_after_close) {
  Pairing p;
  p.start();
  p.left.agent.close(p.now);
  std::array<std::byte, 300> out{};
  Route to;
  EXPECT_FALSE(p.left.agent.next_deadline());
  p.left.agent.on_deadline(p.now + seconds(100));
  EXPECT_EQ(p.left.agent.write_datagram(p.now, out, to), 0u);
  EXPECT_FALSE(p.left.agent.next_deadline());
}

TEST(IceAgent, same_seed_same_bytes) {
  std::vector<std::vector<std::byte>> traces[2];
  for (auto& trace : traces) {
    Pairing p(42);
    p.link = {.loss = 0.2, .duplication = 0.1, .delay_ms = 20, .jitter_ms = 20};
    p.meddle = [&](Route&, std::vector<std::byte>& bytes) {
      trace.push_back(bytes);
      return true;
    };
    p.start();
    p.run_until(p.now + seconds(30));
  }
  EXPECT_EQ(traces[0], traces[1]);
  EXPECT_GT(traces[0].size(), 10u);
}

TEST(IceCredentials, are_long_enough_to_be_secret) {
  openssl::SystemRandom random;
  const auto a = generate_credentials(random), b = generate_credentials(random);
  EXPECT_EQ(a.ufrag.view().size(), 8u) << "48 bits, 24 are asked";
  EXPECT_EQ(a.password.view().size(), 24u) << "144 bits, 128 are asked";
  EXPECT_NE(a.password.view(), b.password.view());
}

}  // namespace
}  // namespace esp_peer::ice
