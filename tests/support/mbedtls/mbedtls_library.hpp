// Mbed TLS's backend as the tests of any backend see it.
#pragma once
#include <gtest/gtest.h>

#include "backends/mbedtls/backend.hpp"
#include "backends/mbedtls/identity.hpp"
#include "tests/support/dtls_pair.hpp"
#include "tests/support/mbedtls/virtual_mbedtls.hpp"

namespace esp_peer::test {

inline dtls::Fingerprint mbedtls_fingerprint(dtls::Identity& identity, dtls::Hash hash) {
  dtls::Fingerprint out;
  EXPECT_TRUE(mbedtls::digest_certificate(static_cast<mbedtls::Identity&>(identity).certificate(),
                                          hash, out));
  return out;
}

inline const DtlsLibrary mbedtls_library{
    "mbedtls",           mbedtls::backend,
    set_mbedtls_time,    use_real_mbedtls_time,
    seed_mbedtls,        mbedtls_bytes,
    mbedtls_peak_bytes,  reset_mbedtls_peak,
    mbedtls_fingerprint, {crypto::SrtpProfile::aes128_cm_sha1_80},
    mbedtls_draws,       seed_mbedtls_from_system};

}  // namespace esp_peer::test
