// What Mbed TLS's endpoint costs, at most too, and what its identity says.
#include "backends/mbedtls/endpoint.hpp"

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <cstdio>
#include <string>

#include "tests/conformance/dtls_backend.hpp"
#include "tests/support/mbedtls/mbedtls_library.hpp"

namespace esp_peer::mbedtls {
namespace {

using test::Datagram;
using test::DtlsPair;
using test::DtlsSide;
using test::mbedtls_library;

std::size_t held(const DtlsPair& p) {
  return test::mbedtls_bytes() - p.client.world.memory.live - p.server.world.memory.live;
}

TEST(MbedtlsEndpoint, holds_two_buffers_of_sixteen_kilobytes_and_little_more) {
  DtlsPair p(mbedtls_library);
  const std::size_t before = held(p);
  p.connect();
  p.server.deliver(p.now, p.client.seal(p.now, std::string(1000, 'x')));
  p.client.deliver(p.now, p.server.seal(p.now, std::string(1000, 'x')));
  const std::size_t each = (held(p) - before) / 2;
  std::printf("bytes of Mbed TLS's heap an association: %zu\n", each);
  EXPECT_LE(each, 40u * 1024);
  EXPECT_FALSE(p.client.endpoint->next_deadline() || p.server.endpoint->next_deadline());
}

// MBEDTLS_SSL_DTLS_MAX_BUFFERING, 32 KB in Debian's build: what messages and records that came too
// early may hold, whoever sent them.
// covers: bug 7
TEST(MbedtlsEndpoint, collects_at_most_32_kilobytes_of_messages_that_come_too_early) {
  DtlsPair p(mbedtls_library);
  p.start();
  const std::size_t before = held(p);
  test::reset_mbedtls_peak();
  std::uint64_t sequence = 0;
  constexpr int certificate = 11, key_exchange = 12, request = 13;
  for (int i = 0; i < 100'000; ++i) {
    const int types[] = {certificate, key_exchange, request};
    const std::uint32_t lengths[] = {16'000, 9000, 3000, 100};
    const std::uint32_t length = lengths[i / 3 % 4];
    p.client.deliver(
        p.now,
        test::record(22, 0, sequence++,
                     test::fragment(types[i % 3], length, 1 + i % 7,
                                    static_cast<std::uint32_t>(i) % (length - 90), Datagram(90))));
  }
  EXPECT_GT(held(p), before + 8u * 1024) << "it does collect";
  EXPECT_LE(test::mbedtls_peak_bytes() - before, (32u + 4) * 1024);
  EXPECT_TRUE(p.client.events.empty());
}

// A browser's hello, which has been joined for the library, is of no use afterwards.
TEST(MbedtlsEndpoint, keeps_no_hello_once_it_is_answered) {
  DtlsPair p(mbedtls_library);
  p.connect();
  const auto hello = test::browser_hellos()[0];
  DtlsPair q(mbedtls_library);
  ASSERT_TRUE(q.server.start(q.now, dtls::Role::server, q.client.identity->fingerprint()));
  for (const Datagram& datagram : hello.datagrams) q.server.deliver(q.now, datagram);
  ASSERT_FALSE(q.server.written(q.now).empty());
  q.server.deliver(q.now, test::record(22, 0, 90, Datagram(40)));
  for (DtlsPair* each : {&p, &q}) {
    EXPECT_LE(each->server.world.memory.live, each->client.world.memory.live + 300u);
  }
}

// covers: bug 16
TEST(MbedtlsEndpoint, a_flight_that_was_lost_makes_no_later_record_smaller) {
  DtlsPair p(mbedtls_library);
  int lost = 0;
  p.meddle = [&](bool from_client, Datagram&) { return from_client || ++lost > 3; };
  p.start();
  p.run_for(seconds(5));
  ASSERT_TRUE(p.connected());
  for (DtlsSide* side : {&p.server, &p.client}) {
    EXPECT_GT(side->seal(p.now, std::string(2048, 'x')).size(), 2048u);
  }
}

// As OpenSSL reads it, which has not written it.
// covers: changelog 11
TEST(MbedtlsIdentity, proves_itself_by_p256_and_names_nobody) {
  const auto parsed = [](Identity& identity) {
    const auto& raw = identity.certificate().raw;
    const unsigned char* at = raw.p;
    return d2i_X509(nullptr, &at, static_cast<long>(raw.len));
  };
  auto* a = static_cast<Identity*>(backend().create_identity(1'700'000'000));
  auto* b = static_cast<Identity*>(backend().create_identity(1'700'000'000));
  ASSERT_TRUE(a && b);
  X509* x = parsed(*a);
  X509* y = parsed(*b);
  ASSERT_TRUE(x && y);
  EXPECT_NE(a->fingerprint(), b->fingerprint());
  EXPECT_EQ(X509_get_version(x), 2);
  EXPECT_EQ(X509_verify(x, X509_get0_pubkey(x)), 1);
  EXPECT_EQ(X509_verify(x, X509_get0_pubkey(y)), 0);
  EXPECT_EQ(X509_get_signature_nid(x), NID_ecdsa_with_SHA256);
  EXPECT_NE(ASN1_INTEGER_cmp(X509_get0_serialNumber(x), X509_get0_serialNumber(y)), 0);
  EXPECT_EQ(X509_NAME_cmp(X509_get_subject_name(x), X509_get_subject_name(y)), 0);
  EXPECT_EQ(X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)), 0);
  time_t at = 1'700'000'000 - 86'400;
  EXPECT_EQ(ASN1_TIME_cmp_time_t(X509_get0_notBefore(x), at), 0);
  at = 1'700'000'000 + 365 * 86'400;
  EXPECT_EQ(ASN1_TIME_cmp_time_t(X509_get0_notAfter(x), at), 0);
  dtls::Fingerprint sha256;
  unsigned size = 0;
  X509_digest(x, EVP_sha256(), reinterpret_cast<unsigned char*>(sha256.digest.data()), &size);
  sha256.size = static_cast<std::uint8_t>(size);
  EXPECT_EQ(sha256, a->fingerprint());
  X509_free(x);
  X509_free(y);
  backend().release(*a);
  backend().release(*b);
}

}  // namespace
}  // namespace esp_peer::mbedtls
