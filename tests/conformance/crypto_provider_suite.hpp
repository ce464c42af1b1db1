// What every crypto provider keeps to, whatever library it stands on: the vectors of the standards,
// and other keys that give other tags. A backend's tests include this file and instantiate
// CryptoProvider with its provider and CryptoRandom with its generator.
#pragma once
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/env.hpp"
#include "crypto/provider.hpp"
#include "tests/support/heap/cost.hpp"

namespace esp_peer::test {

inline std::string hex(Bytes bytes) {
  std::string text;
  for (const std::byte b : bytes) {
    text += "0123456789abcdef"[std::to_integer<int>(b >> 4)];
    text += "0123456789abcdef"[std::to_integer<int>(b & std::byte{15})];
  }
  return text;
}

class CryptoProvider : public ::testing::TestWithParam<crypto::Provider& (*)()> {
 protected:
  std::string sha256(const std::string& text) { return hex(crypto().sha256(as_bytes(text))); }
  std::string md5(const std::string& text) { return hex(crypto().md5(as_bytes(text))); }
  std::string hmac_sha1(const std::string& key, const std::string& text) {
    const Bytes whole[] = {as_bytes(text)};
    return hex(crypto().hmac_sha1(as_bytes(key), whole));
  }
  std::string hmac_sha256(const std::string& key, const std::string& text) {
    const Bytes whole[] = {as_bytes(text)};
    return hex(crypto().hmac_sha256(as_bytes(key), whole));
  }
  crypto::Provider& crypto() const { return GetParam()(); }
};

// [FIPS 180-4] And those of NIST's examples.
TEST_P(CryptoProvider, hashes_sha256_as_its_standard_says) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// [rfc1321#A.5]
TEST_P(CryptoProvider, hashes_md5_as_its_standard_says) {
  EXPECT_EQ(md5(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5("a"), "0cc175b9c0f1b6a831c399e269772661");
  EXPECT_EQ(md5("abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(md5("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(md5("abcdefghijklmnopqrstuvwxyz"), "c3fcd3d76192e4007dfb496cca67e13b");
  EXPECT_EQ(md5("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
            "d174ab98d277d9f5a5611c2c9f419d9f");
  EXPECT_EQ(md5("1234567890123456789012345678901234567890"
                "1234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

inline std::string counting_key() {  // 0x0102…19
  std::string key;
  for (char c = 1; c <= 25; ++c) key += c;
  return key;
}

// [rfc2202#3]
TEST_P(CryptoProvider, authenticates_by_hmac_sha1_as_its_vectors_say) {
  EXPECT_EQ(hmac_sha1(std::string(20, '\x0b'), "Hi There"),
            "b617318655057264e28bc0b6fb378c8ef146be00");
  EXPECT_EQ(hmac_sha1("Jefe", "what do ya want for nothing?"),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(hmac_sha1(std::string(20, '\xaa'), std::string(50, '\xdd')),
            "125d7342b9ac11cd91a39af48aa17b4f63f175d3");
  EXPECT_EQ(hmac_sha1(counting_key(), std::string(50, '\xcd')),
            "4c9007f4026250c6bc8414f9bf50c86c2d7235da");
  EXPECT_EQ(hmac_sha1(std::string(20, '\x0c'), "Test With Truncation"),
            "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04");
  EXPECT_EQ(
      hmac_sha1(std::string(80, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
      "aa4ae5e15272d00e95705637ce8a3b55ed402112");
  EXPECT_EQ(hmac_sha1(std::string(80, '\xaa'),
                      "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data"),
            "e8e99d0f45237d786d6bbaa7965c7808bbff1a91");
}

// [rfc4231#4]
TEST_P(CryptoProvider, authenticates_by_hmac_sha256_as_its_vectors_say) {
  EXPECT_EQ(hmac_sha256(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_sha256("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256(std::string(20, '\xaa'), std::string(50, '\xdd')),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(hmac_sha256(counting_key(), std::string(50, '\xcd')),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  EXPECT_EQ(hmac_sha256(std::string(131, '\xaa'),
                        "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hmac_sha256(std::string(131, '\xaa'),
                        "This is a test using a larger than block-size key and a larger than "
                        "block-size data. The key needs to be hashed before being used by the "
                        "HMAC algorithm."),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_P(CryptoProvider, parts_count_as_if_joined_wherever_they_are_cut) {
  const std::string text = "sixty-four bytes and more, so that a block of the hash ends within it";
  const std::string key = "key";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const Bytes all = as_bytes(text);
    const Bytes parts[] = {all.first(cut), {}, all.subspan(cut)};
    EXPECT_EQ(hex(crypto().hmac_sha1(as_bytes(key), parts)), hmac_sha1(key, text));
    EXPECT_EQ(hex(crypto().hmac_sha256(as_bytes(key), parts)), hmac_sha256(key, text));
  }
  EXPECT_EQ(hex(crypto().hmac_sha256(as_bytes(key), {})), hmac_sha256(key, ""));
  EXPECT_EQ(hex(crypto().hmac_sha1(as_bytes(key), {})), hmac_sha1(key, ""));
}

// [rfc2104#2] Up to a block a key stands for itself; a longer one for its hash.
TEST_P(CryptoProvider, a_key_of_any_length_is_the_whole_key) {
  std::set<std::string> tags;
  for (const std::size_t size : {0u, 1u, 20u, 32u, 63u, 64u, 65u, 128u, 1000u}) {
    const std::string key(size, 'k');
    EXPECT_TRUE(tags.insert(hmac_sha256(key, "message")).second) << size;
    EXPECT_TRUE(tags.insert(hmac_sha1(key, "message")).second) << size;
    if (size <= 64) continue;
    const auto hashed = crypto().sha256(as_bytes(key));
    EXPECT_EQ(hmac_sha256(std::string(as_text(hashed)), "message"), hmac_sha256(key, "message"));
  }
}

TEST_P(CryptoProvider, one_bit_of_key_or_message_gives_another_tag) {
  const std::string key = "a key of 20 bytes...", message = "a message";
  for (std::size_t i = 0; i < 8 * key.size(); ++i) {
    std::string other = key;
    other[i / 8] = static_cast<char>(other[i / 8] ^ 1 << i % 8);
    EXPECT_NE(hmac_sha1(other, message), hmac_sha1(key, message));
    EXPECT_NE(hmac_sha256(other, message), hmac_sha256(key, message));
  }
  for (std::size_t i = 0; i < 8 * message.size(); ++i) {
    std::string other = message;
    other[i / 8] = static_cast<char>(other[i / 8] ^ 1 << i % 8);
    EXPECT_NE(hmac_sha1(key, other), hmac_sha1(key, message));
    EXPECT_NE(hmac_sha256(key, other), hmac_sha256(key, message));
    EXPECT_NE(sha256(other), sha256(message));
    EXPECT_NE(md5(other), md5(message));
  }
}

TEST_P(CryptoProvider, several_threads_disturb_each_other_in_nothing) {
  const auto work = [&](char which) {
    const std::string key(20, which), text(300, which);
    const auto wanted = std::pair(hmac_sha1(key, text), sha256(text));
    for (int i = 0; i < 200; ++i) {
      EXPECT_EQ(std::pair(hmac_sha1(key, text), sha256(text)), wanted);
    }
  };
  std::thread threads[] = {std::thread(work, 'a'), std::thread(work, 'b'), std::thread(work, 'c')};
  for (auto& thread : threads) thread.join();
}

// A check of ICE is authenticated twice, and a flood of forged ones as often.
TEST_P(CryptoProvider, takes_no_memory_and_no_randomness) {
  std::array<std::byte, 1'200> message{};
  const Bytes parts[] = {Bytes(message).first(20), Bytes(message).subspan(20)};
  const std::size_t long_key = 100;
  const auto hash_all = [&] {
    message[0] = crypto().sha256(message)[0];
    message[1] = crypto().md5(message)[0];
    message[2] = crypto().hmac_sha1(Bytes(message).first(24), parts)[0];
    message[3] = crypto().hmac_sha256(Bytes(message).first(long_key), parts)[0];
  };
  hash_all();
  const Cost cost;
  for (int i = 0; i < 1'000; ++i) hash_all();
  const long from_heap = cost.allocations(), from_system = cost.system_random();
  EXPECT_EQ(from_heap, 0);
  EXPECT_EQ(from_system, 0);
}

class CryptoRandom : public ::testing::TestWithParam<Random* (*)()> {};

// covers: bug 27
TEST_P(CryptoRandom, never_says_the_same_twice_in_public_nor_in_secret) {
  Random& random = *GetParam()();
  std::set<std::string> said;
  for (int i = 0; i < 10'000; ++i) {
    std::array<std::byte, 16> bytes{};
    i % 2 ? random.fill_secret(bytes) : random.fill_public(bytes);
    EXPECT_TRUE(said.insert(hex(bytes)).second);
  }
}

TEST_P(CryptoRandom, fills_any_length_to_its_end_and_not_beyond) {
  Random& random = *GetParam()();
  for (const std::size_t size : {0u, 1u, 16u, 1023u, 1024u, 1025u, 5000u}) {
    std::vector<std::byte> bytes(size + 8);
    random.fill_public(std::span(bytes).first(size));
    EXPECT_EQ(hex(std::span(bytes).last(8)), "0000000000000000");
    if (size < 1000) continue;
    std::array<int, 256> counts{};
    for (const std::byte b : std::span(bytes).first(size))
      ++counts[std::to_integer<std::size_t>(b)];
    for (const int count : counts) EXPECT_LT(count, static_cast<int>(size / 16));
    EXPECT_NE(hex(std::span(bytes).subspan(size - 16, 16)), std::string(32, '0'));
  }
}

}  // namespace esp_peer::test
