// Where the core's memory comes from: lent by whoever builds the peer. The core calls neither
// malloc nor new; when nothing is left it gets nullptr and says no_memory or would_block.
#pragma once
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace esp_peer {

class Memory {
 public:
  // A block aligned for any type, or nullptr. `size` > 0.
  virtual void* allocate(std::size_t size) = 0;
  // Gives back a block of allocate(size).
  virtual void release(void* block, std::size_t size) = 0;

 protected:
  ~Memory() = default;
};

// Builds one object in lent memory; nullptr when there is none.
template <class T, class... Args>
T* make(Memory& memory, Args&&... args) {
  void* block = memory.allocate(sizeof(T));
  return block ? ::new (block) T(std::forward<Args>(args)...) : nullptr;
}
template <class T>
void destroy(Memory& memory, T* object) {
  if (!object) return;
  object->~T();
  memory.release(object, sizeof(T));
}

// The owner of one object in lent memory; empty when there was none.
template <class T>
class Owned {
 public:
  Owned() = default;
  Owned(Owned&& other) noexcept
      : memory_(other.memory_), object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    if (this != &other) {
      reset();
      memory_ = other.memory_;
      object_ = std::exchange(other.object_, nullptr);
    }
    return *this;
  }
  ~Owned() { reset(); }

  template <class... Args>
  static Owned make(Memory& memory, Args&&... args) {
    Owned owned;
    owned.memory_ = &memory;
    owned.object_ = esp_peer::make<T>(memory, std::forward<Args>(args)...);
    return owned;
  }
  void reset() {
    if (object_) destroy(*memory_, std::exchange(object_, nullptr));
  }

  explicit operator bool() const { return object_ != nullptr; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  T* get() const { return object_; }

 private:
  Memory* memory_ = nullptr;
  T* object_ = nullptr;
};

}  // namespace esp_peer
