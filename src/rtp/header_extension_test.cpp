// Header extensions in both of their forms, and every way in which they can be wrong.
#include "rtp/header_extension.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace esp_peer::rtp {
namespace {

using Octets = std::vector<std::byte>;

Octets octets(std::initializer_list<unsigned> values) {
  Octets out;
  for (const unsigned value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}
// "1:ab 2:c", of elements that are text.
std::string read(std::uint16_t profile, const Octets& extension) {
  Packet packet;
  packet.extension_profile = profile;
  packet.extension = extension;
  ExtensionReader elements(packet);
  std::string out;
  while (const auto element = elements.next()) {
    if (!out.empty()) out += ' ';
    out += std::to_string(element->id) + ":" + std::string(as_text(element->data));
  }
  return out;
}

// covers: must rfc8285#4.1.2, must rfc8285#4.2
TEST(RtpHeaderExtension, elements_of_one_byte_have_padding_between_them) {
  EXPECT_EQ(read(0xBEDE, octets({0x10, 'a', 0, 0, 0x21, 'b', 'c', 0xE0, 'd', 0, 0, 0})),
            "1:a 2:bc 14:d");
  EXPECT_EQ(read(0xBEDE, {}), "");
  EXPECT_EQ(read(0xBEDE, octets({0, 0, 0, 0})), "");
}

// covers: must rfc8285#4.1.2
TEST(RtpHeaderExtension, elements_of_two_bytes_may_be_empty_and_long) {
  Octets with_long = octets({1, 0, 0, 200, 3, 'x', 'y', 'z'});
  EXPECT_EQ(read(0x1000, with_long), "1: 200:xyz");
  EXPECT_EQ(read(0x100F, with_long), "1: 200:xyz") << "appbits mean nothing";
  Octets longest = octets({15, 255});
  longest.insert(longest.end(), 255, std::byte{'q'});
  longest.insert(longest.end(), 3, std::byte{0});
  EXPECT_EQ(read(0x1000, longest), "15:" + std::string(255, 'q'));
}

// covers: must rfc8285#4.2
TEST(RtpHeaderExtension, number_15_of_the_short_form_stops_whatever_its_length) {
  EXPECT_EQ(read(0xBEDE, octets({0x10, 'a', 0xF0, 'b', 0x20, 'c', 0, 0})), "1:a");
  EXPECT_EQ(read(0xBEDE, octets({0xFF, 'a', 'b', 'c'})), "");
}

// covers: must rfc8285#4.1.2
TEST(RtpHeaderExtension, what_reaches_beyond_the_end_is_not_read) {
  EXPECT_EQ(read(0xBEDE, octets({0x10, 'a', 0x2F, 'b'})), "1:a");
  EXPECT_EQ(read(0x1000, octets({1, 1, 'a', 2})), "1:a");
  EXPECT_EQ(read(0x1000, octets({1, 1, 'a', 2, 255, 'b', 0, 0})), "1:a");
  EXPECT_EQ(read(0xBEDE, octets({0x03, 1, 2, 3, 4, 0x10, 'a', 0})), "1:a") << "0 with a length";
}

TEST(RtpHeaderExtension, of_another_kind_nothing_is_understood) {
  for (const unsigned profile : {0u, 0xBEDFu, 0x2000u, 0x1010u, 0xFFFFu}) {
    EXPECT_EQ(read(static_cast<std::uint16_t>(profile), octets({0x10, 'a', 0, 0})), "") << profile;
  }
}

TEST(RtpHeaderExtension, one_is_found_by_its_number) {
  const Octets extension = octets({0x10, 'a', 0x20, 'b', 0x10, 'c', 0, 0});
  Packet packet;
  EXPECT_TRUE(find_extension(packet, 1).empty());
  packet.extension_profile = 0xBEDE;
  packet.extension = extension;
  EXPECT_EQ(as_text(find_extension(packet, 1)), "a");
  EXPECT_EQ(as_text(find_extension(packet, 2)), "b");
  EXPECT_TRUE(find_extension(packet, 3).empty());
  EXPECT_TRUE(find_extension(packet, 0).empty());
}

}  // namespace
}  // namespace esp_peer::rtp
