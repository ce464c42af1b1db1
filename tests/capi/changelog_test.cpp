// Rows of the original's changelog that no other test of the C API tells: each is something that
// once went wrong for its users.
#include <cctype>
#include <string>

#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

std::string with_setup(std::string sdp, const std::string& setup) {
  const std::string before = "a=setup:" + line_of(sdp, "a=setup:");
  return sdp.replace(sdp.find(before), before.size(), "a=setup:" + setup);
}

class Changelog : public testing::Test {
 protected:
  Changelog() { c.never_wait(); }
  bool connected() {
    return c.pump_until([&] {
      return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
             c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
    });
  }
  void begin() {
    c.open();
    c.begin();
  }
  Couple c;
};

// covers: changelog 13, changelog 56
TEST_F(Changelog, to_actpass_we_are_the_dtls_client_who_opens_even_streams) {
  begin();
  ASSERT_TRUE(connected());
  EXPECT_EQ(line_of(c.cat.descriptions[0], "a=setup:"), "actpass");
  EXPECT_EQ(line_of(c.sheep.descriptions[0], "a=setup:"), "active");
  EXPECT_EQ(c.cat.opened.at(0).second % 2, 0) << "the automatic channel is the client's";
  ASSERT_EQ(c.cat.create_channel("the server's"), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.cat.opened.size() == 2; }));
  EXPECT_EQ(c.cat.opened[1].second % 2, 1);
}

// covers: changelog 48, changelog 56
TEST_F(Changelog, an_answer_decides_the_dtls_roles_and_with_them_the_streams) {
  c.cat.carry = [](std::string offer) { return with_setup(std::move(offer), "active"); };
  begin();
  ASSERT_TRUE(connected());
  EXPECT_EQ(line_of(c.sheep.descriptions[0], "a=setup:"), "passive");
  ASSERT_EQ(c.cat.create_channel("the client's"), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.opened.size() == 2; }));
  EXPECT_EQ(c.sheep.opened[1].second % 2, 0);
}

// The hash's digits may be small letters [rfc8122#5], and another certificate's may stand beside
// it. covers: changelog 35, changelog 51
TEST_F(Changelog, where_a_fingerprint_matches_nobody_reads_of_a_failure) {
  c.cat.carry = [](std::string sdp) {
    const std::string line = take_lines(sdp, "a=fingerprint:sha-256 ").front();
    std::string wrong = line, small = line;
    wrong.back() = line.back() == '0' ? '1' : '0';
    for (char& letter : small) letter = static_cast<char>(std::tolower(letter));
    return sdp + wrong + "\r\n" + small + "\r\n";
  };
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  begin();
  EXPECT_TRUE(connected());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  for (Peer* p : {&c.cat, &c.sheep}) {
    esp_peer_ext_failure_t why{};
    EXPECT_EQ(esp_peer_ext_get_failure(p->handle, &why), ESP_PEER_ERR_NONE);
    EXPECT_EQ(why, ESP_PEER_EXT_FAILURE_NONE);
    EXPECT_FALSE(p->has(ESP_PEER_STATE_CONNECT_FAILED));
    EXPECT_FALSE(p->has(ESP_PEER_STATE_DISCONNECTED));
  }
}

// covers: changelog 24, changelog 36
TEST_F(Changelog, candidates_that_are_none_for_us_do_not_stop_the_others) {
  const std::string strange =
      "a=candidate:1 1 tcp 2105458943 127.0.0.1 9 typ host tcptype active\r\n"
      "a=candidate:2 1 udp 2122260223 2001:db8::1 9 typ host\r\n"
      "a=candidate:3 1 udp -5 127.0.0.1 9 typ host\r\n"
      "a=candidate:4 1 udp 99999999999999999999 127.0.0.1 9 typ host\r\n"
      "a=candidate:5 2 udp 1 127.0.0.1 9 typ host\r\n"
      "a=candidate:6 1 udp 1 0a1b2c3d-0000-4000-8000-000000000000.local 9 typ host\r\n"
      "a=candidate:7 1 udp 1 127.0.0.1 0 typ host\r\n"
      "a=candidate:nonsense\r\n"
      "a=candidate:\r\n";
  c.cat.carry = c.sheep.carry = [&](std::string sdp) {
    return sdp.insert(sdp.find("a=candidate:"), strange);
  };
  begin();
  EXPECT_TRUE(connected());
  EXPECT_EQ(c.cat.give_candidate("candidate:3 1 udp -5 127.0.0.1 9 typ host"),
            ESP_PEER_ERR_BAD_DATA);
  EXPECT_EQ(c.cat.give_candidate("candidate:1 1 tcp 1 127.0.0.1 9 typ host tcptype active"),
            ESP_PEER_ERR_NOT_SUPPORT);
}

// covers: changelog 52
TEST_F(Changelog, a_list_of_no_servers_is_none) {
  char nothing[] = "";
  esp_peer_ice_server_cfg_t empty{nothing, nullptr, nullptr};
  c.cat.cfg.server_lists = &empty;
  c.cat.cfg.server_num = 0;
  c.sheep.cfg.server_lists = nullptr;
  c.sheep.cfg.server_num = 0;
  begin();
  EXPECT_TRUE(connected());
  EXPECT_EQ(esp_peer_update_ice_info(c.cat.handle, ESP_PEER_ROLE_CONTROLLING, &empty, 0),
            ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_update_ice_info(c.cat.handle, ESP_PEER_ROLE_CONTROLLING, nullptr, 0),
            ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_update_ice_info(c.cat.handle, ESP_PEER_ROLE_CONTROLLING, nullptr, 1),
            ESP_PEER_ERR_INVALID_ARG);
}

// covers: changelog 7
TEST_F(Changelog, no_channel_is_made_with_a_peer_that_refuses_them) {
  c.sheep.carry = [](std::string answer) {
    const auto port = answer.find("m=application ") + 14;
    return answer.replace(port, answer.find(' ', port) - port, "0");
  };
  c.cat.other = nullptr;
  c.sheep.other = nullptr;
  begin();
  ASSERT_TRUE(c.pump_until([&] { return !c.cat.descriptions.empty(); }));
  ASSERT_EQ(c.sheep.give_sdp(c.cat.descriptions[0]), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return !c.sheep.descriptions.empty(); }));
  EXPECT_EQ(c.cat.give_sdp(c.sheep.carry(c.sheep.descriptions[0])), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(c.cat.create_channel("x"), ESP_PEER_ERR_WRONG_STATE);
  EXPECT_EQ(c.cat.send("x"), ESP_PEER_ERR_WRONG_STATE);
  // It was not taken for the answer: the right one still is.
  EXPECT_EQ(c.cat.give_sdp(c.sheep.descriptions[0]), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(connected());
}

// covers: changelog 62, changelog 59
TEST_F(Changelog, with_the_smallest_caches_everything_fits_through) {
  for (const std::uint32_t size : {1024u, 1536u}) {
    Couple small;
    small.never_wait();
    for (Peer* p : {&small.cat, &small.sheep}) {
      p->ext.base.data_ch_cfg.send_cache_size = p->ext.base.data_ch_cfg.recv_cache_size = size;
    }
    small.connect_here();
    ASSERT_EQ(small.cat.create_channel("unordered", false), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(small.pump_until([&] { return small.cat.opened.size() == 2; }));
    const std::uint16_t streams[] = {small.cat.opened[0].second, small.cat.opened[1].second};
    for (std::size_t i = 0; i < 200; ++i) {
      int result = ESP_PEER_ERR_WOULD_BLOCK;
      ASSERT_TRUE(small.pump_until([&] {
        result = small.cat.send(std::string(1 + i * 5, 'x'), streams[i % 2]);
        return result != ESP_PEER_ERR_WOULD_BLOCK;
      }));
      ASSERT_EQ(result, ESP_PEER_ERR_NONE);
    }
    ASSERT_TRUE(small.pump_until([&] { return small.sheep.received == 200; }));
    const std::string largest(1500, 'x');
    EXPECT_EQ(small.cat.send(largest + std::string(size, 'x')), ESP_PEER_ERR_OVER_LIMITED);
  }
}

// covers: changelog 23
TEST_F(Changelog, the_retries_of_the_keepalive_may_be_without_end) {
  Wire wire;
  c.cat.carry = [&](std::string sdp) { return wire.carry(Wire::cat, std::move(sdp)); };
  c.sheep.carry = [&](std::string sdp) { return wire.carry(Wire::sheep, std::move(sdp)); };
  c.cat.ext.base.alive_binding_retries = 0xFF;
  c.sheep.ext.base.alive_binding_retries = 1;
  begin();
  ASSERT_TRUE(connected());
  wire.cut();
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.has(ESP_PEER_STATE_DISCONNECTED); }));
  EXPECT_FALSE(c.cat.has(ESP_PEER_STATE_DISCONNECTED));
  c.close();
}

}  // namespace
}  // namespace esp_peer::test
