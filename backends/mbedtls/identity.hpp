// A P-256 key and its self-signed certificate.
#pragma once
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include <atomic>
#include <cstdint>

#include "dtls/endpoint.hpp"

namespace esp_peer::mbedtls {

class Identity final : public dtls::Identity {
 public:
  // nullptr when the library fails. One reference held.
  static Identity* create(std::int64_t unix_seconds);

  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();

  const dtls::Fingerprint& fingerprint() const override { return fingerprint_; }
  // The library takes both without const and only reads them, from any thread: it signs with a copy
  // of the key.
  mbedtls_pk_context& key() { return key_; }
  mbedtls_x509_crt& certificate() { return certificate_; }

 private:
  Identity();
  ~Identity();
  bool generate(std::int64_t unix_seconds);
  bool generate_key();

  std::atomic<int> references_{1};
  mbedtls_pk_context key_;
  mbedtls_x509_crt certificate_;
  dtls::Fingerprint fingerprint_;
};

// The hash of a certificate; false when the library cannot make it.
bool digest_certificate(const mbedtls_x509_crt& certificate, dtls::Hash hash,
                        dtls::Fingerprint& out);

}  // namespace esp_peer::mbedtls
