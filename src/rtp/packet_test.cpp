// RTP packets: every inner length is checked before anything behind it is believed.
#include "rtp/packet.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace esp_peer::rtp {
namespace {

using Datagram = std::vector<std::byte>;

Datagram packet_of(unsigned first, std::size_t behind_header, unsigned fill = 0xAB) {
  Datagram d(header_size + behind_header, std::byte(fill));
  Writer w(d);
  w.u8(static_cast<std::uint8_t>(first));
  w.u8(0x80 | 111);
  w.u16(0x1234);
  w.u32(0x89ABCDEF);
  w.u32(0xCAFEBABE);
  return d;
}

TEST(RtpPacket, what_is_written_is_read_again) {
  const Header header{true, 96, 65535, 0xFFFF'FFFF, Ssrc{7}};
  Datagram d(header_size + 3, std::byte{9});
  Writer w(d);
  write(w, header);
  const auto packet = parse_packet(d);
  ASSERT_TRUE(packet);
  EXPECT_TRUE(packet->header.marker);
  EXPECT_EQ(packet->header.payload_type, 96);
  EXPECT_EQ(packet->header.sequence, 65535);
  EXPECT_EQ(packet->header.timestamp, 0xFFFF'FFFFu);
  EXPECT_EQ(packet->header.ssrc, Ssrc{7});
  EXPECT_EQ(packet->payload.size(), 3u);
  EXPECT_FALSE(packet->extension_profile);
}

TEST(RtpPacket, other_versions_and_short_ones_are_refused) {
  for (const unsigned version : {0u, 1u, 3u})
    EXPECT_FALSE(parse_packet(packet_of(version << 6, 8)));
  const Datagram whole = packet_of(0x80, 0);
  for (std::size_t n = 0; n < header_size; ++n) EXPECT_FALSE(parse_packet(Bytes(whole).first(n)));
  EXPECT_TRUE(parse_packet(whole)->payload.empty());
}

// covers: bug 49, bug 51, must rfc3550#6.1
TEST(RtpPacket, contributors_must_fit_in_what_is_there) {
  for (unsigned count = 0; count < 16; ++count) {
    for (std::size_t behind = 0; behind <= 64; ++behind) {
      const auto packet = parse_packet(packet_of(0x80 | count, behind));
      ASSERT_EQ(packet.has_value(), behind >= 4 * count);
      if (packet) {
        ASSERT_EQ(packet->contributors.size() + packet->payload.size(), behind);
      }
    }
  }
}

// covers: bug 49, bug 51, must rfc8834#10
TEST(RtpPacket, an_extension_must_fit_and_is_stepped_over) {
  for (const std::size_t behind : {0u, 3u, 4u, 8u, 40u}) {
    for (std::uint32_t words = 0; words <= 0xFFFF; ++words) {
      Datagram d = packet_of(0x90, behind);
      if (behind >= 4) {
        Writer w(MutableBytes(d).subspan(header_size));
        w.u16(0xBEDE);
        w.u16(static_cast<std::uint16_t>(words));
      }
      const auto packet = parse_packet(d);
      ASSERT_EQ(packet.has_value(), behind >= 4 && 4 + 4 * words <= behind);
      if (!packet) continue;
      ASSERT_EQ(packet->extension_profile, 0xBEDE);
      ASSERT_EQ(packet->payload.size(), behind - 4 - 4 * words);
    }
  }
}

// covers: bug 53
TEST(RtpPacket, padding_is_never_larger_than_the_payload_it_ends) {
  for (std::size_t behind = 0; behind <= 255; ++behind) {
    for (unsigned padding = 0; padding <= 255; ++padding) {
      Datagram d = packet_of(0xA0, behind);
      if (behind > 0) d.back() = std::byte(padding);
      const auto packet = parse_packet(d);
      ASSERT_EQ(packet.has_value(), behind > 0 && padding > 0 && padding <= behind);
      if (packet) {
        ASSERT_EQ(packet->payload.size(), behind - padding);
      }
    }
  }
}

TEST(RtpPacket, of_what_is_sealed_the_end_is_not_looked_at) {
  Datagram d = packet_of(0xA1, 5, 0xFF);  // "255 bytes of padding", which are cipher text
  EXPECT_FALSE(parse_packet(d));
  ASSERT_TRUE(parse_cleartext(d));
  EXPECT_FALSE(parse_cleartext(Bytes(d).first(header_size + 3)));  // the contributor does not fit
}

// covers: must rfc5761#4
TEST(RtpPacket, of_all_second_bytes_those_of_rtcp_are_told_apart) {
  for (unsigned second = 0; second <= 255; ++second) {
    const std::byte datagram[] = {std::byte{0x80}, std::byte(second)};
    EXPECT_EQ(is_rtcp(datagram), second >= 192 && second <= 223) << second;
    // Payload types 64…95 with the marker bit are what RTCP looks like.
    const unsigned type = second & 0x7F;
    if (second >= 0x80) {
      EXPECT_EQ(is_rtcp(datagram), type >= 64 && type <= 95);
    }
  }
  EXPECT_FALSE(is_rtcp(Bytes()));
}

}  // namespace
}  // namespace esp_peer::rtp
