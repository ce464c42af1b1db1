// Large messages over devices whose MTU is small, through a real kernel. (Paths that swallow
// without a word: tests/scenario/faults_path_test.cpp.)
#include <sched.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

class DeviceMtu : public testing::TestWithParam<int> {};

// A kernel knows its own device: it refuses runs of UDP_SEGMENT above the MTU, so that they go one
// by one, and takes datagrams apart that are above it [rfc8261#5].
// covers: must rfc8261#4
TEST_P(DeviceMtu, large_messages_go_both_ways) {
  // A network that is this thread's alone: other tests run in the one that all of us share.
  std::thread([] {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "run it with tools/own_network";
    const std::string set = "ip link set lo up mtu " + std::to_string(GetParam());
    ASSERT_EQ(std::system(set.c_str()), 0);
    Couple c;
    c.connect_here();
    const std::string large(90'000, 'x');
    for (std::size_t round = 1; round <= 3; ++round) {
      for (Peer* p : {&c.cat, &c.sheep}) {
        ASSERT_TRUE(c.pump_until([&] { return p->send(large) == ESP_PEER_ERR_NONE; }));
      }
      ASSERT_TRUE(
          c.pump_until([&] { return c.cat.received == round && c.sheep.received == round; }));
    }
    for (const Peer* p : {&c.cat, &c.sheep}) {
      for (const Message& m : p->messages) EXPECT_EQ(m.body, large);
    }
  }).join();
}

INSTANTIATE_TEST_SUITE_P(Bytes, DeviceMtu,
                         testing::Values(65'536, 1'500, 1'280, 1'200, 1'100, 1'000, 576),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace esp_peer::test
