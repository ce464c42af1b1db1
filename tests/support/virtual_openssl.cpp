#include "tests/support/virtual_openssl.hpp"

#include <openssl/rand.h>
#include <sys/time.h>
#include <time.h>

#include <optional>
#include <random>

namespace esp_peer::test {
namespace {

std::optional<Instant> virtual_now;
std::mt19937_64 engine;

int draw(unsigned char* out, int size) {
  for (int i = 0; i < size; ++i) out[i] = static_cast<unsigned char>(engine() >> 56);
  return 1;
}
int status() { return 1; }

}  // namespace

void set_virtual_time(Instant now) { virtual_now = now; }
void use_real_time() { virtual_now.reset(); }

void seed_openssl(std::uint64_t seed) {
  engine.seed(seed);
  static RAND_METHOD method{nullptr, draw, nullptr, nullptr, draw, status};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  RAND_set_rand_method(&method);
#pragma GCC diagnostic pop
}

}  // namespace esp_peer::test

// OpenSSL's one way to the time. A day is added: it takes a zero for "never set".
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
