// One of our endpoints and a stranger: a plain SSL object of OpenSSL, bent as a test wants it.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/foreign_openssl.hpp"
#include "tests/support/virtual_openssl.hpp"

namespace esp_peer::test {

inline constexpr dtls::Role roles[] = {dtls::Role::client, dtls::Role::server};
constexpr dtls::Role other(dtls::Role role) {
  return role == dtls::Role::client ? dtls::Role::server : dtls::Role::client;
}

// Ours in `role`, and a stranger who has `key` and is bent like that.
class Encounter {
 public:
  Encounter(const DtlsLibrary& library, dtls::Role role, const ForeignKey* key,
            const ForeignPeer::Bend& bend = {}, const dtls::Options& options = {})
      : library_((set_virtual_time(now), library.set_time(now), library)),
        ours(library, 1, options),
        theirs(other(role), key, bend) {
    ForeignKey nobody = ForeignKey::ecdsa();
    EXPECT_TRUE(ours.start(now, role, (key ? *key : nobody).fingerprint()));
    theirs.talk_to(ours, now);
  }
  ~Encounter() {
    library_.use_real_time();
    use_real_time();
  }
  bool connected() const { return ours.endpoint->connected() && theirs.connected(); }
  void expect_to_talk() {
    ASSERT_TRUE(connected()) << ours.why();
    ours.deliver(now, theirs.seal("to you"));
    theirs.deliver(ours.seal(now, "to them"));
    EXPECT_EQ(ours.received, std::vector<std::string>{"to you"});
    EXPECT_EQ(theirs.received, std::vector<std::string>{"to them"});
  }

  Instant now = at_ms(1000);

 private:
  const DtlsLibrary& library_;

 public:
  DtlsSide ours;
  ForeignPeer theirs;
};

inline ForeignPeer::Bend ciphers(const char* list) {
  return [list](SSL_CTX* ctx) {
    SSL_CTX_set_security_level(ctx, 0);
    EXPECT_EQ(SSL_CTX_set_cipher_list(ctx, list), 1) << list;
  };
}

}  // namespace esp_peer::test
