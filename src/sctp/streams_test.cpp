#include "sctp/streams.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/test_env.hpp"

namespace esp_peer::sctp {
namespace {

using Ids = std::vector<std::uint16_t>;

TEST(Streams, are_found_in_any_order_begin_anew_and_have_a_bound) {
  test::TestEnv world;
  Streams streams(world.memory, 5);
  for (const std::uint16_t id : Ids{7, 65535, 0, 300, 8}) {
    Stream* const added = streams.get(id);
    ASSERT_TRUE(added);
    EXPECT_EQ(added->next_ssn, 0u);
    added->next_ssn = id;
  }
  EXPECT_FALSE(streams.get(9)) << "one too many";
  for (const std::uint16_t id : Ids{0, 7, 8, 300, 65535}) {
    ASSERT_TRUE(streams.find(id));
    EXPECT_EQ(streams.find(id)->next_ssn, id);
  }
  EXPECT_FALSE(streams.find(9));
  EXPECT_EQ(streams.last_id(), 65'535u);
  streams.erase(300);
  streams.erase(301);
  EXPECT_FALSE(streams.find(300));
  EXPECT_EQ(streams.find(8)->next_ssn, 8u);
  EXPECT_EQ(streams.get(300)->next_ssn, 0u);
}

}  // namespace
}  // namespace esp_peer::sctp
