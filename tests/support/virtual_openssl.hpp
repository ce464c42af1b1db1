// OpenSSL in virtual time, with seeded randomness and counted memory: for programs that link this
// file. Its DTLS timers read gettimeofday(), which is answered here from a clock that the test
// moves; without a set clock the real one answers. All of it is of the calling thread alone, so
// that many worlds may run side by side.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace esp_peer::test {

void set_virtual_time(Instant now);
void use_real_time();

// From here on every random byte of OpenSSL in this thread comes from this seed: the same calls
// give the same keys, certificates and datagrams.
void seed_openssl(std::uint64_t seed);
void use_real_randomness();
// OpenSSL's source gives nothing in this thread, and says so.
void exhaust_randomness(bool exhausted);
// How often its source was asked in all threads, since seed_openssl() was called first.
long openssl_draws();
void seed_openssl_from_system();

// What OpenSSL holds of the heap, of all threads, and the most it has held since the last reset.
std::size_t openssl_bytes();
std::size_t openssl_peak_bytes();
void reset_openssl_peak();

}  // namespace esp_peer::test
