// The ciphers give what the RFCs show, byte for byte.
#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "backends/openssl_srtp/ciphers.hpp"
#include "backends/openssl_srtp/hmac_sha1.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::openssl_srtp {
namespace {

using crypto::SrtpProfile;
using Octets = std::vector<std::byte>;

Octets hex(std::string_view text) {
  Octets out;
  unsigned value = 0, digits = 0;
  for (const char c : text) {
    if (c == ' ') continue;
    value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    if (++digits % 2 == 0) out.push_back(std::byte(value & 0xFF));
  }
  return out;
}
srtp::Cipher::Iv iv(std::string_view text) {
  srtp::Cipher::Iv out{};
  copy_bytes(hex(text), out);
  return out;
}
Octets keystream(std::string_view key, std::string_view counter, std::size_t size) {
  Octets out(size);
  EXPECT_TRUE(ciphers().keystream(hex(key), iv(counter), out));
  return out;
}

// [rfc3711#B.2, #B.3]
TEST(CipherVectors, aes_in_counter_mode_streams_and_derives_as_rfc3711_shows) {
  const Octets blocks = keystream("2B7E151628AED2A6ABF7158809CF4F3C",
                                  "F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000", 0xFF02 * 16);
  EXPECT_EQ(Octets(blocks.begin(), blocks.begin() + 48),
            hex("E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"
                "41E95B3BB0A2E8DD477901E4FCA894C0"));
  EXPECT_EQ(Octets(blocks.end() - 48, blocks.end()),
            hex("EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE"
                "6A2CC3787889374FBEB4C81B17BA6C44"));
  constexpr std::string_view master = "E1F97A0D3E018BE0D64FA32C06DE4139";
  EXPECT_EQ(keystream(master, "0EC675AD498AFEEBB6960B3AABE60000", 16),
            hex("C61E7A93744F39EE10734AFE3FF7A087"));
  EXPECT_EQ(keystream(master, "0EC675AD498AFEE9B6960B3AABE60000", 14),
            hex("30CBBC08863D8C85D49DB34A9AE1"));
  EXPECT_EQ(keystream(master, "0EC675AD498AFEEAB6960B3AABE60000", 94),
            hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE"
                "E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25"
                "6D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2"));
}

// [rfc2202#3]
TEST(CipherVectors, hmac_sha1_is_that_of_rfc2202) {
  const auto digest = [](const Octets& key, std::initializer_list<Bytes> parts) {
    HmacSha1::Digest out{};
    const HmacSha1 hmac(key);
    EXPECT_TRUE(hmac.ok() && hmac.digest(parts, out));
    EXPECT_TRUE(hmac.digest(parts, out)) << "as often as wanted";
    return Octets(out.begin(), out.end());
  };
  EXPECT_EQ(digest(Octets(20, std::byte{0x0B}), {as_bytes("Hi There")}),
            hex("b617318655057264e28bc0b6fb378c8ef146be00"));
  const std::string_view jefe = "Jefe";
  const Octets key(as_bytes(jefe).begin(), as_bytes(jefe).end());
  EXPECT_EQ(digest(key, {as_bytes("what do ya want"), {}, as_bytes(" for nothing?")}),
            hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"));
  EXPECT_EQ(digest(Octets(20, std::byte{0xAA}), {Octets(50, std::byte{0xDD})}),
            hex("125d7342b9ac11cd91a39af48aa17b4f63f175d3"));
  EXPECT_FALSE(HmacSha1(Octets(65)).ok());
}

struct Example {
  const char* section;
  SrtpProfile profile;
  const char *iv, *header, *plain, *trailer, *sealed, *tag;
};

constexpr const char* rtp_iv = "51753c6580c2726f20718414";
constexpr const char* rtcp_iv = "517524055203726f207170bb";
constexpr const char* rtp_header = "8040f17b 8041f8d3 5501a0b2";
constexpr const char* rtp_text =
    "47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573";
constexpr const char* rtcp_header = "81c8000d 4d617273";
constexpr const char* rtcp_text =
    "4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef "
    "deadbeef";

// covers: must rfc7714#5.3
TEST(CipherVectors, aes_gcm_seals_and_opens_as_rfc7714_shows) {
  const Example examples[] = {
      {"16.1.1", SrtpProfile::aead_aes_128_gcm, rtp_iv, rtp_header, rtp_text, "",
       "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833",
       "899d7f27 beb16a91 52cf765e e4390cce"},
      {"16.2.1", SrtpProfile::aead_aes_256_gcm, rtp_iv, rtp_header, rtp_text, "",
       "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b",
       "7aa3db36 dfffd6b0 f9bb7878 d7a76c13"},
      {"17.1", SrtpProfile::aead_aes_128_gcm, rtcp_iv, rtcp_header, rtcp_text, "800005d4",
       "63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded "
       "0bb9275b",
       "c84aa458 96cf4d2f c5abf872 45d9eade"},
      {"17.2", SrtpProfile::aead_aes_256_gcm, rtcp_iv, rtcp_header, rtcp_text, "800005d4",
       "d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 c61de047 "
       "6f1b6fad",
       "1d1eb30c 4446839f 57ff6f6c b26ac3be"},
  };
  test::TestEnv env;
  for (const Example& e : examples) {
    Octets key(crypto::key_size(e.profile));
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = std::byte(i);
    srtp::Cipher* const sealer = ciphers().create(e.profile, key, {}, true, env.memory);
    srtp::Cipher* const opener = ciphers().create(e.profile, key, {}, false, env.memory);
    ASSERT_TRUE(sealer && opener);
    Octets text = hex(e.plain), tag(16);
    ASSERT_TRUE(sealer->seal(iv(e.iv), hex(e.header), text, hex(e.trailer), tag)) << e.section;
    EXPECT_EQ(text, hex(e.sealed)) << e.section;
    EXPECT_EQ(tag, hex(e.tag)) << e.section;
    for (std::size_t bit = 0; bit < 8 * tag.size(); ++bit) {
      Octets forged = tag, same = text;
      forged[bit / 8] ^= std::byte(1u << bit % 8);
      EXPECT_FALSE(opener->open(iv(e.iv), hex(e.header), same, hex(e.trailer), forged));
    }
    ASSERT_TRUE(opener->open(iv(e.iv), hex(e.header), text, hex(e.trailer), tag)) << e.section;
    EXPECT_EQ(text, hex(e.plain)) << e.section;
    ciphers().destroy(sealer);
    ciphers().destroy(opener);
  }
  EXPECT_EQ(env.memory.live, 0u);
}

}  // namespace
}  // namespace esp_peer::openssl_srtp
