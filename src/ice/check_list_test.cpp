#include "ice/check_list.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/test_env.hpp"

namespace esp_peer::ice {
namespace {

using test::at_ms;
using State = Pair::State;

class CheckListTest : public ::testing::Test {
 protected:
  std::uint8_t host(std::uint8_t last, std::uint16_t port = 1) {
    EXPECT_TRUE(locals.add_host(Address::v4(10, 0, 0, last, port)));
    return static_cast<std::uint8_t>(locals.size() - 1);
  }
  std::uint8_t remote(std::uint8_t last, std::uint32_t priority,
                      std::string_view foundation = "f") {
    Candidate c;
    c.address = Address::v4(10, 0, 1, last, 2);
    c.priority = priority;
    c.foundation.assign(foundation);
    auto index = remotes.add_named(c);
    EXPECT_TRUE(index);
    return *index;
  }
  Pair& add(std::uint8_t local, std::uint8_t remote) {
    Pair* pair = list.add(local, remote, false);
    EXPECT_TRUE(pair);
    return *pair;
  }
  Pair* begin(std::int64_t ms) {
    return list.begin_next(at_ms(ms), milliseconds(500), world.random);
  }

  test::TestEnv world;
  LocalCandidates locals{world.memory, 16, 1};
  RemoteCandidates remotes{world.memory, 32};
  CheckList list{world.memory, locals, remotes, 100, Role::controlling};
};

TEST_F(CheckListTest, pair_priorities_follow_the_formula_and_the_role) {
  EXPECT_EQ(pair_priority(1, 2), (1ull << 32) + 4);
  EXPECT_EQ(pair_priority(2, 1), (1ull << 32) + 5);
  EXPECT_EQ(pair_priority(7, 7), (7ull << 32) + 14);
  EXPECT_LT(pair_priority(0x7FFFFFFF, 0x7FFFFFFF), 1ull << 63);
  const auto l = host(1);
  add(l, remote(1, 5));
  const std::uint64_t ours = locals[l].priority;
  EXPECT_EQ(list.find(l, 0)->priority, pair_priority(ours, 5));
  list.set_role(Role::controlled);
  EXPECT_EQ(list.find(l, 0)->priority, pair_priority(5, ours));
}

TEST_F(CheckListTest, waiting_pairs_are_checked_by_priority) {
  const auto l = host(1);
  add(l, remote(1, 10, "a"));
  add(l, remote(2, 30, "b"));
  add(l, remote(3, 20, "c"));
  EXPECT_EQ(begin(0)->remote, 1);
  EXPECT_EQ(begin(5)->remote, 2);
  EXPECT_EQ(begin(10)->remote, 0);
  EXPECT_FALSE(begin(15));
}

TEST_F(CheckListTest, of_one_foundation_one_pair_is_tried_and_the_others_freeze_until_it_works) {
  const auto a = host(1, 1), b = host(1, 2), c = host(1, 3);  // one address, three sockets
  const auto r = remote(1, 10);
  EXPECT_EQ(locals[a].foundation, locals[c].foundation);
  add(a, r);
  add(b, r);
  add(c, r);
  EXPECT_EQ(list.find(a, r)->state, State::waiting);
  EXPECT_EQ(list.find(b, r)->state, State::frozen);
  Pair* first = begin(0);
  EXPECT_EQ(first->local, a);
  EXPECT_FALSE(begin(5)) << "one of the foundation is in progress";
  list.succeed(at_ms(20), *list.find(a, r), CandidateType::host, true);
  EXPECT_EQ(list.find(b, r)->state, State::waiting) << "[rfc8445#7.2.5.3.3]";
  EXPECT_EQ(list.find(c, r)->state, State::waiting);
  const auto d = host(1, 4);
  EXPECT_EQ(add(d, r).state, State::waiting) << "[rfc8838#12] rule 2";
}

TEST_F(CheckListTest, frozen_pairs_thaw_when_those_before_them_have_been_tried) {
  const auto a = host(1, 1), b = host(1, 2);
  const auto r = remote(1, 10);
  add(a, r);
  add(b, r);
  ASSERT_TRUE(begin(0));
  for (int ms = 0; ms <= 2500; ms += 10) list.on_deadline(at_ms(ms));
  EXPECT_EQ(list.find(a, r)->timeouts, 1);
  EXPECT_EQ(begin(2500)->local, b) << "the other of its foundation goes first";
  EXPECT_EQ(begin(2505)->local, a) << "and then it is tried again";
}

TEST_F(CheckListTest, triggered_checks_go_first_and_in_the_order_they_came) {
  const auto l = host(1);
  for (std::uint8_t i = 1; i <= 4; ++i) add(l, remote(i, 100u - i, std::to_string(i)));
  list.trigger(*list.find(l, 3));
  list.trigger(*list.find(l, 2));
  list.trigger(*list.find(l, 3));  // is in the queue already
  EXPECT_EQ(begin(0)->remote, 3);
  EXPECT_EQ(begin(5)->remote, 2);
  EXPECT_EQ(begin(10)->remote, 0);
}

TEST_F(CheckListTest, a_triggered_pair_in_progress_is_begun_anew_and_both_answers_count) {
  const auto l = host(1);
  add(l, remote(1, 10));
  const auto first = begin(0)->check.id;
  list.trigger(*list.find(l, 0));
  EXPECT_EQ(list.find(l, 0)->state, State::waiting);
  const auto second = begin(5)->check.id;
  EXPECT_NE(first, second);
  EXPECT_EQ(list.find(first), list.find(l, 0));
  EXPECT_EQ(list.find(second), list.find(l, 0));
}

TEST_F(CheckListTest, a_late_answer_does_not_end_the_nomination_that_is_on_its_way) {
  const auto l = host(1);
  Pair& pair = add(l, remote(1, 10));
  begin(0);
  list.succeed(at_ms(10), pair, CandidateType::host, true);
  pair.chosen = true;
  list.trigger(pair);
  ASSERT_EQ(begin(15), &pair);
  EXPECT_TRUE(pair.check.nominating);
  EXPECT_TRUE(pair.valid()) << "data goes on meanwhile";
  list.succeed(at_ms(20), pair, CandidateType::host, false);
  EXPECT_TRUE(pair.check.running);
  EXPECT_TRUE(pair.check.nominating);
}

TEST_F(CheckListTest, a_pair_without_an_answer_waits_again_while_patience_lasts) {
  const auto l = host(1);
  add(l, remote(1, 10));
  begin(0);
  for (int ms = 0; ms <= 2500; ms += 10) list.on_deadline(at_ms(ms));
  EXPECT_EQ(list.find(l, 0)->state, State::waiting);
  EXPECT_FALSE(list.all_failed());
  list.give_up();
  EXPECT_EQ(list.find(l, 0)->state, State::failed);
  EXPECT_TRUE(list.all_failed());
  EXPECT_FALSE(begin(2600));
}

TEST_F(CheckListTest, an_answer_that_comes_when_its_time_is_over_still_counts) {
  const auto l = host(1);
  add(l, remote(1, 10));
  const auto late = begin(0)->check.id;
  for (int ms = 0; ms <= 2500; ms += 10) list.on_deadline(at_ms(ms));
  ASSERT_EQ(list.find(l, 0)->state, State::waiting);
  EXPECT_EQ(list.find(late), list.find(l, 0));
  EXPECT_NE(begin(2500)->check.id, late);
  EXPECT_EQ(list.find(late), list.find(l, 0));
}

TEST_F(CheckListTest, when_patience_ends_a_check_on_a_path_that_the_peer_has_come_is_awaited) {
  const auto l = host(1);
  add(l, remote(1, 10));
  begin(0);
  for (int ms = 0; ms <= 2500; ms += 10) list.on_deadline(at_ms(ms));
  list.find(l, 0)->heard = true;
  begin(2500);
  list.give_up();
  EXPECT_EQ(list.find(l, 0)->state, State::in_progress);
  for (int ms = 2500; ms <= 5000; ms += 10) list.on_deadline(at_ms(ms));
  EXPECT_EQ(list.find(l, 0)->state, State::failed);
}

TEST_F(CheckListTest, selection_ends_the_search_and_keeps_what_works_or_was_heard) {
  const auto l = host(1);
  for (std::uint8_t i = 1; i <= 4; ++i) add(l, remote(i, 100u - i, std::to_string(i)));
  list.succeed(at_ms(0), *list.find(l, 0), CandidateType::host, true);
  list.succeed(at_ms(0), *list.find(l, 1), CandidateType::host, true);
  list.find(l, 2)->heard = true;
  list.trigger(*list.find(l, 2));
  ASSERT_EQ(begin(0)->remote, 2);
  list.trigger(*list.find(l, 3));
  const Pair& selected = list.select(*list.find(l, 1));
  EXPECT_EQ(selected.remote, 1);
  EXPECT_EQ(list.selected(), &selected);
  EXPECT_TRUE(list.find(l, 0)->valid()) << "its data may be on the way still";
  EXPECT_TRUE(list.find(l, 2));
  EXPECT_FALSE(list.find(l, 3));
  EXPECT_FALSE(begin(5));
  EXPECT_FALSE(list.next_deadline()) << "no check is repeated";
  EXPECT_FALSE(list.to_write());
}

TEST_F(CheckListTest, at_the_bound_failed_pairs_go_first_then_the_least_that_wait) {
  CheckList small(world.memory, locals, remotes, 2, Role::controlling);
  const auto l = host(1);
  ASSERT_TRUE(small.add(l, remote(1, 10, "a"), false));
  ASSERT_TRUE(small.add(l, remote(2, 20, "b"), false));
  EXPECT_FALSE(small.add(l, remote(3, 5, "c"), false)) << "less than all of them";
  ASSERT_TRUE(small.add(l, remote(4, 30, "d"), false));
  EXPECT_FALSE(small.find(l, 0)) << "the least has gone";
  small.fail(*small.find(l, 3));
  ASSERT_TRUE(small.add(l, remote(5, 1, "e"), false)) << "in the place of the failed one";
  EXPECT_TRUE(small.find(l, 1));
  small.succeed(at_ms(0), *small.find(l, 1), CandidateType::host, true);
  ASSERT_TRUE(small.add(l, remote(6, 0, "f"), true)) << "the peer has come this way";
  EXPECT_FALSE(small.find(l, 4));
  small.find(l, 5)->heard = true;
  EXPECT_FALSE(small.add(l, remote(7, 99, "g"), true)) << "what works is never given up";
}

TEST_F(CheckListTest, reflexive_candidates_and_foreign_families_make_no_pair) {
  const auto l = host(1);
  ASSERT_TRUE(locals.add_reflexive(locals[l].base, Address::v4(198, 51, 100, 1, 9),
                                   Address::v4(192, 0, 2, 1, 3478)));
  const auto r = remote(1, 10);
  EXPECT_FALSE(list.add(1, r, false)) << "[rfc8445#6.1.2.4] its base is checked already";
  Candidate v6;
  v6.address = *parse_ip("2001:db8::1", 5);
  EXPECT_FALSE(list.add(l, *remotes.add_named(v6), false));
  EXPECT_TRUE(list.add(l, r, false));
}

// covers: must rfc8445#5.1.2
TEST_F(CheckListTest, local_priorities_and_foundations_are_what_the_book_says) {
  std::set<std::uint32_t> priorities;
  for (std::uint8_t i = 1; i <= 8; ++i) host(i);
  for (std::uint8_t i = 0; i < 8; ++i) {
    ASSERT_TRUE(locals.add_reflexive(locals[i].base, Address::v4(198, 51, 100, i, 9),
                                     Address::v4(192, 0, 2, 1, 3478)));
  }
  EXPECT_FALSE(locals.add_reflexive(locals[0].base, Address::v4(198, 51, 100, 99, 9), {}))
      << "one too many";
  for (const Candidate& c : locals.list()) {
    EXPECT_TRUE(priorities.insert(c.priority).second) << "[rfc8445#5.1.2] unique";
    EXPECT_GE(c.priority, 1u);
    EXPECT_LT(c.priority, 1u << 31);
    EXPECT_EQ(c.priority & 0xFF, 255u);
  }
  EXPECT_EQ(locals[0].priority >> 8 & 0xFFFF, 65'535u);
  EXPECT_NE(locals[0].foundation, locals[1].foundation);
  EXPECT_NE(locals[0].foundation, locals[8].foundation);
  EXPECT_EQ(locals.type_of(Address::v4(198, 51, 100, 0, 9), locals[0].base),
            CandidateType::server_reflexive);
  EXPECT_EQ(locals.type_of(locals[0].base, locals[0].base), CandidateType::host);
  EXPECT_EQ(locals.type_of(Address::v4(198, 51, 100, 0, 10), locals[0].base),
            CandidateType::peer_reflexive);
}

}  // namespace
}  // namespace esp_peer::ice
