// Two agents find each other: roles, nomination, trickle, NATs, early checks, bad networks.
#include "ice/agent.hpp"

#include <gtest/gtest.h>

#include <iostream>

#include "tests/support/ice_network.hpp"

namespace esp_peer::ice {
namespace {

using test::at_ms;

std::optional<stun::Message> check_in(const std::vector<std::byte>& bytes) {
  auto m = stun::parse(bytes);
  return m && m->kind == stun::Class::request ? m : std::nullopt;
}

TEST(IceAgent, two_hosts_select_the_same_pair_within_two_round_trips) {
  Network n;
  n.start();
  n.run_for(milliseconds(45));
  ASSERT_TRUE(n.agreed());
  EXPECT_EQ(n.left.agent.route(), n.left.agent.selected());
  for (const Side* side : {&n.left, &n.right}) {
    EXPECT_EQ(side->count<PairValid>(), 1u);
    EXPECT_EQ(side->count<PairSelected>(), 1u);
  }
}

// covers: must rfc8445#14.2, must rfc8445#14.2-14.3
TEST(IceAgent, the_first_check_goes_at_once_and_the_others_every_ta) {
  Network n;
  for (std::uint8_t i = 1; i <= 4; ++i) n.add_host(n.left, Address::v4(10, 0, 0, i, 1000));
  n.add_host(n.right, n.right_address);
  std::vector<Instant> sent;
  n.meddle = [&](Route&, std::vector<std::byte>&) {
    sent.push_back(n.now);
    return false;
  };
  ASSERT_TRUE(
      n.left.agent.set_remote(n.now, n.right.agent.local_credentials(), false, milliseconds(20)));
  n.trickle(n.right, n.left);
  n.run_for(milliseconds(400));
  ASSERT_EQ(sent.size(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(sent[static_cast<std::size_t>(i)], at_ms(1000 + 20 * i));
}

// covers: must rfc8445#14.3, must rfc8445#14.2-14.3
TEST(IceAgent, a_check_that_nobody_answers_is_sent_again_after_500_ms_and_begun_again_later) {
  Network n;
  std::vector<std::int64_t> sent;
  std::vector<stun::TransactionId> ids;
  n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    if (route.local != n.left_address) return false;
    sent.push_back((n.now - at_ms(1000)).count() / 1000);
    ids.push_back(stun::parse(bytes)->id);
    return false;
  };
  n.start();
  n.run_for(milliseconds(3600));
  EXPECT_EQ(sent, (std::vector<std::int64_t>{0, 500, 1500, 2500, 3000}));
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(ids[0], ids[2]);
  EXPECT_NE(ids[2], ids[3]) << "another transaction";
  EXPECT_EQ(ids[3], ids[4]);
}

// covers: must rfc8445#7.1.1, must rfc8445#7.2.4, changelog 12, must rfc8445#7.1.1-7.1.3
TEST(IceAgent, every_check_carries_what_the_role_demands) {
  Network n;
  int checks = 0, nominations = 0;
  std::map<stun::TransactionId, std::vector<std::byte>> seen;
  n.link = {.loss = 0.3, .delay_ms = 30, .jitter_ms = 30};
  n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    const auto m = check_in(bytes);
    if (!m) return true;
    const bool from_left = route.local == n.left_address;
    const Side& from = from_left ? n.left : n.right;
    const Side& to = from_left ? n.right : n.left;
    ++checks;
    nominations += m->use_candidate;
    EXPECT_EQ(m->username, std::string(to.agent.local_credentials().ufrag.view()) + ":" +
                               std::string(from.agent.local_credentials().ufrag.view()));
    EXPECT_EQ(m->priority, candidate_priority(CandidateType::peer_reflexive, 65535, 1));
    EXPECT_EQ(m->controlling.has_value(), from_left);
    EXPECT_EQ(m->controlled.has_value(), !from_left);
    EXPECT_FALSE(!from_left && m->use_candidate) << "[rfc8445#7.1.2]";
    EXPECT_TRUE(m->has_fingerprint);
    EXPECT_TRUE(m->integrity_matches(openssl::provider(),
                                     as_bytes(to.agent.local_credentials().password.view())));
    const auto known = seen.emplace(m->id, bytes).first;
    EXPECT_EQ(known->second, bytes) << "a request is repeated byte for byte";
    return true;
  };
  n.start();
  n.run_for(seconds(30));
  ASSERT_TRUE(n.agreed());
  EXPECT_GT(checks, 10);
  EXPECT_GE(nominations, 1);
}

// covers: changelog 12, changelog 22, must rfc8445#8.1.1
TEST(IceAgent, only_what_works_is_nominated_whatever_the_controlled_side_says) {
  Network n;
  n.add_hosts();
  bool answered = false;
  n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    const auto m = stun::parse(bytes);
    answered |= route.local == n.right_address && m->kind == stun::Class::success;
    EXPECT_FALSE(m->use_candidate && !answered);
    return true;
  };
  n.describe(n.right, n.left);
  n.left.agent.on_stun(n.now, {n.left_address, n.right_address},
                       Network::request(n.right, n.left, {.use_candidate = true, .controlled = 1}));
  n.run_for(seconds(1));
  EXPECT_TRUE(answered);
  EXPECT_TRUE(n.left.agent.selected());
}

// covers: must rfc8445#12.1
TEST(IceAgent, data_goes_on_a_valid_pair_before_nomination_and_on_the_selected_one_afterwards) {
  Network n;
  n.add_host(n.left, Address::v4(10, 0, 0, 7, 1111));
  bool holds_up = true;
  n.meddle = [&](Route&, std::vector<std::byte>& bytes) {
    const auto m = stun::parse(bytes);
    return !(holds_up && m && m->use_candidate);
  };
  n.start();
  n.run_for(milliseconds(400));
  for (const Side* side : {&n.left, &n.right}) {
    EXPECT_FALSE(side->agent.selected());
    ASSERT_TRUE(side->agent.route());
    EXPECT_TRUE(side->agent.valid(*side->agent.route()));
  }
  holds_up = false;
  n.run_for(seconds(5));
  ASSERT_TRUE(n.agreed());
  for (const Side* side : {&n.left, &n.right}) {
    EXPECT_EQ(side->agent.route(), side->agent.selected());
  }
}

TEST(IceAgent, candidates_may_come_before_the_credentials_and_the_sockets_last) {
  Network n;
  n.add_host(n.left, n.left_address);
  Candidate right;
  right.address = n.right_address;
  right.priority = 5;
  ASSERT_TRUE(n.left.agent.add_remote(n.now, right));
  n.describe(n.right, n.left, false);
  n.describe(n.left, n.right, true);
  n.run_for(milliseconds(100));
  EXPECT_FALSE(n.selected());
  n.add_host(n.right, n.right_address);
  n.run_for(seconds(1));
  EXPECT_TRUE(n.agreed());
}

TEST(IceAgent, a_candidate_that_trickles_in_late_is_checked_at_once) {
  Network n;
  n.add_hosts();
  n.describe(n.left, n.right, false);
  n.describe(n.right, n.left, false);
  n.run_for(seconds(20));
  EXPECT_FALSE(n.left.agent.route());
  n.trickle(n.right, n.left);
  n.run_for(milliseconds(60));
  EXPECT_TRUE(n.agreed()) << "and the other side learns it from the check";
}

// covers: must rfc8838#9-14
TEST(IceAgent, after_end_of_candidates_none_is_taken_until_the_peer_describes_itself_again) {
  Network n;
  n.add_hosts();
  n.describe(n.right, n.left, false);
  n.left.agent.end_of_remote_candidates(n.now);
  const auto before = n.left.state();
  n.trickle(n.right, n.left);
  EXPECT_EQ(n.left.state(), before);
  n.describe(n.right, n.left, true);
  n.run_for(milliseconds(100));
  EXPECT_TRUE(n.left.agent.route());
}

// covers: must rfc8445#7.3, changelog 61
TEST(IceAgent, checks_that_come_before_the_description_are_answered_and_remembered) {
  Network n;
  n.add_hosts();
  n.describe(n.right, n.left);  // the left side may check, the right one knows nothing yet
  n.run_for(milliseconds(100));
  EXPECT_TRUE(n.left.agent.route()) << "its check was answered";
  EXPECT_TRUE(n.right.agent.authenticated({n.right_address, n.left_address}));
  EXPECT_FALSE(n.right.agent.valid({n.right_address, n.left_address}));
  EXPECT_FALSE(n.right.agent.route()) << "[rfc8827#6.3] nothing is sent before our own check";
  n.describe(n.left, n.right, false);
  n.run_for(milliseconds(25));
  EXPECT_TRUE(n.agreed()) << "the early check became a triggered one, its nomination counts";
}

TEST(IceAgent, an_early_nomination_is_not_undone_by_a_later_check_without_one) {
  Network n;
  n.add_hosts();
  const Route path{n.right_address, n.left_address};
  for (const bool use_candidate : {true, false}) {
    n.right.agent.on_stun(
        n.now, path,
        Network::request(n.left, n.right, {.use_candidate = use_candidate, .controlling = 1}));
  }
  n.describe(n.left, n.right, false);
  n.run_for(milliseconds(100));
  EXPECT_EQ(n.right.agent.selected(), path);
}

TEST(IceAgent, early_checks_from_too_many_addresses_are_answered_and_forgotten) {
  Network n;
  n.add_hosts();
  for (std::uint16_t port = 1; port <= 100; ++port) {
    const Route route{n.right_address, Address::v4(10, 9, 9, 9, port)};
    n.right.agent.on_stun(n.now, route, Network::request(n.left, n.right, {}));
    std::array<std::byte, 200> out{};
    Route to;
    const auto size = n.right.agent.write_datagram(n.now, out, to);
    EXPECT_EQ(stun::parse(Bytes(out).first(size))->mapped, route.remote);
    EXPECT_EQ(n.right.agent.authenticated(route), port <= EarlyChecks::max);
  }
}

// covers: must rfc8445#7.2.5.3.1
TEST(IceAgent, a_nat_on_the_way_makes_a_peer_reflexive_candidate_that_its_name_replaces) {
  Network n;
  const Address mapped = Address::v4(198, 51, 100, 1, 40000);
  n.meddle = [&](Route& route, std::vector<std::byte>&) {
    if (route.remote == n.left_address) return false;  // unreachable from outside
    if (route.local == n.left_address) route.local = mapped;
    if (route.remote == mapped) route.remote = n.left_address;
    return true;
  };
  n.start();
  n.run_for(seconds(2));
  ASSERT_TRUE(n.selected());
  EXPECT_EQ(n.right.agent.selected()->remote, mapped);
  EXPECT_EQ(n.left.agent.selected()->local, n.left_address);
  auto named = parse_candidate(
      "candidate:9 1 udp 1694498815 198.51.100.1 40000 typ srflx raddr 10.0.0.1 rport 1111");
  ASSERT_TRUE(named);
  EXPECT_TRUE(n.right.agent.add_remote(n.now, *named));
  n.run_for(seconds(40));
  EXPECT_TRUE(n.right.agent.route());
}

TEST(IceAgent, a_lossy_first_check_is_made_good_by_the_check_that_it_triggers) {
  Network n;
  int from_left = 0;
  n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    return !(route.local == n.left_address && check_in(bytes) && ++from_left == 1);
  };
  n.start();
  n.run_for(milliseconds(100));
  EXPECT_TRUE(n.agreed()) << "[rfc8445#7.3.1.4] long before 500 ms";
}

TEST(IceAgent, an_answer_to_a_cancelled_check_still_counts) {
  Network n;
  n.add_hosts();
  std::vector<std::byte> first;
  n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    if (route.local == n.left_address && first.empty()) first = bytes;
    return false;
  };
  n.describe(n.right, n.left);
  n.run_for(milliseconds(1));
  const Route route{n.left_address, n.right_address};
  n.left.agent.on_stun(n.now, route, Network::request(n.right, n.left, {}));  // triggers another
  n.run_for(milliseconds(50));
  std::array<std::byte, 200> room{};
  stun::Builder b(room, stun::Class::success, stun::binding, stun::parse(first)->id);
  b.xor_mapped_address(n.left_address);
  b.integrity(openssl::provider(), as_bytes(n.right.agent.local_credentials().password.view()));
  const std::size_t size = b.finish();
  n.left.agent.on_stun(n.now, route, Bytes(room).first(size));
  EXPECT_TRUE(n.left.agent.valid(route));
}

TEST(IceAgent, a_better_pair_of_hosts_wins_when_both_work) {
  Network n;
  for (std::uint8_t i = 1; i <= 3; ++i) n.add_host(n.left, Address::v4(10, 0, i, 1, 1000));
  for (std::uint8_t i = 1; i <= 3; ++i) n.add_host(n.right, Address::v4(10, 0, i, 2, 1000));
  n.describe(n.left, n.right);
  n.describe(n.right, n.left);
  n.run_for(seconds(1));
  ASSERT_TRUE(n.agreed());
  EXPECT_EQ(n.left.agent.selected()->local, n.left.addresses[0]);
  EXPECT_EQ(n.left.agent.selected()->remote, n.right.addresses[0]);
}

TEST(IceAgent, a_better_pair_of_hosts_wins_also_when_its_answer_comes_a_moment_later) {
  // From 24 ms on the other pair's check has gone before. (Up to 20 it never could: those pass
  // alone.)
  for (std::int64_t later = 0; later < 24; ++later) {
    Network n;
    n.link.delay_ms = 1;  // both answers within one Ta
    for (std::uint8_t i = 1; i <= 2; ++i) n.add_host(n.left, Address::v4(10, 0, i, 1, 1000));
    for (std::uint8_t i = 1; i <= 2; ++i) n.add_host(n.right, Address::v4(10, 0, i, 2, 1000));
    n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
      const bool one_subnet = route.local.ip[14] == route.remote.ip[14];
      if (!one_subnet || check_in(bytes) || route.remote != n.left.addresses[0]) return one_subnet;
      n.link.delay_ms += later;
      n.inject({route.remote, route.local}, bytes);
      n.link.delay_ms -= later;
      return false;
    };
    n.describe(n.left, n.right);
    n.describe(n.right, n.left);
    n.run_for(seconds(1));
    ASSERT_TRUE(n.agreed());
    EXPECT_EQ(n.left.agent.selected()->local, n.left.addresses[0]) << later;
  }
}

TEST(IceAgent, finds_the_one_pair_of_many_that_works) {
  Network n;
  for (std::uint8_t i = 1; i <= 8; ++i) n.add_host(n.left, Address::v4(10, 0, i, 1, 1000));
  for (std::uint8_t i = 1; i <= 8; ++i) n.add_host(n.right, Address::v4(10, 0, i, 2, 1000));
  n.meddle = [&](Route& route, std::vector<std::byte>&) {
    const auto is = [&](const Address& a, const Address& b) {
      return (route.local == a && route.remote == b) || (route.local == b && route.remote == a);
    };
    return is(n.left.addresses[7], n.right.addresses[5]);
  };
  n.describe(n.left, n.right);
  n.describe(n.right, n.left);
  n.run_for(seconds(2));
  ASSERT_TRUE(n.agreed());
  EXPECT_EQ(n.left.agent.selected()->local, n.left.addresses[7]);
}

// covers: must rfc8445#6.1.2.2
TEST(IceAgent, link_local_addresses_pair_with_their_like_alone) {
  Network n;
  n.add_host(n.left, *parse_ip("fe80::1", 1));
  n.add_host(n.left, *parse_ip("2001:db8::1", 1));
  n.add_host(n.right, *parse_ip("fe80::2", 2));
  n.add_host(n.right, *parse_ip("2001:db8::2", 2));
  n.meddle = [&](Route& route, std::vector<std::byte>&) {
    EXPECT_EQ(route.local.is_link_local(), route.remote.is_link_local());
    return false;
  };
  n.describe(n.left, n.right);
  n.describe(n.right, n.left);
  n.run_for(seconds(5));
}

TEST(IceAgent, follows_the_rules_of_its_commands) {
  Network n;
  n.add_host(n.left, n.left_address);
  EXPECT_TRUE(n.left.agent.add_host(n.now, n.left_address)) << "known, and harmless";
  EXPECT_EQ(n.left.agent.local_candidates().size(), 1u);
  Candidate c;
  c.address = *parse_ip("2001:db8::2", 2);
  EXPECT_EQ(n.left.agent.add_remote(n.now, c).code(), Errc::unsupported) << "no IPv6 here";
  c.address = n.right_address;
  c.component = 2;
  EXPECT_EQ(n.left.agent.add_remote(n.now, c).code(), Errc::unsupported);
  c.component = 1;
  c.transport = Transport::tcp;
  EXPECT_EQ(n.left.agent.add_remote(n.now, c).code(), Errc::unsupported);
  c.transport = Transport::udp;
  EXPECT_TRUE(n.left.agent.add_remote(n.now, c));
  EXPECT_TRUE(n.left.agent.add_remote(n.now, c)) << "twice is fine";
  EXPECT_EQ(n.left.agent.set_remote(n.now, {}, false, {}).code(), Errc::bad_data);
  n.describe(n.right, n.left, false);
  n.describe(n.right, n.left, false);
  const auto other = generate_credentials(n.left.random);
  EXPECT_EQ(n.left.agent.set_remote(n.now, other, false, {}).code(), Errc::unsupported);
  for (std::uint8_t i = 2; i <= 12; ++i) n.add_host(n.left, Address::v4(10, 0, 0, i, 7));
  EXPECT_EQ(n.left.agent.add_host(n.now, Address::v4(10, 0, 0, 99, 7)).code(), Errc::over_limit);
  EXPECT_EQ(n.left.agent.add_host(n.now, {}).code(), Errc::invalid_argument);
}

// covers: must rfc8445#8.1.1
TEST(IceAgent, once_a_pair_is_selected_nothing_else_is_tried) {
  Network n;
  n.start();
  n.run_for(seconds(1));
  ASSERT_TRUE(n.agreed());
  n.meddle = [&](Route& route, std::vector<std::byte>&) {
    EXPECT_EQ(route.local == n.left_address ? route.remote : route.local, n.right_address);
    return true;
  };
  Candidate late;
  late.address = Address::v4(10, 0, 0, 77, 7);
  late.priority = 0x7FFF'FFFF;
  EXPECT_TRUE(n.left.agent.add_remote(n.now, late));
  ASSERT_TRUE(n.left.agent.add_host(n.now, Address::v4(10, 0, 0, 78, 8)));
  const auto check = Network::request(n.right, n.left, {.priority = 0x7FFF'FFFF});
  n.left.agent.on_stun(n.now, {n.left_address, Address::v4(10, 0, 0, 79, 9)}, check);
  std::array<std::byte, 300> out{};
  Route to;
  ASSERT_NE(n.left.agent.write_datagram(n.now, out, to), 0u);
  EXPECT_EQ(to.remote, Address::v4(10, 0, 0, 79, 9)) << "but it is answered [rfc8445#8.1.2]";
  n.run_for(seconds(60));
  EXPECT_TRUE(n.agreed());
}

// covers: must rfc8445#14.2-14.3
TEST(IceAgent, ta_is_the_larger_of_both_and_never_below_5_ms) {
  for (const auto& [ours, theirs, ta] :
       {std::array{0, 0, 5}, {5, 20, 20}, {50, 5, 50}, {1, 2, 5}, {5, 50, 50}}) {
    Options o;
    o.pacing = milliseconds(ours);
    Network n(1, o);
    n.add_host(n.left, n.left_address);
    std::vector<Instant> sent;
    n.meddle = [&](Route&, std::vector<std::byte>&) {
      sent.push_back(n.now);
      return false;
    };
    ASSERT_TRUE(n.left.agent.set_remote(n.now, n.right.agent.local_credentials(), false,
                                        milliseconds(theirs)));
    for (std::uint8_t i = 1; i <= 3; ++i) {
      Candidate c;
      c.address = Address::v4(10, 1, 1, i, 1);
      c.priority = 1000u - i;
      c.foundation.assign(std::to_string(i));
      ASSERT_TRUE(n.left.agent.add_remote(n.now, c));
    }
    n.run_for(milliseconds(200));
    ASSERT_EQ(sent.size(), 3u);
    EXPECT_EQ(sent[1] - sent[0], milliseconds(ta));
    EXPECT_EQ(sent[2] - sent[1], milliseconds(ta));
  }
}

TEST(IceAgent, a_pacing_of_weeks_ends_in_a_state_all_the_same) {
  Network n;
  n.add_host(n.left, n.left_address);
  ASSERT_TRUE(n.left.agent.set_remote(n.now, n.right.agent.local_credentials(), false,
                                      milliseconds(0xFFFF'FFFF)));
  for (std::uint8_t i = 1; i <= 3; ++i) {
    Candidate c;
    c.address = Address::v4(10, 1, 1, i, 1);
    c.foundation.assign(std::to_string(i));
    ASSERT_TRUE(n.left.agent.add_remote(n.now, c));
  }
  n.run_for(seconds(45));
  EXPECT_EQ(n.left.count<Failed>(), 1u);
}

// A controlling side of RFC 5245, that nominates whatever it checks. It answers all checks but
// those to `deaf`.
class Aggressive : public ::testing::Test {
 protected:
  Aggressive() {
    n.add_host(n.right, n.right_address);
    n.meddle = [this](Route& route, std::vector<std::byte>& bytes) {
      const auto m = check_in(bytes);
      if (!m || route.remote == deaf) return false;
      std::vector<std::byte> room(200);
      stun::Builder b(room, stun::Class::success, stun::binding, m->id);
      b.xor_mapped_address(route.local);
      b.integrity(openssl::provider(), as_bytes(n.left.agent.local_credentials().password.view()));
      room.resize(b.finish());
      n.inject(route, room);
      return false;
    };
    EXPECT_TRUE(n.right.agent.set_remote(n.now, n.left.agent.local_credentials(), false, {}));
  }
  void nominate(const Address& from, std::uint32_t priority) {
    n.right.agent.on_stun(
        n.now, {n.right_address, from},
        Network::request(n.left, n.right,
                         {.use_candidate = true, .priority = priority, .controlling = 1}));
    n.run_for(milliseconds(100));
  }
  Network n;
  const Address good = Address::v4(10, 0, 0, 5, 5), better = Address::v4(10, 0, 0, 6, 6);
  Address deaf;
};

TEST_F(Aggressive, of_several_nominated_pairs_the_best_is_selected_in_either_order) {
  nominate(good, 100);
  EXPECT_EQ(n.right.agent.selected()->remote, good);
  nominate(better, 200);
  EXPECT_EQ(n.right.agent.selected()->remote, better) << "[rfc8445#8.1.1]";
  nominate(good, 100);
  EXPECT_EQ(n.right.agent.selected()->remote, better);
  EXPECT_EQ(n.right.agent.route(), n.right.agent.selected());
}

TEST_F(Aggressive, a_learned_candidate_that_is_named_has_the_priority_of_its_name) {
  nominate(good, 100);
  nominate(better, 200);
  auto named = parse_candidate("candidate:1 1 udp 300 10.0.0.5 5 typ srflx raddr 0.0.0.0 rport 9");
  ASSERT_TRUE(named);
  EXPECT_TRUE(n.right.agent.add_remote(n.now, *named));
  nominate(good, 100);
  EXPECT_EQ(n.right.agent.selected()->remote, good) << "as the peer sees it [rfc8838#11]";
}

TEST_F(Aggressive, when_the_selected_pair_has_fallen_silent_another_nomination_is_followed) {
  nominate(better, 200);
  deaf = better;
  n.run_for(seconds(3));
  nominate(good, 100);
  EXPECT_EQ(n.right.agent.selected()->remote, better) << "not yet: no check has gone unanswered";
  n.run_for(seconds(9));
  nominate(good, 100);
  EXPECT_EQ(n.right.agent.selected()->remote, good);
  EXPECT_EQ(n.right.agent.route()->remote, good);
  n.run_for(seconds(60));
  EXPECT_TRUE(n.right.agent.route()) << "and consent is asked for there";
}

TEST_F(Aggressive, a_path_that_worked_a_minute_ago_is_checked_before_it_is_followed) {
  nominate(good, 100);
  nominate(better, 200);
  n.run_for(seconds(60));
  deaf = better;
  n.run_for(seconds(9));
  nominate(good, 100);
  EXPECT_EQ(n.right.agent.selected()->remote, good);
  n.run_for(seconds(60));
  EXPECT_TRUE(n.right.agent.route()) << "consent is as old as the last answer, not the first one";
}

// ---------------------------------------------------------------- roles

struct Conflict {
  const char* name;
  Role role;
  std::optional<std::uint64_t> left_tie_breaker, right_tie_breaker;
};
class RoleConflict : public ::testing::TestWithParam<Conflict> {};

// covers: bug 29, must rfc8445#7.2.5.1
TEST_P(RoleConflict, ends_in_opposite_roles_without_a_storm) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Network n(seed, role(GetParam().role), role(GetParam().role), GetParam().left_tie_breaker,
              GetParam().right_tie_breaker);
    n.link.jitter_ms = static_cast<std::int64_t>(seed % 7) * 5;
    int conflicts = 0;
    n.meddle = [&](Route&, std::vector<std::byte>& bytes) {
      conflicts += stun::parse(bytes)->error_code == 487;
      return true;
    };
    n.start();
    n.run_for(seconds(2));
    ASSERT_TRUE(n.agreed()) << seed;
    EXPECT_LE(conflicts, 3) << seed;
  }
}
INSTANTIATE_TEST_SUITE_P(Both, RoleConflict,
                         ::testing::Values(Conflict{"controlling", Role::controlling, {}, {}},
                                           Conflict{"controlled", Role::controlled, {}, {}},
                                           Conflict{"controlling_equal", Role::controlling, 7, 7},
                                           Conflict{"controlled_equal", Role::controlled, 7, 7},
                                           Conflict{"controlling_least", Role::controlling, 0, 0},
                                           Conflict{"controlled_most", Role::controlled, ~0ull,
                                                    ~0ull}),
                         [](const auto& test) { return test.param.name; });

// covers: bug 29
TEST(IceAgent, role_conflicts_end_on_bad_networks_too) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Role both = seed % 2 == 0 ? Role::controlling : Role::controlled;
    const bool equal = seed % 3 == 0;
    Network n(seed, role(both), role(both), equal ? std::optional(5ull) : std::nullopt,
              equal ? std::optional(5ull) : std::nullopt);
    n.link = {.loss = 0.2, .duplication = 0.2, .delay_ms = 20, .jitter_ms = 60};
    n.start();
    n.run_for(seconds(35));
    ASSERT_TRUE(n.agreed()) << "seed " << seed;
  }
}

// covers: must rfc8445#6.1.1, changelog 19, changelog 29
TEST(IceAgent, a_lite_peer_is_checked_by_the_controlling_side_alone) {
  Network n(1, role(Role::controlled), role(Role::controlled));
  n.add_hosts();
  ASSERT_TRUE(
      n.left.agent.set_remote(n.now, n.right.agent.local_credentials(), true, milliseconds(5)));
  n.trickle(n.right, n.left);
  EXPECT_EQ(n.left.agent.role(), Role::controlling);
  // The right side never learns our password: like a lite one it answers, and does not check.
  n.run_for(seconds(100));
  ASSERT_TRUE(n.left.agent.selected());
  EXPECT_TRUE(n.left.agent.route()) << "consent works one way";
}

// ---------------------------------------------------------------- bad networks

TEST(IceAgent, a_thousand_bad_networks_all_end_on_one_pair) {
  std::vector<Duration> times;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    Network n(seed);
    n.link = {.loss = 0.2,
              .duplication = 0.1,
              .delay_ms = 5 + static_cast<std::int64_t>(seed % 100),
              .jitter_ms = 40};
    if (seed % 2 == 0) {
      n.add_host(n.left, Address::v4(10, 0, 1, 1, 1));
      n.add_host(n.right, Address::v4(10, 0, 1, 2, 2));
    }
    n.start();
    const Instant begin = n.now;
    while (!n.selected() && n.now < begin + seconds(39)) n.run_for(milliseconds(20));
    times.push_back(n.now - begin);
    // Two late nominations may cross; what the controlling side has chosen stands in the end.
    n.run_for(seconds(1));
    ASSERT_TRUE(n.agreed()) << "seed " << seed;
  }
  std::sort(times.begin(), times.end());
  std::cout << "selected after " << times[500].count() / 1000 << " ms (median), "
            << times[950].count() / 1000 << " (p95), " << times[999].count() / 1000 << " (worst)\n";
}

TEST(IceAgent, connects_through_a_link_that_loses_half) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Network n(seed);
    n.link = {.loss = 0.5, .duplication = 0.1, .delay_ms = 100, .jitter_ms = 100};
    n.start();
    while (!n.selected() && n.now < at_ms(39'000)) n.run_for(milliseconds(100));
    ASSERT_TRUE(n.selected()) << "seed " << seed;
  }
}

// covers: changelog 26
TEST(IceAgent, connects_over_a_round_trip_of_two_seconds) {
  Network n;
  n.link.delay_ms = 1000;
  n.start();
  n.run_for(seconds(15));
  EXPECT_TRUE(n.agreed());
}

TEST(IceAgent, same_seed_same_bytes) {
  std::vector<std::vector<std::byte>> traces[2];
  for (auto& trace : traces) {
    Network n(42);
    n.link = {.loss = 0.2, .duplication = 0.1, .delay_ms = 20, .jitter_ms = 20};
    n.meddle = [&](Route&, std::vector<std::byte>& bytes) {
      trace.push_back(bytes);
      return true;
    };
    n.start();
    n.run_for(seconds(30));
  }
  EXPECT_EQ(traces[0], traces[1]);
  EXPECT_GT(traces[0].size(), 10u);
}

// ---------------------------------------------------------------- ends

TEST(IceAgent, nothing_works_and_patience_ends) {
  Network n;
  n.meddle = [](Route&, std::vector<std::byte>&) { return false; };
  n.start();
  n.run_until(at_ms(1000) + milliseconds(39'499));
  EXPECT_EQ(n.left.count<Failed>(), 0u) << "[rfc8863#4]";
  n.run_until(at_ms(1000) + milliseconds(39'501));
  EXPECT_EQ(n.left.count<Failed>(), 1u);
  EXPECT_FALSE(n.left.agent.next_deadline());
}

TEST(IceAgent, without_a_candidate_it_waits_as_long_for_a_check_of_the_peer) {
  Network n;
  n.add_hosts();
  n.describe(n.left, n.right, false);
  n.run_for(seconds(39));
  EXPECT_EQ(n.right.count<Failed>(), 0u);
  n.describe(n.right, n.left);
  n.run_for(milliseconds(400));
  EXPECT_TRUE(n.agreed());
}

TEST(IceAgent, is_silent_after_close) {
  Network n;
  n.start();
  n.run_for(seconds(1));
  n.left.agent.close(n.now);
  const auto request = Network::request(n.right, n.left, {});
  n.left.agent.on_stun(n.now, {n.left_address, n.right_address}, request);
  n.left.agent.on_deadline(n.now + seconds(100));
  std::array<std::byte, 300> out{};
  Route to;
  EXPECT_EQ(n.left.agent.write_datagram(n.now, out, to), 0u);
  EXPECT_FALSE(n.left.agent.next_deadline());
  EXPECT_FALSE(n.left.agent.poll_event());
  EXPECT_FALSE(n.left.agent.route());
  EXPECT_EQ(n.left.agent.add_host(n.now, n.left_address).code(), Errc::wrong_state);
  EXPECT_EQ(n.left.agent.set_remote(n.now, n.right.agent.local_credentials(), false, {}).code(),
            Errc::wrong_state);
}

// covers: bug 85
TEST(IceAgent, lives_with_any_allocation_failing) {
  for (std::size_t fail_from = 0; fail_from < 12; ++fail_from) {
    Network n;
    n.left.memory.fail_from = fail_from;
    n.right.addresses.push_back(n.right_address);
    ASSERT_TRUE(n.right.agent.add_host(n.now, n.right_address));
    n.left.addresses.push_back(n.left_address);
    const auto added = n.left.agent.add_host(n.now, n.left_address).code();
    EXPECT_EQ(added, fail_from == 0 ? Errc::no_memory : Errc::ok);
    static_cast<void>(n.left.agent.add_stun_server(n.now, Address::v4(192, 0, 2, 1, 3478)));
    n.describe(n.left, n.right);
    ASSERT_TRUE(
        n.left.agent.set_remote(n.now, n.right.agent.local_credentials(), false, milliseconds(5)));
    Candidate c;
    c.address = n.right_address;
    static_cast<void>(n.left.agent.add_remote(n.now, c));
    n.run_for(seconds(50));
    n.left.agent.close(n.now);
  }
}

// covers: must rfc8445#5.3
TEST(IceCredentials, are_long_enough_to_be_secret) {
  openssl::SystemRandom random;
  const auto a = generate_credentials(random), b = generate_credentials(random);
  EXPECT_EQ(a.ufrag.view().size(), 8u) << "48 bits, 24 are asked";
  EXPECT_EQ(a.password.view().size(), 24u) << "144 bits, 128 are asked";
  EXPECT_NE(a.password.view(), b.password.view());
}

}  // namespace
}  // namespace esp_peer::ice
