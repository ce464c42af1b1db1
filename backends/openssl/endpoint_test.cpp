// OpenSSL's endpoint with peers that are old, odd or hostile, and what it costs.
#include "backends/openssl/endpoint.hpp"

#include <gtest/gtest.h>
#include <openssl/kdf.h>

#include <set>

#include "tests/support/foreign_openssl.hpp"
#include "tests/support/openssl_library.hpp"

namespace esp_peer::openssl {
namespace {

using test::at_ms;
using test::Datagram;
using test::DtlsPair;
using test::DtlsSide;
using test::ForeignKey;
using test::ForeignPeer;
using test::openssl_library;

constexpr dtls::Role roles[] = {dtls::Role::client, dtls::Role::server};
constexpr dtls::Role other(dtls::Role role) {
  return role == dtls::Role::client ? dtls::Role::server : dtls::Role::client;
}

// Ours in `role`, and a stranger who has `key` and is bent like that.
class Encounter {
 public:
  Encounter(dtls::Role role, const ForeignKey* key, const ForeignPeer::Bend& bend = {})
      : ours((test::set_virtual_time(now), openssl_library), 1, {}),
        theirs(other(role), key, bend) {
    ForeignKey nobody = ForeignKey::ecdsa();
    EXPECT_TRUE(ours.start(now, role, (key ? *key : nobody).fingerprint()));
    theirs.talk_to(ours, now);
  }
  ~Encounter() { test::use_real_time(); }
  bool connected() const { return ours.endpoint->connected() && theirs.connected(); }
  void expect_to_talk() {
    ASSERT_TRUE(connected()) << ours.why();
    ours.deliver(now, theirs.seal("to you"));
    theirs.deliver(ours.seal(now, "to them"));
    EXPECT_EQ(ours.received, std::vector<std::string>{"to you"});
    EXPECT_EQ(theirs.received, std::vector<std::string>{"to them"});
  }

  Instant now = at_ms(1000);
  DtlsSide ours;
  ForeignPeer theirs;
};

ForeignPeer::Bend ciphers(const char* list) {
  return [list](SSL_CTX* ctx) {
    SSL_CTX_set_security_level(ctx, 0);
    EXPECT_EQ(SSL_CTX_set_cipher_list(ctx, list), 1) << list;
  };
}

// ---------------------------------------------------------------- old and odd peers

TEST(OpensslEndpoint, connects_to_peers_with_rsa_certificates_in_both_roles) {
  for (const unsigned bits : {2048u, 3072u}) {
    const ForeignKey key = ForeignKey::rsa(bits);
    for (const auto role : roles) {
      Encounter e(role, &key);
      e.expect_to_talk();
    }
  }
}

TEST(OpensslEndpoint, connects_to_peers_that_know_one_cipher_one_group_or_no_extended_secret) {
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
      Encounter e(role, &key, bend);
      e.expect_to_talk();
    }
  }
}

TEST(OpensslEndpoint, says_the_extended_secret_that_binds_the_exporter) {
  const ForeignKey key = ForeignKey::ecdsa();
  for (const auto role : roles) {
    Encounter e(role, &key);
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

TEST(OpensslEndpoint, a_client_answers_a_server_that_asks_for_a_cookie) {
  const ForeignKey key = ForeignKey::ecdsa();
  Encounter e(dtls::Role::client, &key, [](SSL_CTX* ctx) {
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
TEST(OpensslEndpoint, the_servers_preference_decides_the_cipher_and_a_phones_is_heard) {
  const auto chosen = [](dtls::CipherPreference preference, const char* client_list) {
    test::set_virtual_time(at_ms(1));
    dtls::Options options;
    options.ciphers = preference;
    DtlsSide server(openssl_library, 1, options);
    const ForeignKey key = ForeignKey::ecdsa();
    ForeignPeer client(dtls::Role::client, &key, ciphers(client_list));
    EXPECT_TRUE(server.start(at_ms(1), dtls::Role::server, key.fingerprint()));
    client.talk_to(server, at_ms(1));
    EXPECT_TRUE(client.connected());
    return std::string(SSL_get_cipher_name(client.ssl()));
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
  test::use_real_time();
}

// ---------------------------------------------------------------- hostile peers

TEST(OpensslEndpoint, a_certificate_without_its_key_is_worth_nothing_in_both_roles) {
  const ForeignKey thief = ForeignKey::stolen();
  for (const auto role : roles) {
    Encounter e(role, &thief);
    EXPECT_FALSE(e.ours.endpoint->connected())
        << "CertificateVerify or ServerKeyExchange is forged";
    EXPECT_EQ(e.ours.count<dtls::Failed>(), 1u);
    EXPECT_EQ(e.ours.count<dtls::Connected>(), 0u);
  }
}

TEST(OpensslEndpoint, a_peer_without_a_certificate_is_refused) {
  Encounter as_server(dtls::Role::server, nullptr);
  EXPECT_FALSE(as_server.ours.endpoint->connected());
  EXPECT_EQ(as_server.ours.count<dtls::Failed>(), 1u);
  Encounter as_client(dtls::Role::client, nullptr, ciphers("AECDH:@SECLEVEL=0"));
  EXPECT_FALSE(as_client.ours.endpoint->connected());
}

TEST(OpensslEndpoint, weak_ciphers_old_versions_and_old_signatures_are_refused) {
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
      Encounter e(role, key, bend);
      EXPECT_FALSE(e.ours.endpoint->connected() || e.theirs.connected())
          << SSL_get_cipher_name(e.theirs.ssl());
      EXPECT_EQ(e.ours.count<dtls::Connected>(), 0u);
    }
  }
}

TEST(OpensslEndpoint, nobody_renegotiates) {
  const ForeignKey key = ForeignKey::ecdsa();
  for (const auto role : roles) {
    Encounter e(role, &key);
    ASSERT_TRUE(e.connected());
    SSL_renegotiate(e.theirs.ssl());
    SSL_do_handshake(e.theirs.ssl());
    e.ours.deliver(e.now, e.theirs.written());
    for (const Datagram& answer : e.ours.written(e.now)) {
      EXPECT_EQ(answer[0], std::byte{21}) << "an alert that says no, and no handshake";
    }
    EXPECT_TRUE(e.ours.endpoint->connected());
    EXPECT_FALSE(e.ours.seal(e.now, "still here").empty());
  }
}

TEST(OpensslEndpoint, a_fatal_alert_of_the_peer_ends_the_connection) {
  const ForeignKey key = ForeignKey::ecdsa();
  Encounter e(dtls::Role::server, &key);
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

// ---------------------------------------------------------------- records, made by hand

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

Datagram bytes(std::initializer_list<int> values) {
  Datagram out;
  for (const int v : values) out.push_back(static_cast<std::byte>(v));
  return out;
}

struct Handmade {
  explicit Handmade(dtls::Role role)
      : e(role, &key, ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")), records(e.theirs.ssl()) {}
  ForeignKey key = ForeignKey::ecdsa();
  Encounter e;
  HandmadeRecords records;
};

TEST(OpensslEndpoint, takes_empty_application_records_for_nothing) {
  for (const auto role : roles) {
    Handmade h(role);
    h.e.ours.deliver(h.e.now, h.records.seal(23, 100, {}));
    h.e.ours.deliver(
        h.e.now, test::joined({h.records.seal(23, 101, bytes({'a'})), h.records.seal(23, 102, {}),
                               h.records.seal(23, 103, bytes({'b'}))}));
    EXPECT_EQ(h.e.ours.received, (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(h.e.ours.endpoint->connected());
  }
}

TEST(OpensslEndpoint, keeps_a_replay_window_that_only_authentic_records_move) {
  Handmade h(dtls::Role::server);
  const auto deliver = [&](std::uint64_t sequence) {
    h.e.ours.received.clear();
    h.e.ours.deliver(h.e.now, h.records.seal(23, sequence, bytes({'x'})));
    return h.e.ours.received.size();
  };
  EXPECT_EQ(deliver(1000), 1u);
  EXPECT_EQ(deliver(1000), 0u);
  EXPECT_EQ(deliver(1000 - 31), 1u) << "[rfc6347#4.1.2.6] at least 32 wide";
  EXPECT_EQ(deliver(1000 - 31), 0u);
  EXPECT_EQ(deliver(1000 - 64), 0u) << "and no wider than it can know";
  Datagram forged = h.records.seal(23, 1'000'000, bytes({'x'}));
  forged.back() ^= std::byte{1};
  h.e.ours.deliver(h.e.now, forged);
  EXPECT_EQ(deliver(1001), 1u);
  EXPECT_EQ(deliver((1ULL << 48) - 1), 1u) << "the last number of all";
}

TEST(OpensslEndpoint, survives_every_kind_of_authentic_nonsense) {
  for (const auto role : roles) {
    for (int type = 20; type < 24; ++type) {
      for (const Datagram& body :
           {bytes({}), bytes({0}), bytes({1}), bytes({1, 0, 0}), bytes({2, 0, 0}), bytes({1, 100}),
            bytes({1, 90}), bytes({2, 80}), bytes({7, 7}), Datagram(11), Datagram(12), Datagram(13),
            bytes({20, 0, 0, 12, 0, 9, 0, 0, 0, 0, 0, 12}), Datagram(100, std::byte{20}),
            Datagram(1500), Datagram(16'384)}) {
        Handmade h(role);
        for (std::uint64_t i = 0; i < 20; ++i) {
          h.e.ours.deliver(h.e.now, h.records.seal(type, 100 + i, body));
          h.e.ours.written(h.e.now);
        }
        h.e.ours.endpoint->on_deadline(h.e.now + seconds(2));
        EXPECT_LE(h.e.ours.events.size(), 2u);
        if (type == 23) {
          EXPECT_TRUE(h.e.ours.endpoint->connected());
        }
      }
    }
  }
}

TEST(OpensslEndpoint, never_uses_a_nonce_twice) {
  DtlsPair p(openssl_library);
  p.connect();
  std::set<std::uint64_t> nonces;
  std::uint64_t last = 0;
  for (int i = 0; i < 100'000; ++i) {
    const Datagram sealed = p.client.seal(p.now, "x");
    Reader r(sealed);
    r.skip(3);
    const std::uint64_t number = r.u64();
    EXPECT_GT(number, last);
    last = number;
    r.skip(2);
    EXPECT_TRUE(nonces.insert(r.u64()).second);
  }
}

// ---------------------------------------------------------------- what it costs

TEST(OpensslEndpoint, gives_its_buffers_back_when_nobody_talks) {
  DtlsPair p(openssl_library);
  const auto held = [&] {
    return test::openssl_bytes() + p.client.world.memory.live + p.server.world.memory.live;
  };
  const std::size_t before = held();
  p.connect();
  p.server.deliver(p.now, p.client.seal(p.now, std::string(1000, 'x')));
  p.client.deliver(p.now, p.server.seal(p.now, std::string(1000, 'x')));
  const std::size_t busy = (held() - before) / 2;
  p.run_for(seconds(3));
  const std::size_t idle = (held() - before) / 2;
  RecordProperty("bytes_busy", static_cast<int>(busy));
  RecordProperty("bytes_idle", static_cast<int>(idle));
  std::printf("bytes of heap an association: %zu while it talks, %zu after a second's rest\n", busy,
              idle);
  EXPECT_LE(busy, 64u * 1024);
  EXPECT_LE(idle, 44u * 1024);
  EXPECT_FALSE(p.client.endpoint->next_deadline() || p.server.endpoint->next_deadline())
      << "and nobody has to be woken";
}

TEST(Identity, proves_itself_by_p256_and_names_nobody) {
  auto* a = Identity::create(1'700'000'000);
  auto* b = Identity::create(1'700'000'000);
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->fingerprint(), b->fingerprint());
  EXPECT_EQ(X509_verify(a->certificate(), a->key()), 1);
  EXPECT_EQ(X509_verify(a->certificate(), b->key()), 0);
  EXPECT_EQ(X509_get_signature_nid(a->certificate()), NID_ecdsa_with_SHA256);
  EXPECT_NE(ASN1_INTEGER_cmp(X509_get0_serialNumber(a->certificate()),
                             X509_get0_serialNumber(b->certificate())),
            0);
  EXPECT_EQ(X509_NAME_cmp(X509_get_subject_name(a->certificate()),
                          X509_get_subject_name(b->certificate())),
            0);
  int days = 0, rest = 0;
  ASN1_TIME_diff(&days, &rest, X509_get0_notBefore(a->certificate()),
                 X509_get0_notAfter(a->certificate()));
  EXPECT_EQ(days, 366);
  a->release();
  b->release();
}

}  // namespace
}  // namespace esp_peer::openssl
