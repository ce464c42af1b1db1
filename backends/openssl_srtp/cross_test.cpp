// Our transform and libsrtp, packet by packet: neither seals, opens or drops what the other does
// not.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "backends/libsrtp/backend.hpp"
#include "backends/openssl_srtp/backend.hpp"
#include "tests/conformance/srtp_backend.hpp"
#include "tests/support/srtp_twins.hpp"

namespace esp_peer::test {
namespace {

class Twins : public ::testing::TestWithParam<crypto::SrtpProfile> {};

// covers: bug 48, bug 49, bug 50
TEST_P(Twins, do_the_same_with_whatever_an_application_and_a_network_do) {
  std::uint64_t sealed = 0, opened = 0, dropped = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    SrtpTwins twins(GetParam(), libsrtp::backend(), openssl_srtp::backend());
    ASSERT_TRUE(twins.agrees());
    for (int i = 0; i < 3'000; ++i) {
      std::byte bytes[8];
      for (std::byte& b : bytes) b = std::byte(random() & 0xFF);
      Reader in(bytes);
      twins.step(in);
      ASSERT_TRUE(twins.agrees()) << "seed " << seed << " step " << i;
    }
    sealed += twins.sealed();
    opened += twins.opened();
    dropped += twins.dropped();
  }
  EXPECT_GT(sealed, 10'000u);
  EXPECT_GT(opened, 4'000u);
  EXPECT_GT(dropped, 4'000u);
}

// Each opens the other's, past every wrap of a long call.
TEST_P(Twins, understand_each_other_for_200_000_packets_with_loss_at_each_wrap) {
  const SrtpLibrary theirs{"libsrtp", libsrtp::backend}, ours{"openssl", openssl_srtp::backend};
  const SrtpBytes exported = exported_keys(GetParam(), 3);
  SrtpSide left(theirs, GetParam(), exported, true), right(ours, GetParam(), exported, false);
  std::mt19937 random(5);
  for (std::uint32_t number = 60'000; number < 260'000; ++number) {
    const std::uint32_t to_wrap = (number + 20) % 65'536;
    const bool lost = to_wrap < 40 ? random() % 2 : random() % 50 == 0;
    const SrtpBytes packet = rtp_packet(7, static_cast<std::uint16_t>(number), number % 40);
    const bool from_left = number % 2 == 0;
    SrtpSide& from = from_left ? left : right;
    SrtpSide& to = from_left ? right : left;
    const SrtpBytes sealed = from.seal_rtp(packet);
    ASSERT_FALSE(sealed.empty()) << number;
    if (lost) continue;
    ASSERT_EQ(to.open_rtp(sealed), packet) << number;
    ASSERT_TRUE(to.open_rtp(sealed).empty()) << number;
    if (number % 1000 > 1) continue;
    const SrtpBytes report = rtcp_packet(7, number / 1000 % 20);
    ASSERT_EQ(to.open_rtcp(from.seal_rtcp(report)), report) << number;
  }
}

INSTANTIATE_TEST_SUITE_P(OpensslSrtp, Twins, ::testing::ValuesIn(srtp_profiles));

}  // namespace
}  // namespace esp_peer::test
