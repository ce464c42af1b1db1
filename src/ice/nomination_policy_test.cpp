#include "ice/nomination_policy.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/test_env.hpp"

namespace esp_peer::ice {
namespace {

using test::at_ms;

class Nomination : public ::testing::Test {
 protected:
  Pair& add(CandidateType seen_as, CandidateType remote, std::uint64_t priority,
            std::optional<std::int64_t> valid_at) {
    Pair p;
    if (remote == CandidateType::peer_reflexive) {
      p.remote = *remotes.learn(Address::v4(10, 0, 0, ++last_, 1), 1);
    } else {
      Candidate c;
      c.type = remote;
      c.address = Address::v4(10, 0, 0, ++last_, 1);
      p.remote = *remotes.add_named(c);
    }
    p.seen_as = seen_as;
    p.priority = priority;
    p.state = valid_at ? Pair::State::succeeded : Pair::State::in_progress;
    if (valid_at) p.valid_since = at_ms(*valid_at);
    pairs.push_back(p);
    return pairs.back();
  }
  NominationPolicy::Verdict decide(std::int64_t ms, bool complete = false) {
    return NominationPolicy::decide(at_ms(ms), pairs, remotes, complete);
  }
  static constexpr auto host = CandidateType::host, srflx = CandidateType::server_reflexive,
                        prflx = CandidateType::peer_reflexive, relay = CandidateType::relayed;
  test::TestEnv world;
  RemoteCandidates remotes{world.memory, 32};
  std::vector<Pair> pairs;

 private:
  std::uint8_t last_ = 0;
};

// covers: changelog 22
TEST_F(Nomination, without_a_valid_pair_there_is_nothing_to_do) {
  add(host, host, 9, {});
  const auto v = decide(100);
  EXPECT_FALSE(v.nominate);
  EXPECT_FALSE(v.ask_again);
}

TEST_F(Nomination, a_direct_pair_is_nominated_at_once_though_better_ones_are_being_checked) {
  for (const auto remote : {host, prflx}) {
    pairs.clear();
    add(host, remote, 5, 10);
    add(host, host, 9, {});
    EXPECT_EQ(decide(10).nominate, &pairs[0]);
  }
}

TEST_F(Nomination, of_direct_pairs_the_best_and_of_others_none_before_a_direct_one) {
  add(host, srflx, 9, 0);
  add(host, host, 5, 10);
  add(host, host, 7, 10);
  EXPECT_EQ(decide(10).nominate, &pairs[2]);
}

TEST_F(Nomination, a_pair_behind_a_nat_waits_50_ms_for_a_better_one) {
  add(srflx, host, 5, 100);
  auto v = decide(100);
  EXPECT_FALSE(v.nominate);
  EXPECT_EQ(v.ask_again, at_ms(150));
  EXPECT_FALSE(decide(149).nominate);
  EXPECT_EQ(decide(150).nominate, &pairs[0]);
}

TEST_F(Nomination, a_relayed_pair_waits_200_ms) {
  add(host, relay, 5, 100);
  EXPECT_EQ(decide(100).ask_again, at_ms(300));
  EXPECT_EQ(decide(300).nominate, &pairs[0]);
}

TEST_F(Nomination, nobody_waits_when_nothing_better_can_come) {
  add(srflx, host, 5, 100);
  EXPECT_EQ(decide(100, true).nominate, &pairs[0]);
  add(host, host, 4, {});
  EXPECT_EQ(decide(100, true).nominate, &pairs[0]) << "a worse one is no reason";
  add(host, host, 6, {});
  EXPECT_FALSE(decide(100, true).nominate) << "a better one is";
  pairs.back().state = Pair::State::failed;
  EXPECT_EQ(decide(100, true).nominate, &pairs[0]);
}

TEST_F(Nomination, one_that_is_never_answered_gives_way_to_another) {
  add(host, host, 9, 0);
  add(srflx, host, 5, 0);
  pairs[0].timeouts = NominationPolicy::max_tries - 1;
  EXPECT_EQ(decide(5000).nominate, &pairs[0]);
  pairs[0].timeouts = NominationPolicy::max_tries;
  EXPECT_EQ(decide(5000).nominate, &pairs[1]);
}

}  // namespace
}  // namespace esp_peer::ice
