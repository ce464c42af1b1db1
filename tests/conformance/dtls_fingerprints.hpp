// What every DTLS backend keeps to about who the peer is: the described certificate, or nobody.
#pragma once
#include "tests/conformance/dtls_backend.hpp"

namespace esp_peer::test {

// covers: bug 1, bug 2, bug 3, bug 4, must rfc5763#5, must rfc8842#5.1
TEST_P(DtlsBackend, a_certificate_whose_fingerprint_differs_in_any_digit_is_refused_in_both_roles) {
  for (const auto judge : {dtls::Role::client, dtls::Role::server}) {
    for (std::size_t digit = 0; digit < 64; ++digit) {
      DtlsPair p(library(), digit + 1);
      const bool client_judges = judge == dtls::Role::client;
      auto wrong = (client_judges ? p.server : p.client).identity->fingerprint();
      wrong.digest[digit / 2] ^= digit % 2 ? std::byte{0x01} : std::byte{0x10};
      client_judges ? p.start(wrong, {}) : p.start({}, wrong);
      p.run_for(seconds(5));
      DtlsSide& side = p.side(judge);
      EXPECT_EQ(side.count<dtls::Connected>(), 0u) << digit;
      EXPECT_EQ(side.failure(), dtls::FailureReason::fingerprint_mismatch);
      EXPECT_TRUE(side.seal(p.now, "never").empty());
      EXPECT_TRUE(p.client.received.empty() && p.server.received.empty());
      DtlsSide& other = client_judges ? p.server : p.client;
      EXPECT_EQ(other.count<dtls::Failed>(), 1u) << "an alert tells it";
      EXPECT_FALSE(other.endpoint->connected());
    }
  }
}

// covers: bug 20, must rfc8122#5
TEST_P(DtlsBackend, longer_hashes_are_compared_as_well) {
  for (const auto hash : {dtls::Hash::sha256, dtls::Hash::sha384, dtls::Hash::sha512}) {
    for (const bool right : {true, false}) {
      DtlsPair p(library());
      auto of_server = library().fingerprint(*p.server.identity, hash);
      auto of_client = library().fingerprint(*p.client.identity, hash);
      if (!right) of_server.digest[of_server.size - 1u] ^= std::byte{1};
      p.start(of_server, of_client);
      p.run_for(milliseconds(20));
      EXPECT_EQ(p.connected(), right);
      EXPECT_EQ(p.client.count<dtls::Failed>(), right ? 0u : 1u);
    }
  }
}

// covers: bug 3, must rfc8122#5, changelog 35
TEST_P(DtlsBackend, one_right_fingerprint_among_several_is_enough) {
  DtlsPair p(library());
  auto wrong = p.server.identity->fingerprint();
  wrong.digest[0] ^= std::byte{1};
  const dtls::Fingerprint both[] = {wrong, p.server.identity->fingerprint()};
  wait_for_hello(p);
  ASSERT_TRUE(p.client.endpoint->start(p.now, dtls::Role::client, both));
  p.run_for(milliseconds(20));
  EXPECT_TRUE(p.connected());
  EXPECT_EQ(p.client.count<dtls::Failed>(), 0u) << "the wrong one beside it is no failure";
}

// covers: must rfc8122#5
TEST_P(DtlsBackend, of_several_hashes_the_strongest_decides) {
  DtlsPair p(library());
  auto wrong = library().fingerprint(*p.server.identity, dtls::Hash::sha512);
  wrong.digest[0] ^= std::byte{1};
  const dtls::Fingerprint both[] = {p.server.identity->fingerprint(), wrong};
  wait_for_hello(p);
  ASSERT_TRUE(p.client.endpoint->start(p.now, dtls::Role::client, both));
  p.run_for(milliseconds(20));
  EXPECT_FALSE(p.client.endpoint->connected());
  EXPECT_EQ(p.client.failure(), dtls::FailureReason::fingerprint_mismatch);
}

// covers: bug 3
TEST_P(DtlsBackend, nobody_starts_without_a_usable_fingerprint) {
  DtlsPair p(library());
  const dtls::Fingerprint empty, cut{dtls::Hash::sha512, 32, {}};
  EXPECT_EQ(p.client.endpoint->start(p.now, dtls::Role::client, {}).code(), Errc::bad_data);
  EXPECT_EQ(p.client.start(p.now, dtls::Role::client, empty).code(), Errc::bad_data);
  EXPECT_EQ(p.client.start(p.now, dtls::Role::client, cut).code(), Errc::bad_data);
  EXPECT_TRUE(p.client.written(p.now).empty());
  p.connect();
  EXPECT_EQ(p.client.start(p.now, dtls::Role::client, empty).code(), Errc::wrong_state);
}

// covers: must rfc8827#6.5d, fault 22
TEST_P(DtlsBackend, identities_differ_are_counted_and_their_dates_are_not_judged) {
  dtls::Backend& backend = library().backend();
  DtlsPair p(library());
  for (const std::int64_t year : {std::int64_t{0}, std::int64_t{4'102'444'800}}) {  // 1970, 2100
    dtls::Identity* odd = backend.create_identity(year);
    ASSERT_TRUE(odd);
    EXPECT_NE(odd->fingerprint(), p.client.identity->fingerprint());
    dtls::Endpoint* server = backend.create_endpoint({}, *odd, p.client.world.env);
    backend.retain(*odd);
    backend.release(*odd);
    backend.release(*odd);  // the endpoint holds the last one
    const auto of_odd = odd->fingerprint();
    DtlsSide client(library(), 3, {});
    ASSERT_TRUE(server->start(p.now, dtls::Role::server, {&client.identity->fingerprint(), 1}));
    ASSERT_TRUE(client.start(p.now, dtls::Role::client, of_odd));
    for (int i = 0; i < 4; ++i) {
      for (Datagram& d : client.written(p.now)) server->on_datagram(p.now, d);
      std::array<std::byte, 1500> room{};
      while (const std::size_t n = server->write_datagram(p.now, room)) {
        client.deliver(p.now, {room.begin(), room.begin() + static_cast<std::ptrdiff_t>(n)});
      }
    }
    EXPECT_TRUE(client.endpoint->connected() && server->connected());
    backend.destroy(server);
  }
}

}  // namespace esp_peer::test
