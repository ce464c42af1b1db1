#include "backends/openssl/identity.hpp"

#include <openssl/ec.h>
#include <openssl/rand.h>

namespace esp_peer::openssl {
namespace {

constexpr std::int64_t day = 24 * 60 * 60;

// [rfc5280#4.1.2.2] Positive, and from a generator: serials of two peers never meet.
bool set_serial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof(bytes)) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7F) | 0x40);
  BIGNUM* number = BN_bin2bn(bytes, sizeof(bytes), nullptr);
  const bool ok =
      number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return ok;
}

// The same for everybody: a certificate that proves a key need not tell whose it is.
bool set_names(X509* certificate) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>("WebRTC");
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1;
}

}  // namespace

Identity::~Identity() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

bool Identity::generate(std::int64_t unix_seconds) {
  key_ = EVP_EC_gen("P-256");
  certificate_ = X509_new();
  if (!key_ || !certificate_) return false;
  const bool written =
      X509_set_version(certificate_, 2) == 1 && set_serial(certificate_) &&
      set_names(certificate_) &&
      ASN1_TIME_set(X509_getm_notBefore(certificate_), static_cast<time_t>(unix_seconds - day)) &&
      ASN1_TIME_set(X509_getm_notAfter(certificate_),
                    static_cast<time_t>(unix_seconds + 365 * day)) &&
      X509_set_pubkey(certificate_, key_) == 1 && X509_sign(certificate_, key_, EVP_sha256()) > 0;
  return written && digest_certificate(certificate_, dtls::Hash::sha256, fingerprint_);
}

bool digest_certificate(const X509* certificate, dtls::Hash hash, dtls::Fingerprint& out) {
  const EVP_MD* md = hash == dtls::Hash::sha256   ? EVP_sha256()
                     : hash == dtls::Hash::sha384 ? EVP_sha384()
                                                  : EVP_sha512();
  unsigned size = 0;
  out = dtls::Fingerprint{};
  out.hash = hash;
  auto* digest = reinterpret_cast<unsigned char*>(out.digest.data());
  if (X509_digest(certificate, md, digest, &size) != 1) return false;
  out.size = static_cast<std::uint8_t>(size);
  return true;
}

}  // namespace esp_peer::openssl
