// Our transform over OpenSSL's ciphers keeps to what every SRTP backend keeps to.
#include "backends/openssl_srtp/backend.hpp"
#include "tests/conformance/srtp_backend_suite.hpp"

namespace esp_peer::test {
namespace {

INSTANTIATE_TEST_SUITE_P(OpensslSrtp, SrtpBackend,
                         ::testing::Combine(::testing::Values(SrtpLibrary{"openssl_srtp",
                                                                          openssl_srtp::backend}),
                                            ::testing::ValuesIn(srtp_profiles)));

}  // namespace
}  // namespace esp_peer::test
