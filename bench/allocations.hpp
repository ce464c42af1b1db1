// Counts what a program asks of the heap, libraries included.
#pragma once
#include <cstdint>

namespace bench {

std::uint64_t allocations();  // of all threads, since the program began

}  // namespace bench
