// A P-256 key and its self-signed certificate.
#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>

#include "backends/common/library_backend.hpp"

namespace esp_peer::openssl {

class Identity final : public dtls::CountedIdentity {
 public:
  Identity() = default;
  ~Identity();
  // A new key and its certificate, once; false when the library fails.
  bool generate(std::int64_t unix_seconds);

  EVP_PKEY* key() const { return key_; }
  X509* certificate() const { return certificate_; }

 private:
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
};

// The hash of a certificate; false when the library cannot make it.
bool digest_certificate(const X509* certificate, dtls::Hash hash, dtls::Fingerprint& out);

}  // namespace esp_peer::openssl
