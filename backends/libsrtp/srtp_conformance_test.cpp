// libsrtp keeps to what every SRTP backend keeps to.
#include "backends/libsrtp/backend.hpp"
#include "tests/conformance/srtp_backend_suite.hpp"

namespace esp_peer::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Libsrtp, SrtpBackend,
                         ::testing::Combine(::testing::Values(SrtpLibrary{"libsrtp",
                                                                          libsrtp::backend}),
                                            ::testing::ValuesIn(srtp_profiles)));

}  // namespace
}  // namespace esp_peer::test
