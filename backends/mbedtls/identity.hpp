// A P-256 key and its self-signed certificate.
#pragma once
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include <cstdint>

#include "backends/common/library_backend.hpp"

namespace esp_peer::mbedtls {

class Identity final : public dtls::CountedIdentity {
 public:
  Identity();
  ~Identity();
  // A new key and its certificate, once; false when the library fails.
  bool generate(std::int64_t unix_seconds);

  // The library takes both without const and only reads them, from any thread: it signs with a copy
  // of the key.
  mbedtls_pk_context& key() { return key_; }
  mbedtls_x509_crt& certificate() { return certificate_; }

 private:
  bool generate_key();

  mbedtls_pk_context key_;
  mbedtls_x509_crt certificate_;
};

// The hash of a certificate; false when the library cannot make it.
bool digest_certificate(const mbedtls_x509_crt& certificate, dtls::Hash hash,
                        dtls::Fingerprint& out);

}  // namespace esp_peer::mbedtls
