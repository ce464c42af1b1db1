// Strangers, liars and floods: what is not proven to be the peer's changes nothing, and what the
// peer does stays in its bounds.
#include <gtest/gtest.h>

#include "tests/support/ice_network.hpp"

namespace esp_peer::ice {
namespace {

using Forgery = Network::Forgery;

struct Answered {
  std::size_t size = 0;
  Route to;
  std::vector<std::byte> bytes;
  std::optional<stun::Message> message;
};
Answered take_answer(Network& n, Side& side) {
  Answered a;
  a.bytes.resize(1500);
  a.size = side.agent.write_datagram(n.now, a.bytes, a.to);
  a.message = stun::parse(Bytes(a.bytes).first(a.size));
  return a;
}

class Hostile : public ::testing::Test {
 protected:
  void connect() {
    n.start();
    n.run_for(milliseconds(500));
    ASSERT_TRUE(n.agreed());
  }
  Bytes left_key() const { return as_bytes(n.left.agent.local_credentials().password.view()); }
  std::vector<std::byte> response(stun::Class kind, const stun::TransactionId& id,
                                  std::string_view key, std::optional<Address> mapped,
                                  std::uint16_t error = 0) {
    std::vector<std::byte> room(300);
    stun::Builder b(room, kind, stun::binding, id);
    if (mapped) b.xor_mapped_address(*mapped);
    if (error != 0) b.error(error, "reason");
    if (!key.empty()) b.integrity(openssl::provider(), as_bytes(key));
    room.resize(b.finish());
    return room;
  }

  Network n;
  const Route path{n.left_address, n.right_address};
  const Route attacker{n.left_address, Address::v4(203, 0, 113, 9, 9)};
};

// covers: bug 26, must rfc8489#9.1.3, must rfc8445#7.2.2
TEST_F(Hostile, requests_that_prove_nothing_change_nothing_and_get_no_more_than_they_sent) {
  connect();
  const std::string ours(n.left.agent.local_credentials().ufrag.view());
  const std::string theirs(n.right.agent.local_credentials().ufrag.view());
  const std::pair<Forgery, unsigned> cases[] = {
      {{.with_username = false, .with_integrity = false, .use_candidate = true}, 400},
      {{.with_integrity = false, .use_candidate = true}, 400},
      {{.with_username = false, .use_candidate = true}, 400},
      {{.username = "other:user", .use_candidate = true}, 401},
      {{.username = theirs + ":" + ours, .use_candidate = true}, 401},
      {{.username = ours, .use_candidate = true}, 401},
      {{.username = ours + "x:" + theirs, .use_candidate = true}, 401},
      {{.username = "", .use_candidate = true}, 401},
      {{.password = "wrong", .use_candidate = true}, 401},
      {{.password = std::string(n.right.agent.local_credentials().password.view()),
        .use_candidate = true},
       401},
      {{.password = "wrong", .controlling = ~0ull}, 401},
  };
  for (const Route& route : {attacker, path}) {
    for (const auto& [forgery, code] : cases) {
      const auto before = n.left.state();
      const auto bytes = Network::request(n.right, n.left, forgery);
      n.left.agent.on_stun(n.now, route, bytes);
      EXPECT_EQ(n.left.state(), before) << "also while the refusal waits";
      const Answered a = take_answer(n, n.left);
      EXPECT_LE(a.size, bytes.size()) << "nobody is flooded through us";
      ASSERT_TRUE(a.message);
      EXPECT_EQ(a.to, route);
      EXPECT_EQ(a.message->error_code, code);
      EXPECT_FALSE(a.message->has_integrity()) << "[rfc8489#9.1.3]";
      EXPECT_FALSE(a.message->username);
      EXPECT_EQ(n.left.state(), before);
      EXPECT_FALSE(n.left.agent.authenticated(attacker));
    }
  }
  EXPECT_EQ(n.left.agent.role(), Role::controlling);
}

TEST_F(Hostile, a_request_too_small_for_a_refusal_gets_silence) {
  connect();
  std::vector<std::byte> bytes(20);
  Writer w(bytes);
  w.u16(0x0001);
  w.u16(0);
  w.u32(stun::magic_cookie);
  n.left.agent.on_stun(n.now, attacker, bytes);
  EXPECT_EQ(take_answer(n, n.left).size, 0u);
}

// covers: bug 26, must rfc8489#9
TEST_F(Hostile, attributes_behind_the_integrity_are_not_obeyed) {
  connect();
  n.now += seconds(1);
  std::vector<std::byte> room(400);
  stun::Builder b(room, stun::Class::request, stun::binding, {});
  b.username(n.right.agent.local_credentials().ufrag.view(),
             n.left.agent.local_credentials().ufrag.view());
  b.priority(1);
  b.controlling(1);
  b.integrity(openssl::provider(), as_bytes(n.right.agent.local_credentials().password.view()));
  b.use_candidate();
  room.resize(b.finish());
  n.right.agent.on_stun(n.now, {n.right_address, attacker.remote}, room);
  n.run_for(seconds(1));
  EXPECT_EQ(n.right.agent.selected()->remote, n.left_address);
  EXPECT_FALSE(n.right.agent.authenticated({n.right_address, attacker.remote}));
}

// covers: bug 27, must rfc8489#9.1.4, must rfc8445#7.2.5.2.1
TEST_F(Hostile, answers_count_only_with_our_id_from_the_right_address_and_signed) {
  n.add_hosts();
  stun::TransactionId id{};
  n.meddle = [&](Route&, std::vector<std::byte>& bytes) {
    id = stun::parse(bytes)->id;
    return false;
  };
  n.describe(n.right, n.left);
  n.run_for(milliseconds(10));
  const std::string key(n.right.agent.local_credentials().password.view());
  const std::string ours(n.left.agent.local_credentials().password.view());
  stun::TransactionId other = id;
  other[11] ^= std::byte{1};
  using stun::Class;
  std::vector<std::byte> strange(300);
  stun::Builder b(strange, Class::success, stun::binding, id);
  b.unknown_attributes({});
  strange[stun::header_size] = std::byte{0x7F};  // another type: required, and unknown
  b.xor_mapped_address(n.left_address);
  b.integrity(openssl::provider(), as_bytes(key));
  strange.resize(b.finish());
  const std::vector<std::pair<Route, std::vector<std::byte>>> lies = {
      {path, strange},  // [rfc8489#6.3.3]
      {path, response(Class::success, other, key, n.left_address)},
      {path, response(Class::success, id, "", n.left_address)},
      {path, response(Class::success, id, ours, n.left_address)},
      {path, response(Class::error, id, "", {}, 487)},
      {path, response(Class::error, id, ours, {}, 487)},
      {path, response(Class::error, id, "", {}, 400)},
      {path, response(Class::error, id, "", {}, 401)},
      {path, response(Class::success, id, key, {})},  // no mapped address
      {attacker, response(Class::success, id, key, n.left_address)},
      {attacker, response(Class::error, id, key, {}, 487)},
      {{Address::v4(10, 0, 0, 77, 1), n.right_address},
       response(Class::success, id, key, n.left_address)},
  };
  for (const auto& [route, bytes] : lies) {
    const auto before = n.left.state();
    n.left.agent.on_stun(n.now, route, bytes);
    EXPECT_EQ(n.left.state(), before);
    EXPECT_FALSE(n.left.agent.route());
  }
  n.left.agent.on_stun(n.now, path, response(Class::success, id, key, n.left_address));
  EXPECT_EQ(n.left.agent.route(), path) << "the true one comes last and is believed";
}

TEST_F(Hostile, a_signed_error_fails_the_pair_and_no_other) {
  n.add_hosts();
  stun::TransactionId id{};
  n.meddle = [&](Route&, std::vector<std::byte>& bytes) {
    id = stun::parse(bytes)->id;
    return false;
  };
  n.describe(n.right, n.left);
  n.run_for(milliseconds(10));
  const std::string key(n.right.agent.local_credentials().password.view());
  n.left.agent.on_stun(n.now, path, response(stun::Class::error, id, key, {}, 420));
  id = {};
  n.run_for(seconds(20));
  EXPECT_EQ(id, stun::TransactionId{}) << "what the peer refuses is not asked again";
  n.left.agent.on_stun(n.now, path, Network::request(n.right, n.left, {}));
  n.run_for(milliseconds(10));
  EXPECT_NE(id, stun::TransactionId{}) << "until it asks itself [rfc8445#7.3.1.4]";
}

// covers: bug 23, bug 24
TEST_F(Hostile, every_truncation_of_a_good_check_and_noise_of_all_sizes_change_nothing) {
  connect();
  const auto good = Network::request(n.right, n.left, {.use_candidate = true});
  const auto before = n.left.state();
  for (std::size_t size = 0; size < good.size(); ++size) {
    std::vector<std::byte> exactly(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    n.left.agent.on_stun(n.now, path, exactly);
    ASSERT_EQ(n.left.state(), before) << size;
  }
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::byte> noise(random() % 200);
    for (auto& b : noise) b = static_cast<std::byte>(random());
    if (!noise.empty()) noise[0] &= std::byte{3};
    n.left.agent.on_stun(n.now, attacker, noise);
    ASSERT_EQ(n.left.state(), before);
  }
  EXPECT_EQ(take_answer(n, n.left).size, 0u);
}

// covers: bug 24
TEST_F(Hostile, indications_and_unknown_methods_are_passed_over) {
  connect();
  const auto before = n.left.state();
  for (const auto kind : {stun::Class::indication, stun::Class::request, stun::Class::success}) {
    for (const std::uint16_t method : std::initializer_list<std::uint16_t>{1, 3, 4, 9, 0xFFF}) {
      if (kind != stun::Class::indication && method == stun::binding) continue;
      std::vector<std::byte> room(100);
      stun::Builder b(room, kind, method, {});
      room.resize(b.finish());
      n.left.agent.on_stun(n.now, path, room);
      EXPECT_EQ(n.left.state(), before);
      EXPECT_EQ(take_answer(n, n.left).size, 0u);
    }
  }
}

// covers: bug 28
TEST_F(Hostile, a_million_bad_checks_do_not_end_the_session) {
  connect();
  const auto bad = Network::request(n.right, n.left, {.password = "wrong", .use_candidate = true});
  const auto before = n.left.state();
  for (int i = 0; i < 1'000'000; ++i) n.left.agent.on_stun(n.now, attacker, bad);
  EXPECT_EQ(n.left.state(), before);
  int refusals = 0;
  while (take_answer(n, n.left).size != 0) ++refusals;
  EXPECT_LE(refusals, 16) << "strangers leave room for the peer";
  n.run_for(seconds(60));
  EXPECT_TRUE(n.left.agent.route());
}

TEST_F(Hostile, the_peer_gets_its_answer_though_strangers_flood) {
  connect();
  const auto bad = Network::request(n.right, n.left, {.password = "wrong"});
  for (int i = 0; i < 1000; ++i) n.left.agent.on_stun(n.now, attacker, bad);
  for (std::uint8_t i = 0; i < 40; ++i) {
    n.left.agent.on_stun(n.now, path, Network::request(n.right, n.left, {.id = {std::byte{i}}}));
  }
  int answers = 0;
  for (Answered a = take_answer(n, n.left); a.size != 0; a = take_answer(n, n.left)) {
    if (a.message->kind != stun::Class::success) continue;
    EXPECT_EQ(a.message->id[0], static_cast<std::byte>(answers++)) << "each its own, in order";
  }
  EXPECT_EQ(answers, 40);
}

TEST_F(Hostile, pending_answers_never_alias) {
  connect();
  for (std::uint8_t i = 0; i < 64; ++i) {
    const Route route{n.left_address,
                      n.right_address.with_port(static_cast<std::uint16_t>(100 + i))};
    n.left.agent.on_stun(n.now, route, Network::request(n.right, n.left, {.id = {std::byte{i}}}));
  }
  for (std::uint8_t i = 0; i < 64; ++i) {
    const Answered a = take_answer(n, n.left);
    ASSERT_TRUE(a.message);
    EXPECT_EQ(a.message->id[0], std::byte{i});
    EXPECT_EQ(a.message->mapped->port, 100 + i);
    EXPECT_TRUE(a.message->integrity_matches(openssl::provider(), left_key()));
  }
}

// covers: bug 30, must rfc8489#9.1.3
TEST_F(Hostile, every_answer_after_a_passed_check_is_signed_with_our_password_and_without_a_name) {
  connect();
  const std::string ours(n.left.agent.local_credentials().ufrag.view());
  for (const unsigned expected : {0u, 420u, 487u}) {
    auto bytes = Network::request(
        n.right, n.left, {.controlling = expected == 487 ? std::optional(0ull) : std::nullopt});
    if (expected == 420) {
      bytes.assign(300, {});
      stun::Builder b(bytes, stun::Class::request, stun::binding, {});
      b.username(ours, "x");
      b.unknown_attributes({});
      const std::size_t at = 20 + 4 + (ours.size() + 2 + 3) / 4 * 4;
      bytes[at] = std::byte{0x7F};  // another type: required, and unknown
      bytes[at + 1] = std::byte{0xFF};
      b.integrity(openssl::provider(), left_key());
      bytes.resize(b.finish());
    }
    n.left.agent.on_stun(n.now, path, bytes);
    const Answered a = take_answer(n, n.left);
    ASSERT_TRUE(a.message) << expected;
    EXPECT_EQ(a.message->error_code.value_or(0), expected);
    EXPECT_EQ(a.message->kind, expected == 0 ? stun::Class::success : stun::Class::error);
    EXPECT_TRUE(a.message->integrity_matches(openssl::provider(), left_key())) << expected;
    EXPECT_TRUE(a.message->has_fingerprint);
    EXPECT_FALSE(a.message->username);
  }
  EXPECT_EQ(n.left.agent.role(), Role::controlling);
}

// covers: bug 31
TEST_F(Hostile,
       as_many_sources_as_there_are_ports_and_ten_thousand_candidates_stay_in_their_bounds) {
  n.start();
  for (unsigned port = 1; port <= 65'535; ++port) {
    const Route route{n.left_address,
                      Address::v4(203, 0, 113, 9, static_cast<std::uint16_t>(port))};
    n.left.agent.on_stun(n.now, route, Network::request(n.right, n.left, {.controlled = 1}));
    while (take_answer(n, n.left).size != 0) {
    }
    ASSERT_LE(n.left.memory.live, 8'000u) << port;
  }
  std::size_t taken = 0;
  for (unsigned i = 0; i < 10'000; ++i) {
    Candidate c;
    c.address =
        Address::v4(10, 1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 5);
    c.priority = 1000 + i;
    const auto code = n.left.agent.add_remote(n.now, c).code();
    EXPECT_TRUE(code == Errc::ok || code == Errc::over_limit);
    taken += code == Errc::ok;
  }
  EXPECT_EQ(taken, 31u) << "32, one of which is the right side; learned ones took no room";
  EXPECT_LE(n.left.memory.peak, 25'000u);
  n.run_for(seconds(10));
  EXPECT_TRUE(n.agreed()) << "and the one that works is found";
}

TEST_F(Hostile, learned_addresses_that_are_named_afterwards_count_as_named) {
  n.start();
  std::size_t taken = 0;
  for (unsigned i = 1; i <= 1000; ++i) {
    const Address address =
        Address::v4(10, 1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 5);
    n.left.agent.on_stun(n.now, {n.left_address, address}, Network::request(n.right, n.left, {}));
    while (take_answer(n, n.left).size != 0) {
    }
    Candidate c;
    c.address = address;
    c.priority = i;
    const auto code = n.left.agent.add_remote(n.now, c).code();
    EXPECT_TRUE(code == Errc::ok || code == Errc::over_limit);
    taken += code == Errc::ok;
  }
  EXPECT_EQ(taken, 31u) << "32, one of which is the right side";
  n.run_for(seconds(10));
  EXPECT_TRUE(n.agreed());
}

// covers: bug 29
TEST_F(Hostile, a_peer_that_answers_487_to_everything_is_given_up_without_a_storm) {
  n.add_hosts();
  const std::string key(n.right.agent.local_credentials().password.view());
  int checks = 0;
  n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    ++checks;
    n.inject({route.local, route.remote},
             response(stun::Class::error, stun::parse(bytes)->id, key, {}, 487));
    return false;
  };
  n.describe(n.right, n.left);
  n.run_for(seconds(45));
  EXPECT_LE(checks, 4);
  EXPECT_EQ(n.left.count<Failed>(), 1u);
}

TEST_F(Hostile, a_lite_peer_that_claims_to_control_is_not_obeyed) {
  Options options = role(Role::controlling);
  options.remote_lite = true;
  Network lite(1, options);
  lite.add_hosts();
  lite.describe(lite.right, lite.left);
  lite.left.agent.on_stun(lite.now, path,
                          Network::request(lite.right, lite.left, {.controlling = ~0ull}));
  EXPECT_EQ(take_answer(lite, lite.left).message->kind, stun::Class::success);
  EXPECT_EQ(lite.left.agent.role(), Role::controlling) << "[rfc8445#6.1.1]";
}

TEST_F(Hostile, learned_addresses_that_lead_nowhere_make_room_for_the_real_one) {
  n.add_hosts();
  n.describe(n.left, n.right, false);
  for (std::uint16_t port = 1; port <= 20; ++port) {
    const Route zombie{n.right_address, Address::v4(203, 0, 113, 9, port)};
    n.right.agent.on_stun(n.now, zombie, Network::request(n.left, n.right, {}));
  }
  n.run_for(seconds(5));
  EXPECT_FALSE(n.right.agent.route());
  n.describe(n.right, n.left, true);
  n.run_for(seconds(2));
  EXPECT_TRUE(n.agreed());
}

// covers: must rfc8445#6.1.2.5, bug 31
TEST_F(Hostile, a_thousand_pairs_are_cut_to_the_bound_and_the_proven_one_gets_in) {
  Options few = role(Role::controlled);
  few.max_pairs = 4;
  Network small(1, role(Role::controlling), few);
  small.add_hosts();
  small.describe(small.left, small.right, false);
  for (std::uint8_t i = 1; i <= 30; ++i) {
    Candidate c;
    c.address = Address::v4(10, 7, 7, i, 7);
    c.priority = 0x7E00'0000u + i;
    ASSERT_TRUE(small.right.agent.add_remote(small.now, c));
  }
  small.describe(small.right, small.left);
  small.run_for(seconds(2));
  EXPECT_TRUE(small.agreed());
}

// covers: must rfc8445#7.2.2
TEST_F(Hostile, a_twin_with_the_wrong_password_never_connects) {
  n.add_hosts();
  Credentials wrong = n.right.agent.local_credentials();
  std::string password(wrong.password.view());
  password.back() = password.back() == 'A' ? 'B' : 'A';
  wrong.password.assign(password);
  ASSERT_TRUE(n.left.agent.set_remote(n.now, wrong, false, milliseconds(5)));
  n.trickle(n.right, n.left);
  n.describe(n.left, n.right);
  n.run_for(seconds(50));
  EXPECT_FALSE(n.left.agent.route());
  EXPECT_EQ(n.left.count<Failed>(), 1u);
  EXPECT_EQ(n.left.count<PairValid>(), 0u);
}

TEST_F(Hostile, the_selected_pair_does_not_follow_a_replayed_nomination) {
  std::vector<std::byte> nomination;
  n.meddle = [&](Route&, std::vector<std::byte>& bytes) {
    const auto m = stun::parse(bytes);
    if (m && m->use_candidate) nomination = bytes;
    return true;
  };
  connect();
  // Copied by someone on the way, sent again from another address: it is signed, so it is answered
  // and checked; but nobody there can answer our check.
  ASSERT_FALSE(nomination.empty());
  for (int i = 0; i < 10; ++i) {
    n.right.agent.on_stun(n.now, {n.right_address, attacker.remote}, nomination);
    n.run_for(seconds(1));
  }
  EXPECT_EQ(n.right.agent.selected()->remote, n.left_address);
  EXPECT_EQ(n.right.agent.route()->remote, n.left_address);
}

}  // namespace
}  // namespace esp_peer::ice
