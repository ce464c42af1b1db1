// Our transform at the ends of its counters and of its memory; what every transform must do stands
// in tests/conformance/.
#include "srtp/packet_transform.hpp"

#include <gtest/gtest.h>

#include "backends/openssl_srtp/ciphers.hpp"
#include "srtp/packet_index.hpp"
#include "tests/conformance/srtp_backend.hpp"

namespace esp_peer::srtp {
namespace {

using test::SrtpBytes;

class Ends : public ::testing::TestWithParam<crypto::SrtpProfile> {
 protected:
  static constexpr rtp::Ssrc us{7};

  // Of the master keys 1, 2, 3 … for both directions.
  MasterKey master() const {
    return {Bytes(bytes_).first(crypto::key_size(GetParam())),
            Bytes(bytes_).subspan(32, crypto::salt_size(GetParam()))};
  }
  SrtpBytes seal_rtp(const SrtpBytes& packet) {
    SrtpBytes room(packet);
    room.resize(packet.size() + max_growth);
    room.resize(transform_.seal_rtp(room, packet.size()));
    return room;
  }
  SrtpBytes seal_rtcp(const SrtpBytes& packet) {
    SrtpBytes room(packet);
    room.resize(packet.size() + max_growth);
    room.resize(transform_.seal_rtcp(room, packet.size()));
    return room;
  }

  SrtpBytes bytes_ = [] {
    SrtpBytes out(64);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::byte(i);
    return out;
  }();
  test::TestEnv env_;
  PacketTransform transform_{GetParam(), master(), master(), openssl_srtp::ciphers(), env_.env};
  test::SrtpReference reference_{GetParam(), master().key, master().salt};
};

// covers: must rfc3711#3.3.1, must rfc7714#13.1
TEST_P(Ends, the_last_of_2_to_the_48_packets_is_sealed_and_none_behind_it) {
  ASSERT_TRUE(transform_.resume(us, end_of_indices - 40, 0));
  for (std::uint64_t index = end_of_indices - 39; index < end_of_indices; ++index) {
    const SrtpBytes packet = test::rtp_packet(7, static_cast<std::uint16_t>(index), 20);
    ASSERT_EQ(seal_rtp(packet), reference_.seal_rtp(packet, 0xFFFF'FFFF));
  }
  for (std::uint32_t number = 0; number < 70'000; number += 7) {
    ASSERT_TRUE(seal_rtp(test::rtp_packet(7, static_cast<std::uint16_t>(number), 20)).empty());
  }
  EXPECT_FALSE(seal_rtp(test::rtp_packet(8, 0, 20)).empty()) << "another source counts for itself";
}

// covers: must rfc7714#13.1
TEST_P(Ends, the_last_of_2_to_the_31_reports_is_sealed_and_none_behind_it) {
  ASSERT_TRUE(transform_.resume(us, 0, 0x7FFF'FFFC));
  const SrtpBytes packet = test::rtcp_packet(7, 5);
  for (const std::uint32_t index : {0x7FFF'FFFDu, 0x7FFF'FFFEu, 0x7FFF'FFFFu}) {
    ASSERT_EQ(seal_rtcp(packet), reference_.seal_rtcp(packet, index));
  }
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(seal_rtcp(packet).empty());
}

TEST_P(Ends, what_comes_may_reach_the_last_packet_and_does_not_begin_again) {
  ASSERT_TRUE(transform_.expect(us, 0xFFFF'FFFF));
  const auto open = [&](std::uint16_t sequence, std::uint32_t rollovers) {
    SrtpBytes sealed = reference_.seal_rtp(test::rtp_packet(7, sequence, 20), rollovers);
    return transform_.open_rtp(sealed).verdict;
  };
  EXPECT_EQ(open(0xFFFE, 0xFFFF'FFFF), Verdict::opened);
  EXPECT_EQ(open(0xFFFF, 0xFFFF'FFFF), Verdict::opened);
  EXPECT_EQ(open(0, 0), Verdict::unauthentic);
  EXPECT_EQ(open(0xFFFE, 0xFFFF'FFFF), Verdict::replayed);
  EXPECT_EQ(open(0xFFF0, 0xFFFF'FFFF), Verdict::opened);
}

TEST_P(Ends, so_many_sources_of_ours_and_no_more) {
  for (std::uint32_t ssrc = 1; ssrc <= PacketTransform::max_own_sources + 5; ++ssrc) {
    const bool kept = ssrc <= PacketTransform::max_own_sources;
    EXPECT_EQ(!seal_rtp(test::rtp_packet(ssrc, 1, 20)).empty(), kept) << ssrc;
    EXPECT_EQ(!seal_rtcp(test::rtcp_packet(ssrc, 1)).empty(), kept) << ssrc;
  }
  EXPECT_FALSE(seal_rtp(test::rtp_packet(1, 2, 20)).empty());
}

// covers: bug 85
TEST_P(Ends, without_memory_there_is_no_transform_or_a_packet_is_dropped_and_nothing_breaks) {
  std::size_t whole = 0;
  for (std::size_t fail_from = 0; fail_from < 12; ++fail_from) {
    test::TestEnv poor;
    poor.memory.fail_from = fail_from;
    {
      PacketTransform transform(GetParam(), master(), master(), openssl_srtp::ciphers(), poor.env);
      if (!transform.ok()) continue;
      SrtpBytes sealed = reference_.seal_rtp(test::rtp_packet(7, 1, 20), 0);
      const bool opened = transform.open_rtp(sealed).verdict == Verdict::opened;
      SrtpBytes room = test::rtp_packet(9, 1, 20);
      room.resize(room.size() + max_growth);
      const bool went = transform.seal_rtp(room, room.size() - max_growth) != 0;
      whole += opened && went;
    }
    EXPECT_EQ(poor.memory.live, 0u);
  }
  EXPECT_GT(whole, 0u);
}

INSTANTIATE_TEST_SUITE_P(PacketTransform, Ends, ::testing::ValuesIn(test::srtp_profiles));

}  // namespace
}  // namespace esp_peer::srtp
