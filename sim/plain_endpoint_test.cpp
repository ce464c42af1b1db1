// The framing that stands for DTLS in bulk seeds agrees on SRTP as DTLS does.
#include "sim/plain_endpoint.hpp"

#include <gtest/gtest.h>

#include "backends/openssl/provider.hpp"
#include "sim/plain_dtls.hpp"
#include "tests/support/dtls_pair.hpp"

namespace esp_peer::sim {
namespace {

using crypto::SrtpProfile;

dtls::Backend& plain_backend() {
  static Rng rng(1);
  static PlainDtls backend(openssl::provider(), rng);
  return backend;
}
const test::DtlsLibrary plain_library{"plain",
                                      plain_backend,
                                      [](Instant) {},
                                      [] {},
                                      [](std::uint64_t) {},
                                      [] { return std::size_t{}; },
                                      [] { return std::size_t{}; },
                                      [] {},
                                      {},
                                      {}};

dtls::Options offering(std::initializer_list<SrtpProfile> profiles) {
  dtls::Options options;
  for (const SrtpProfile profile : profiles) options.srtp_profiles.push_back(profile);
  return options;
}

TEST(PlainEndpoint, both_ends_agree_on_a_profile_and_export_keys_of_this_connection_alone) {
  std::array<std::byte, 56> last{};
  for (const std::uint64_t seed : {1u, 2u}) {
    test::DtlsPair p(plain_library, seed,
                     offering({SrtpProfile::aes128_cm_sha1_80, SrtpProfile::aead_aes_128_gcm}),
                     offering({SrtpProfile::aead_aes_128_gcm, SrtpProfile::aes128_cm_sha1_80}));
    p.connect();
    EXPECT_EQ(p.client.endpoint->srtp_profile(), SrtpProfile::aead_aes_128_gcm);
    EXPECT_EQ(p.server.endpoint->srtp_profile(), SrtpProfile::aead_aes_128_gcm);
    std::array<std::byte, 56> a{}, b{};
    ASSERT_TRUE(p.client.endpoint->export_keys(dtls::Endpoint::srtp_label, a));
    ASSERT_TRUE(p.server.endpoint->export_keys(dtls::Endpoint::srtp_label, b));
    EXPECT_EQ(a, b);
    EXPECT_NE(a, last);
    last = a;
  }
}

TEST(PlainEndpoint, without_a_common_profile_connects_without_srtp) {
  test::DtlsPair p(plain_library, 1, offering({SrtpProfile::aes128_cm_sha1_80}),
                   offering({SrtpProfile::aead_aes_256_gcm}));
  p.connect();
  EXPECT_FALSE(p.client.endpoint->srtp_profile());
  EXPECT_FALSE(p.server.endpoint->srtp_profile());
}

}  // namespace
}  // namespace esp_peer::sim
