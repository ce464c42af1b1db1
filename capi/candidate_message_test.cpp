#include "capi/candidate_message.hpp"

#include <gtest/gtest.h>

#include <string>

namespace esp_peer::capi {
namespace {

constexpr std::string_view line =
    "candidate:1 1 udp 2130706431 192.0.2.1 54321 typ host generation 0 ufrag a/b+";

std::optional<std::string> read(std::string_view message) {
  CandidateLine room;
  const auto found = candidate_line(message, room);
  return found ? std::optional(std::string(*found)) : std::nullopt;
}

TEST(CandidateMessage, the_line_itself_in_both_spellings) {
  EXPECT_EQ(read(line), line);
  EXPECT_EQ(read("a=" + std::string(line)), "a=" + std::string(line));
  EXPECT_EQ(read(" " + std::string(line) + "\r\n"), line) << "without what stands around it";
  EXPECT_EQ(read(std::string(line) + std::string(1, '\0')), line);
}

TEST(CandidateMessage, the_member_of_a_json_object) {
  const std::string value = '"' + std::string(line) + '"';
  EXPECT_EQ(read("{\"candidate\":" + value + "}"), line);
  EXPECT_EQ(read("\n{ \"sdpMid\" : \"0\", \"candidate\" :\t" + value + ",\"sdpMLineIndex\":0}\n"),
            line);
  EXPECT_EQ(read("{\"candidate\":{\"candidate\":" + value + ",\"sdpMid\":\"0\"}}"), line)
      << "as wrapped by some";
  EXPECT_EQ(read("{\"sdpMid\":\"candidate\",\"candidate\":" + value + "}"), line)
      << "a value of that name is no member";
  EXPECT_EQ(read("{\"x\":\"\\\"candidate\\\":\\\"no\\\"\",\"candidate\":" + value + "}"), line)
      << "nor is text inside a string";
  EXPECT_EQ(read("{\"candidate\":\"a=" + std::string(line) + "\\r\\n\"}"),
            "a=" + std::string(line));
}

TEST(CandidateMessage, escapes_are_taken_back) {
  EXPECT_EQ(read(R"({"candidate":"candidate:a\/b 1 udp"})"), "candidate:a/b 1 udp");
  EXPECT_EQ(read(R"({"candidate":"candidate:\u0061\u002Fb"})"), "candidate:a/b");
  EXPECT_EQ(read(R"({"candidate":"\"\\"})"), "\"\\");
  EXPECT_EQ(read(R"({"candidate":"\u00e9"})"), std::nullopt) << "not a candidate's character";
  EXPECT_EQ(read(R"({"candidate":"\u0000"})"), std::nullopt);
  EXPECT_EQ(read(R"({"candidate":"\x"})"), std::nullopt);
}

TEST(CandidateMessage, what_is_no_candidate_is_nothing) {
  for (const std::string_view bad :
       {"{", "{}", "{\"candidate\"", "{\"candidate\":", "{\"candidate\":\"", "{\"candidate\":\"x",
        "{\"candidate\":null}", "{\"candidate\":7}", "{\"candidat\":\"x\"}", "{\"candidate\":\"\\",
        "{\"candidate\":\"\\u00", "{\"candidate\\\":\"x\"}", "{\"a\":\"b"}) {
    EXPECT_EQ(read(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(read("{\"candidate\":\"" + std::string(5000, 'x') + "\"}"), std::nullopt);
}

TEST(CandidateMessage, every_prefix_is_read_without_harm) {
  const std::string whole =
      "{\"a\":\"\\\\\\\"\",\"candidate\":\"candidate:\\u0061 1 udp 1 x.local 9 typ host\"}";
  for (std::size_t n = 0; n <= whole.size(); ++n) {
    const std::string exact(whole.substr(0, n));  // a heap block of its size, for the sanitizer
    const auto found = read(exact);
    EXPECT_EQ(found.has_value(), n == 0 || n >= whole.size() - 1) << n;
  }
}

TEST(CandidateMessage, the_end_of_candidates_in_every_way_it_is_said) {
  for (const std::string_view end :
       {"", "   \r\n", "a=end-of-candidates\r\n", "end-of-candidates",
        "candidate:", "{\"candidate\":\"\"}", "{\"candidate\":\"\",\"sdpMid\":\"0\"}"}) {
    CandidateLine room;
    const auto found = candidate_line(end, room);
    ASSERT_TRUE(found) << end;
    EXPECT_TRUE(ends_candidates(*found)) << end;
  }
  EXPECT_FALSE(ends_candidates(line));
}

TEST(CandidateMessage, a_local_name_is_told_by_its_address) {
  EXPECT_TRUE(is_mdns_candidate("candidate:1 1 udp 1 4ab5b7ac.local 5000 typ host"));
  EXPECT_TRUE(is_mdns_candidate("a=candidate:1  1 udp 1  x.local 5000 typ host"));
  EXPECT_FALSE(is_mdns_candidate(line));
  EXPECT_FALSE(is_mdns_candidate("candidate:1 1 udp 1 192.0.2.1 9 typ host raddr x.local"));
  EXPECT_FALSE(is_mdns_candidate("candidate:x.local"));
  EXPECT_FALSE(is_mdns_candidate("a b c d"));
  EXPECT_FALSE(is_mdns_candidate(""));
}

}  // namespace
}  // namespace esp_peer::capi
