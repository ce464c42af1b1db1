#include "ice/candidate.hpp"

#include <gtest/gtest.h>

namespace esp_peer::ice {
namespace {

TEST(Candidate, is_read_in_every_spelling_that_users_pass) {
  for (const char* line :
       {"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
        "a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n",
        "1 1 udp 2130706431 192.0.2.1 5000 typ host generation 0 ufrag abcd network-cost 999"}) {
    auto c = parse_candidate(line);
    ASSERT_TRUE(c) << line;
    EXPECT_EQ(c->type, CandidateType::host);
    EXPECT_EQ(c->priority, 2130706431u);
    EXPECT_EQ(c->address, Address::v4(192, 0, 2, 1, 5000));
  }
  auto srflx = parse_candidate(
      "candidate:842163049 1 udp 1677729535 2001:db8::7 4 typ srflx raddr 0.0.0.0 rport 0");
  ASSERT_TRUE(srflx);
  EXPECT_EQ(srflx->type, CandidateType::server_reflexive);
}

// covers: changelog 24
TEST(Candidate, that_cannot_be_used_is_unsupported) {
  for (const char* line :
       {"candidate:1 1 udp 1 4f2d6d38-1b5c-4f6c-8f0f-9e1d1cb26b07.local 5000 typ host",
        "candidate:1 2 udp 1 192.0.2.1 5000 typ host",
        "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
        "candidate:1 1 ssltcp 1 192.0.2.1 443 typ host",
        "candidate:1 1 udp 1 192.0.2.1 5000 typ none",
        "candidate:1 1 udp 1 fe80::1%eth0 5 typ host",
        "candidate:1 256 udp 1 192.0.2.1 5000 typ host"}) {
    auto c = parse_candidate(line);
    ASSERT_FALSE(c) << line;
    EXPECT_EQ(c.error().code, Errc::unsupported) << line;
  }
}

TEST(Candidate, that_is_none_is_bad_data) {
  const std::string long_foundation(33, 'f');
  for (const std::string& line : {
           std::string(),
           std::string("candidate:"),
           std::string("{}"),
           std::string("candidate:1 1 udp 1 192.0.2.1 5000"),
           std::string("candidate:1 1 udp 1 192.0.2.1 5000 typ"),
           std::string("candidate:1 0 udp 1 192.0.2.1 5000 typ host"),
           std::string("candidate:1 257 udp 1 192.0.2.1 5000 typ host"),
           std::string("candidate:1 1 udp 2147483648 192.0.2.1 5000 typ host"),
           std::string("candidate:1 1 udp 99999999999999999999 192.0.2.1 5000 typ host"),
           std::string("candidate:1 1 udp 1 192.0.2.1 0 typ host"),
           std::string("candidate:1 1 udp 1 192.0.2.1 65536 typ host"),
           std::string("candidate:1 1 udp -1 192.0.2.1 5000 typ host"),
           std::string("candidate:1 1 udp 1 0.0.0.0 5000 typ host"),
           std::string("candidate:1 1 udp 1 :: 5000 typ host"),
           std::string("candidate:1 1 udp 1 224.0.0.251 5353 typ host"),
           std::string("candidate:1 1 udp 1 255.255.255.255 5000 typ host"),
           std::string("candidate:1 1 udp 1 ::ffff:239.0.0.1 5000 typ host"),
           std::string("candidate:1 1 udp 1 ff02::fb 5353 typ host"),
           "candidate:" + long_foundation + " 1 udp 1 192.0.2.1 5000 typ host",
       }) {
    auto c = parse_candidate(line);
    ASSERT_FALSE(c) << line;
    EXPECT_EQ(c.error().code, Errc::bad_data) << line;
  }
}

// covers: bug 42
TEST(Candidate, tokens_of_every_length_are_read_or_refused) {
  const std::string good[] = {"candidate:1", "1",   "udp",  "2130706431", "192.0.2.1",
                              "5000",        "typ", "host", "raddr",      "192.0.2.2"};
  for (std::size_t broken = 0; broken < std::size(good); ++broken) {
    for (const std::size_t length :
         {0u, 1u, 10u, 11u, 31u, 32u, 33u, 45u, 46u, 200u, 201u, 65536u}) {
      for (const char c : {'0', '9', 'x', ':', '.', '\0', '\x80'}) {
        std::string line;
        for (std::size_t i = 0; i < std::size(good); ++i) {
          line += (i == broken ? std::string(length, c) : good[i]) + " ";
        }
        auto read = parse_candidate(line);
        if (!read) continue;
        EXPECT_GE(read->address.port, 1) << line;
        EXPECT_LE(read->priority, 0x7FFF'FFFFu);
        EXPECT_EQ(read->component, 1);
        EXPECT_FALSE(candidate_text(*read).empty());
      }
    }
  }
}

TEST(Candidate, comes_back_as_it_was_written) {
  Candidate c;
  c.type = CandidateType::server_reflexive;
  c.priority = candidate_priority(c.type, 65535, 1);
  c.address = *parse_ip("2fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
  c.base = *parse_ip("eeee:eeee:eeee:eeee:eeee:eeee:eeee:eeee", 65535);
  c.foundation.assign(std::string(32, 'x'));
  const auto text = candidate_text(c);
  auto again = parse_candidate(text.view());
  ASSERT_TRUE(again) << text.view();
  EXPECT_EQ(again->address, c.address);
  EXPECT_EQ(again->priority, c.priority);
  EXPECT_EQ(again->type, c.type);
  EXPECT_TRUE(text.view().ends_with(" raddr eeee:eeee:eeee:eeee:eeee:eeee:eeee:eeee rport 65535"));
}

// covers: changelog 20
TEST(Candidate, of_a_peer_that_names_none_is_its_address_if_that_is_one_hosts) {
  const Address address = Address::v4(192, 0, 2, 7, 4711);
  auto candidate = default_candidate(address);
  ASSERT_TRUE(candidate);
  EXPECT_EQ(candidate->address, address);
  EXPECT_EQ(candidate->type, CandidateType::host);
  EXPECT_EQ(candidate->priority, 2130706431u);
  EXPECT_FALSE(candidate->foundation.view().empty());
  for (const auto nobody : {"0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1"}) {
    EXPECT_FALSE(default_candidate(*parse_ip(nobody, 4711))) << nobody;
  }
  EXPECT_FALSE(default_candidate(address.with_port(0)));
}

// covers: must rfc8445#5.1.2
TEST(Candidate, priorities_follow_the_formula) {
  EXPECT_EQ(candidate_priority(CandidateType::host, 65535, 1), 2130706431u);
  EXPECT_EQ(candidate_priority(CandidateType::server_reflexive, 65535, 1), 1694498815u);
  EXPECT_EQ(candidate_priority(CandidateType::peer_reflexive, 65535, 1), 1862270975u);
  EXPECT_EQ(candidate_priority(CandidateType::relayed, 0, 1), 255u);
}

}  // namespace
}  // namespace esp_peer::ice
