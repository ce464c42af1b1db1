// Rounds of connecting cost no memory: every byte of the heap is counted, OpenSSL's too.
// ESP_PEER_CYCLES is for the simulator, where they cost less; here are a twentieth of them.
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "tests/capi/peer_harness.hpp"
#include "tests/support/heap/heap_in_use.hpp"

namespace esp_peer::test {
namespace {

constexpr int warm_up = 10;  // libraries make tables for themselves

int rounds() {
  const char* const wanted = std::getenv("ESP_PEER_CYCLES");
  return std::max(wanted ? std::atoi(wanted) / 20 : 60, 3 * warm_up);
}

// What is kept while they are disconnected may have another length now and then, as their last
// descriptions do; so of ten rounds the one counts that keeps least.
// covers: bug 79, changelog 6, changelog 16
TEST(Memory, is_constant_over_many_connections_of_the_same_peers) {
  Couple c;
  for (Peer* p : {&c.cat, &c.sheep}) p->ext.base.keep_role = true;
  c.never_wait();
  c.open();
  const int all = rounds();
  long first = std::numeric_limits<long>::max(), last = first;
  for (int round = 0; round < all; ++round) {
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
      p->story.catch_up();
    }
    const long now = heap_in_use();
    if (round >= warm_up && round < 2 * warm_up) first = std::min(first, now);
    if (round >= all - warm_up) last = std::min(last, now);
  }
  // A digit more of a description is no leak, which would be a byte a round at least.
  EXPECT_LT(std::abs(last - first), all / 4) << all << " rounds";
}

// covers: bug 79, changelog 6, changelog 16, changelog 55
TEST(Memory, is_constant_over_many_peers_that_open_connect_and_close) {
  long before = 0;
  const int all = rounds();
  for (int round = 0; round < all; ++round) {
    {
      Couple c;
      c.connect_here();
      ASSERT_EQ(c.cat.send("hello"), ESP_PEER_ERR_NONE);
      ASSERT_TRUE(c.pump_until([&] { return !c.sheep.messages.empty(); }));
    }
    if (round == warm_up - 1) before = heap_in_use();
  }
  EXPECT_EQ(heap_in_use() - before, 0) << all << " rounds";
}

}  // namespace
}  // namespace esp_peer::test
