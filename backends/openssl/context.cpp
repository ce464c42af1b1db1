#include "backends/openssl/context.hpp"

namespace esp_peer::openssl {
namespace {

constexpr long longest_message = 16 * 1024;

// [rfc8827#6.5] Forward secrecy and AEAD; RSA only for the certificates of older peers.
const char* cipher_list(dtls::CipherPreference preference) {
  switch (preference) {
    case dtls::CipherPreference::aes_gcm:
      return "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
             "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
    case dtls::CipherPreference::chacha:
      return "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
             "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
    case dtls::CipherPreference::automatic:
      break;
  }
  return "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
         "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
         "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
}

// The chain and its dates are of no interest: the fingerprint of the description is the authority.
int on_verify(X509_STORE_CTX* store, void* verify) {
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  X509* certificate = X509_STORE_CTX_get0_cert(store);
  if (ssl && certificate && reinterpret_cast<Verify>(verify)(ssl, certificate)) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

SSL_CTX* make_context(dtls::CipherPreference ciphers, Verify verify) {
  SSL_CTX* ctx = SSL_CTX_new(DTLS_method());
  if (!ctx) return nullptr;
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_NO_QUERY_MTU | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // A peer that puts ChaCha20 first has no AES in hardware.
  if (ciphers == dtls::CipherPreference::automatic) {
    SSL_CTX_set_options(ctx, SSL_OP_PRIORITIZE_CHACHA);
  }
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  // Bounds of memory: of a message that is being put together, and of the buffer for sealing.
  SSL_CTX_set_max_cert_list(ctx, longest_message);
  SSL_CTX_set_max_send_fragment(ctx, dtls::Endpoint::max_plaintext);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(ctx, on_verify, reinterpret_cast<void*>(verify));
  const bool ok = SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
                  SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
                  SSL_CTX_set_cipher_list(ctx, cipher_list(ciphers)) == 1 &&
                  SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1 &&
                  SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256") == 1;
  if (ok) return ctx;
  SSL_CTX_free(ctx);
  return nullptr;
}

}  // namespace

SSL_CTX* context(dtls::CipherPreference ciphers, Verify verify) {
  // Made once and kept: they outlive every association.
  static SSL_CTX* const contexts[] = {
      make_context(dtls::CipherPreference::automatic, verify),
      make_context(dtls::CipherPreference::aes_gcm, verify),
      make_context(dtls::CipherPreference::chacha, verify),
  };
  return contexts[static_cast<std::size_t>(ciphers)];
}

}  // namespace esp_peer::openssl
