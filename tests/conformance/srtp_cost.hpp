// What a packet costs beside time: key schedules stand since the keys came, numbers count up. So no
// packet takes memory of ours, none keeps any, and none draws randomness. What a library takes from
// the heap to do its work, and gives back, is written down with it.
#pragma once
#include "tests/conformance/srtp_backend.hpp"
#include "tests/support/heap/cost.hpp"

namespace esp_peer::test {

// A call of a minute's quarter: audio, video of a kilobyte, and reports, both ways.
TEST_P(SrtpBackend, sealing_and_opening_take_no_memory_but_the_librarys_and_no_randomness) {
  constexpr int warm_up = 200, packets = 2'000;
  std::array<std::byte, 1'500> room{};
  const auto carry = [&](SrtpSide& from, SrtpSide& to, const SrtpBytes& packet, bool rtcp) {
    copy_bytes(packet, room);
    const std::size_t sealed = rtcp ? from.session.seal_rtcp(room, packet.size())
                                    : from.session.seal_rtp(room, packet.size());
    const MutableBytes datagram = std::span(room).first(sealed);
    const Bytes opened = rtcp ? to.session.open_rtcp(at_ms(++to.ms), datagram)
                              : to.session.open_rtp(at_ms(++to.ms), datagram);
    return opened.size() == packet.size() ? 1 : 0;
  };
  SrtpBytes sound = rtp_packet(1, 0, 160), picture = rtp_packet(2, 0, 1'100);
  const SrtpBytes report = rtcp_packet(1, 6);
  int arrived = 0;
  const auto talk = [&](int first, int last) {
    for (int i = first; i < last; ++i) {
      for (SrtpBytes* packet : {&sound, &picture}) {
        (*packet)[2] = std::byte(i >> 8);
        (*packet)[3] = std::byte(i & 0xFF);
        arrived += carry(pair_.client, pair_.server, *packet, false);
        arrived += carry(pair_.server, pair_.client, *packet, false);
      }
      arrived += carry(pair_.client, pair_.server, report, true);
    }
  };
  talk(0, warm_up);
  const std::size_t ours =
      pair_.client.env.memory.allocations() + pair_.server.env.memory.allocations();
  const Cost cost;
  talk(warm_up, warm_up + packets);
  const long from_heap = cost.allocations(), kept = cost.kept(), from_system = cost.system_random();
  EXPECT_EQ(arrived, 5 * (warm_up + packets));
  EXPECT_EQ(pair_.client.env.memory.allocations() + pair_.server.env.memory.allocations(), ours);
  EXPECT_EQ(from_system, 0);
  EXPECT_EQ(kept, 0);
  EXPECT_LE(from_heap, 2 * 5 * packets * library().allocations_of_its_own)
      << "sealed and opened: " << 2 * 5 * packets;
}

}  // namespace esp_peer::test
