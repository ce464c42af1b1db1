// Memory from malloc.
#pragma once
#include <cstdlib>

#include "base/memory.hpp"

namespace esp_peer::linux_runner {

class HeapMemory final : public Memory {
 public:
  void* allocate(std::size_t size) override { return std::malloc(size); }
  void release(void* block, std::size_t) override { std::free(block); }
};

}  // namespace esp_peer::linux_runner
