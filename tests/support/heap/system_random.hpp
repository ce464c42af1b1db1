// How often the whole program has asked the system for randomness, its libraries too.
#pragma once

namespace esp_peer::test {

long system_random_reads();

}  // namespace esp_peer::test
