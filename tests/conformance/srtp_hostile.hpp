// What is not the peer's, or came before, is dropped and changes nothing.
#pragma once
#include "tests/conformance/srtp_backend.hpp"

namespace esp_peer::test {

// covers: bug 32, bug 48, must rfc3711#3.3, must rfc7714#5.3
TEST_P(SrtpBackend, each_bit_that_is_bent_makes_a_packet_worthless) {
  const SrtpReference client = pair_.of(true);
  const SrtpBytes rtp = rtp_packet(7, 100, 20), rtcp = rtcp_packet(7, 3);
  const SrtpBytes sealed_rtp = client.seal_rtp(rtp, 0), sealed_rtcp = client.seal_rtcp(rtcp, 5);
  const std::uint64_t before = pair_.server.state();
  for (std::size_t bit = 0; bit < 8 * sealed_rtp.size(); ++bit) {
    SrtpBytes bent = sealed_rtp;
    bent[bit / 8] ^= std::byte(1u << bit % 8);
    EXPECT_TRUE(pair_.server.open_rtp(bent).empty()) << bit;
  }
  for (std::size_t bit = 0; bit < 8 * sealed_rtcp.size(); ++bit) {
    SrtpBytes bent = sealed_rtcp;
    bent[bit / 8] ^= std::byte(1u << bit % 8);
    EXPECT_TRUE(pair_.server.open_rtcp(bent).empty()) << bit;
  }
  EXPECT_EQ(pair_.server.state(), before);
  EXPECT_EQ(pair_.server.open_rtp(sealed_rtp), rtp);
  EXPECT_EQ(pair_.server.open_rtcp(sealed_rtcp), rtcp);
}

// covers: bug 32, bug 48
TEST_P(SrtpBackend, a_flood_of_forgeries_stops_nothing_and_costs_no_memory) {
  const SrtpReference client = pair_.of(true);
  std::mt19937 random(1);
  SrtpBytes forged = client.seal_rtp(rtp_packet(7, 1, 40), 0);
  ASSERT_FALSE(pair_.server.open_rtp(forged).empty());
  const std::size_t memory = pair_.server.env.memory.live;
  for (std::uint16_t round = 2; round < 20; ++round) {
    for (int i = 0; i < 500; ++i) {
      for (std::size_t at = 2; at < forged.size(); ++at) forged[at] = std::byte(random() & 0xFF);
      if (i % 2 == 0)
        copy_bytes(Bytes(rtp_packet(7, 0, 0)).subspan(8, 4), MutableBytes(forged).subspan(8));
      // Many a millisecond: each new name may cost a look at another rollover, but not every
      // packet.
      const Bytes opened = pair_.server.session.open_rtp(at_ms(pair_.server.ms), forged);
      ASSERT_TRUE(opened.empty());
    }
    const SrtpBytes packet = rtp_packet(7, round, 40);
    EXPECT_EQ(pair_.server.open_rtp(client.seal_rtp(packet, 0)), packet);
  }
  EXPECT_EQ(pair_.server.env.memory.live, memory);
}

TEST_P(SrtpBackend, other_keys_and_the_other_direction_open_nothing) {
  SrtpPair strangers(library(), profile(), 2);
  const SrtpBytes rtp = rtp_packet(7, 1, 20), rtcp = rtcp_packet(7, 3);
  EXPECT_TRUE(pair_.server.open_rtp(strangers.client.seal_rtp(rtp)).empty());
  EXPECT_TRUE(pair_.server.open_rtcp(strangers.client.seal_rtcp(rtcp)).empty());
  EXPECT_TRUE(pair_.server.open_rtp(pair_.server.seal_rtp(rtp)).empty());  // reflected
  EXPECT_TRUE(pair_.server.open_rtcp(pair_.server.seal_rtcp(rtcp)).empty());
  EXPECT_EQ(pair_.server.open_rtp(pair_.client.seal_rtp(rtp)), rtp);
}

TEST_P(SrtpBackend, each_part_of_the_exported_keys_counts) {
  const SrtpBytes rtp = rtp_packet(7, 1, 20);
  const SrtpBytes sealed = pair_.client.seal_rtp(rtp);
  const std::size_t key = crypto::key_size(profile()), salt = crypto::salt_size(profile());
  const std::pair<std::size_t, bool> parts[] = {// of the client's direction or not
                                                {0, true},
                                                {key, false},
                                                {2 * key, true},
                                                {2 * key + salt, false}};
  for (const auto& [at, matters] : parts) {
    SrtpBytes exported = pair_.exported;
    exported[at] ^= std::byte{1};
    SrtpSide other(library(), profile(), exported, false);
    EXPECT_EQ(other.open_rtp(sealed).empty(), matters) << at;
  }
  TestEnv env;
  srtp::Session shorter(profile(), Bytes(pair_.exported).first(pair_.exported.size() - 1), true,
                        library().backend(), env.env);
  EXPECT_FALSE(shorter.ok());
}

// covers: bug 49, bug 51
TEST_P(SrtpBackend, every_length_and_every_first_byte_is_refused_or_opened_but_never_read_beyond) {
  const SrtpReference client = pair_.of(true);
  const SrtpBytes rtp = client.seal_rtp(rtp_packet(7, 1, 30), 0);
  const SrtpBytes rtcp = client.seal_rtcp(rtcp_packet(7, 8), 1);
  const std::uint64_t before = pair_.server.state();
  for (std::size_t size = 0; size <= 64; ++size) {
    for (unsigned first = 0; first <= 255; ++first) {
      for (const SrtpBytes* whole : {&rtp, &rtcp}) {
        SrtpBytes cut(whole->begin(), whole->begin() + long(std::min(size, whole->size())));
        cut.shrink_to_fit();  // under ASan its end is watched
        if (size >= whole->size() && first == 0x80) continue;
        if (!cut.empty()) cut[0] = std::byte(first);
        EXPECT_TRUE(pair_.server.open_rtp(cut).empty());
        EXPECT_TRUE(pair_.server.open_rtcp(cut).empty());
      }
    }
  }
  for (std::uint32_t words = 0; words <= 0xFFFF; words += 13) {  // of an extension
    SrtpBytes bent = rtp;
    bent[0] = std::byte{0x90};
    bent[14] = std::byte(words >> 8);
    bent[15] = std::byte(words & 0xFF);
    EXPECT_TRUE(pair_.server.open_rtp(bent).empty());
  }
  EXPECT_EQ(pair_.server.state(), before);
}

// covers: bug 49, must rfc7714#5.3
TEST_P(SrtpBackend, rtcp_that_says_it_is_not_encrypted_is_dropped_whatever_its_length) {
  const SrtpReference client = pair_.of(true);
  for (std::uint32_t words = 0; words <= 40; ++words) {
    const SrtpBytes packet = rtcp_packet(7, words);
    EXPECT_TRUE(pair_.server.open_rtcp(client.seal_rtcp(packet, words, false)).empty());
    EXPECT_EQ(pair_.server.open_rtcp(client.seal_rtcp(packet, words, true)), packet);
  }
}

// covers: must rfc3711#3.3.2
TEST_P(SrtpBackend, each_packet_is_opened_once_and_the_window_reaches_back_far_enough) {
  const SrtpReference client = pair_.of(true);
  const auto rtp = [&](std::uint16_t s) { return client.seal_rtp(rtp_packet(7, s, 10), 0); };
  const auto rtcp = [&](std::uint32_t i) { return client.seal_rtcp(rtcp_packet(7, 2), i); };
  ASSERT_FALSE(pair_.server.open_rtp(rtp(1000)).empty());
  ASSERT_FALSE(pair_.server.open_rtcp(rtcp(1000)).empty());
  for (std::uint16_t behind = 0; behind < 64; ++behind) {
    const auto s = static_cast<std::uint16_t>(1000 - behind);
    EXPECT_EQ(pair_.server.open_rtp(rtp(s)).empty(), behind == 0) << behind;
    EXPECT_EQ(pair_.server.open_rtcp(rtcp(s)).empty(), behind == 0) << behind;
  }
  const std::uint64_t before = pair_.server.state();
  for (std::uint16_t s = 1000; s > 936; --s) {
    EXPECT_TRUE(pair_.server.open_rtp(rtp(s)).empty());
    EXPECT_TRUE(pair_.server.open_rtcp(rtcp(s)).empty());
  }
  // Far behind every window: dropped, whether it came or not.
  ASSERT_FALSE(pair_.server.open_rtp(rtp(20'000)).empty());
  EXPECT_TRUE(pair_.server.open_rtp(rtp(999)).empty());
  EXPECT_NE(pair_.server.state(), before);
}

TEST_P(SrtpBackend, further_sources_than_are_kept_are_dropped_and_the_others_go_on) {
  const SrtpReference client = pair_.of(true);
  for (std::uint32_t ssrc = 1; ssrc <= srtp::Session::max_sources + 10; ++ssrc) {
    const bool kept = ssrc <= srtp::Session::max_sources;
    for (std::uint16_t s = 0; s < 3; ++s) {
      const SrtpBytes packet = rtp_packet(ssrc, s, 10);
      EXPECT_EQ(!pair_.server.open_rtp(client.seal_rtp(packet, 0)).empty(), kept);
    }
    EXPECT_EQ(!pair_.server.open_rtcp(client.seal_rtcp(rtcp_packet(ssrc, 1), 9)).empty(), kept);
  }
  for (std::uint32_t ssrc = 1; ssrc <= srtp::Session::max_sources; ++ssrc) {
    EXPECT_TRUE(pair_.server.open_rtp(client.seal_rtp(rtp_packet(ssrc, 2, 10), 0)).empty());
    EXPECT_FALSE(pair_.server.open_rtp(client.seal_rtp(rtp_packet(ssrc, 3, 10), 0)).empty());
  }
}

// covers: must rfc3711#3.3.2
TEST_P(SrtpBackend, a_silent_source_makes_room_and_goes_on_behind_all_that_it_sent) {
  const SrtpReference client = pair_.of(true);
  SrtpSide& server = pair_.server;
  const auto rtp = [&](std::uint32_t ssrc, std::uint32_t number) {
    const SrtpBytes packet = rtp_packet(ssrc, static_cast<std::uint16_t>(number), 10);
    return !server.open_rtp(client.seal_rtp(packet, number >> 16)).empty();
  };
  const auto rtcp = [&](std::uint32_t ssrc, std::uint32_t index) {
    return !server.open_rtcp(client.seal_rtcp(rtcp_packet(ssrc, 1), index)).empty();
  };
  constexpr std::uint32_t wrap = 0x1'0000, others = srtp::Session::max_sources;
  for (const std::uint32_t number : {40'000u, 65'000u, wrap + 10, wrap + 8}) {
    ASSERT_TRUE(rtp(1, number));
    ASSERT_TRUE(rtp(2, number));
  }
  ASSERT_TRUE(rtcp(1, 9) && rtcp(2, 9));
  for (std::uint32_t ssrc = 3; ssrc <= others; ++ssrc) ASSERT_TRUE(rtp(ssrc, 5));
  EXPECT_FALSE(rtp(100, 5)) << "nobody was silent for long enough";

  const auto quiet = [&] { server.ms += srtp::Session::silence.count() / 1000; };
  quiet();
  for (std::uint32_t ssrc = 3; ssrc <= others; ++ssrc) ASSERT_TRUE(rtp(ssrc, 6));
  EXPECT_TRUE(rtp(100, 5)) << "in the place of the first";
  EXPECT_TRUE(rtp(101, 5)) << "and of the second";
  EXPECT_FALSE(rtp(102, 5));
  quiet();
  EXPECT_FALSE(rtp(1, wrap + 8)) << "came";
  EXPECT_FALSE(rtp(1, wrap + 10)) << "came";
  EXPECT_FALSE(rtp(1, wrap + 9)) << "may have come";
  EXPECT_FALSE(rtp(1, 40'000)) << "came";
  EXPECT_FALSE(rtcp(1, 9)) << "came";
  EXPECT_TRUE(rtp(1, wrap + 12));
  EXPECT_TRUE(rtp(1, wrap + 11)) << "out of order as ever";
  EXPECT_FALSE(rtp(1, wrap + 11)) << "came";
  EXPECT_FALSE(rtp(1, wrap + 9)) << "may have come";
  EXPECT_FALSE(rtcp(1, 9)) << "came";
  EXPECT_TRUE(rtcp(1, 10));
  // The second comes again with a report, and goes on over another wrap.
  EXPECT_FALSE(rtcp(2, 9)) << "came";
  EXPECT_TRUE(rtcp(2, 20));
  EXPECT_FALSE(rtp(2, wrap + 10)) << "came";
  EXPECT_TRUE(rtp(2, wrap + 30'000));
  EXPECT_TRUE(rtp(2, wrap + 60'000));
  EXPECT_TRUE(rtp(2, 2 * wrap + 5));
  EXPECT_FALSE(rtp(2, wrap + 10)) << "came";
}

TEST_P(SrtpBackend, so_many_sources_may_have_been_and_no_more) {
  const SrtpReference client = pair_.of(true);
  constexpr std::uint32_t most = srtp::Session::max_sources + srtp::Session::max_silent_sources;
  std::size_t memory = 0;
  for (std::uint32_t ssrc = 1; ssrc <= most + 200; ++ssrc) {
    pair_.server.ms += srtp::Session::silence.count() / 1000;
    EXPECT_EQ(!pair_.server.open_rtp(client.seal_rtp(rtp_packet(ssrc, 1, 10), 0)).empty(),
              ssrc <= most);
    if (ssrc == most) memory = pair_.server.env.memory.live;
  }
  EXPECT_EQ(pair_.server.env.memory.live, memory);
  for (const std::uint32_t ssrc : {1u, most}) {
    EXPECT_TRUE(pair_.server.open_rtp(client.seal_rtp(rtp_packet(ssrc, 1, 10), 0)).empty());
  }
  EXPECT_FALSE(pair_.server.open_rtp(client.seal_rtp(rtp_packet(most, 2, 10), 0)).empty());
  EXPECT_FALSE(pair_.server.open_rtp(client.seal_rtp(rtp_packet(1, 2, 10), 0)).empty());
  EXPECT_TRUE(pair_.server.open_rtp(client.seal_rtp(rtp_packet(1, 2, 10), 0)).empty());
}

}  // namespace esp_peer::test
