// What every DTLS backend keeps to with peers that are old, odd or hostile.
#pragma once
#include "tests/conformance/dtls_backend.hpp"
#include "tests/support/encounter.hpp"

namespace esp_peer::test {

TEST_P(DtlsBackend, connects_to_peers_with_rsa_certificates_in_both_roles) {
  for (const unsigned bits : {2048u, 3072u}) {
    const ForeignKey key = ForeignKey::rsa(bits);
    for (const auto role : roles) {
      Encounter e(library(), role, &key);
      e.expect_to_talk();
    }
  }
}

// covers: must rfc8827#6.5a
TEST_P(DtlsBackend, connects_to_peers_that_know_one_cipher_one_group_or_no_extended_secret) {
  const ForeignKey key = ForeignKey::ecdsa();
  const ForeignPeer::Bend bends[] = {
      ciphers("ECDHE-ECDSA-AES128-GCM-SHA256"),
      ciphers("ECDHE-ECDSA-AES256-GCM-SHA384"),
      ciphers("ECDHE-ECDSA-CHACHA20-POLY1305"),
      [](SSL_CTX* ctx) { SSL_CTX_set1_groups_list(ctx, "P-256"); },
      [](SSL_CTX* ctx) { SSL_CTX_set1_groups_list(ctx, "P-521:P-384:P-256"); },
      [](SSL_CTX* ctx) { SSL_CTX_set_options(ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET); },
      [](SSL_CTX* ctx) { SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET); },
      [](SSL_CTX* ctx) { SSL_CTX_set_tlsext_use_srtp(ctx, "SRTP_AEAD_AES_128_GCM"); },
      [](SSL_CTX* ctx) {
        SSL_CTX_set_tlsext_max_fragment_length(ctx, TLSEXT_max_fragment_length_512);
      },
  };
  for (const auto& bend : bends) {
    for (const auto role : roles) {
      Encounter e(library(), role, &key, bend);
      e.expect_to_talk();
    }
  }
}

// covers: must rfc5764#4.2
TEST_P(DtlsBackend, says_the_extended_secret_that_binds_the_exporter) {
  const ForeignKey key = ForeignKey::ecdsa();
  for (const auto role : roles) {
    Encounter e(library(), role, &key);
    ASSERT_TRUE(e.connected());
    EXPECT_EQ(SSL_get_extms_support(e.theirs.ssl()), 1);
    EXPECT_EQ(SSL_version(e.theirs.ssl()), DTLS1_2_VERSION);
    std::array<std::byte, 40> a{}, b{};
    ASSERT_TRUE(e.ours.endpoint->export_keys("EXTRACTOR-dtls_srtp", a));
    SSL_export_keying_material(e.theirs.ssl(), reinterpret_cast<unsigned char*>(b.data()), b.size(),
                               "EXTRACTOR-dtls_srtp", 19, nullptr, 0, 0);
    EXPECT_EQ(a, b);
  }
}

// covers: must rfc6347#4.2.1
TEST_P(DtlsBackend, a_client_answers_a_server_that_asks_for_a_cookie) {
  const ForeignKey key = ForeignKey::ecdsa();
  Encounter e(library(), dtls::Role::client, &key, [](SSL_CTX* ctx) {
    SSL_CTX_set_options(ctx, SSL_OP_COOKIE_EXCHANGE);
    SSL_CTX_set_cookie_generate_cb(ctx, [](SSL*, unsigned char* cookie, unsigned* size) {
      std::fill(cookie, cookie + 20, static_cast<unsigned char>('c'));
      *size = 20;
      return 1;
    });
    SSL_CTX_set_cookie_verify_cb(ctx, [](SSL*, const unsigned char* cookie, unsigned size) {
      return size == 20 && cookie[19] == 'c' ? 1 : 0;
    });
  });
  e.expect_to_talk();
}

// [rfc8827#6.5] And the hash, the cipher's order: each preference gets what it asks for.
TEST_P(DtlsBackend, the_servers_preference_decides_the_cipher_and_a_phones_is_heard) {
  const auto chosen = [&](dtls::CipherPreference preference, const char* client_list) {
    const ForeignKey key = ForeignKey::ecdsa();
    Encounter e(library(), dtls::Role::server, &key, ciphers(client_list), {.ciphers = preference});
    EXPECT_TRUE(e.connected());
    return std::string(SSL_get_cipher_name(e.theirs.ssl()));
  };
  using dtls::CipherPreference;
  const char* all =
      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:"
      "ECDHE-ECDSA-CHACHA20-POLY1305";
  const char* phone = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256";
  EXPECT_EQ(chosen(CipherPreference::automatic, all), "ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_EQ(chosen(CipherPreference::automatic, phone), "ECDHE-ECDSA-CHACHA20-POLY1305");
  EXPECT_EQ(chosen(CipherPreference::aes_gcm, phone), "ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_EQ(chosen(CipherPreference::chacha, all), "ECDHE-ECDSA-CHACHA20-POLY1305");
}

// covers: bug 5
TEST_P(DtlsBackend, a_certificate_without_its_key_is_worth_nothing_in_both_roles) {
  const ForeignKey thief = ForeignKey::stolen();
  for (const auto role : roles) {
    Encounter e(library(), role, &thief);
    EXPECT_FALSE(e.ours.endpoint->connected())
        << "CertificateVerify or ServerKeyExchange is forged";
    EXPECT_EQ(e.ours.count<dtls::Failed>(), 1u);
    EXPECT_EQ(e.ours.count<dtls::Connected>(), 0u);
  }
}

// covers: bug 1, bug 5
TEST_P(DtlsBackend, a_peer_without_a_certificate_is_refused) {
  Encounter as_server(library(), dtls::Role::server, nullptr);
  EXPECT_FALSE(as_server.ours.endpoint->connected());
  EXPECT_EQ(as_server.ours.count<dtls::Failed>(), 1u);
  Encounter as_client(library(), dtls::Role::client, nullptr, ciphers("AECDH:@SECLEVEL=0"));
  EXPECT_FALSE(as_client.ours.endpoint->connected());
}

// covers: must rfc8827#6.5a
TEST_P(DtlsBackend, weak_ciphers_old_versions_and_old_signatures_are_refused) {
  const ForeignKey ecdsa = ForeignKey::ecdsa(), rsa = ForeignKey::rsa(2048);
  const std::pair<const ForeignKey*, ForeignPeer::Bend> weak[] = {
      {&ecdsa, ciphers("ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0")},
      {&ecdsa, ciphers("ECDHE-ECDSA-AES128-SHA")},
      {&ecdsa, ciphers("ECDHE-ECDSA-AES128-SHA256")},
      {&rsa, ciphers("AES128-GCM-SHA256")},
      {&rsa, ciphers("DHE-RSA-AES128-GCM-SHA256")},
      {&rsa, ciphers("NULL-SHA256:@SECLEVEL=0")},
      {&ecdsa,
       [](SSL_CTX* ctx) {
         SSL_CTX_set_security_level(ctx, 0);
         SSL_CTX_set_min_proto_version(ctx, DTLS1_VERSION);
         SSL_CTX_set_max_proto_version(ctx, DTLS1_VERSION);
       }},
      {&ecdsa,
       [](SSL_CTX* ctx) {
         SSL_CTX_set_security_level(ctx, 0);
         SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA1");
         SSL_CTX_set1_client_sigalgs_list(ctx, "ECDSA+SHA1");
       }},
      {&ecdsa, [](SSL_CTX* ctx) { SSL_CTX_set1_groups_list(ctx, "P-521"); }},
  };
  for (const auto& [key, bend] : weak) {
    for (const auto role : roles) {
      Encounter e(library(), role, key, bend);
      EXPECT_FALSE(e.ours.endpoint->connected() || e.theirs.connected())
          << SSL_get_cipher_name(e.theirs.ssl());
      EXPECT_EQ(e.ours.count<dtls::Connected>(), 0u);
    }
  }
}

// covers: must rfc8827#6.5c
TEST_P(DtlsBackend, nobody_renegotiates) {
  const ForeignKey key = ForeignKey::ecdsa();
  for (const auto role : roles) {
    Encounter e(library(), role, &key);
    ASSERT_TRUE(e.connected());
    SSL_renegotiate(e.theirs.ssl());
    SSL_do_handshake(e.theirs.ssl());
    e.ours.deliver(e.now, e.theirs.written());
    const auto answer = e.ours.written(e.now);
    ASSERT_EQ(answer.size(), 1u) << "[rfc8827#6.5] no_renegotiation";
    EXPECT_EQ(answer[0][0], std::byte{21}) << "an alert, and no handshake";
    EXPECT_EQ(records_of(answer[0]).size(), 1u);
    EXPECT_TRUE(e.ours.endpoint->connected());
    EXPECT_FALSE(e.ours.seal(e.now, "still here").empty());
  }
}

TEST_P(DtlsBackend, a_fatal_alert_of_the_peer_ends_the_connection) {
  const ForeignKey key = ForeignKey::ecdsa();
  Encounter e(library(), dtls::Role::server, &key);
  ASSERT_TRUE(e.connected());
  // A record that nobody may send: the library of the peer answers with an alert and gives up.
  SSL_shutdown(e.theirs.ssl());
  const Datagram goodbye = e.theirs.written();
  Datagram tampered = goodbye;
  tampered.back() ^= std::byte{1};
  e.ours.deliver(e.now, tampered);
  EXPECT_TRUE(e.ours.endpoint->connected());
  e.ours.deliver(e.now, goodbye);
  EXPECT_EQ(e.ours.count<dtls::Closed>(), 1u);
}

}  // namespace esp_peer::test
