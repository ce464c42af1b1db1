// A DTLS peer that is none of ours: a plain SSL object over memory BIOs, to be bent into the old,
// the odd and the hostile.
#pragma once
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/support/dtls_pair.hpp"

namespace esp_peer::test {

struct ForeignKey {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;

  ForeignKey() = default;
  explicit ForeignKey(EVP_PKEY* made) : key(made), certificate(certificate_of(made, made)) {}
  ForeignKey(const ForeignKey&) = delete;
  ForeignKey(ForeignKey&& other) noexcept
      : key(std::exchange(other.key, nullptr)),
        certificate(std::exchange(other.certificate, nullptr)) {}
  ~ForeignKey() {
    EVP_PKEY_free(key);
    X509_free(certificate);
  }

  static ForeignKey ecdsa() { return ForeignKey(EVP_EC_gen("P-256")); }
  static ForeignKey rsa(unsigned bits) { return ForeignKey(EVP_RSA_gen(bits)); }
  // A certificate for one key, in the hands of somebody who has only another.
  static ForeignKey stolen() {
    EVP_PKEY* victim = EVP_EC_gen("P-256");
    EVP_PKEY* thief = EVP_EC_gen("P-256");
    ForeignKey out;
    out.certificate = certificate_of(victim, victim);
    out.key = public_of_one_private_of_other(victim, thief);
    EVP_PKEY_free(victim);
    EVP_PKEY_free(thief);
    return out;
  }

  dtls::Fingerprint fingerprint() const {
    dtls::Fingerprint out;
    unsigned size = 0;
    X509_digest(certificate, EVP_sha256(), reinterpret_cast<unsigned char*>(out.digest.data()),
                &size);
    out.size = static_cast<std::uint8_t>(size);
    return out;
  }

 private:
  static X509* certificate_of(EVP_PKEY* subject, EVP_PKEY* issuer) {
    X509* x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -2 * 86'400);
    X509_gmtime_adj(X509_getm_notAfter(x), -86'400);  // of yesterday, which does not matter
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("x"), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, subject);
    X509_sign(x, issuer, EVP_sha256());
    return x;
  }
  static EVP_PKEY* public_of_one_private_of_other(EVP_PKEY* one, EVP_PKEY* other) {
    unsigned char point[128];
    std::size_t size = 0;
    EVP_PKEY_get_octet_string_param(one, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &size);
    BIGNUM* secret = nullptr;
    EVP_PKEY_get_bn_param(other, OSSL_PKEY_PARAM_PRIV_KEY, &secret);
    OSSL_PARAM_BLD* b = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, size);
    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, secret);
    OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(ctx);
    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    BN_free(secret);
    return key;
  }
};

class ForeignPeer {
 public:
  using Bend = std::function<void(SSL_CTX*)>;
  ForeignPeer(dtls::Role role, const ForeignKey* key, const Bend& bend = {})
      : ctx_(SSL_CTX_new(DTLS_method())) {
    SSL_CTX_set_verify(ctx_, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
    SSL_CTX_set_options(ctx_, SSL_OP_NO_QUERY_MTU);
    if (key) {
      EXPECT_EQ(SSL_CTX_use_certificate(ctx_, key->certificate), 1);
      EXPECT_EQ(SSL_CTX_use_PrivateKey(ctx_, key->key), 1);
    }
    if (bend) bend(ctx_);
    ssl_ = SSL_new(ctx_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_mtu(ssl_, 1200);
    if (role == dtls::Role::client) {
      SSL_set_connect_state(ssl_);
    } else {
      SSL_set_accept_state(ssl_);
    }
  }
  ForeignPeer(const ForeignPeer&) = delete;
  ~ForeignPeer() {
    SSL_free(ssl_);
    SSL_CTX_free(ctx_);
    ERR_clear_error();
  }

  // Datagrams go to and fro until neither has anything to say.
  void talk_to(DtlsSide& side, Instant now) {
    for (int turn = 0; turn < 20; ++turn) {
      ERR_clear_error();
      if (!connected()) SSL_do_handshake(ssl_);
      const Datagram ours = written();
      if (!ours.empty()) side.deliver(now, ours);
      side.fetch(now);
      const auto theirs = side.written(now);
      for (const Datagram& datagram : theirs) {
        BIO_write(SSL_get_rbio(ssl_), datagram.data(), static_cast<int>(datagram.size()));
        read();
      }
      if (ours.empty() && theirs.empty()) break;
    }
  }
  Datagram written() {
    Datagram out(static_cast<std::size_t>(BIO_pending(SSL_get_wbio(ssl_))));
    if (!out.empty()) BIO_read(SSL_get_wbio(ssl_), out.data(), static_cast<int>(out.size()));
    return out;
  }
  Datagram seal(const std::string& text) {
    SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
    return written();
  }
  void deliver(const Datagram& datagram) {
    BIO_write(SSL_get_rbio(ssl_), datagram.data(), static_cast<int>(datagram.size()));
    read();
  }
  void read() {
    char text[4096];
    ERR_clear_error();
    for (int n = SSL_read(ssl_, text, sizeof(text)); n > 0;
         n = SSL_read(ssl_, text, sizeof(text))) {
      received.emplace_back(text, static_cast<std::size_t>(n));
    }
  }

  bool connected() const { return SSL_is_init_finished(ssl_); }
  SSL* ssl() const { return ssl_; }
  std::vector<std::string> received;

 private:
  SSL_CTX* ctx_;
  SSL* ssl_ = nullptr;
};

}  // namespace esp_peer::test
