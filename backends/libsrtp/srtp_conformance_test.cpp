// libsrtp keeps to what every SRTP backend keeps to.
#include "backends/libsrtp/backend.hpp"
#include "tests/conformance/srtp_backend_suite.hpp"

namespace esp_peer::test {
namespace {

// Debian's libsrtp stands on NSS, which makes a context of a cipher and of a hash for each packet:
// 14 blocks with AES in counter mode, 5 with AES-GCM. Over another library it is some other number.
constexpr long most_allocations = 32;

INSTANTIATE_TEST_SUITE_P(Libsrtp, SrtpBackend,
                         ::testing::Combine(::testing::Values(SrtpLibrary{
                                                "libsrtp", libsrtp::backend, most_allocations}),
                                            ::testing::ValuesIn(srtp_profiles)));

}  // namespace
}  // namespace esp_peer::test
