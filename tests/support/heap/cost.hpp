// What a stretch of a test took of the heap and of the system's randomness: of the whole program.
#pragma once
#include "tests/support/heap/heap_in_use.hpp"
#include "tests/support/heap/system_random.hpp"

namespace esp_peer::test {

class Cost {
 public:
  long allocations() const { return heap_allocations() - allocations_; }
  // Bytes that are in use since.
  long kept() const { return heap_in_use() - in_use_; }
  long system_random() const { return system_random_reads() - system_random_; }

 private:
  long allocations_ = heap_allocations(), in_use_ = heap_in_use(),
       system_random_ = system_random_reads();
};

}  // namespace esp_peer::test
