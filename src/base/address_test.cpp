#include "base/address.hpp"

#include <gtest/gtest.h>

namespace esp_peer {
namespace {

std::string round_trip(std::string_view text) {
  const auto address = parse_ip(text, 1);
  return address ? std::string(ip_text(*address).view()) : "refused";
}

TEST(Address, reads_and_writes_canonical_text) {
  EXPECT_EQ(round_trip("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(round_trip("::"), "::");
  EXPECT_EQ(round_trip("::1"), "::1");
  EXPECT_EQ(round_trip("fe80::"), "fe80::");
  EXPECT_EQ(round_trip("2001:DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  EXPECT_EQ(round_trip("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(round_trip("1:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8");
  EXPECT_EQ(round_trip("::ffff:192.0.2.1"), "192.0.2.1");
}

TEST(Address, refuses_what_is_no_address) {
  for (const char* text :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", ":", ":::", "1::2::3",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "fe80::1%0", "1:2:3:4:5:6:7::8", "x",
        "1:", "name.local", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4"}) {
    EXPECT_EQ(round_trip(text), "refused") << text;
  }
}

TEST(Address, knows_its_scope) {
  EXPECT_TRUE(parse_ip("127.0.0.2", 0)->is_loopback());
  EXPECT_TRUE(parse_ip("::1", 0)->is_loopback());
  EXPECT_FALSE(parse_ip("::2", 0)->is_loopback());
  EXPECT_TRUE(parse_ip("fe80::1", 0)->is_link_local());
  EXPECT_TRUE(parse_ip("169.254.0.1", 0)->is_link_local());
  EXPECT_TRUE(parse_ip("0.0.0.0", 0)->is_unspecified());
  EXPECT_TRUE(parse_ip("::", 0)->is_unspecified());
  EXPECT_FALSE(parse_ip("10.0.0.1", 0)->is_unspecified());
}

}  // namespace
}  // namespace esp_peer
