// OpenSSL's backend as the tests of any backend see it.
#pragma once
#include <gtest/gtest.h>

#include "backends/openssl/backend.hpp"
#include "backends/openssl/identity.hpp"
#include "tests/support/dtls_pair.hpp"
#include "tests/support/virtual_openssl.hpp"

namespace esp_peer::test {

inline dtls::Fingerprint openssl_fingerprint(dtls::Identity& identity, dtls::Hash hash) {
  dtls::Fingerprint out;
  EXPECT_TRUE(openssl::digest_certificate(static_cast<openssl::Identity&>(identity).certificate(),
                                          hash, out));
  return out;
}

inline const DtlsLibrary openssl_library{
    "openssl",
    openssl::backend,
    set_virtual_time,
    use_real_time,
    seed_openssl,
    openssl_bytes,
    openssl_peak_bytes,
    reset_openssl_peak,
    openssl_fingerprint,
    {crypto::SrtpProfile::aead_aes_128_gcm, crypto::SrtpProfile::aead_aes_256_gcm,
     crypto::SrtpProfile::aes128_cm_sha1_80},
    openssl_draws,
    seed_openssl_from_system};

}  // namespace esp_peer::test
