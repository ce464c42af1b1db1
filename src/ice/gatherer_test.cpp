// An agent asks STUN servers how they see it.
#include "ice/gatherer.hpp"

#include <gtest/gtest.h>

#include "tests/support/ice_network.hpp"

namespace esp_peer::ice {
namespace {

using test::at_ms;

class Gathering : public ::testing::Test {
 protected:
  Gathering() {
    n.meddle = [this](Route& route, std::vector<std::byte>& bytes) {
      return on_wire(route, bytes);
    };
  }
  // The server: answers what is_lost lets through.
  bool on_wire(const Route& route, const std::vector<std::byte>& bytes) {
    if (route.remote != server && route.remote != second) return true;
    const auto m = stun::parse(bytes);
    EXPECT_TRUE(m && m->kind == stun::Class::request && m->method == stun::binding);
    EXPECT_FALSE(m->username) << "no credentials for a server";
    asked.push_back((n.now - at_ms(1000)).count() / 1000);
    ids.push_back(m->id);
    if (answers) n.inject(route, answer(m->id, mapped));
    return false;
  }
  static std::vector<std::byte> answer(const stun::TransactionId& id, const Address& mapped,
                                       stun::Class kind = stun::Class::success) {
    std::vector<std::byte> room(100);
    stun::Builder b(room, kind, stun::binding, id);
    if (kind == stun::Class::success) b.xor_mapped_address(mapped);
    if (kind == stun::Class::error) b.error(500, "no");
    room.resize(b.finish());
    return room;
  }

  Network n;
  const Address server = Address::v4(192, 0, 2, 3, 3478), second = Address::v4(192, 0, 2, 4, 3478);
  Address mapped = Address::v4(198, 51, 100, 1, 7);
  bool answers = true;
  std::vector<std::int64_t> asked;
  std::vector<stun::TransactionId> ids;
};

TEST_F(Gathering, a_server_shows_our_outer_address) {
  n.add_host(n.left, n.left_address);
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server));
  EXPECT_TRUE(n.left.agent.gathering());
  n.run_for(milliseconds(100));
  EXPECT_FALSE(n.left.agent.gathering());
  const auto locals = n.left.agent.local_candidates();
  ASSERT_EQ(locals.size(), 2u);
  EXPECT_EQ(locals[1].address, mapped);
  EXPECT_EQ(locals[1].base, n.left_address);
  EXPECT_EQ(locals[1].type, CandidateType::server_reflexive);
  EXPECT_TRUE(candidate_text(locals[1]).view().ends_with("typ srflx raddr 10.0.0.1 rport 1111"));
}

TEST_F(Gathering, a_lost_request_is_repeated_by_the_schedule_and_given_up_after_39500_ms) {
  answers = false;
  n.add_host(n.left, n.left_address);
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server));
  n.run_for(milliseconds(39'499));
  EXPECT_EQ(asked, (std::vector<std::int64_t>{0, 500, 1500, 3500, 7500, 15'500, 31'500}));
  for (const auto& id : ids) EXPECT_EQ(id, ids[0]);
  EXPECT_TRUE(n.left.agent.gathering());
  n.run_for(milliseconds(2));
  EXPECT_FALSE(n.left.agent.gathering());
  n.run_for(seconds(100));
  EXPECT_EQ(asked.size(), 7u);
}

TEST_F(Gathering, each_socket_asks_each_server_of_its_family_every_ta) {
  answers = false;
  n.add_host(n.left, n.left_address);
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server));
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, second));
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, second)) << "twice is once";
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, *parse_ip("2001:db8::5", 3478)));
  n.add_host(n.left, Address::v4(10, 0, 0, 9, 9));
  n.run_for(milliseconds(100));
  EXPECT_EQ(asked, (std::vector<std::int64_t>{0, 5, 10, 15}));
}

TEST_F(Gathering, a_server_of_a_family_without_a_socket_is_done_at_once) {
  n.add_host(n.left, n.left_address);
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, *parse_ip("2001:db8::5", 3478)));
  EXPECT_FALSE(n.left.agent.gathering());
}

TEST_F(Gathering, what_the_server_sees_as_it_is_adds_nothing) {
  mapped = n.left_address;
  n.add_host(n.left, n.left_address);
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server));
  n.run_for(milliseconds(100));
  EXPECT_FALSE(n.left.agent.gathering());
  EXPECT_EQ(n.left.agent.local_candidates().size(), 1u) << "[rfc8445#5.1.3]";
}

TEST_F(Gathering, a_machine_of_many_addresses_keeps_room_for_what_a_server_sees) {
  n.add_host(n.left, n.left_address);
  for (std::uint8_t i = 2; i <= 40; ++i) {
    static_cast<void>(n.left.agent.add_host(n.now, Address::v4(10, 0, 0, i, 7)));
  }
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server));
  n.run_for(milliseconds(100));
  const auto locals = n.left.agent.local_candidates();
  ASSERT_EQ(locals.size(), 13u);
  EXPECT_EQ(locals.back().type, CandidateType::server_reflexive);
}

TEST_F(Gathering, two_servers_that_agree_make_one_candidate) {
  n.add_host(n.left, n.left_address);
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server));
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, second));
  n.run_for(milliseconds(100));
  EXPECT_EQ(n.left.agent.local_candidates().size(), 2u);
}

// covers: bug 27, fault 7
TEST_F(Gathering, only_the_server_itself_is_believed_and_only_sense) {
  answers = false;
  n.add_host(n.left, n.left_address);
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server));
  n.run_for(milliseconds(10));
  ASSERT_EQ(ids.size(), 1u);
  stun::TransactionId other = ids[0];
  other[0] ^= std::byte{1};
  const Route good{n.left_address, server};
  const auto before = n.left.state();
  n.left.agent.on_stun(n.now, {n.left_address, second}, answer(ids[0], mapped));
  n.left.agent.on_stun(n.now, {n.left_address, server.with_port(1)}, answer(ids[0], mapped));
  n.left.agent.on_stun(n.now, {n.right_address, server}, answer(ids[0], mapped));
  n.left.agent.on_stun(n.now, good, answer(other, mapped));
  n.left.agent.on_stun(n.now, good, answer(ids[0], mapped, stun::Class::indication));
  EXPECT_EQ(n.left.state(), before);
  EXPECT_TRUE(n.left.agent.gathering());
  n.left.agent.on_stun(n.now, good, answer(ids[0], *parse_ip("2001:db8::1", 9)));
  EXPECT_FALSE(n.left.agent.gathering());
  EXPECT_EQ(n.left.agent.local_candidates().size(), 1u) << "an address of another family";
}

TEST_F(Gathering, an_error_ends_the_request) {
  answers = false;
  n.add_host(n.left, n.left_address);
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server));
  n.run_for(milliseconds(10));
  n.left.agent.on_stun(n.now, {n.left_address, server}, answer(ids[0], mapped, stun::Class::error));
  EXPECT_FALSE(n.left.agent.gathering());
  n.run_for(seconds(60));
  EXPECT_EQ(asked.size(), 1u);
}

TEST_F(Gathering, bindings_are_kept_alive_until_a_pair_is_selected_and_a_new_one_is_told) {
  n.add_host(n.left, n.left_address);
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server));
  n.run_for(seconds(20));
  mapped = Address::v4(198, 51, 100, 1, 8);  // the NAT has rebound us
  n.run_for(seconds(30));
  ASSERT_EQ(asked.size(), 4u);
  EXPECT_EQ(asked[1] - asked[0], 15'010) << "15 s after the answer [rfc8445#5.1.1.4]";
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_EQ(n.left.agent.local_candidates().size(), 3u);
  n.add_host(n.right, n.right_address);
  n.describe(n.left, n.right);
  n.describe(n.right, n.left);
  n.run_for(seconds(120));
  ASSERT_TRUE(n.agreed());
  EXPECT_EQ(asked.size(), 4u);
}

TEST_F(Gathering, a_server_or_a_socket_that_comes_after_the_selection_is_not_asked_about) {
  n.start();
  n.run_for(seconds(1));
  ASSERT_TRUE(n.agreed());
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server));
  EXPECT_FALSE(n.left.agent.gathering());
  n.add_host(n.left, Address::v4(10, 0, 0, 9, 9));
  n.run_for(seconds(60));
  EXPECT_TRUE(asked.empty()) << "the search is over [rfc8445#8.1.2]";
}

TEST_F(Gathering, an_answer_beyond_comprehension_is_a_failure) {
  answers = false;
  n.add_host(n.left, n.left_address);
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server));
  n.run_for(milliseconds(10));
  std::vector<std::byte> room(100);
  stun::Builder b(room, stun::Class::success, stun::binding, ids[0]);
  b.unknown_attributes({});
  room[stun::header_size] = std::byte{0x7F};  // another type: required, and unknown
  b.xor_mapped_address(mapped);
  room.resize(b.finish());
  n.left.agent.on_stun(n.now, {n.left_address, server}, room);
  EXPECT_FALSE(n.left.agent.gathering());
  EXPECT_EQ(n.left.agent.local_candidates().size(), 1u) << "[rfc8489#6.3.3]";
}

TEST_F(Gathering, more_servers_than_anyone_has_are_refused) {
  n.add_host(n.left, n.left_address);
  for (std::uint16_t i = 0; i < Gatherer::max_servers; ++i) {
    ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server.with_port(i + 1)));
  }
  EXPECT_EQ(n.left.agent.add_stun_server(n.now, server.with_port(9999)).code(), Errc::over_limit);
}

TEST_F(Gathering, a_pair_behind_a_nat_is_nominated_after_its_moment_of_grace) {
  n.add_host(n.left, n.left_address);
  ASSERT_TRUE(n.left.agent.add_stun_server(n.now, server));
  n.run_for(milliseconds(100));
  n.add_host(n.right, n.right_address);
  std::optional<Instant> valid_at, nominated_at;
  n.meddle = [&](Route& route, std::vector<std::byte>& bytes) {
    const auto m = stun::parse(bytes);
    if (m->use_candidate && !nominated_at) nominated_at = n.now;
    if (route.remote == n.left_address) return false;  // only through the NAT
    if (route.local == n.left_address) route.local = mapped;
    if (route.remote == mapped) route.remote = n.left_address;
    return true;
  };
  n.describe(n.left, n.right);
  n.describe(n.right, n.left);
  while (!valid_at && n.now < at_ms(9000)) {
    n.run_for(milliseconds(1));
    if (n.left.agent.route()) valid_at = n.now;
  }
  n.run_for(seconds(1));
  ASSERT_TRUE(n.selected() && valid_at && nominated_at);
  EXPECT_EQ(*nominated_at - *valid_at, milliseconds(50)) << "we are seen behind a NAT";
}

}  // namespace
}  // namespace esp_peer::ice
