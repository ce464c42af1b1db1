// Many runs of two peers, each drawn from its seed: other networks, other faults, other
// conversations, one set of laws. ESP_PEER_SEEDS says how many (1,000).
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "sim/run.hpp"

namespace esp_peer::sim {
namespace {

constexpr std::uint64_t parts = 40;  // each a test, so that they can be shared out

std::uint64_t seeds() {
  const char* const wanted = std::getenv("ESP_PEER_SEEDS");
  return wanted ? std::strtoull(wanted, nullptr, 10) : 1'000;
}

// What happened, for tshark and for people.
std::string recorded(const Plan& plan) {
  const std::string name = "seed-" + std::to_string(plan.seed);
  const Report again = run(plan, {.trace = true, .pcap = name + ".pcap"});
  if (std::FILE* file = std::fopen((name + ".trace").c_str(), "w")) {
    std::fputs(again.trace.c_str(), file);
    std::fclose(file);
  }
  return "recorded in " + name + ".trace and " + name + ".pcap";
}

class Seeds : public ::testing::TestWithParam<std::uint64_t> {};

// The laws of sim/peer.hpp watch every datagram and every event of each run.
// covers: must rfc8826#4.2, must rfc8827#6.3, must rfc8831#6.1, must rfc8831#6.7,
// fault 11, fault 14
TEST_P(Seeds, connect_or_fail_with_a_state_and_deliver_everything_once) {
  int broken = 0, runs = 0, real = 0;
  for (std::uint64_t seed = GetParam() + 1; seed <= seeds() && broken < 3; seed += parts) {
    const Plan plan = draw_plan(seed);
    const Report report = run(plan);
    for (const std::string& failure : report.failures) {
      ADD_FAILURE() << failure << "\n" << plan.text() << "\nagain: sim_run --trace --seed " << seed;
    }
    if (!report.failures.empty()) {
      ++broken;
      ADD_FAILURE() << recorded(plan);
    }
    EXPECT_GT(report.steps, 0u);
    ++runs;
    real += plan.cipher != Cipher::plain;
  }
  EXPECT_GT(runs, 0) << "ESP_PEER_SEEDS is one for each part at least";
  std::printf("simulated runs: %d, with real DTLS: %d\n", runs, real);
}
INSTANTIATE_TEST_SUITE_P(Bulk, Seeds, ::testing::Range(std::uint64_t{0}, parts));

TEST(SeedsTogether, meet_every_fault_and_carry_real_traffic) {
  int real_cipher = 0, lossy = 0, boxes = 0, attackers = 0, glare = 0, reconnect = 0, slow = 0;
  int closing = 0, mbedtls = 0, mixed = 0;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    const Plan plan = draw_plan(seed);
    real_cipher += plan.cipher == Cipher::openssl;
    mixed += plan.cipher.left != plan.cipher.right;
    mbedtls += plan.cipher == Cipher::mbedtls;
    lossy += plan.there.loss > 0.1;
    boxes += plan.left_nat && plan.right_nat;
    attackers += plan.attacker;
    glare += plan.both_offer;
    reconnect += plan.auto_reconnect && !plan.there.outages.empty();
    slow += plan.slow_reader;
    closing += plan.closes_channels && plan.channels > 0;
  }
  EXPECT_GE(real_cipher, 100);
  EXPECT_GE(mbedtls, 5);
  EXPECT_GE(mixed, 10);
  for (const int count : {lossy, boxes, attackers, glare, reconnect, slow, closing})
    EXPECT_GE(count, 30);

  std::uint64_t messages = 0, injected = 0, lost = 0;
  int connected = 0, closes = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Report report = run(draw_plan(seed));
    messages += report.messages;
    injected += report.injected;
    connected += report.connected;
    lost += report.messages_lost;
    closes += report.closes;
  }
  EXPECT_GE(connected, 40);
  EXPECT_GE(messages, 2'000u);
  EXPECT_GE(injected, 100u);
  EXPECT_GE(lost, 20u) << "of channels that may lose some";
  EXPECT_GE(closes, 20);
}

TEST(SeedsTogether, the_same_seed_is_the_same_run_to_the_last_byte) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Plan plan = draw_plan(seed);
    const std::uint64_t first = run(plan).trace_hash;
    EXPECT_EQ(run(plan).trace_hash, first) << seed;
    EXPECT_NE(run(draw_plan(seed + 1)).trace_hash, first) << seed;
  }
}

}  // namespace
}  // namespace esp_peer::sim
