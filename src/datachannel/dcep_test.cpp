// OPEN and ACK on the wire.
#include "datachannel/dcep.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace esp_peer::datachannel {
namespace {

using namespace std::string_literals;

std::string written(const OpenMessage& open) {
  std::vector<std::byte> room(200'000);
  return std::string(as_text(Bytes(room).first(write_open(open, room))));
}
bool parses(std::string_view bytes) { return parse_open(as_bytes(bytes)).has_value(); }

TEST(Dcep, open_is_written_as_the_figure_of_rfc8832_says) {
  EXPECT_EQ(written({.ordered = false,
                     .reliability = Reliability::retransmits,
                     .priority = 0x0102,
                     .limit = 0x03040506,
                     .label = "ab",
                     .protocol = "xyz"}),
            "\x03\x81\x01\x02\x03\x04\x05\x06\x00\x02\x00\x03"
            "abxyz"s);
  EXPECT_EQ(written({}), "\x03\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"s);
}

TEST(Dcep, every_channel_type_comes_back) {
  for (const bool ordered : {true, false}) {
    for (const auto reliability :
         {Reliability::reliable, Reliability::retransmits, Reliability::lifetime}) {
      const std::string bytes =
          written({.ordered = ordered, .reliability = reliability, .limit = 0xFFFF'FFFF});
      const auto open = parse_open(as_bytes(bytes));
      ASSERT_TRUE(open);
      EXPECT_EQ(open->ordered, ordered);
      EXPECT_EQ(open->reliability, reliability);
      EXPECT_EQ(open->limit, reliability == Reliability::reliable ? 0 : 0xFFFF'FFFF);
    }
  }
}

TEST(Dcep, unknown_channel_types_are_refused) {
  for (unsigned type = 0; type < 256; ++type) {
    std::string bytes = written({.label = "x"});
    bytes[1] = static_cast<char>(type);
    EXPECT_EQ(parses(bytes), (type & 0x7F) <= 2) << type;
  }
}

TEST(Dcep, unknown_message_types_are_refused) {
  for (unsigned type = 0; type < 256; ++type) {
    std::string bytes = written({.label = "x"});
    bytes[0] = static_cast<char>(type);
    EXPECT_EQ(parses(bytes), type == 3) << type;
    EXPECT_EQ(is_ack(as_bytes(bytes)), type == 2) << type;
  }
}

TEST(Dcep, an_ack_has_one_byte_or_as_Pion_writes_it_four) {
  EXPECT_TRUE(is_ack(as_bytes("\x02")));
  EXPECT_TRUE(is_ack(as_bytes("\x02\0\0\0"s)));
  EXPECT_FALSE(is_ack({}));
}

// covers: bug 74
TEST(Dcep, lengths_must_be_those_of_the_message) {
  const std::string whole = written({.label = "label", .protocol = "protocol"});
  for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parses(whole.substr(0, n))) << n;
  EXPECT_TRUE(parses(whole));
  EXPECT_FALSE(parses(whole + "x"));
  for (const std::size_t at : {8u, 9u, 10u, 11u}) {
    for (const unsigned value : {0u, 1u, 4u, 6u, 7u, 9u, 0x7Fu, 0x80u, 0xFFu}) {
      std::string bytes = whole;
      if (static_cast<unsigned char>(bytes[at]) == value) continue;
      bytes[at] = static_cast<char>(value);
      EXPECT_FALSE(parses(bytes)) << at << " " << value;
    }
  }
}

TEST(Dcep, names_may_have_any_bytes_and_65535_of_them) {
  std::string label(65'535, '\0');
  for (std::size_t i = 0; i < label.size(); ++i) label[i] = static_cast<char>(i);
  const std::string bytes = written({.label = label, .protocol = label});
  const auto open = parse_open(as_bytes(bytes));
  ASSERT_TRUE(open);
  EXPECT_EQ(open->label, label);
  EXPECT_EQ(open->protocol, label);
  EXPECT_EQ(written({.label = label + "x"}), "");
  EXPECT_EQ(written({.protocol = label + "x"}), "");
}

TEST(Dcep, too_little_room_writes_nothing) {
  const OpenMessage open{.label = "label", .protocol = "protocol"};
  for (std::size_t n = 0; n < open_header_size + 13; ++n) {
    std::vector<std::byte> room(n);
    EXPECT_EQ(write_open(open, room), 0u);
  }
}

}  // namespace
}  // namespace esp_peer::datachannel
