// OpenSSL keeps to what every DTLS backend keeps to.
#include "tests/conformance/dtls_backend_suite.hpp"
#include "tests/support/openssl_library.hpp"

namespace esp_peer::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Openssl, DtlsBackend, ::testing::Values(openssl_library));

}  // namespace
}  // namespace esp_peer::test
