// Authentic records that no library would write, from a stranger who is connected.
#pragma once
#include <openssl/kdf.h>

#include "tests/support/encounter.hpp"

namespace esp_peer::test {

// The peer's side of the record layer [rfc5246#6.2.3.3] [rfc5288#3], for records OpenSSL would not
// write.
class HandmadeRecords {
 public:
  // `ssl` is connected, with ECDHE-…-AES128-GCM-SHA256.
  explicit HandmadeRecords(SSL* ssl) {
    unsigned char master[48], seed[13 + 64] = "key expansion", block[40];
    SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof(master));
    SSL_get_server_random(ssl, seed + 13, 32);
    SSL_get_client_random(ssl, seed + 45, 32);
    EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr);
    EVP_KDF_CTX* ctx = EVP_KDF_CTX_new(kdf);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, sizeof(master)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
        OSSL_PARAM_construct_end()};
    EXPECT_EQ(EVP_KDF_derive(ctx, block, sizeof(block), params), 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    const bool server = SSL_is_server(ssl);
    std::copy_n(block + (server ? 16 : 0), 16, key_);
    std::copy_n(block + (server ? 36 : 32), 4, salt_);
  }

  Datagram seal(int type, std::uint64_t sequence, const Datagram& plaintext) const {
    Datagram aad(13), out(13 + 8 + plaintext.size() + 16);
    const std::uint64_t number = 1ULL << 48 | sequence;
    Writer a(aad);
    a.u64(number);
    a.u8(static_cast<std::uint8_t>(type));
    a.u16(0xFEFD);
    a.u16(static_cast<std::uint16_t>(plaintext.size()));
    Writer w(out);
    w.u8(static_cast<std::uint8_t>(type));
    w.u16(0xFEFD);
    w.u64(number);
    w.u16(static_cast<std::uint16_t>(8 + plaintext.size() + 16));
    w.u64(number ^ 0xFFFF'0000'0000'0000);  // the nonce, not one of OpenSSL's
    unsigned char iv[12];
    std::copy_n(salt_, 4, iv);
    std::memcpy(iv + 4, out.data() + 13, 8);
    const auto at = [](const Datagram& d) {
      return reinterpret_cast<const unsigned char*>(d.data());
    };
    auto* body = reinterpret_cast<unsigned char*>(out.data()) + 21;
    EVP_CIPHER_CTX* ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), nullptr, key_, iv);
    EVP_EncryptUpdate(ctx, nullptr, &n, at(aad), 13);
    EVP_EncryptUpdate(ctx, body, &n, at(plaintext), static_cast<int>(plaintext.size()));
    EVP_EncryptFinal_ex(ctx, body, &n);
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, body + plaintext.size());
    EVP_CIPHER_CTX_free(ctx);
    return out;
  }

 private:
  unsigned char key_[16], salt_[4];
};

inline Datagram bytes(std::initializer_list<int> values) {
  Datagram out;
  for (const int v : values) out.push_back(static_cast<std::byte>(v));
  return out;
}

struct Handmade {
  Handmade(const DtlsLibrary& library, dtls::Role role)
      : e(library, role, &key, ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")), records(e.theirs.ssl()) {}
  ForeignKey key = ForeignKey::ecdsa();
  Encounter e;
  HandmadeRecords records;
};

}  // namespace esp_peer::test
