// Mbed TLS keeps to what every DTLS backend keeps to.
#include "tests/conformance/dtls_backend_suite.hpp"
#include "tests/support/mbedtls/mbedtls_library.hpp"

namespace esp_peer::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Mbedtls, DtlsBackend, ::testing::Values(mbedtls_library));

}  // namespace
}  // namespace esp_peer::test
