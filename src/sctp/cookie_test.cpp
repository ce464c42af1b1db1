#include "sctp/cookie.hpp"

#include <gtest/gtest.h>

#include "backends/openssl/provider.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::sctp {
namespace {

// covers: bug 65, bug 66, must rfc9260#5.1.3
TEST(Cookie, no_byte_of_it_can_be_changed) {
  test::TestEnv world;
  CookieKey key{};
  world.random.fill_secret(key);
  Cookie cookie;
  cookie.local_tag = 1;
  cookie.peer_tag = 2;
  const SealedCookie sealed = seal(cookie, key, openssl::provider());
  ASSERT_TRUE(open(sealed, key, openssl::provider()));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    SealedCookie bad = sealed;
    bad[i] ^= std::byte{1};
    EXPECT_FALSE(open(bad, key, openssl::provider())) << i;
    EXPECT_FALSE(open(Bytes(sealed).first(i), key, openssl::provider())) << i;
  }
  CookieKey other = key;
  other[0] ^= std::byte{1};
  EXPECT_FALSE(open(sealed, other, openssl::provider()));
}

}  // namespace
}  // namespace esp_peer::sctp
