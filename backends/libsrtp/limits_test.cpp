// Where the counters of SRTP end, which nobody lives to see: the test is led there by the library's
// own doors. No key may meet an index twice [rfc3711#9.1].
#include <srtp2/srtp.h>

#include <optional>

#include "backends/libsrtp/backend.hpp"
#include "tests/conformance/srtp_backend.hpp"

namespace esp_peer::test {
namespace {

thread_local std::optional<srtp_t> first_session;  // since it was reset: that of what goes out
thread_local bool library_says_expired = false;    // to the next packet

}  // namespace
}  // namespace esp_peer::test

// The linker leads our calls of libsrtp here.
extern "C" {

srtp_err_status_t __real_srtp_create(srtp_t* session, const srtp_policy_t* policy);
srtp_err_status_t __real_srtp_protect(srtp_t session, void* packet, int* size);

srtp_err_status_t __wrap_srtp_create(srtp_t* session, const srtp_policy_t* policy) {
  using namespace esp_peer::test;
  const srtp_err_status_t status = __real_srtp_create(session, policy);
  if (!first_session) first_session = *session;
  return status;
}
srtp_err_status_t __wrap_srtp_protect(srtp_t session, void* packet, int* size) {
  using namespace esp_peer::test;
  if (std::exchange(library_says_expired, false)) return srtp_err_status_key_expired;
  return __real_srtp_protect(session, packet, size);
}
}

namespace esp_peer::test {
namespace {

class Limits : public ::testing::TestWithParam<crypto::SrtpProfile> {
 protected:
  static SrtpPair begin(crypto::SrtpProfile profile) {
    first_session.reset();
    return SrtpPair({"libsrtp", libsrtp::backend}, profile);
  }
  SrtpPair pair_ = begin(GetParam());
  SrtpReference reference_ = pair_.of(true);
};

// covers: must rfc3711#3.3.1, must rfc7714#13.1
TEST_P(Limits, after_the_last_index_nothing_is_sealed_instead_of_beginning_again) {
  constexpr std::uint32_t ssrc = 7;
  constexpr std::uint64_t end = 1ULL << 48;
  ASSERT_FALSE(pair_.client.seal_rtp(rtp_packet(ssrc, 60'000, 10)).empty());
  ASSERT_EQ(srtp_set_stream_roc(*first_session, ssrc, 0xFFFF'FFFE), srtp_err_status_ok);
  std::uint64_t sealed_to = 0;
  for (std::uint64_t index = end - 0x2'0000 + 60'001; index < end + 0x3'0000; index += 997) {
    const SrtpBytes packet = rtp_packet(ssrc, static_cast<std::uint16_t>(index), 10);
    const SrtpBytes sealed = pair_.client.seal_rtp(packet);
    if (sealed.empty()) continue;
    ASSERT_LT(index, end) << "the keystream of the first packets again";
    EXPECT_EQ(sealed, reference_.seal_rtp(packet, static_cast<std::uint32_t>(index >> 16)));
    sealed_to = index;
  }
  EXPECT_GE(sealed_to, end - 0x1'0000) << "what is given up is the last 65536";
  // Another source of ours has the same keys and its own index; reports have theirs.
  const SrtpBytes other = rtp_packet(8, 1, 10);
  EXPECT_EQ(pair_.client.seal_rtp(other), reference_.seal_rtp(other, 0));
  EXPECT_FALSE(pair_.client.seal_rtcp(rtcp_packet(ssrc, 3)).empty());
}

// [rfc3711#9.2] 2^48 packets of all sources together: libsrtp counts them, says so once, and then
// counts on from 2^64.
TEST_P(Limits, a_key_that_is_used_up_stays_so) {
  ASSERT_FALSE(pair_.client.seal_rtp(rtp_packet(7, 1, 10)).empty());
  library_says_expired = true;
  EXPECT_TRUE(pair_.client.seal_rtp(rtp_packet(7, 2, 10)).empty());
  EXPECT_TRUE(pair_.client.seal_rtp(rtp_packet(7, 3, 10)).empty());
  EXPECT_TRUE(pair_.client.seal_rtp(rtp_packet(8, 4, 10)).empty());
  EXPECT_FALSE(pair_.client.seal_rtcp(rtcp_packet(7, 3)).empty()) << "a farewell";
}

INSTANTIATE_TEST_SUITE_P(Libsrtp, Limits, ::testing::ValuesIn(srtp_profiles));

}  // namespace
}  // namespace esp_peer::test
