// Who the peer is, with which certificate, and under which cipher, as far as a program of the C API
// and the wire can see.
#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

std::string fingerprint_of(const Peer& peer) {
  return line_of(peer.descriptions.back(), "a=fingerprint:");
}

std::string with_another_fingerprint(std::string sdp) {
  const auto last = sdp.find_first_of("\r\n", sdp.find("a=fingerprint:")) - 1;
  sdp[last] = sdp[last] == '0' ? '1' : '0';
  return sdp;
}

class Impostor : public testing::TestWithParam<bool> {};

// covers: bug 1, bug 2, must rfc5763#5
TEST_P(Impostor, whose_fingerprint_is_another_is_never_connected) {
  Couple c;
  c.never_wait();
  // True: the cat, the DTLS server, is told a fingerprint that is not the sheep's; false: reverse.
  Peer& deceived = GetParam() ? c.cat : c.sheep;
  deceived.other->carry = with_another_fingerprint;
  c.open();
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return deceived.has(ESP_PEER_STATE_CONNECT_FAILED); }))
      << "at once, not after 30 s";
  EXPECT_FALSE(deceived.has(ESP_PEER_STATE_CONNECTED));
  EXPECT_EQ(deceived.states.back(), ESP_PEER_STATE_CONNECT_FAILED);
  EXPECT_TRUE(deceived.opened.empty());
}

INSTANTIATE_TEST_SUITE_P(EveryRole, Impostor, testing::Bool(), [](const auto& p) {
  return std::string(p.param ? "to_the_server" : "to_the_client");
});

// In a process of its own, for what it does stays for the whole process.
void use_a_certificate_made_ahead() {
  Couple c;
  for (Peer* p : {&c.cat, &c.sheep}) p->ext.base.keep_role = true;
  c.connect_here();
  std::set<std::string> fingerprints;
  const auto again = [&] {
    for (Peer* p : {&c.cat, &c.sheep}) {
      fingerprints.insert(fingerprint_of(*p));
      esp_peer_disconnect(p->handle);
      p->forget();
    }
    c.begin();
    EXPECT_TRUE(c.pump_until([&] {
      return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
             c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
    }));
  };
  again();
  again();
  EXPECT_EQ(fingerprints.size(), 4u) << "a new one for each peer and each connection";

  EXPECT_EQ(esp_peer_pre_generate_cert(), ESP_PEER_ERR_NONE);
  again();
  fingerprints.clear();
  again();
  again();
  EXPECT_EQ(fingerprints.size(), 1u) << "the one that was made ahead";

  const std::string first = *fingerprints.begin();
  EXPECT_EQ(esp_peer_pre_generate_cert(), ESP_PEER_ERR_NONE);
  again();
  fingerprints.clear();
  again();
  EXPECT_EQ(fingerprints.size(), 1u);
  EXPECT_FALSE(fingerprints.contains(first)) << "each call replaces it";

  // While others connect with it.
  std::thread maker([] {
    for (int i = 0; i < 20; ++i) EXPECT_EQ(esp_peer_pre_generate_cert(), ESP_PEER_ERR_NONE);
  });
  for (int i = 0; i < 5; ++i) again();
  maker.join();
}

// covers: changelog 21, changelog 56, must rfc8827#6.5d
TEST(Certificates, are_new_for_each_connection_unless_one_was_made_ahead) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        use_a_certificate_made_ahead();
        std::exit(testing::Test::HasFailure() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

unsigned u16(const std::string& bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes.at(at)) * 256u +
         static_cast<std::uint8_t>(bytes.at(at + 1));
}

// The last handshake message of this type that begins a record [rfc6347#4.1, #4.2.2], from its
// client_version on.
std::string hello(const std::vector<std::string>& datagrams, char type) {
  std::string found;
  for (const std::string& d : datagrams) {
    if (d.size() > 60 && d[0] == 22 && d[13] == type) found = d.substr(25);
  }
  return found;
}
// [rfc5246#7.4.1.2] behind version, random, session id and cookie
std::vector<unsigned> offered(const std::string& hello) {
  std::size_t at = 34;
  at += 1 + static_cast<std::uint8_t>(hello.at(at));
  at += 1 + static_cast<std::uint8_t>(hello.at(at));
  const std::size_t end = at + 2 + u16(hello, at);
  std::vector<unsigned> suites;
  for (at += 2; at + 1 < end; at += 2) {
    if (u16(hello, at) != 0x00FF) suites.push_back(u16(hello, at));  // not the renegotiation mark
  }
  return suites;
}
unsigned chosen(const std::string& hello) {
  return u16(hello, 35 + static_cast<std::uint8_t>(hello.at(34)));
}

// [rfc5289#3.2, rfc7905#2]
constexpr unsigned ecdsa_aes128_gcm = 0xC02B, rsa_aes128_gcm = 0xC02F, ecdsa_aes256_gcm = 0xC02C,
                   rsa_aes256_gcm = 0xC030, ecdsa_chacha = 0xCCA9, rsa_chacha = 0xCCA8;
bool is_gcm(unsigned suite) {
  return suite == ecdsa_aes128_gcm || suite == rsa_aes128_gcm || suite == ecdsa_aes256_gcm ||
         suite == rsa_aes256_gcm;
}
bool is_chacha(unsigned suite) { return suite == ecdsa_chacha || suite == rsa_chacha; }

struct Handshake {
  std::vector<unsigned> offered;
  unsigned chosen;
};

Handshake handshake_with(esp_peer_dtls_cipher_pref_t preference) {
  EXPECT_EQ(esp_peer_set_dtls_cipher_pref(preference), 0);
  Wire wire;
  Couple c;
  c.cat.carry = [&](std::string sdp) { return wire.carry(Wire::cat, std::move(sdp)); };
  c.sheep.carry = [&](std::string sdp) { return wire.carry(Wire::sheep, std::move(sdp)); };
  c.connect_here();
  EXPECT_EQ(esp_peer_set_dtls_cipher_pref(ESP_PEER_DTLS_CIPHER_AUTO), 0);
  // The sheep answered: it is the client.
  const auto client = hello(wire.sent_by(Wire::sheep), 1),
             server = hello(wire.sent_by(Wire::cat), 2);
  if (client.empty() || server.empty()) {
    ADD_FAILURE() << "no handshake was seen";
    return {};
  }
  return {offered(client), chosen(server)};
}

// covers: changelog 3, must rfc8827#6.5a
TEST(Ciphers, of_aes_gcm_alone) {
  const Handshake h = handshake_with(ESP_PEER_DTLS_CIPHER_AES_GCM);
  ASSERT_FALSE(h.offered.empty());
  EXPECT_TRUE(std::all_of(h.offered.begin(), h.offered.end(), is_gcm));
  EXPECT_EQ(h.chosen, ecdsa_aes128_gcm);
}

// covers: changelog 3
TEST(Ciphers, with_chacha_first) {
  const Handshake h = handshake_with(ESP_PEER_DTLS_CIPHER_CHACHA);
  ASSERT_FALSE(h.offered.empty());
  EXPECT_TRUE(is_chacha(h.offered.front()));
  EXPECT_TRUE(std::any_of(h.offered.begin(), h.offered.end(), is_gcm)) << "then AES-GCM";
  EXPECT_EQ(h.chosen, ecdsa_chacha);
}

// covers: must rfc8827#6.5c
TEST(Ciphers, as_the_library_thinks_best) {
  const Handshake h = handshake_with(ESP_PEER_DTLS_CIPHER_AUTO);
  EXPECT_TRUE(std::any_of(h.offered.begin(), h.offered.end(), is_gcm));
  EXPECT_TRUE(std::any_of(h.offered.begin(), h.offered.end(), is_chacha));
  EXPECT_TRUE(is_gcm(h.chosen) || is_chacha(h.chosen))
      << "nothing without forward secrecy and AEAD";
}

}  // namespace
}  // namespace esp_peer::test
