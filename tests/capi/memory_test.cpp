// Rounds of connecting cost no memory: every byte of the heap is counted, OpenSSL's too.
#include <atomic>
#include <cstddef>

#include "tests/capi/peer_harness.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ESP_PEER_TEST_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ESP_PEER_TEST_SANITIZED 1
#endif

// Bytes of the heap in use.
#ifdef ESP_PEER_TEST_SANITIZED
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
namespace {
long heap() { return static_cast<long>(__sanitizer_get_current_allocated_bytes()); }
}  // namespace
#else
// The program's own malloc: glibc's, counted. mallinfo2() would count what glibc keeps for itself.
#include <malloc.h>
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void __libc_free(void* block);
}
namespace {
std::atomic<long> in_use = 0;
void* counted(void* block) {
  in_use += static_cast<long>(malloc_usable_size(block));
  return block;
}
void uncount(void* block) { in_use -= static_cast<long>(malloc_usable_size(block)); }
long heap() { return in_use; }
}  // namespace
extern "C" {
void* malloc(std::size_t size) noexcept { return counted(__libc_malloc(size)); }
void* calloc(std::size_t count, std::size_t size) noexcept {
  return counted(__libc_calloc(count, size));
}
void* realloc(void* block, std::size_t size) noexcept {
  uncount(block);
  void* const moved = __libc_realloc(block, size);
  if (!moved && size != 0) counted(block);  // it stays where it is
  return counted(moved);
}
void free(void* block) noexcept {
  uncount(block);
  __libc_free(block);
}
}
#endif

namespace esp_peer::test {
namespace {

// What 50 rounds may leave behind, all together: less than one allocation each.
constexpr long nothing_much = 50 * 16;

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
    if (round == 9) before = heap();
  }
  EXPECT_LE(heap(), before + nothing_much);
}

TEST(Memory, is_constant_over_50_peers_that_open_connect_and_close) {
  long before = 0;
  for (int round = 0; round < 60; ++round) {
    {
      Couple c;
      c.connect_here();
      ASSERT_EQ(c.cat.send("hello"), ESP_PEER_ERR_NONE);
      ASSERT_TRUE(c.pump_until([&] { return !c.sheep.messages.empty(); }));
    }
    if (round == 9) before = heap();
  }
  EXPECT_LE(heap(), before + nothing_much);
}

}  // namespace
}  // namespace esp_peer::test
