#include "tests/support/virtual_openssl.hpp"

#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/time.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <optional>
#include <random>

namespace esp_peer::test {
namespace {

thread_local std::optional<Instant> virtual_now;
thread_local std::optional<std::mt19937_64> engine;
thread_local bool dry = false;
std::atomic<long> draws{0};
std::atomic<std::size_t> live{0}, peak{0};

// ---------------------------------------------------------------- randomness

int draw(unsigned char* out, int size) {
  ++draws;
  if (dry) return 0;
  if (!engine) {
    static thread_local std::random_device device;
    for (int i = 0; i < size; ++i) out[i] = static_cast<unsigned char>(device() & 0xFF);
    return 1;
  }
  for (int i = 0; i < size; ++i) out[i] = static_cast<unsigned char>((*engine)() >> 56);
  return 1;
}
int status() { return 1; }

void install_draw() {
  static const RAND_METHOD method{nullptr, draw, nullptr, nullptr, draw, status};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  static const int installed = RAND_set_rand_method(&method);
#pragma GCC diagnostic pop
  static_cast<void>(installed);
}

// ---------------------------------------------------------------- memory

void* counted(void* block) {
  if (!block) return block;
  const std::size_t now = live += malloc_usable_size(block);
  std::size_t most = peak;
  while (now > most && !peak.compare_exchange_weak(most, now)) {
  }
  return block;
}
void* count_malloc(std::size_t size, const char*, int) {
  return size == 0 ? nullptr : counted(std::malloc(size));
}
void count_free(void* block, const char*, int) {
  if (block) live -= malloc_usable_size(block);
  std::free(block);
}
void* count_realloc(void* block, std::size_t size, const char* file, int line) {
  if (size == 0) {
    count_free(block, file, line);
    return nullptr;
  }
  const std::size_t before = block ? malloc_usable_size(block) : 0;
  void* moved = std::realloc(block, size);
  if (moved) live -= before;
  return counted(moved);
}
// Before main, and so before OpenSSL's first allocation: afterwards it refuses.
const int counting = CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free);

}  // namespace

void set_virtual_time(Instant now) { virtual_now = now; }
void use_real_time() { virtual_now.reset(); }

void seed_openssl(std::uint64_t seed) {
  install_draw();
  engine.emplace(seed);
}
void use_real_randomness() { engine.reset(); }
void exhaust_randomness(bool exhausted) {
  install_draw();
  dry = exhausted;
}

long openssl_draws() { return draws; }
void seed_openssl_from_system() { static_cast<void>(RAND_poll()); }

std::size_t openssl_bytes() { return counting == 1 ? live.load() : 0; }
std::size_t openssl_peak_bytes() { return peak; }
void reset_openssl_peak() { peak = live.load(); }

}  // namespace esp_peer::test

// A day is added: OpenSSL takes a zero for "never set".
extern "C" int gettimeofday(struct timeval* tv, void*) noexcept {
  using namespace esp_peer::test;
  if (virtual_now) {
    const auto us = virtual_now->time_since_epoch().count() + 86'400'000'000;
    tv->tv_sec = us / 1'000'000;
    tv->tv_usec = us % 1'000'000;
    return 0;
  }
  timespec ts{};
  clock_gettime(CLOCK_REALTIME, &ts);
  tv->tv_sec = ts.tv_sec;
  tv->tv_usec = ts.tv_nsec / 1000;
  return 0;
}
