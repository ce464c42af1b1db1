// OpenSSL in virtual time: its DTLS timers read gettimeofday(), which a program that links this
// file answers from a clock that the test moves. Without a set clock the real one answers.
#pragma once
#include <cstdint>

#include "base/time.hpp"

namespace esp_peer::test {

void set_virtual_time(Instant now);
void use_real_time();
// From here on every random byte of OpenSSL comes from this seed. For good: the process is a test.
void seed_openssl(std::uint64_t seed);

}  // namespace esp_peer::test
