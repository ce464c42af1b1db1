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
// The program's own malloc: glibc's, with the size that was asked for in front of each block.
// Neither mallinfo2() nor malloc_usable_size() would do: they count what glibc keeps for itself,
// and blocks that are a little larger because their rest was too small to be split off.
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* block);
}
namespace esp_peer::test {
namespace {
std::atomic<long> in_use = 0;

struct alignas(16) Front {
  void* block;  // as glibc knows it
  std::size_t size;
};
Front& front_of(void* pointer) { return static_cast<Front*>(pointer)[-1]; }

// `room` is in front: at least a Front, and as much as keeps the alignment.
void* counted(void* block, std::size_t room, std::size_t size) {
  if (!block) return nullptr;
  void* const pointer = static_cast<std::byte*>(block) + room;
  front_of(pointer) = {block, size};
  ++asked_for;
  in_use += static_cast<long>(size);
  return pointer;
}
bool too_large(std::size_t size) {
  const bool is = size > std::numeric_limits<std::size_t>::max() / 4;
  if (is) errno = ENOMEM;
  return is;
}
void* allocate(std::size_t size) {
  if (too_large(size)) return nullptr;
  return counted(__libc_malloc(sizeof(Front) + size), sizeof(Front), size);
}
void* allocate_aligned(std::size_t alignment, std::size_t size) {
  if (alignment <= sizeof(Front)) return allocate(size);
  if (too_large(size) || too_large(alignment)) return nullptr;
  return counted(__libc_memalign(alignment, alignment + size), alignment, size);
}
void release(void* pointer) {
  if (!pointer) return;
  const Front front = front_of(pointer);
  in_use -= static_cast<long>(front.size);
  __libc_free(front.block);
}
}  // namespace
long heap_in_use() { return in_use; }
}  // namespace esp_peer::test

using namespace esp_peer::test;
extern "C" {
void* malloc(std::size_t size) noexcept { return allocate(size); }
void* calloc(std::size_t count, std::size_t size) noexcept {
  std::size_t all = 0;
  if (__builtin_mul_overflow(count, size, &all)) all = std::numeric_limits<std::size_t>::max();
  void* const pointer = allocate(all);
  return pointer ? std::memset(pointer, 0, all) : nullptr;
}
void* realloc(void* pointer, std::size_t size) noexcept {
  if (!pointer) return allocate(size);
  void* const moved = allocate(size);
  if (!moved) return nullptr;
  const std::size_t before = front_of(pointer).size;
  std::memcpy(moved, pointer, before < size ? before : size);
  release(pointer);
  return moved;
}
void free(void* pointer) noexcept { release(pointer); }
void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return allocate_aligned(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return allocate_aligned(alignment, size);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
  void* const pointer = allocate_aligned(alignment, size);
  if (!pointer) return ENOMEM;
  *out = pointer;
  return 0;
}
std::size_t malloc_usable_size(void* pointer) noexcept {
  return pointer ? front_of(pointer).size : 0;
}
}
#endif
