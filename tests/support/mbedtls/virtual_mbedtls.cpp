#include "tests/support/mbedtls/virtual_mbedtls.hpp"

#include <malloc.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <time.h>

#include <atomic>
#include <optional>
#include <random>

namespace esp_peer::test {
namespace {

thread_local std::optional<Instant> virtual_now;
thread_local std::optional<std::mt19937_64> engine;
thread_local bool dry = false;
std::atomic<long> draws{0};
std::atomic<std::size_t> live{0}, peak{0};

void* counted(void* block) {
  if (!block) return block;
  const std::size_t now = live += malloc_usable_size(block);
  std::size_t most = peak;
  while (now > most && !peak.compare_exchange_weak(most, now)) {
  }
  return block;
}

}  // namespace

void set_mbedtls_time(Instant now) { virtual_now = now; }
void use_real_mbedtls_time() { virtual_now.reset(); }

void seed_mbedtls(std::uint64_t seed) { engine.emplace(seed); }
void use_real_mbedtls_randomness() { engine.reset(); }
void exhaust_mbedtls_randomness(bool exhausted) { dry = exhausted; }

long mbedtls_draws() { return draws; }
void seed_mbedtls_from_system() {
  mbedtls_entropy_context entropy;
  unsigned char out[32];
  mbedtls_entropy_init(&entropy);
  static_cast<void>(mbedtls_entropy_func(&entropy, out, sizeof(out)));
  mbedtls_entropy_free(&entropy);
}

std::size_t mbedtls_bytes() { return live; }
std::size_t mbedtls_peak_bytes() { return peak; }
void reset_mbedtls_peak() { peak = live.load(); }

}  // namespace esp_peer::test

// The linker leads the library's calls here, and those of the tests' own CountingMemory; C++ has
// its own way to the heap.
extern "C" {

void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void __real_free(void* block);
time_t __real_time(time_t* out);
int __real_mbedtls_ctr_drbg_random(void* context, unsigned char* out, std::size_t size);

void* __wrap_malloc(std::size_t size) { return esp_peer::test::counted(__real_malloc(size)); }
void* __wrap_calloc(std::size_t count, std::size_t size) {
  return esp_peer::test::counted(__real_calloc(count, size));
}
void __wrap_free(void* block) {
  if (block) esp_peer::test::live -= malloc_usable_size(block);
  __real_free(block);
}
time_t __wrap_time(time_t* out) {
  using namespace esp_peer::test;
  if (!virtual_now) return __real_time(out);
  const auto now = static_cast<time_t>(virtual_now->time_since_epoch().count() / 1'000'000);
  if (out) *out = now;
  return now;
}
int __wrap_mbedtls_ctr_drbg_random(void* context, unsigned char* out, std::size_t size) {
  using namespace esp_peer::test;
  ++draws;
  if (dry) return MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
  if (!engine) return __real_mbedtls_ctr_drbg_random(context, out, size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<unsigned char>((*engine)() >> 56);
  return 0;
}
}
