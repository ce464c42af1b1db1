#include "stun/message.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "backends/openssl/provider.hpp"
#include "crypto/crc32.hpp"
#include "stun/builder.hpp"

namespace esp_peer::stun {
namespace {

// [rfc5769#2.1 - 2.3]
constexpr std::string_view sample_request =
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e20746573"
    "7420636c69656e74002400046e0001ff80290008932ff9b151263b3600060009"
    "6576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249"
    "c1b571a280280004e57a3bcf";
constexpr std::string_view sample_response_v4 =
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563"
    "746f7220002000080001a147e112a643000800142b91f599fd9e90c38c7489f9"
    "2af9ba53f06be7d780280004c07d4c96";
constexpr std::string_view sample_response_v6 =
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563"
    "746f7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014"
    "a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";
constexpr std::string_view sample_password = "VOkJxbRl1RmTxUk/WvJxBt";

// [rfc8489#B.1] Its length field counts 20 bytes too many there; here it is right, and the hash of
// it is made anew, by Python.
constexpr std::string_view sample_long_term_request =
    "000100882112a44278ad3433c6ad72c029da412e001e00204a3cf38fef6992bd"
    "a952c6780417da0f24819415569e60b205c46e41407f1704001500296f624d61"
    "744a6f733241414143662f2f3439396b39353464364f4c33346f4c3946535476"
    "79363473410000000014000b6578616d706c652e6f726700001c0020234112fb"
    "d4e27f983eb4032836f998216f5b23f8d927753fbc4f882bfbdf0dec";

std::vector<std::byte> unhex(std::string_view text) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

crypto::Provider& crypto_provider() { return openssl::provider(); }

TEST(StunMessage, reads_the_sample_request) {
  const auto bytes = unhex(sample_request);
  const auto m = parse(bytes);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->kind, Class::request);
  EXPECT_EQ(m->method, binding);
  EXPECT_EQ(m->username, "evtj:h6vY");
  EXPECT_EQ(m->priority, 0x6e0001ffu);
  EXPECT_EQ(m->controlled, 0x932ff9b151263b36u);
  EXPECT_FALSE(m->controlling);
  EXPECT_FALSE(m->use_candidate);
  EXPECT_TRUE(m->has_fingerprint);
  EXPECT_TRUE(m->unknown_required.empty());
  EXPECT_TRUE(m->integrity_matches(crypto_provider(), as_bytes(sample_password)));
  EXPECT_FALSE(m->integrity_matches(crypto_provider(), as_bytes("VOkJxbRl1RmTxUk/WvJxBu")));
}

TEST(StunMessage, reads_the_sample_responses) {
  const auto v4 = unhex(sample_response_v4), v6 = unhex(sample_response_v6);
  const auto m4 = parse(v4), m6 = parse(v6);
  ASSERT_TRUE(m4 && m6);
  EXPECT_EQ(m4->kind, Class::success);
  EXPECT_EQ(m4->mapped, parse_ip("192.0.2.1", 32853));
  EXPECT_EQ(m6->mapped, parse_ip("2001:db8:1234:5678:11:2233:4455:6677", 32853));
  EXPECT_TRUE(m4->integrity_matches(crypto_provider(), as_bytes(sample_password)));
  EXPECT_TRUE(m6->integrity_matches(crypto_provider(), as_bytes(sample_password)));
}

TEST(StunMessage, reads_the_sample_with_sha256) {
  const auto bytes = unhex(sample_long_term_request);
  const auto m = parse(bytes);
  ASSERT_TRUE(m);
  EXPECT_FALSE(m->has_integrity());
  const auto key = crypto_provider().sha256(as_bytes("マトリックス:example.org:TheMatrIX"));
  EXPECT_TRUE(m->integrity_sha256_matches(crypto_provider(), key));
  EXPECT_FALSE(m->integrity_sha256_matches(crypto_provider(), as_bytes("key")));
  auto attributes = m->attributes();
  const auto userhash = attributes.next(), nonce = attributes.next(), realm = attributes.next();
  ASSERT_TRUE(userhash && nonce && realm);
  EXPECT_TRUE(
      equal(userhash->value, crypto_provider().sha256(as_bytes("マトリックス:example.org"))));
  EXPECT_EQ(as_text(realm->value), "example.org");
  EXPECT_FALSE(attributes.next()) << "what is signed, and not what signs it";
}

TEST(StunMessage, a_flipped_bit_anywhere_is_seen_by_fingerprint_or_integrity) {
  const auto good = unhex(sample_request);
  for (std::size_t i = 0; i < good.size() * 8; ++i) {
    auto bad = good;
    bad[i / 8] ^= static_cast<std::byte>(1 << i % 8);
    const auto m = parse(bad);
    EXPECT_FALSE(m && m->has_fingerprint &&
                 m->integrity_matches(crypto_provider(), as_bytes(sample_password)))
        << "bit " << i;
  }
}

// covers: bug 23, bug 24
TEST(StunMessage, every_truncation_and_extension_is_refused) {
  auto bytes = unhex(sample_request);
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(parse(Bytes(bytes).first(n))) << n;
  for (int i = 0; i < 64; ++i) {
    bytes.push_back(std::byte{0});
    EXPECT_FALSE(parse(bytes));
  }
}

// covers: bug 22
TEST(StunMessage, the_length_field_is_never_trusted) {
  const auto good = unhex(sample_request);
  for (const unsigned length : {0u, 4u, 84u, 87u, 89u, 92u, 96u, 65532u, 65535u}) {
    auto bad = good;
    bad[2] = static_cast<std::byte>(length >> 8);
    bad[3] = static_cast<std::byte>(length & 0xFF);
    EXPECT_FALSE(parse(bad)) << length;
  }
}

// covers: bug 22, bug 25, must rfc8489#14.8
TEST(StunMessage, every_attribute_survives_every_length) {
  for (const unsigned type :
       {0x0001u, 0x0006u, 0x0008u, 0x0009u, 0x000Au, 0x001Cu, 0x0020u, 0x0024u, 0x0025u, 0x8022u,
        0x8028u, 0x8029u, 0x802Au, 0x7FFFu, 0xFFFFu}) {
    for (const unsigned claimed : {0u, 1u, 3u, 4u, 7u, 8u, 9u, 19u, 20u, 21u, 255u, 508u, 509u,
                                   512u, 513u, 763u, 764u, 65535u}) {
      for (const unsigned present : {0u, 4u, 20u, 512u, 768u}) {
        std::vector<std::byte> bytes(header_size + 4 + present, std::byte{0x55});
        Writer w(bytes);
        w.u16(0x0001);
        w.u16(static_cast<std::uint16_t>(4 + present));
        w.u32(magic_cookie);
        w.zeros(12);
        w.u16(static_cast<std::uint16_t>(type));
        w.u16(static_cast<std::uint16_t>(claimed));
        const auto m = parse(bytes);
        EXPECT_TRUE(!m || !m->username || m->username->size() <= 508u);
        EXPECT_FALSE(claimed > present && m);
      }
    }
  }
}

// covers: must rfc8489#9, bug 26
TEST(StunMessage, what_follows_integrity_is_not_obeyed) {
  std::array<std::byte, 200> room{};
  Builder b(room, Class::request, binding, {});
  b.username("a:b");
  b.integrity(crypto_provider(), as_bytes("key"));
  b.use_candidate();
  b.priority(7);
  const std::size_t n = b.finish();
  const auto m = parse(Bytes(room).first(n));
  ASSERT_TRUE(m);
  EXPECT_TRUE(m->integrity_matches(crypto_provider(), as_bytes("key")));
  EXPECT_FALSE(m->use_candidate);
  EXPECT_FALSE(m->priority);
}

TEST(StunMessage, the_first_of_two_attributes_of_one_type_counts) {
  std::array<std::byte, 200> room{};
  Builder b(room, Class::request, binding, {});
  b.username("first", "one");
  b.priority(1);
  b.username("second");
  b.priority(2);
  const auto m = parse(Bytes(room).first(b.finish()));
  ASSERT_TRUE(m);
  EXPECT_EQ(m->username, "first:one");
  EXPECT_EQ(m->priority, 1u);
}

// covers: bug 41
TEST(StunMessage, is_read_at_every_alignment) {
  const auto good = unhex(sample_request);
  for (std::size_t shift = 0; shift < 8; ++shift) {
    std::vector<std::byte> room(shift + good.size());
    std::copy(good.begin(), good.end(), room.begin() + static_cast<std::ptrdiff_t>(shift));
    const auto m = parse(Bytes(room).subspan(shift));
    ASSERT_TRUE(m);
    EXPECT_TRUE(m->integrity_matches(crypto_provider(), as_bytes(sample_password)));
  }
}

// covers: bug 25
TEST(StunMessage, an_error_code_is_read_within_its_range_and_its_reason_never) {
  for (unsigned hundreds = 0; hundreds < 8; ++hundreds) {
    for (unsigned rest = 0; rest < 256; rest += 5) {
      std::array<std::byte, header_size + 4 + 8> bytes{};
      Writer w(bytes);
      w.u16(0x0111);
      w.u16(12);
      w.u32(magic_cookie);
      w.zeros(12);
      w.u16(0x0009);
      w.u16(8);
      w.u16(0xFFFF);  // reserved bits are ignored
      w.u8(static_cast<std::uint8_t>(hundreds | 0xF8));
      w.u8(static_cast<std::uint8_t>(rest));
      w.u32(0xFF80C0FE);  // no UTF-8
      const auto m = parse(bytes);
      const bool fine = hundreds >= 3 && hundreds <= 6 && rest < 100;
      ASSERT_EQ(m.has_value(), fine) << hundreds << " " << rest;
      if (!fine) continue;
      EXPECT_EQ(m->error_code, hundreds * 100 + rest);
    }
  }
}

// A message without FINGERPRINT, so that nothing but the rule at hand can refuse it.
std::vector<std::byte> raw(std::uint16_t type, std::uint32_t cookie, std::string_view attributes,
                           int length_off_by = 0) {
  const auto body = unhex(attributes);
  std::vector<std::byte> bytes(header_size + body.size());
  Writer w(bytes);
  w.u16(type);
  w.u16(static_cast<std::uint16_t>(static_cast<int>(body.size()) + length_off_by));
  w.u32(cookie);
  w.zeros(12);
  w.bytes(body);
  return bytes;
}

// covers: must rfc8489#5a
TEST(StunMessage, the_header_follows_its_rules) {
  EXPECT_TRUE(parse(raw(0x0001, magic_cookie, "")));
  for (const std::uint16_t top : std::initializer_list<std::uint16_t>{0x4000, 0x8000, 0xC000}) {
    EXPECT_FALSE(parse(raw(top | 0x0001, magic_cookie, ""))) << "[rfc8489#5] two zero bits";
  }
  for (int bit = 0; bit < 32; ++bit) {
    EXPECT_FALSE(parse(raw(0x0001, magic_cookie ^ 1u << bit, "")));
  }
  for (const int off : {-8, -4, -3, -1, 1, 3, 4, 8}) {
    EXPECT_FALSE(parse(raw(0x0001, magic_cookie, "0025000000250000", off))) << off;
  }
  auto longer = raw(0x0001, magic_cookie, "00250000");
  longer.push_back(std::byte{0});
  longer[3] = std::byte{5};
  EXPECT_FALSE(parse(longer)) << "attributes are padded";
}

TEST(StunMessage, a_malformed_attribute_refuses_the_message) {
  for (const std::string_view good :
       {"0024000400000001", "00250000", "802900080000000000000001", "802a00080000000000000001",
        "0006000161000000", "00200008000111112112a442",
        "00200014000211112112a442000000000000000000000000", "0009000400000457", "8022000141000000",
        "7fff0000", "0008001400000000000000000000000000000000000000ff"}) {
    EXPECT_TRUE(parse(raw(0x0001, magic_cookie, good))) << good;
  }
  for (const std::string_view bad : {
           "00240003000000ff",                          // PRIORITY too short
           "00240005000000010000000000000000",          // and too long
           "0025000400000000",                          // USE-CANDIDATE with a value
           "80290004000000000000000000000000",          // half a tie-breaker
           "802a000c000000000000000000000000",          // one and a half
           "00200004000111110000000000000000",          // XOR-MAPPED-ADDRESS without an address
           "0020000c00011111000000000000000000000000",  // IPv4, and more
           "00200008000011112112a442",                  // of no family
           "00200014000311112112a442000000000000000000000000",  // of an unknown one
           "00200008000211112112a442",                          // IPv6, and too short
           "0009000300000400",                                  // ERROR-CODE too short
           "0008001300000000000000000000000000000000000000ff",  // a hash of 19 bytes
           "00080015000000000000000000000000000000000000000000000000",
           "80280003ffffffff",  // FINGERPRINT too short
           "0025",              // half a header
           "00060005616263",    // value outside of the message
       }) {
    EXPECT_FALSE(parse(raw(0x0001, magic_cookie, bad))) << bad;
  }
}

// covers: must rfc8489#14.7
TEST(StunMessage, nothing_may_follow_fingerprint) {
  auto bytes = raw(0x0001, magic_cookie, "802800040000000000250000");
  const std::uint32_t crc = crypto::crc32(Bytes(bytes).first(header_size)) ^ fingerprint_xor;
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[header_size + 4 + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
  }
  EXPECT_FALSE(parse(bytes)) << "[rfc8489#14.7]";
}

// covers: must rfc8489#6.3
TEST(StunMessage, unknown_required_attributes_are_listed_and_optional_ones_ignored) {
  const std::uint16_t types[] = {0x7FFF, 0x8FFF, 0x7FFE};
  std::vector<std::byte> bytes(header_size + 12);
  Writer w(bytes);
  w.u16(0x0001);
  w.u16(12);
  w.u32(magic_cookie);
  w.zeros(12);
  for (const auto type : types) {
    w.u16(type);
    w.u16(0);
  }
  const auto m = parse(bytes);
  ASSERT_TRUE(m);
  ASSERT_EQ(m->unknown_required.size(), 2u);
  EXPECT_EQ(m->unknown_required[0], 0x7FFF);
  EXPECT_EQ(m->unknown_required[1], 0x7FFE);
}

TEST(StunBuilder, writes_what_the_parser_reads) {
  std::array<std::byte, 300> room{};
  TransactionId id{};
  id[3] = std::byte{9};
  Builder b(room, Class::error, 0x234, id);
  b.username("user");
  b.priority(0x01020304);
  b.controlling(5);
  b.controlled(6);
  b.use_candidate();
  b.xor_mapped_address(*parse_ip("2001:db8::1", 443));
  b.error(487, "Role Conflict");
  b.integrity(crypto_provider(), as_bytes("key"));
  const auto m = parse(Bytes(room).first(b.finish()));
  ASSERT_TRUE(m);
  EXPECT_EQ(m->kind, Class::error);
  EXPECT_EQ(m->method, 0x234);
  EXPECT_EQ(m->id, id);
  EXPECT_EQ(m->username, "user");
  EXPECT_EQ(m->priority, 0x01020304u);
  EXPECT_EQ(m->controlling, 5u);
  EXPECT_EQ(m->controlled, 6u);
  EXPECT_TRUE(m->use_candidate);
  EXPECT_EQ(m->mapped, parse_ip("2001:db8::1", 443));
  EXPECT_EQ(m->error_code, 487);
  EXPECT_TRUE(m->integrity_matches(crypto_provider(), as_bytes("key")));
}

TEST(StunBuilder, says_zero_when_the_room_is_too_small) {
  std::array<std::byte, 40> room{};
  Builder b(room, Class::request, binding, {});
  b.username("0123456789");
  b.integrity(crypto_provider(), as_bytes("key"));
  EXPECT_EQ(b.finish(), 0u);
}

}  // namespace
}  // namespace esp_peer::stun
