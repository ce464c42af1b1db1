// The network does what it is told to, and the same for the same seed.
#include "sim/network.hpp"

#include <gtest/gtest.h>

#include "sim/world.hpp"

namespace esp_peer::sim {
namespace {

// Sends 10,000 datagrams of 100 bytes, one each millisecond, and counts what comes.
struct Flood {
  explicit Flood(const LinkOptions& options, std::uint64_t seed = 1) : world(seed) {
    world.network.set_default_link(options);
    const HostId a = world.network.add_host("a", {Address::v4(192, 0, 2, 1, 0)});
    const HostId b = world.network.add_host("b", {Address::v4(192, 0, 2, 2, 0)});
    const Address from = world.network.bind(a, Address::v4(192, 0, 2, 1, 0), [](auto&, auto) {});
    const Address to = world.network.bind(
        b, Address::v4(192, 0, 2, 2, 0), [this](const Route&, MutableBytes bytes) { hear(bytes); });
    for (std::uint32_t i = 0; i < sent; ++i) {
      world.time.after(milliseconds(i), [this, a, from, to, i] {
        std::vector<std::byte> datagram(100);
        Writer(datagram).u32(i);
        world.network.send(a, {from, to}, datagram);
      });
    }
    world.time.run_for(seconds(20));
  }
  void hear(Bytes bytes) {
    Reader in(bytes);
    const std::uint32_t number = in.u32();
    bool clean = true;
    for (std::size_t i = 4; i < bytes.size(); ++i) clean = clean && bytes[i] == std::byte{0};
    corrupted += clean && number < sent ? 0u : 1u;
    overtaken += number < newest ? 1u : 0u;
    newest = std::max(newest, number);
    ++arrived;
    bytes_arrived += bytes.size();
  }
  static constexpr std::uint32_t sent = 10'000;
  World world;
  std::uint32_t arrived = 0, corrupted = 0, overtaken = 0, newest = 0;
  std::size_t bytes_arrived = 0;
};

TEST(Network, a_good_link_brings_everything_in_order) {
  const Flood flood({});
  EXPECT_EQ(flood.arrived, Flood::sent);
  EXPECT_EQ(flood.corrupted + flood.overtaken, 0u);
}

TEST(Network, a_link_loses_doubles_reorders_and_corrupts_as_much_as_it_was_told) {
  EXPECT_NEAR(Flood({.loss = 0.2}).arrived, 8'000, 250);
  EXPECT_NEAR(Flood({.duplication = 0.2}).arrived, 12'000, 250);
  EXPECT_NEAR(Flood({.corruption = 0.05}).corrupted, 500, 100);
  EXPECT_EQ(Flood({.jitter = milliseconds(20)}).overtaken, 0u);
  EXPECT_GT(Flood({.jitter = milliseconds(20), .reorder = true}).overtaken, 1'000u);
}

TEST(Network, a_burst_takes_neighbours) {
  const Flood flood({.burst_begin = 0.01, .burst_end = 0.1});
  EXPECT_NEAR(flood.arrived, 9'100, 400);
}

TEST(Network, a_narrow_link_delays_and_then_drops) {
  const Flood flood({.rate = 50'000, .queue = 10'000});  // offered twice that
  EXPECT_NEAR(flood.arrived, 5'000, 600);
  EXPECT_EQ(flood.overtaken, 0u);
}

TEST(Network, what_is_too_large_for_the_mtu_is_lost_without_a_word) {
  EXPECT_EQ(Flood({.mtu = 99}).arrived, 0u);
  EXPECT_EQ(Flood({.mtu = 100}).arrived, Flood::sent);
}

TEST(Network, one_seed_is_one_weather) {
  const LinkOptions bad{.jitter = milliseconds(9), .reorder = true, .loss = 0.3};
  EXPECT_EQ(Flood(bad, 7).world.trace.hash(), Flood(bad, 7).world.trace.hash());
  EXPECT_NE(Flood(bad, 7).arrived, Flood(bad, 8).arrived);
}

}  // namespace
}  // namespace esp_peer::sim
