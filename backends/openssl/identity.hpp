// A P-256 key and its self-signed certificate.
#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <atomic>
#include <cstdint>

#include "dtls/endpoint.hpp"

namespace esp_peer::openssl {

class Identity final : public dtls::Identity {
 public:
  // nullptr when the library fails. One reference held.
  static Identity* create(std::int64_t unix_seconds);

  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();

  const dtls::Fingerprint& fingerprint() const override { return fingerprint_; }
  EVP_PKEY* key() const { return key_; }
  X509* certificate() const { return certificate_; }

 private:
  Identity() = default;
  ~Identity();
  bool generate(std::int64_t unix_seconds);

  std::atomic<int> references_{1};
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
  dtls::Fingerprint fingerprint_;
};

// The hash of a certificate; false when the library cannot make it.
bool digest_certificate(const X509* certificate, dtls::Hash hash, dtls::Fingerprint& out);

}  // namespace esp_peer::openssl
