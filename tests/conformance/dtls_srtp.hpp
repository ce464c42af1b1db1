// What every DTLS backend keeps to when both ends speak of SRTP: one profile for both, keys for it,
// and nothing that does not protect.
#pragma once
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "tests/conformance/dtls_backend.hpp"
#include "tests/support/srtp_offers.hpp"

namespace esp_peer::test {

// covers: must rfc5764#4.1.2, must rfc5764#4.2
TEST_P(DtlsBackend, both_ends_agree_on_each_profile_and_export_its_keys) {
  std::vector<std::vector<std::byte>> seen;
  for (const SrtpProfile profile : library().srtp_profiles) {
    for (const bool client_knows_all : {false, true}) {
      const dtls::Options one = offering({profile});
      DtlsPair p(library(), 40 + seen.size(), client_knows_all ? offering_all() : one,
                 client_knows_all ? one : offering_all());
      EXPECT_FALSE(p.client.endpoint->srtp_profile());
      p.connect();
      EXPECT_EQ(p.client.endpoint->srtp_profile(), profile);
      EXPECT_EQ(p.server.endpoint->srtp_profile(), profile);
      std::vector<std::byte> a(2 * (key_size(profile) + salt_size(profile))), b(a.size());
      ASSERT_TRUE(p.client.endpoint->export_keys(dtls::Endpoint::srtp_label, a));
      ASSERT_TRUE(p.server.endpoint->export_keys(dtls::Endpoint::srtp_label, b));
      EXPECT_EQ(a, b);
      a.resize(32);
      for (const auto& others : seen) EXPECT_NE(a, others) << "each connection has its own";
      seen.push_back(a);
      p.server.deliver(p.now, p.client.seal(p.now, "and data as ever"));
      EXPECT_EQ(p.server.received.size(), 1u);
    }
  }
}

TEST_P(DtlsBackend, of_several_common_profiles_the_servers_order_decides) {
  const dtls::Options forth = offering_all();
  const dtls::Options back =
      offering({SrtpProfile::aes128_cm_sha1_80, SrtpProfile::aead_aes_256_gcm,
                SrtpProfile::aead_aes_128_gcm});
  for (const bool server_first : {true, false}) {
    DtlsPair p(library(), 1, server_first ? back : forth, server_first ? forth : back);
    p.connect();
    const auto wanted =
        server_first ? library().srtp_profiles.front() : library().srtp_profiles.back();
    EXPECT_EQ(p.client.endpoint->srtp_profile(), wanted);
    EXPECT_EQ(p.server.endpoint->srtp_profile(), wanted);
  }
}

// covers: bug 15, must rfc8827#6.5b
TEST_P(DtlsBackend, a_client_offers_what_it_is_told_in_that_order_and_nothing_else) {
  for (const dtls::Options& options :
       {offering_all(), offering({SrtpProfile::aes128_cm_sha1_80}), offering({})}) {
    DtlsPair p(library(), 1, options, {});
    p.start();
    auto hello = p.client.written(p.now);
    ASSERT_EQ(hello.size(), 1u);
    std::vector<std::uint16_t> wanted;
    for (const auto profile : options.srtp_profiles) {
      if (known(library(), profile)) wanted.push_back(static_cast<std::uint16_t>(profile));
    }
    EXPECT_EQ(numbers(srtp_profiles_of(hello[0])), wanted);
  }
}

TEST_P(DtlsBackend, without_a_common_profile_there_is_a_connection_without_srtp) {
  const dtls::Options none, all = offering_all(),
                            first = offering({library().srtp_profiles.front()}),
                            last = offering({library().srtp_profiles.back()});
  std::vector<std::pair<dtls::Options, dtls::Options>> ends = {{none, all}, {all, none}};
  if (library().srtp_profiles.size() > 1) {
    ends.emplace_back(first, last);
    ends.emplace_back(last, first);
  }
  for (const auto& [client, server] : ends) {
    DtlsPair p(library(), 1, client, server);
    p.connect();
    EXPECT_FALSE(p.client.endpoint->srtp_profile());
    EXPECT_FALSE(p.server.endpoint->srtp_profile());
    p.server.deliver(p.now, p.client.seal(p.now, "data"));
    EXPECT_EQ(p.server.received.size(), 1u);
  }
}

// covers: bug 15
TEST_P(DtlsBackend, a_browsers_offer_is_answered_with_the_profile_that_we_like_best) {
  for (const auto& hello : browser_hellos()) {
    DtlsPair p(library(), 1, {}, offering_all());
    wait_for_hello(p);
    for (const Datagram& datagram : hello.datagrams) p.server.deliver(p.now, datagram);
    auto answer = p.server.written(p.now);
    ASSERT_FALSE(answer.empty()) << hello.name;
    const auto best = static_cast<std::uint16_t>(library().srtp_profiles.front());
    EXPECT_EQ(numbers(srtp_profiles_of(answer[0])), std::vector<std::uint16_t>{best}) << hello.name;
  }
}

// What a server that likes all of ours answers to a ClientHello that offers these; 0 = no SRTP.
inline int answer_to_offer(const DtlsLibrary& library, std::array<std::uint16_t, 3> offer) {
  DtlsPair p(library, 1, {}, offering_all());
  EXPECT_TRUE(p.server.start(p.now, dtls::Role::server, p.client.identity->fingerprint()));
  Datagram hello = browser_hellos()[2].datagrams[0];  // which offers three, in one datagram
  const auto profiles = srtp_profiles_of(hello);
  EXPECT_EQ(profiles.size(), offer.size());
  for (std::size_t i = 0; i < profiles.size(); ++i) Writer(profiles[i]).u16(offer[i]);
  p.server.deliver(p.now, hello);
  auto answer = p.server.written(p.now);
  if (answer.empty()) return -1;
  const auto chosen = numbers(srtp_profiles_of(answer[0]));
  EXPECT_LE(chosen.size(), 1u) << "[rfc5764#4.1.1] exactly one";
  return chosen.empty() ? 0 : chosen[0];
}

// covers: bug 15, must rfc8827#6.5b
TEST_P(DtlsBackend, a_server_chooses_neither_null_nor_short_tags_nor_what_it_does_not_know) {
  const bool gcm = known(library(), SrtpProfile::aead_aes_128_gcm);
  EXPECT_EQ(answer_to_offer(library(), {1, 8, 7}), gcm ? 7 : 1) << "Chromium's order";
  EXPECT_EQ(answer_to_offer(library(), {8, 1, 2}), gcm ? 8 : 1);
  EXPECT_EQ(answer_to_offer(library(), {2, 5, 1}), 1);
  EXPECT_EQ(answer_to_offer(library(), {2, 2, 2}), 0) << "AES128_CM_SHA1_32";
  EXPECT_EQ(answer_to_offer(library(), {5, 6, 5}), 0) << "NULL_SHA1_80 and _32";
  EXPECT_EQ(answer_to_offer(library(), {3, 4, 0xABCD}), 0);
}

// covers: bug 15, must rfc5764#4.1.2, must rfc8827#6.5b
TEST_P(DtlsBackend, a_client_refuses_a_server_that_picks_what_was_not_offered) {
  const SrtpProfile offered = library().srtp_profiles.front();
  for (const std::uint16_t pick : std::initializer_list<std::uint16_t>{1, 2, 5, 6, 7, 8, 0xABCD}) {
    if (pick == static_cast<std::uint16_t>(offered)) continue;
    DtlsPair p(library(), 1, offering({offered}), offering({offered}));
    bool bent = false;
    std::vector<Datagram> answers;
    p.meddle = [&](bool from_client, Datagram& datagram) {
      if (from_client) {
        if (bent) answers.push_back(datagram);
        return !bent;
      }
      auto profiles = srtp_profiles_of(datagram);
      if (bent || profiles.size() != 1) return true;
      Writer(profiles[0]).u16(pick);
      return bent = true;
    };
    p.start();
    p.run_for(milliseconds(30));
    ASSERT_TRUE(bent);
    EXPECT_EQ(p.client.failure(), dtls::FailureReason::handshake) << pick;
    EXPECT_FALSE(p.client.endpoint->srtp_profile());
    ASSERT_EQ(answers.size(), 1u) << pick;
    EXPECT_EQ(answers[0][0], std::byte{21}) << "an alert, and no key exchange";
  }
}

}  // namespace esp_peer::test
