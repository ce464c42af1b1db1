// Mbed TLS and OpenSSL, each in both roles, on good paths and bad ones.
#include <gtest/gtest.h>

#include <random>

#include "tests/support/mbedtls/mbedtls_library.hpp"
#include "tests/support/openssl_library.hpp"
#include "tests/support/srtp_offers.hpp"

namespace esp_peer::test {
namespace {

struct Ends {
  const DtlsLibrary& client;
  const DtlsLibrary& server;
};
std::ostream& operator<<(std::ostream& out, const Ends& ends) {
  return out << ends.client << " to " << ends.server;
}

class DtlsCross : public ::testing::TestWithParam<Ends> {};

// Mbed TLS 2.28, an old one.
// covers: changelog 5
TEST_P(DtlsCross, every_preference_of_ciphers_connects_with_every_other_and_both_talk) {
  using dtls::CipherPreference;
  const CipherPreference all[] = {CipherPreference::automatic, CipherPreference::aes_gcm,
                                  CipherPreference::chacha};
  for (const auto a : all) {
    for (const auto b : all) {
      DtlsPair p(GetParam().client, GetParam().server, 1, {.ciphers = a}, {.ciphers = b});
      p.connect();
      for (const std::size_t size : {1u, 1187u, 2048u}) {
        const std::string text(size, 'x');
        p.server.deliver(p.now, p.client.seal(p.now, text));
        p.client.deliver(p.now, p.server.seal(p.now, text));
        ASSERT_FALSE(p.server.received.empty() || p.client.received.empty());
        EXPECT_EQ(p.server.received.back(), text);
        EXPECT_EQ(p.client.received.back(), text);
      }
    }
  }
}

// covers: bug 15, must rfc5764#4.2
TEST_P(DtlsCross, the_profile_that_both_know_is_agreed_on_and_its_keys_are_the_same) {
  for (const SrtpProfile profile : offering_all().srtp_profiles) {
    for (const bool client_likes_all : {false, true}) {
      const dtls::Options one = offering({profile}), all = offering_all();
      DtlsPair p(GetParam().client, GetParam().server, 1, client_likes_all ? all : one,
                 client_likes_all ? one : all);
      p.connect();
      const bool common = known(GetParam().client, profile) && known(GetParam().server, profile);
      EXPECT_EQ(p.client.endpoint->srtp_profile(), common ? std::optional(profile) : std::nullopt);
      EXPECT_EQ(p.server.endpoint->srtp_profile(), p.client.endpoint->srtp_profile());
      std::array<std::byte, 88> a{}, b{};
      ASSERT_TRUE(p.client.endpoint->export_keys(dtls::Endpoint::srtp_label, a));
      ASSERT_TRUE(p.server.endpoint->export_keys(dtls::Endpoint::srtp_label, b));
      EXPECT_EQ(a, b);
    }
  }
}

TEST_P(DtlsCross, where_both_like_everything_srtp_is_spoken) {
  DtlsPair p(GetParam().client, GetParam().server, 1, offering_all(), offering_all());
  p.connect();
  EXPECT_EQ(p.client.endpoint->srtp_profile(), SrtpProfile::aes128_cm_sha1_80);
  EXPECT_EQ(p.server.endpoint->srtp_profile(), SrtpProfile::aes128_cm_sha1_80);
}

// covers: bug 1, bug 2, must rfc8122#5
TEST_P(DtlsCross, another_fingerprint_is_refused_and_both_ends_hear_of_it) {
  for (const auto judge : {dtls::Role::client, dtls::Role::server}) {
    DtlsPair p(GetParam().client, GetParam().server, 1);
    const bool client_judges = judge == dtls::Role::client;
    auto wrong = (client_judges ? p.server : p.client).identity->fingerprint();
    wrong.digest[31] ^= std::byte{1};
    client_judges ? p.start(wrong, {}) : p.start({}, wrong);
    p.run_for(seconds(5));
    EXPECT_EQ(p.side(judge).failure(), dtls::FailureReason::fingerprint_mismatch);
    EXPECT_EQ((client_judges ? p.server : p.client).count<dtls::Failed>(), 1u);
    EXPECT_EQ(p.client.count<dtls::Connected>() * p.server.count<dtls::Connected>(), 0u);
  }
}

// covers: bug 16, must rfc6347#4.2.4
TEST_P(DtlsCross, each_datagram_of_the_handshake_may_be_lost_up_to_five_times) {
  for (const std::uint16_t mtu : std::initializer_list<std::uint16_t>{300, 1200}) {
    dtls::Options options = offering_all();
    options.mtu = mtu;
    for (int victim = 0; victim < (mtu == 300 ? 16 : 8); ++victim) {
      for (int times = 1; times <= 5; ++times) {
        DtlsPair p(GetParam().client, GetParam().server,
                   static_cast<std::uint64_t>(victim * 10 + times), options, options);
        int index = 0, lost = 0;
        p.meddle = [&](bool, Datagram&) {
          if (index++ < victim || lost == times) return true;
          ++lost;
          return false;
        };
        p.start();
        p.run_for(seconds(30));
        EXPECT_TRUE(p.connected()) << victim << " lost " << times << " times: " << p.client.why()
                                   << ", " << p.server.why();
      }
    }
  }
}

// covers: bug 16
TEST_P(DtlsCross, connects_over_a_path_that_loses_doubles_and_reorders) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    dtls::Options options;
    options.mtu = seed % 2 ? 1200 : 300;
    DtlsPair p(GetParam().client, GetParam().server, seed, options, options);
    std::mt19937_64 random(seed);
    std::vector<std::pair<bool, Datagram>> late;
    p.meddle = [&](bool from_client, Datagram& datagram) {
      const auto fate = random() % 10;
      if (fate == 9) late.emplace_back(!from_client, datagram);
      if (fate == 8) (from_client ? p.server : p.client).deliver(p.now, datagram);
      if (fate < 4 && !late.empty()) {
        (late.back().first ? p.client : p.server).deliver(p.now, late.back().second);
        late.pop_back();
      }
      return fate != 9 && fate > 1;
    };
    p.start();
    p.run_for(seconds(30));
    EXPECT_TRUE(p.connected()) << seed << " " << p.client.why() << " " << p.server.why();
    if (!p.connected()) continue;
    p.server.deliver(p.now, p.client.seal(p.now, std::string(2000, 'x')));
    p.client.deliver(p.now, p.server.seal(p.now, std::string(2000, 'x')));
    EXPECT_EQ(p.server.received.size() + p.client.received.size(), 2u)
        << "whatever was lost before";
  }
}

TEST_P(DtlsCross, close_notify_is_understood_by_either_end) {
  for (const auto role : {dtls::Role::client, dtls::Role::server}) {
    DtlsPair p(GetParam().client, GetParam().server, 1);
    p.connect();
    p.side(role).endpoint->close(p.now);
    p.run_for(milliseconds(10));
    EXPECT_EQ((role == dtls::Role::client ? p.server : p.client).count<dtls::Closed>(), 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(Libraries, DtlsCross,
                         ::testing::Values(Ends{openssl_library, mbedtls_library},
                                           Ends{mbedtls_library, openssl_library}));

}  // namespace
}  // namespace esp_peer::test
