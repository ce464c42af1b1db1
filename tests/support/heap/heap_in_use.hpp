// Bytes of the heap in use: of the whole program, its libraries too.
#pragma once

namespace esp_peer::test {

long heap_in_use();

}  // namespace esp_peer::test
