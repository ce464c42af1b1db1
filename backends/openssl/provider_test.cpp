#include "backends/openssl/provider.hpp"

#include <gtest/gtest.h>

#include <string>

namespace esp_peer::openssl {
namespace {

std::string hex(Bytes bytes) {
  std::string text;
  for (const std::byte b : bytes) {
    text += "0123456789abcdef"[std::to_integer<int>(b >> 4)];
    text += "0123456789abcdef"[std::to_integer<int>(b & std::byte{15})];
  }
  return text;
}

TEST(OpensslProvider, hashes_as_fips_180_and_rfc1321_say) {
  EXPECT_EQ(hex(provider().sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(provider().md5(as_bytes("message digest"))), "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST(OpensslProvider, authenticates_as_rfc2202_and_rfc4231_say) {
  const std::string key(20, '\x0b'), long_key(131, '\xaa'), sha1_long_key(80, '\xaa');
  const Bytes whole[] = {as_bytes("Hi There")};
  const Bytes pieces[] = {as_bytes("Hi "), {}, as_bytes("There")};
  EXPECT_EQ(hex(provider().hmac_sha1(as_bytes(key), whole)),
            "b617318655057264e28bc0b6fb378c8ef146be00");
  EXPECT_EQ(hex(provider().hmac_sha1(as_bytes(key), pieces)),
            "b617318655057264e28bc0b6fb378c8ef146be00");
  EXPECT_EQ(hex(provider().hmac_sha256(as_bytes(key), whole)),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  const Bytes large[] = {as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")};
  EXPECT_EQ(hex(provider().hmac_sha1(as_bytes(sha1_long_key), large)),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112");
  EXPECT_EQ(hex(provider().hmac_sha256(as_bytes(long_key), large)),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(OpensslProvider, another_key_gives_another_tag) {
  const Bytes message[] = {as_bytes("message")};
  EXPECT_NE(provider().hmac_sha256(as_bytes("key"), message),
            provider().hmac_sha256(as_bytes("kez"), message));
}

TEST(SystemRandom, never_says_the_same_twice) {
  SystemRandom random;
  EXPECT_NE(random.number<std::uint64_t>(), random.number<std::uint64_t>());
  std::array<std::byte, 32> a{}, b{};
  random.fill_secret(a);
  random.fill_secret(b);
  EXPECT_NE(a, b);
}

}  // namespace
}  // namespace esp_peer::openssl
