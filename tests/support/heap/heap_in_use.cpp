// Counts the heap: asks the sanitizer, or is the program's own malloc. In a folder of its own, for
// it is only for programs that ask for it.
#include "tests/support/heap/heap_in_use.hpp"

#include <atomic>
#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ESP_PEER_TEST_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ESP_PEER_TEST_SANITIZED 1
#endif

namespace esp_peer::test {
namespace {
std::atomic<long> asked_for = 0;
}  // namespace
long heap_allocations() { return asked_for; }
}  // namespace esp_peer::test

#ifdef ESP_PEER_TEST_SANITIZED
extern "C" {
std::size_t __sanitizer_get_current_allocated_bytes();
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t),
                                              void (*on_free)(const volatile void*));
}
namespace esp_peer::test {
namespace {
void count_malloc(const volatile void*, std::size_t) {
  asked_for.fetch_add(1, std::memory_order_relaxed);
}
void count_free(const volatile void*) {}
[[maybe_unused]] const int counting =
    __sanitizer_install_malloc_and_free_hooks(count_malloc, count_free);
}  // namespace
long heap_in_use() { return static_cast<long>(__sanitizer_get_current_allocated_bytes()); }
}  // namespace esp_peer::test
#else
// The program's own malloc: glibc's, counted. mallinfo2() would count what glibc keeps for itself.
#include <malloc.h>
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void __libc_free(void* block);
}
namespace esp_peer::test {
namespace {
std::atomic<long> in_use = 0;
void* counted(void* block) {
  ++asked_for;
  in_use += static_cast<long>(malloc_usable_size(block));
  return block;
}
void uncount(void* block) { in_use -= static_cast<long>(malloc_usable_size(block)); }
}  // namespace
long heap_in_use() { return in_use; }
}  // namespace esp_peer::test
extern "C" {
void* malloc(std::size_t size) noexcept { return esp_peer::test::counted(__libc_malloc(size)); }
void* calloc(std::size_t count, std::size_t size) noexcept {
  return esp_peer::test::counted(__libc_calloc(count, size));
}
void* realloc(void* block, std::size_t size) noexcept {
  esp_peer::test::uncount(block);
  void* const moved = __libc_realloc(block, size);
  if (!moved && size != 0) esp_peer::test::counted(block);  // it stays where it is
  return esp_peer::test::counted(moved);
}
void free(void* block) noexcept {
  esp_peer::test::uncount(block);
  __libc_free(block);
}
}
#endif
