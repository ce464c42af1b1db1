// Mbed TLS hashes and draws as every provider does.
#include "backends/mbedtls/provider.hpp"

#include "tests/conformance/crypto_provider_suite.hpp"

namespace esp_peer::test {
namespace {

Random* generator() {
  static mbedtls::SystemRandom instance;
  return &instance;
}

INSTANTIATE_TEST_SUITE_P(Mbedtls, CryptoProvider, ::testing::Values(mbedtls::provider));
INSTANTIATE_TEST_SUITE_P(Mbedtls, CryptoRandom, ::testing::Values(generator));

}  // namespace
}  // namespace esp_peer::test
