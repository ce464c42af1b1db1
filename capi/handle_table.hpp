// Handles that are never dereferenced: an index and a generation. A handle that is closed or was
// never ours finds nothing.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace esp_peer::capi {

template <class T>
class HandleTable {
 public:
  // 0 when there is no room. Whoever acquire()s shares the object until it lets go.
  void* insert(std::shared_ptr<T> object) {
    const std::lock_guard lock(mutex_);
    std::size_t index = 0;
    while (index < slots_.size() && slots_[index].object) ++index;
    if (index == max_handles) return nullptr;
    if (index == slots_.size()) slots_.emplace_back();
    Slot& slot = slots_[index];
    slot.object = std::move(object);
    ++slot.generation;
    return encode(index, slot.generation);
  }
  std::shared_ptr<T> acquire(void* handle) {
    const std::lock_guard lock(mutex_);
    Slot* slot = find(handle);
    return slot ? slot->object : nullptr;
  }
  // The last time that this handle finds something.
  std::shared_ptr<T> remove(void* handle) {
    const std::lock_guard lock(mutex_);
    Slot* slot = find(handle);
    return slot ? std::move(slot->object) : nullptr;
  }

 private:
  static constexpr std::size_t max_handles = 0xFFFF;
  struct Slot {
    std::shared_ptr<T> object;
    std::uint16_t generation = 0;
  };

  // Fits 32 bits, and is odd: no pointer to an object is.
  static void* encode(std::size_t index, std::uint16_t generation) {
    const std::uintptr_t value = static_cast<std::uintptr_t>(generation & 0x7FFF) << 17 |
                                 static_cast<std::uintptr_t>(index) << 1 | 1;
    return reinterpret_cast<void*>(value);
  }
  Slot* find(void* handle) {
    const auto value = reinterpret_cast<std::uintptr_t>(handle);
    const std::size_t index = value >> 1 & 0xFFFF;
    if ((value & 1) == 0 || index >= slots_.size() || !slots_[index].object) return nullptr;
    return encode(index, slots_[index].generation) == handle ? &slots_[index] : nullptr;
  }

  std::mutex mutex_;
  std::vector<Slot> slots_;  // at most max_handles; grows to the most that were open at once
};

}  // namespace esp_peer::capi
