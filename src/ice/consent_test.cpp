// [rfc7675#5.1], first the clockwork, then two agents.
#include "ice/consent.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/ice_network.hpp"

namespace esp_peer::ice {
namespace {

using test::at_ms;

const Route path{Address::v4(10, 0, 0, 1, 1), Address::v4(10, 0, 0, 2, 2)};
const Route other_path{Address::v4(10, 0, 0, 1, 1), Address::v4(10, 0, 0, 3, 3)};

// covers: bug 34, must rfc7675#5.1b
TEST(Consent, intervals_are_uniform_between_four_and_six_seconds) {
  test::SeededRandom random(1);
  Consent c(Consent::never_report);
  c.use(at_ms(0), path, at_ms(0), random);
  std::vector<double> intervals;
  Instant last{};
  for (int i = 0; i < 20'000; ++i) {
    const Instant now = *c.next_deadline();
    c.on_deadline(now, random);
    ASSERT_TRUE(c.take_check());
    ASSERT_FALSE(c.take_check()) << "one datagram for each";
    intervals.push_back(std::chrono::duration<double>(now - last).count());
    last = now;
    c.on_answer(now);
  }
  double sum = 0, squares = 0, least = 9, most = 0;
  for (const double s : intervals) {
    sum += s;
    squares += s * s;
    least = std::min(least, s);
    most = std::max(most, s);
  }
  const double mean = sum / 20'000;
  EXPECT_NEAR(mean, 5.0, 0.02);
  EXPECT_NEAR(std::sqrt(squares / 20'000 - mean * mean), 2 / std::sqrt(12), 0.01);
  EXPECT_GE(least, 4.0);
  EXPECT_LT(least, 4.01);
  EXPECT_LE(most, 6.0);
  EXPECT_GT(most, 5.99);
}

// covers: bug 34, must rfc7675#5.1a
TEST(Consent, ends_thirty_seconds_after_the_last_answer_and_stays_ended) {
  test::SeededRandom random(1);
  Consent c(Consent::never_report);
  c.use(at_ms(0), path, at_ms(0), random);
  c.on_answer(at_ms(10'000));
  while (*c.next_deadline() < at_ms(40'000)) c.on_deadline(*c.next_deadline(), random);
  EXPECT_TRUE(c.fresh());
  EXPECT_EQ(c.poll_event(), Consent::Event::none);
  EXPECT_EQ(c.next_deadline(), at_ms(40'000));
  c.on_deadline(at_ms(40'000), random);
  EXPECT_EQ(c.poll_event(), Consent::Event::expired);
  EXPECT_FALSE(c.fresh());
  EXPECT_FALSE(c.next_deadline());
  EXPECT_FALSE(c.take_check());
  c.on_answer(at_ms(40'001));
  EXPECT_FALSE(c.fresh());
}

// covers: changelog 23
TEST(Consent, reports_after_so_many_times_six_seconds_and_once) {
  for (const int misses : {0, 1, 2, 4, 5, 9}) {
    test::SeededRandom random(1);
    Consent c(static_cast<std::uint8_t>(misses));
    c.use(at_ms(0), path, at_ms(0), random);
    const Instant due = at_ms(std::min(30, 6 * std::max(misses, 1)) * 1000);
    while (*c.next_deadline() < due) {
      c.on_deadline(*c.next_deadline(), random);
      ASSERT_EQ(c.poll_event(), Consent::Event::none) << misses;
    }
    c.on_deadline(due, random);
    EXPECT_EQ(c.poll_event(), Consent::Event::reported) << misses;
    EXPECT_EQ(c.poll_event(), misses >= 5 ? Consent::Event::expired : Consent::Event::none);
  }
}

TEST(Consent, an_answer_to_an_older_check_counts_but_not_to_one_of_another_path) {
  test::SeededRandom random(1);
  Consent c(5);
  c.use(at_ms(0), path, at_ms(0), random);
  std::vector<stun::TransactionId> ids;
  for (int i = 0; i < 4; ++i) {
    while (true) {
      c.on_deadline(*c.next_deadline(), random);
      if (const auto id = c.take_check()) {
        ids.push_back(*id);
        break;
      }
    }
  }
  for (const auto& id : ids) EXPECT_TRUE(c.sent(id));
  EXPECT_NE(ids[0], ids[1]);
  c.use(at_ms(25'000), other_path, at_ms(25'000), random);
  for (const auto& id : ids) EXPECT_FALSE(c.sent(id));
}

// ---------------------------------------------------------------- two agents

// covers: must rfc7675#5.1b, must rfc8445#11, changelog 60, bug 34
TEST(IceConsent, each_check_is_sent_once_with_an_id_of_its_own_for_ten_minutes) {
  Network n;
  n.start();
  n.run_for(seconds(1));
  ASSERT_TRUE(n.agreed());
  std::map<stun::TransactionId, Instant> checks;
  Instant last = n.now;
  n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    const auto m = stun::parse(bytes);
    if (route.local != n.left_address || m->kind != stun::Class::request) return true;
    EXPECT_TRUE(checks.emplace(m->id, n.now).second);
    EXPECT_TRUE(m->use_candidate) << "what is selected stays nominated";
    if (checks.size() > 1) {
      EXPECT_GE(n.now - last, seconds(4));
      EXPECT_LE(n.now - last, seconds(6));
    }
    last = n.now;
    return true;
  };
  n.run_for(seconds(600));
  EXPECT_GE(checks.size(), 100u);
  EXPECT_LE(checks.size(), 150u);
  EXPECT_TRUE(n.left.agent.route());
}

// covers: must rfc7675#5.1b, bug 34
TEST(IceConsent, one_lost_check_in_two_is_survived_for_an_hour) {
  Network n;
  n.start();
  n.run_for(seconds(1));
  std::map<Address, unsigned, bool (*)(const Address&, const Address&)> sent(
      [](const Address& a, const Address& b) { return a.ip < b.ip; });
  n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    return stun::parse(bytes)->kind != stun::Class::request || ++sent[route.local] % 2 == 0;
  };
  n.run_for(seconds(3600));
  EXPECT_TRUE(n.left.agent.route());
  EXPECT_TRUE(n.right.agent.route());
}

// covers: changelog 23, must rfc7675#5.1a
TEST(IceConsent, the_loss_is_told_and_sending_stops_thirty_seconds_after_the_last_answer) {
  Options o = role(Role::controlling);
  o.consent_misses = 2;
  Network n(1, o);
  n.start();
  n.run_for(seconds(1));
  Instant last_answer = n.now;
  bool cut = false;
  unsigned sent_by_left = 0;
  n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    sent_by_left += route.local == n.left_address;
    if (cut) return false;
    if (route.remote == n.left_address && stun::parse(bytes)->kind == stun::Class::success) {
      last_answer = n.now + milliseconds(10);
    }
    return true;
  };
  n.run_for(seconds(20));
  cut = true;
  n.run_until(last_answer + milliseconds(11'999));
  EXPECT_EQ(n.left.count<Lost>(), 0u);
  n.run_until(last_answer + milliseconds(12'001));
  EXPECT_EQ(n.left.count<Lost>(), 1u) << "two misses of six seconds";
  n.run_until(last_answer + milliseconds(29'999));
  EXPECT_TRUE(n.left.agent.route());
  n.run_until(last_answer + milliseconds(30'001));
  EXPECT_FALSE(n.left.agent.route());
  cut = false;
  sent_by_left = 0;
  n.run_for(seconds(60));
  EXPECT_FALSE(n.left.agent.route()) << "what has ended stays ended";
  EXPECT_EQ(sent_by_left, 0u) << "silence, so that the peer notices too";
}

// covers: must rfc7675#5.1a, changelog 23
TEST(IceConsent, never_reported_still_stops_the_sending) {
  Options o = role(Role::controlling);
  o.consent_misses = Consent::never_report;
  Network n(1, o);
  n.start();
  n.run_for(seconds(1));
  n.meddle = [](Route&, std::vector<std::byte>&) { return false; };
  n.run_for(seconds(40));
  EXPECT_EQ(n.left.count<Lost>(), 0u);
  EXPECT_FALSE(n.left.agent.route());
}

// covers: bug 34
TEST(IceConsent, requests_of_the_peer_are_no_consent) {
  Network n;
  n.start();
  n.run_for(seconds(1));
  n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    // Our requests never arrive; the peer's do, and are answered.
    return !(route.local == n.left_address && stun::parse(bytes)->kind == stun::Class::request);
  };
  n.run_for(seconds(35));
  EXPECT_FALSE(n.left.agent.route());
}

TEST(IceConsent, a_signed_403_revokes_it_at_once_and_an_unsigned_one_does_not) {
  Network n;
  n.start();
  n.run_for(seconds(1));
  bool sign = false;
  n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    const auto m = stun::parse(bytes);
    if (route.remote != n.left_address || m->kind != stun::Class::success) return true;
    std::vector<std::byte> room(200);
    stun::Builder b(room, stun::Class::error, stun::binding, m->id);
    b.error(403, "Forbidden");
    if (sign) {
      b.integrity(openssl::provider(), as_bytes(n.right.agent.local_credentials().password.view()));
    }
    room.resize(b.finish());
    bytes = room;
    return true;
  };
  n.run_for(seconds(14));
  EXPECT_TRUE(n.left.agent.route());
  sign = true;
  n.run_for(seconds(7));
  EXPECT_FALSE(n.left.agent.route()) << "[rfc7675#5.2]";
  EXPECT_EQ(n.left.count<Lost>(), 1u);
}

// covers: bug 35, must rfc8445#11, changelog 60
TEST(IceConsent, an_idle_hour_costs_a_check_and_an_answer_every_five_seconds) {
  Network n;
  n.start();
  n.run_for(seconds(1));
  unsigned datagrams = 0;
  n.meddle = [&](Route&, std::vector<std::byte>&) {
    ++datagrams;
    return true;
  };
  n.run_for(seconds(3600));
  EXPECT_GE(datagrams, 2u * 2 * 600);
  EXPECT_LE(datagrams, 2u * 2 * 900);
}

}  // namespace
}  // namespace esp_peer::ice
