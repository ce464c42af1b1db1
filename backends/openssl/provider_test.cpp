// OpenSSL hashes and draws as every provider does.
#include "backends/openssl/provider.hpp"

#include "tests/conformance/crypto_provider_suite.hpp"

namespace esp_peer::test {
namespace {

Random* generator() {
  static openssl::SystemRandom instance;
  return &instance;
}

INSTANTIATE_TEST_SUITE_P(Openssl, CryptoProvider, ::testing::Values(openssl::provider));
INSTANTIATE_TEST_SUITE_P(Openssl, CryptoRandom, ::testing::Values(generator));

}  // namespace
}  // namespace esp_peer::test
