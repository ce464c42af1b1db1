#include "peer/server.hpp"

#include <gtest/gtest.h>

namespace esp_peer::peer {
namespace {

TEST(ServerUrl, names_host_port_and_kind) {
  struct Row {
    const char* url;
    const char* host;
    std::uint16_t port;
    bool turn;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"stun:stun.example.org", "stun.example.org", 3478, false},
           {"stun:192.0.2.1:19302", "192.0.2.1", 19302, false},
           {"stun:[2001:db8::1]:3479", "2001:db8::1", 3479, false},
           {"stun:[::1]", "::1", 3478, false},
           {"turn:example.org?transport=udp", "example.org", 3478, true},
           {"turn:example.org:80?transport=tcp", "example.org", 80, true},
           {"turns:example.org", "example.org", 5349, true},
       }) {
    auto server = parse_server_url(row.url);
    ASSERT_TRUE(server) << row.url;
    EXPECT_EQ(server->host.view(), row.host);
    EXPECT_EQ(server->port, row.port) << row.url;
    EXPECT_EQ(server->turn, row.turn) << row.url;
  }
}

TEST(ServerUrl, says_what_lies_between_us_and_a_turn_server) {
  EXPECT_FALSE(parse_server_url("turn:example.org")->over_stream);
  EXPECT_FALSE(parse_server_url("turn:example.org?transport=udp")->over_stream);
  EXPECT_TRUE(parse_server_url("turn:example.org?transport=tcp")->over_stream);
  EXPECT_TRUE(parse_server_url("turns:example.org")->over_stream);
  EXPECT_TRUE(parse_server_url("turns:example.org?transport=tcp")->over_stream);
}

TEST(ServerUrl, refuses_what_cannot_be_asked) {
  for (const char* url : {"", "stun:", "stun::3478", "http://example.org", "stun:a:0",
                          "stun:a:65536", "stun:a:", "stun:a:12x", "stun:[::1", "stun:[::1]x",
                          "stun:[::1]:", "stun:[name]", "stun:a b", "stun:a?transport=udp",
                          "turn:a?transport=sctp", "turn:a?x", "stun:a/b", "stun://a"}) {
    EXPECT_FALSE(parse_server_url(url)) << url;
  }
  EXPECT_FALSE(parse_server_url("stun:" + std::string(256, 'a'))) << "longer than any DNS name";
}

}  // namespace
}  // namespace esp_peer::peer
