// Faults in real time, which takes a minute and a half: for ./dev test --full. The simulator has
// each of them in virtual time.
#include "tests/capi/local_network.hpp"
#include "tests/capi/other_process.hpp"

namespace esp_peer::test {
namespace {

// covers: fault 2
TEST(SlowFaults, a_process_that_stands_still_for_ten_seconds_goes_on) {
  WithAnotherProcess c(false, 5);
  c.connect();
  ASSERT_TRUE(c.echoes());
  c.other.freeze();
  EXPECT_FALSE(c.echoes(10s));
  c.other.send(SIGCONT);
  EXPECT_TRUE(c.cat.wait_for([&] { return !c.cat.messages.empty(); })) << "it was on its way";
  EXPECT_TRUE(c.echoes());
  EXPECT_FALSE(c.cat.has(ESP_PEER_STATE_DISCONNECTED));
}

// covers: fault 2
TEST(SlowFaults, one_that_stands_still_for_forty_seconds_is_lost_and_found) {
  WithAnotherProcess c(true);
  c.connect();
  ASSERT_TRUE(c.echoes());
  c.other.freeze();
  std::this_thread::sleep_for(40s);
  EXPECT_TRUE(c.cat.wait_state(ESP_PEER_STATE_DISCONNECTED, 0s));
  c.other.send(SIGCONT);
  bool found = false;
  for (int tries = 0; tries < 100 && !found; ++tries) {
    std::this_thread::sleep_for(1s);
    found = c.echoes(1s);
  }
  EXPECT_TRUE(found);
}

// covers: fault 16
TEST(SlowFaults, a_callback_that_blocks_for_five_seconds_loses_nothing) {
  Couple c;
  bool blocked = false;
  c.sheep.on_data = [&](const Message&) {
    if (!std::exchange(blocked, true)) std::this_thread::sleep_for(5s);
  };
  c.connect_with_channel();
  const auto end = std::chrono::steady_clock::now() + 7s;
  std::size_t sent = 0;
  while (std::chrono::steady_clock::now() < end) {
    const int status = c.cat.send(std::string(1'000, 'x'));
    ASSERT_TRUE(status == ESP_PEER_ERR_NONE || status == ESP_PEER_ERR_WOULD_BLOCK) << status;
    if (status == ESP_PEER_ERR_NONE) ++sent;
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_TRUE(c.sheep.wait_for([&] { return c.sheep.received == sent; }));
  EXPECT_TRUE(blocked);
}

// Thirty seconds of a handshake that nobody hears: a path that carries checks alone [rfc7983#7].
TEST(SlowFaults, a_handshake_that_takes_too_long_is_given_up_and_says_so) {
  Wire wire;
  Couple c;
  for (const auto side : {Wire::cat, Wire::sheep}) wire.lose(side, 22);
  c.cat.carry = [&](std::string sdp) { return wire.carry(Wire::cat, std::move(sdp)); };
  c.sheep.carry = [&](std::string sdp) { return wire.carry(Wire::sheep, std::move(sdp)); };
  c.open();
  c.start();
  for (Peer* p : {&c.cat, &c.sheep}) {
    ASSERT_TRUE(p->wait_state(ESP_PEER_STATE_CONNECT_FAILED, 30s + patience));
    esp_peer_ext_failure_t why{};
    EXPECT_EQ(esp_peer_ext_get_failure(p->handle, &why), ESP_PEER_ERR_NONE);
    EXPECT_EQ(why, ESP_PEER_EXT_FAILURE_HANDSHAKE_TIMEOUT);
    EXPECT_TRUE(p->has(ESP_PEER_STATE_CONNECTING));
  }
  c.close();
}

}  // namespace
}  // namespace esp_peer::test
