// Mbed TLS with a clock that the test moves, seeded randomness and counted memory, for programs
// that link this file and wrap time, calloc, free and mbedtls_ctr_drbg_random. Clock and randomness
// are of the calling thread alone.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace esp_peer::test {

// The second that the library writes into its hellos.
void set_mbedtls_time(Instant now);
void use_real_mbedtls_time();

// From here on every random byte of Mbed TLS in this thread comes from this seed.
void seed_mbedtls(std::uint64_t seed);
void use_real_mbedtls_randomness();
// Its generator gives nothing in this thread, and says so.
void exhaust_mbedtls_randomness(bool exhausted);
// How often its generator was asked, in all threads.
long mbedtls_draws();
void seed_mbedtls_from_system();

// What Mbed TLS holds of the heap, of all threads, and the most it has held since the last reset.
std::size_t mbedtls_bytes();
std::size_t mbedtls_peak_bytes();
void reset_mbedtls_peak();

}  // namespace esp_peer::test
