#include "dtls/fingerprint.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

namespace esp_peer::dtls {
namespace {

std::string text_of(std::string_view hash, int size) {
  std::string text(hash);
  for (int i = 0; i < size; ++i) text += i == 0 ? " AB" : ":AB";
  return text;
}

TEST(Fingerprint, comes_back_as_it_was_written) {
  for (const auto& [hash, size] :
       {std::pair{"sha-256", 32}, std::pair{"sha-384", 48}, std::pair{"sha-512", 64}}) {
    const auto fingerprint = parse_fingerprint(text_of(hash, size));
    ASSERT_TRUE(fingerprint) << hash;
    EXPECT_EQ(fingerprint->bytes().size(), static_cast<std::size_t>(size));
    EXPECT_EQ(fingerprint_text(*fingerprint).view(), text_of(hash, size));
  }
}

// covers: bug 20
TEST(Fingerprint, is_read_in_either_case) {
  std::string lower = text_of("SHA-256", 32);
  for (char& c : lower) c = static_cast<char>(std::tolower(c));
  EXPECT_EQ(parse_fingerprint(lower), parse_fingerprint(text_of("SHA-256", 32)));
}

// covers: bug 3, bug 20
TEST(Fingerprint, is_refused_when_anything_is_wrong_with_it) {
  const std::string good = text_of("sha-256", 32);
  ASSERT_TRUE(parse_fingerprint(good));
  for (const std::string& bad :
       {std::string(), std::string("sha-256"), std::string("sha-256 "), text_of("sha-1", 20),
        text_of("md5", 16), text_of("sha-256", 31), text_of("sha-256", 33), text_of("sha-512", 32),
        good + " ", good + ":", good + ":AB:junk", good.substr(0, good.size() - 1) + "G",
        "sha-256  " + good.substr(8)}) {
    EXPECT_FALSE(parse_fingerprint(bad)) << bad;
  }
  for (std::size_t i = 10; i < good.size(); i += 3) {
    std::string no_colon = good;
    no_colon[i] = '-';
    EXPECT_FALSE(parse_fingerprint(no_colon)) << i;
  }
}

Fingerprint made_of(Hash hash, std::uint8_t size, int digit) {
  Fingerprint fingerprint{hash, size, {}};
  fingerprint.digest[0] = static_cast<std::byte>(digit);
  return fingerprint;
}

// covers: bug 3, must rfc8122#5
TEST(ExpectedFingerprints, of_several_certificates_any_may_come) {
  ExpectedFingerprints expected;
  const Fingerprint several[] = {made_of(Hash::sha256, 32, 1), made_of(Hash::sha256, 32, 2)};
  ASSERT_TRUE(expected.assign(several));
  EXPECT_TRUE(expected.contains(several[0]) && expected.contains(several[1]));
  EXPECT_FALSE(expected.contains(made_of(Hash::sha256, 32, 3)));
}

// covers: must rfc8122#5
TEST(ExpectedFingerprints, of_several_hashes_the_strongest_counts) {
  const Fingerprint weak = made_of(Hash::sha256, 32, 1), strong = made_of(Hash::sha512, 64, 2);
  for (const auto& order : {std::array{weak, strong}, std::array{strong, weak}}) {
    ExpectedFingerprints expected;
    ASSERT_TRUE(expected.assign(order));
    EXPECT_EQ(expected.hash(), Hash::sha512);
    EXPECT_TRUE(expected.contains(strong));
    EXPECT_FALSE(expected.contains(weak));
  }
}

// covers: bug 3
TEST(ExpectedFingerprints, none_that_is_usable_is_not_enough) {
  ExpectedFingerprints expected;
  EXPECT_FALSE(expected.assign({}));
  const Fingerprint empty, cut = made_of(Hash::sha512, 32, 1);
  EXPECT_FALSE(expected.assign({&empty, 1}));
  EXPECT_FALSE(expected.assign({&cut, 1}));
  EXPECT_FALSE(expected.contains(empty));
}

}  // namespace
}  // namespace esp_peer::dtls
