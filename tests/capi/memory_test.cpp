// Rounds of connecting cost no memory: every byte of the heap is counted, OpenSSL's too.
#include "tests/capi/peer_harness.hpp"
#include "tests/support/heap/heap_in_use.hpp"

namespace esp_peer::test {
namespace {

// What 50 rounds may leave behind, all together: less than one allocation each.
constexpr long nothing_much = 50 * 16;

// covers: bug 79, changelog 6, changelog 16
TEST(Memory, is_constant_over_50_connections_of_the_same_peers) {
  Couple c;
  for (Peer* p : {&c.cat, &c.sheep}) p->ext.base.keep_role = true;
  c.never_wait();
  c.open();
  long before = 0;
  for (int round = 0; round < 60; ++round) {
    c.begin();
    ASSERT_TRUE(c.pump_until([&] {
      return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED) &&
             c.sheep.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED);
    }));
    ASSERT_EQ(c.cat.send("hello"), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(c.pump_until([&] { return !c.sheep.messages.empty(); }));
    for (Peer* p : {&c.cat, &c.sheep}) {
      ASSERT_EQ(esp_peer_disconnect(p->handle), ESP_PEER_ERR_NONE);
      p->forget();
    }
    if (round == 9) before = heap_in_use();
  }
  EXPECT_LE(heap_in_use(), before + nothing_much);
}

// covers: bug 79, changelog 6, changelog 16, changelog 55
TEST(Memory, is_constant_over_50_peers_that_open_connect_and_close) {
  long before = 0;
  for (int round = 0; round < 60; ++round) {
    {
      Couple c;
      c.connect_here();
      ASSERT_EQ(c.cat.send("hello"), ESP_PEER_ERR_NONE);
      ASSERT_TRUE(c.pump_until([&] { return !c.sheep.messages.empty(); }));
    }
    if (round == 9) before = heap_in_use();
  }
  EXPECT_LE(heap_in_use(), before + nothing_much);
}

}  // namespace
}  // namespace esp_peer::test
