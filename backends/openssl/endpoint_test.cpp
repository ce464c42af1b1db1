// What OpenSSL's endpoint costs, and what its identity says.
#include "backends/openssl/endpoint.hpp"

#include <gtest/gtest.h>

#include <cstdio>

#include "tests/support/openssl_library.hpp"

namespace esp_peer::openssl {
namespace {

using test::DtlsPair;
using test::openssl_library;

TEST(OpensslEndpoint, gives_its_buffers_back_when_nobody_talks) {
  DtlsPair(openssl_library).connect();  // whatever the library sets up once
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

// covers: changelog 11
TEST(Identity, proves_itself_by_p256_and_names_nobody) {
  auto* a = static_cast<Identity*>(backend().create_identity(1'700'000'000));
  auto* b = static_cast<Identity*>(backend().create_identity(1'700'000'000));
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
  backend().release(*a);
  backend().release(*b);
}

}  // namespace
}  // namespace esp_peer::openssl
