// Handles that are never dereferenced: an index and a generation. A handle that is closed, or was
// never ours, finds nothing. Looking one up takes no lock.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace esp_peer::capi {

// The untyped part. `kind` tells the handles of one table from those of another.
class HandleTable {
 public:
  constexpr explicit HandleTable(std::uintptr_t kind) : kind_(kind) {}
  HandleTable(const HandleTable&) = delete;
  ~HandleTable();

  // nullptr when there is no room or no memory.
  void* insert(void* object);
  // The object, held until unpin(); nullptr when the handle finds nothing.
  void* pin(void* handle);
  // By one who holds a pin: nobody gets another. False when somebody else was first.
  bool retire(void* handle);
  // By one who holds a pin of a retired handle: until all others have let go.
  void wait_until_alone(void* handle);
  // True for the last one out of a retired handle, who frees the object.
  bool unpin(void* handle);

 private:
  static constexpr bool wide = sizeof(std::uintptr_t) == 8;
  static constexpr std::size_t chunk_size = 256;
  static constexpr std::size_t max_chunks = wide ? 256 : 32;  // 65,536 or 8,192 handles at once
  static constexpr unsigned generation_shift = wide ? 32 : 16;
  static constexpr std::uint32_t generation_mask = wide ? 0x7FFF'FFFF : 0x7FFF;
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  // Slot::word: generation, whether it lives, and how many hold it.
  static constexpr std::uint64_t live = std::uint64_t{1} << 32;
  static constexpr std::uint64_t holders = live - 1;

  struct Slot {
    std::atomic<std::uint64_t> word{0};
    void* object = nullptr;
    std::uint32_t next_free = none;
  };
  using Chunk = std::array<Slot, chunk_size>;  // lives as the table: a late handle looks there

  void* encode(std::uint32_t index, std::uint32_t generation) const;
  Slot* find(void* handle, std::uint32_t& generation);
  Slot& slot(std::uint32_t index);
  std::uint32_t take_free();

  const std::uintptr_t kind_;  // 1 or 3: odd, as no pointer to an object is
  std::array<std::atomic<Chunk*>, max_chunks> chunks_{};
  std::mutex mutex_;  // of what follows
  std::uint32_t size_ = 0, first_free_ = none;
};

// The typed part: T is deleted by the last one out.
template <class T, std::uintptr_t kind>
class Handles {
 public:
  // Holds the object while it is in use.
  class Pin {
   public:
    Pin(Handles& table, void* handle)
        : table_(table.table_), handle_(handle), object_(static_cast<T*>(table_.pin(handle))) {}
    Pin(const Pin&) = delete;
    ~Pin() {
      if (object_ && table_.unpin(handle_)) delete object_;
    }
    bool retire() { return table_.retire(handle_); }
    void wait_until_alone() { table_.wait_until_alone(handle_); }
    explicit operator bool() const { return object_ != nullptr; }
    T* operator->() const { return object_; }
    T& operator*() const { return *object_; }

   private:
    HandleTable& table_;
    void* handle_;
    T* object_;
  };

  // Takes the object over; nullptr, and not taken, when there is no room.
  void* insert(T* object) { return table_.insert(object); }

 private:
  HandleTable table_{kind};
};

// A table of the whole program, which is never destroyed: threads may still ask while it ends.
template <class T, std::uintptr_t kind>
union ProgramHandles {
  constexpr ProgramHandles() : table() {}
  ~ProgramHandles() {}
  Handles<T, kind> table;
};

}  // namespace esp_peer::capi
