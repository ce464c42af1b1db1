#include "capi/handle_table.hpp"

#include <new>

namespace esp_peer::capi {

HandleTable::~HandleTable() {
  for (const auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
}

void* HandleTable::insert(void* object) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t index = take_free();
  if (index == none) return nullptr;
  Slot& s = slot(index);
  s.object = object;
  const std::uint64_t before = s.word.load(std::memory_order_relaxed);
  const auto generation = static_cast<std::uint32_t>((before >> 33) + 1) & generation_mask;
  s.word.store(std::uint64_t{generation} << 33 | live, std::memory_order_release);
  return encode(index, generation);
}

void* HandleTable::pin(void* handle) {
  std::uint32_t generation = 0;
  Slot* const s = find(handle, generation);
  if (!s) return nullptr;
  std::uint64_t word = s->word.load(std::memory_order_relaxed);
  do {
    if ((word & live) == 0 || word >> 33 != generation) return nullptr;
  } while (!s->word.compare_exchange_weak(word, word + 1, std::memory_order_acquire,
                                          std::memory_order_relaxed));
  return s->object;
}

bool HandleTable::retire(void* handle) {
  std::uint32_t generation = 0;
  Slot* const s = find(handle, generation);
  return (s->word.fetch_and(~live) & live) != 0;
}

void HandleTable::wait_until_alone(void* handle) {
  std::uint32_t generation = 0;
  Slot* const s = find(handle, generation);
  for (std::uint64_t word = s->word.load(); (word & holders) > 1; word = s->word.load()) {
    s->word.wait(word);
  }
}

bool HandleTable::unpin(void* handle) {
  std::uint32_t generation = 0;
  Slot* const s = find(handle, generation);
  const std::uint64_t word = s->word.fetch_sub(1) - 1;
  if ((word & live) != 0) return false;
  if ((word & holders) != 0) {
    s->word.notify_all();
    return false;
  }
  const std::lock_guard lock(mutex_);
  const auto value = reinterpret_cast<std::uintptr_t>(handle);
  s->next_free = first_free_;
  first_free_ = static_cast<std::uint32_t>(value >> 2 & (max_chunks * chunk_size - 1));
  return true;
}

// Odd, so no pointer to an object; with the highest bit set, so on 64 bits no address of a program.
void* HandleTable::encode(std::uint32_t index, std::uint32_t generation) const {
  constexpr std::uintptr_t top = ~(~std::uintptr_t{0} >> 1);
  const std::uintptr_t value = top | static_cast<std::uintptr_t>(generation) << generation_shift |
                               static_cast<std::uintptr_t>(index) << 2 | kind_;
  return reinterpret_cast<void*>(value);
}

HandleTable::Slot* HandleTable::find(void* handle, std::uint32_t& generation) {
  const auto value = reinterpret_cast<std::uintptr_t>(handle);
  const auto index = static_cast<std::uint32_t>(value >> 2 & (max_chunks * chunk_size - 1));
  generation = static_cast<std::uint32_t>(value >> generation_shift) & generation_mask;
  if (encode(index, generation) != handle) return nullptr;
  Chunk* const chunk = chunks_[index / chunk_size].load(std::memory_order_acquire);
  return chunk ? &(*chunk)[index % chunk_size] : nullptr;
}

HandleTable::Slot& HandleTable::slot(std::uint32_t index) {
  return (*chunks_[index / chunk_size].load(std::memory_order_relaxed))[index % chunk_size];
}

std::uint32_t HandleTable::take_free() {
  if (first_free_ != none) {
    const std::uint32_t index = first_free_;
    first_free_ = slot(index).next_free;
    return index;
  }
  if (size_ == max_chunks * chunk_size) return none;
  if (size_ % chunk_size == 0) {
    auto* const fresh = new (std::nothrow) Chunk;
    if (!fresh) return none;
    chunks_[size_ / chunk_size].store(fresh, std::memory_order_release);
  }
  return size_++;
}

}  // namespace esp_peer::capi
