// Sequence numbers wrap after a few minutes of audio; both ends must count the wraps alike, for
// each source alone, wherever it begins and whatever is lost there.
#pragma once
#include <thread>

#include "tests/conformance/srtp_backend.hpp"

namespace esp_peer::test {

// covers: bug 50, must rfc3711#3.3.1
TEST_P(SrtpBackend, a_source_begins_anywhere_and_may_lose_its_beginning) {
  std::vector<std::uint16_t> starts = {0, 32767, 32768};
  for (std::uint32_t s = 65530; s <= 65535; ++s) starts.push_back(static_cast<std::uint16_t>(s));
  for (const std::uint16_t start : starts) {
    for (std::uint32_t lost = 0; lost <= 20; ++lost) {
      SrtpPair p(library(), profile(), start + lost);
      std::uint32_t number = start;
      for (std::uint32_t i = 0; i < 40; ++i, ++number) {
        for (const std::uint32_t ssrc : {1u, 2u, 3u}) {
          // The sources do not wrap at the same time.
          const auto sequence = static_cast<std::uint16_t>(number - 7 * (ssrc - 1));
          const SrtpBytes packet = rtp_packet(ssrc, sequence, 10);
          const SrtpBytes sealed = p.client.seal_rtp(packet);
          if (i < lost) continue;
          ASSERT_EQ(p.server.open_rtp(sealed), packet)
              << "start " << start << " lost " << lost << " packet " << i << " of " << ssrc;
        }
      }
    }
  }
}

// covers: bug 50, must rfc3711#3.3.1
TEST_P(SrtpBackend, ten_wraps_with_gaps_and_reordering_over_each_wrap) {
  const SrtpReference client = pair_.of(true);
  for (const std::uint32_t ssrc : {1u, 2u, 3u}) {
    std::uint64_t index = 17 * ssrc;
    while (index < 10 * 65'536) {
      // Sometimes thousands are lost at once; around a wrap each comes, and in pairs turned round.
      const bool near_wrap = (index + 40) % 65'536 < 80;
      std::uint64_t ahead =
          near_wrap ? 1 : std::min<std::uint64_t>(7'001, 65'536 - (index + 40) % 65'536);
      for (const std::uint64_t i : {index + ahead, index}) {
        const SrtpBytes packet = rtp_packet(ssrc, static_cast<std::uint16_t>(i), 10);
        const SrtpBytes opened =
            pair_.server.open_rtp(client.seal_rtp(packet, static_cast<std::uint32_t>(i >> 16)));
        // The second of a pair that is too far apart is behind the window.
        if (i != index || ahead < 64) {
          ASSERT_EQ(opened, packet) << ssrc << " " << i;
        }
      }
      index += near_wrap ? 2 : ahead + 1;
    }
  }
}

// covers: bug 50
TEST_P(SrtpBackend, our_own_numbers_wrap_as_the_reference_counts_them) {
  const SrtpReference client = pair_.of(true);
  for (std::uint64_t index = 30'000; index < 4 * 65'536; index += 3'001) {
    for (const std::uint32_t ssrc : {1u, 2u}) {
      const SrtpBytes packet = rtp_packet(ssrc, static_cast<std::uint16_t>(index), 10);
      ASSERT_EQ(pair_.client.seal_rtp(packet),
                client.seal_rtp(packet, static_cast<std::uint32_t>(index >> 16)));
    }
  }
}

// [rfc7714#13.1] Of RTCP, whose index stands in the packet: 31 bits.
// covers: must rfc7714#13.1, fault 26
TEST_P(SrtpBackend, an_index_that_begins_again_is_not_taken) {
  const SrtpReference client = pair_.of(true);
  const SrtpBytes packet = rtcp_packet(1, 3);
  for (const std::uint32_t index : {0x7FFF'FFF0u, 0x7FFF'FFFEu, 0x7FFF'FFFFu}) {
    ASSERT_EQ(pair_.server.open_rtcp(client.seal_rtcp(packet, index)), packet) << index;
  }
  for (const std::uint32_t index : {0u, 1u, 2u, 0x7FFF'FFFFu}) {
    EXPECT_TRUE(pair_.server.open_rtcp(client.seal_rtcp(packet, index)).empty()) << index;
  }
}

TEST_P(SrtpBackend, a_source_known_by_its_reports_alone_may_have_wrapped_too) {
  const SrtpReference client = pair_.of(true);
  ASSERT_FALSE(pair_.server.open_rtcp(client.seal_rtcp(rtcp_packet(7, 2), 1)).empty());
  // A forgery first: what was guessed for it is taken back.
  EXPECT_TRUE(pair_.server.open_rtp(client.seal_rtp(rtp_packet(7, 3, 10), 2)).empty());
  const SrtpBytes packet = rtp_packet(7, 3, 10);
  EXPECT_EQ(pair_.server.open_rtp(client.seal_rtp(packet, 1)), packet);
  EXPECT_TRUE(pair_.server.open_rtp(client.seal_rtp(packet, 1)).empty());
  EXPECT_FALSE(pair_.server.open_rtp(client.seal_rtp(rtp_packet(7, 4, 10), 1)).empty());
  EXPECT_TRUE(pair_.server.open_rtcp(client.seal_rtcp(rtcp_packet(7, 2), 1)).empty());
}

TEST_P(SrtpBackend, sessions_know_nothing_of_each_other_in_any_thread) {
  std::vector<std::thread> threads;
  std::atomic<int> opened{0};
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      for (int round = 0; round < 5; ++round) {
        SrtpPair p(library(), profile(), seed);
        for (std::uint16_t s = 0; s < 100; ++s) {
          const SrtpBytes packet = rtp_packet(7, s, 20);
          opened += p.server.open_rtp(p.client.seal_rtp(packet)) == packet;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 4 * 5 * 100);
}

}  // namespace esp_peer::test
