// Two ICE agents on a network in virtual time that delays, loses, doubles and reorders; a hook on
// the wire for a NAT, a server or an attacker.
#pragma once
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "backends/openssl/provider.hpp"
#include "ice/agent.hpp"
#include "stun/builder.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::ice {

// A seeded source whose first number, which an agent takes for its tie-breaker, may be fixed.
class ScriptedRandom final : public Random {
 public:
  ScriptedRandom(std::uint64_t seed, std::optional<std::uint64_t> first)
      : rest_(seed), first_(first) {}
  void fill_public(MutableBytes out) override {
    rest_.fill_public(out);
    if (!first_ || out.size() != sizeof(*first_)) return;
    std::memcpy(out.data(), &*first_, out.size());
    first_.reset();
  }
  void fill_secret(MutableBytes out) override { rest_.fill_secret(out); }

 private:
  test::SeededRandom rest_;
  std::optional<std::uint64_t> first_;
};

struct Side {
  Side(std::uint64_t seed, const Options& options, std::optional<std::uint64_t> tie_breaker)
      : random(seed, tie_breaker),
        env{memory, random, Tracer(&count_drop, this)},
        agent(options, generate_credentials(random), openssl::provider(), env) {}

  template <class E>
  std::size_t count() const {
    std::size_t n = 0;
    for (const auto& e : events) n += std::holds_alternative<E>(e) ? 1u : 0u;
    return n;
  }
  std::uint64_t state() const {
    StateHash hash;
    agent.hash_state(hash);
    return hash.value();
  }

  test::CountingMemory memory;
  ScriptedRandom random;
  Env env;
  std::size_t drops = 0;
  Agent agent;
  std::vector<Address> addresses;
  std::vector<Agent::Event> events;

 private:
  static void count_drop(void* self, Instant, std::string_view name, const void*) {
    if (name == PacketDropped::kName) ++static_cast<Side*>(self)->drops;
  }
};

struct Link {
  double loss = 0, duplication = 0;
  std::int64_t delay_ms = 10, jitter_ms = 0;
};

inline Options role(Role r) {
  Options o;
  o.role = r;
  return o;
}

class Network {
 public:
  explicit Network(std::uint64_t seed = 1, const Options& a = role(Role::controlling),
                   const Options& b = role(Role::controlled),
                   std::optional<std::uint64_t> a_tie_breaker = {},
                   std::optional<std::uint64_t> b_tie_breaker = {})
      : left(seed * 2 + 1, a, a_tie_breaker),
        right(seed * 2 + 2, b, b_tie_breaker),
        random_(seed) {}

  void add_host(Side& side, const Address& address) {
    side.addresses.push_back(address);
    ASSERT_TRUE(side.agent.add_host(now, address));
  }
  void add_hosts() {
    add_host(left, left_address);
    add_host(right, right_address);
  }
  // `to` learns what `from` would have written into its description.
  void describe(Side& from, Side& to, bool with_candidates = true) {
    ASSERT_TRUE(to.agent.set_remote(now, from.agent.local_credentials(), false, milliseconds(5)));
    if (with_candidates) trickle(from, to);
  }
  void trickle(Side& from, Side& to) {
    for (const Candidate& c : from.agent.local_candidates()) {
      const auto text = candidate_text(c);
      auto parsed = parse_candidate(text.view());
      ASSERT_TRUE(parsed) << text.view();
      ASSERT_TRUE(to.agent.add_remote(now, *parsed));
    }
  }
  void start() {
    add_hosts();
    describe(left, right);
    describe(right, left);
  }
  void run_for(Duration time) { run_until(now + time); }
  void run_until(Instant end) {
    for (int steps = 0; steps < 1'000'000; ++steps) {
      pump(left);
      pump(right);
      auto next = earliest(left.agent.next_deadline(), right.agent.next_deadline());
      if (!in_flight_.empty()) next = earliest(next, in_flight_.begin()->first);
      if (!next || *next > end) {
        now = std::max(now, end);
        return;
      }
      now = std::max(now, *next);
      deliver();
      for (Side* side : {&left, &right}) {
        side->agent.on_deadline(now);
        const auto deadline = side->agent.next_deadline();
        ASSERT_TRUE(!deadline || *deadline > now) << "a machine never spins";
      }
    }
    FAIL() << "too many steps";
  }
  bool selected() const { return left.agent.selected() && right.agent.selected(); }
  // Both ends agree on the path, where no address is translated.
  bool agreed() const {
    return selected() && left.agent.selected()->local == right.agent.selected()->remote &&
           left.agent.selected()->remote == right.agent.selected()->local &&
           left.agent.role() != right.agent.role();
  }

  // A Binding request as `from` would sign it, for `to`.
  struct Forgery {
    // The right ones where nothing is said.
    std::optional<std::string> username = {}, password = {};
    bool with_username = true, with_integrity = true, use_candidate = false;
    std::optional<std::uint32_t> priority = 1;
    std::optional<std::uint64_t> controlling = {}, controlled = {};
    stun::TransactionId id{};
  };
  static std::vector<std::byte> request(const Side& from, const Side& to, const Forgery& forgery) {
    std::vector<std::byte> room(400);
    stun::Builder b(room, stun::Class::request, stun::binding, forgery.id);
    const std::string user = std::string(to.agent.local_credentials().ufrag.view()) + ":" +
                             std::string(from.agent.local_credentials().ufrag.view());
    if (forgery.with_username) b.username(forgery.username.value_or(user));
    if (forgery.priority) b.priority(*forgery.priority);
    if (forgery.controlling) b.controlling(*forgery.controlling);
    if (forgery.controlled) b.controlled(*forgery.controlled);
    if (forgery.use_candidate) b.use_candidate();
    const std::string key(to.agent.local_credentials().password.view());
    if (forgery.with_integrity) {
      b.integrity(openssl::provider(), as_bytes(forgery.password.value_or(key)));
    }
    room.resize(b.finish());
    return room;
  }

  Instant now = test::at_ms(1000);
  Side left, right;
  Link link;
  Address left_address = Address::v4(10, 0, 0, 1, 1111);
  Address right_address = Address::v4(10, 0, 0, 2, 2222);
  // Sees a datagram where it leaves: may rewrite its route (as the sender sees it) and its bytes;
  // false loses it.
  std::function<bool(Route&, std::vector<std::byte>&)> meddle;

  // Puts a datagram on the wire, to arrive after the link's delay.
  void inject(const Route& as_receiver_sees_it, const std::vector<std::byte>& bytes) {
    in_flight_.emplace(now + milliseconds(link.delay_ms), Datagram{as_receiver_sees_it, bytes});
  }

 private:
  struct Datagram {
    Route route;  // as the receiver sees it
    std::vector<std::byte> bytes;
  };
  void pump(Side& side) {
    std::array<std::byte, 1500> room{};
    Route to;
    while (const std::size_t n = side.agent.write_datagram(now, room, to)) {
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
  void deliver() {
    while (!in_flight_.empty() && in_flight_.begin()->first <= now) {
      const auto datagram = in_flight_.extract(in_flight_.begin()).mapped();
      for (Side* side : {&left, &right}) {
        for (const Address& address : side->addresses) {
          if (address != datagram.route.local) continue;
          side->agent.on_stun(now, datagram.route, datagram.bytes);
        }
      }
      pump(left);
      pump(right);
    }
  }
  bool chance(double p) { return p > 0 && std::uniform_real_distribution<>(0, 1)(random_) < p; }

  std::mt19937_64 random_;
  std::multimap<Instant, Datagram> in_flight_;
};

}  // namespace esp_peer::ice
