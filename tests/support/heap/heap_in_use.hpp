// The heap of the whole program, its libraries too.
#pragma once

namespace esp_peer::test {

// Bytes in use.
long heap_in_use();
// Blocks that were asked for, ever.
long heap_allocations();

}  // namespace esp_peer::test
