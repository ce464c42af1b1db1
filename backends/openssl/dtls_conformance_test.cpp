// OpenSSL keeps to what every DTLS backend keeps to.
#include "backends/openssl/backend.hpp"
#include "backends/openssl/identity.hpp"
#include "tests/conformance/dtls_backend_suite.hpp"
#include "tests/support/virtual_openssl.hpp"

namespace esp_peer::test {
namespace {

dtls::Fingerprint fingerprint(dtls::Identity& identity, dtls::Hash hash) {
  dtls::Fingerprint out;
  EXPECT_TRUE(openssl::digest_certificate(static_cast<openssl::Identity&>(identity).certificate(),
                                          hash, out));
  return out;
}

INSTANTIATE_TEST_SUITE_P(Openssl, DtlsBackend,
                         ::testing::Values(DtlsLibrary{
                             "openssl", openssl::backend, set_virtual_time, use_real_time,
                             seed_openssl, openssl_bytes, openssl_peak_bytes, reset_openssl_peak,
                             fingerprint}));

}  // namespace
}  // namespace esp_peer::test
