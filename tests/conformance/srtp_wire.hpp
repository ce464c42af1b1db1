// What stands on the wire: the vectors of RFC 3711 and RFC 7714, and bit for bit what they say.
#pragma once
#include "tests/conformance/srtp_backend.hpp"

namespace esp_peer::test {

inline SrtpBytes hex(std::string_view text) {
  SrtpBytes out;
  unsigned value = 0, digits = 0;
  for (const char c : text) {
    if (c == ' ') continue;
    value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    if (++digits % 2 == 0) out.push_back(std::byte(value & 0xFF));
  }
  return out;
}

// [rfc3711#B.2, B.3]
TEST(SrtpVectors, the_reference_derives_and_streams_as_rfc3711_shows) {
  const SrtpBytes key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
  const SrtpBytes salt = hex("0EC675AD498AFEEBB6960B3AABE6");
  EXPECT_EQ(derive_srtp_key(key, salt, 0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
  EXPECT_EQ(derive_srtp_key(key, salt, 2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
  EXPECT_EQ(derive_srtp_key(key, salt, 1, 94),
            hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE"
                "E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25"
                "6D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2"));
  const SrtpBytes stream = aes_keystream(
      hex("2B7E151628AED2A6ABF7158809CF4F3C"),
      [] {
        std::array<std::byte, 16> counter{};
        copy_bytes(hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"), counter);
        return counter;
      }(),
      48);
  EXPECT_EQ(stream, hex("E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"
                        "41E95B3BB0A2E8DD477901E4FCA894C0"));
}

// [rfc7714#16.1.1, 16.2.1, 17.1]
TEST(SrtpVectors, the_reference_seals_as_rfc7714_shows) {
  const SrtpBytes rtp =
      hex("8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120"
          "696e2070 61727465 73207472 6573");
  const SrtpBytes salt = hex("51756964 2070726f 2071756f");
  const SrtpBytes key128 = hex("000102030405060708090a0b0c0d0e0f");
  const SrtpBytes key256 = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const auto by128 =
      SrtpReference::of_session_keys(crypto::SrtpProfile::aead_aes_128_gcm, key128, salt);
  const auto by256 =
      SrtpReference::of_session_keys(crypto::SrtpProfile::aead_aes_256_gcm, key256, salt);
  EXPECT_EQ(by128.seal_rtp(rtp, 0),
            hex("8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f"
                "42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce"));
  EXPECT_EQ(by256.seal_rtp(rtp, 0),
            hex("8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3"
                "b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13"));
}

// covers: must rfc5764#4.2, must rfc7714#5.3
TEST_P(SrtpBackend, seals_bit_for_bit_what_the_reference_seals) {
  const SrtpReference client = pair_.of(true), server = pair_.of(false);
  std::uint16_t sequence = 1;
  for (std::size_t payload = 0; payload <= 64; ++payload) {
    for (const unsigned contributors : {0u, 1u, 15u}) {
      const SrtpBytes packet =
          rtp_packet(7, sequence++, payload, 0x80 | contributors, 4 * contributors);
      EXPECT_EQ(pair_.client.seal_rtp(packet), client.seal_rtp(packet, 0));
      EXPECT_EQ(pair_.server.seal_rtp(packet), server.seal_rtp(packet, 0));
    }
    // An extension of two words.
    const SrtpBytes packet = rtp_packet(7, sequence++, 12 + payload, 0x90);
    SrtpBytes extended = packet;
    Writer w(MutableBytes(extended).subspan(rtp::header_size));
    w.u16(0xBEDE);
    w.u16(2);
    EXPECT_EQ(pair_.client.seal_rtp(extended), client.seal_rtp(extended, 0));
  }
}

// covers: must rfc3711#3.4
TEST_P(SrtpBackend, seals_rtcp_encrypted_authenticated_and_counted) {
  const SrtpReference client = pair_.of(true);
  std::uint32_t index = 0;
  for (std::size_t words = 0; words <= 32; ++words) {
    const SrtpBytes packet = rtcp_packet(7, words);
    const SrtpBytes sealed = pair_.client.seal_rtcp(packet);
    // The first index may be 0 or 1: a receiver cannot tell, and libsrtp counts before it seals.
    if (words == 0 && sealed != client.seal_rtcp(packet, 0)) index = 1;
    EXPECT_EQ(sealed, client.seal_rtcp(packet, index++)) << words;
  }
}

TEST_P(SrtpBackend, opens_what_the_reference_seals_and_gives_back_the_packet) {
  const SrtpReference client = pair_.of(true);
  for (std::uint16_t i = 0; i <= 64; ++i) {
    const SrtpBytes rtp = rtp_packet(7, i, i), rtcp = rtcp_packet(7, i);
    EXPECT_EQ(pair_.server.open_rtp(client.seal_rtp(rtp, 0)), rtp);
    EXPECT_EQ(pair_.server.open_rtcp(client.seal_rtcp(rtcp, i)), rtcp);
  }
}

TEST_P(SrtpBackend, does_not_mind_where_in_memory_a_packet_stands) {
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const SrtpBytes packet = rtp_packet(9, static_cast<std::uint16_t>(shift), 33);
    SrtpBytes room(shift + packet.size() + srtp::max_growth);
    const MutableBytes at = MutableBytes(room).subspan(shift);
    copy_bytes(packet, at);
    const std::size_t sealed = pair_.client.session.seal_rtp(at, packet.size());
    ASSERT_NE(sealed, 0u);
    const Bytes opened = pair_.server.session.open_rtp(at_ms(0), at.first(sealed));
    EXPECT_TRUE(equal(opened, packet));
  }
}

TEST_P(SrtpBackend, seals_nothing_where_the_tag_has_no_room) {
  SrtpBytes packet = rtp_packet(9, 1, 20);
  const std::size_t size = packet.size();
  for (std::size_t room = size; room < size + srtp::max_growth; ++room) {
    packet.resize(room);
    EXPECT_EQ(pair_.client.session.seal_rtp(packet, size), 0u);
  }
  EXPECT_EQ(pair_.client.session.seal_rtp(packet, size + srtp::max_growth), 0u);
}

}  // namespace esp_peer::test
