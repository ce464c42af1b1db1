#include "peer/early_datagrams.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "peer/backoff.hpp"
#include "peer/demux.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::peer {
namespace {

using test::at_ms;

Route route(std::uint16_t remote_port) {
  return {Address::v4(10, 0, 0, 1, 1000), Address::v4(10, 0, 0, 2, remote_port)};
}
std::vector<std::byte> datagram(std::size_t size) { return std::vector<std::byte>(size); }

class EarlyDatagramsTest : public ::testing::Test {
 protected:
  test::TestEnv world_;
  EarlyDatagrams early_{world_.memory};
};

TEST_F(EarlyDatagramsTest, come_out_in_the_order_they_came) {
  ASSERT_TRUE(early_.hold(at_ms(0), route(1), datagram(10)));
  ASSERT_TRUE(early_.hold(at_ms(1), route(2), datagram(20)));
  EXPECT_EQ(early_.take().size(), 10u);
  EXPECT_EQ(early_.take().size(), 20u);
  EXPECT_FALSE(early_.take());
}

TEST_F(EarlyDatagramsTest, a_route_holds_four_datagrams) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(early_.hold(at_ms(0), route(1), datagram(10)));
  EXPECT_FALSE(early_.hold(at_ms(0), route(1), datagram(10)));
  EXPECT_TRUE(early_.hold(at_ms(0), route(2), datagram(10))) << "another route has its own four";
}

TEST_F(EarlyDatagramsTest, a_route_holds_four_kilobytes) {
  EXPECT_TRUE(early_.hold(at_ms(0), route(1), datagram(4000)));
  EXPECT_FALSE(early_.hold(at_ms(0), route(1), datagram(97)));
  EXPECT_TRUE(early_.hold(at_ms(0), route(1), datagram(96)));
}

TEST_F(EarlyDatagramsTest, three_routes_are_enough_for_any_honest_peer) {
  for (std::uint16_t port = 1; port <= 3; ++port) {
    EXPECT_TRUE(early_.hold(at_ms(0), route(port), datagram(10)));
    EXPECT_TRUE(early_.hold(at_ms(0), route(port), datagram(10)));
  }
  EXPECT_FALSE(early_.hold(at_ms(0), route(4), datagram(10)));
}

TEST_F(EarlyDatagramsTest, are_forgotten_after_five_seconds) {
  ASSERT_TRUE(early_.hold(at_ms(0), route(1), datagram(10)));
  ASSERT_TRUE(early_.hold(at_ms(1000), route(1), datagram(10)));
  EXPECT_EQ(early_.next_deadline(), at_ms(5000));
  early_.drop_expired(at_ms(5000));
  EXPECT_EQ(early_.next_deadline(), at_ms(6000));
  early_.drop_expired(at_ms(6000));
  EXPECT_FALSE(early_.next_deadline());
  EXPECT_TRUE(early_.empty());
}

// covers: must rfc7983#6
TEST(Demux, sorts_all_256_first_bytes) {
  for (unsigned first = 0; first < 256; ++first) {
    const std::byte datagram[] = {static_cast<std::byte>(first)};
    const Protocol expected = first < 4                     ? Protocol::stun
                              : first >= 20 && first < 64   ? Protocol::dtls
                              : first >= 128 && first < 192 ? Protocol::rtp
                                                            : Protocol::unknown;
    EXPECT_EQ(protocol_of(datagram), expected) << first;
  }
  EXPECT_EQ(protocol_of({}), Protocol::unknown);
}

TEST(Backoff, doubles_up_to_thirty_seconds_and_a_fifth_around_it) {
  test::TestEnv world;
  Backoff backoff;
  for (const std::int64_t base : {1, 2, 4, 8, 16, 30, 30, 30}) {
    const Duration wait = backoff.next(world.random);
    EXPECT_GE(wait, milliseconds(base * 800));
    EXPECT_LE(wait, milliseconds(base * 1200));
  }
  backoff.reset();
  EXPECT_LE(backoff.next(world.random), milliseconds(1200));
}

}  // namespace
}  // namespace esp_peer::peer
