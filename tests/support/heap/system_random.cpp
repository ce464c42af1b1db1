// Stands between the program and glibc's doors to the system's randomness, and counts who passes.
#include "tests/support/heap/system_random.hpp"

#include <dlfcn.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include <atomic>
#include <cstdarg>
#include <cstddef>
#include <cstring>

namespace esp_peer::test {
namespace {

std::atomic<long> reads = 0;

// What comes behind us of this name. No static of a function: its lock may come to syscall().
template <class Function>
Function next(std::atomic<Function>& known, const char* name) {
  if (!known) known = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
  return known;
}
std::atomic<int (*)(void*, std::size_t)> real_getentropy = nullptr;
std::atomic<ssize_t (*)(void*, std::size_t, unsigned)> real_getrandom = nullptr;
std::atomic<long (*)(long, ...)> real_syscall = nullptr;
std::atomic<int (*)(const char*, int, ...)> real_open = nullptr;

}  // namespace

long system_random_reads() { return reads; }

}  // namespace esp_peer::test

extern "C" {

// OpenSSL's door.
int getentropy(void* out, std::size_t size) {
  using namespace esp_peer::test;
  ++reads;
  return next(real_getentropy, "getentropy")(out, size);
}
ssize_t getrandom(void* out, std::size_t size, unsigned flags) {
  using namespace esp_peer::test;
  ++reads;
  return next(real_getrandom, "getrandom")(out, size, flags);
}
// Mbed TLS's door.
long syscall(long number, ...) noexcept {
  using namespace esp_peer::test;
  if (number == SYS_getrandom) ++reads;
  long arguments[6];
  std::va_list list;
  va_start(list, number);
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  return next(real_syscall, "syscall")(number, arguments[0], arguments[1], arguments[2],
                                       arguments[3], arguments[4], arguments[5]);
}
// The door of who knows no other.
int open(const char* path, int flags, ...) {
  using namespace esp_peer::test;
  if (std::strstr(path, "random")) ++reads;
  std::va_list list;
  va_start(list, flags);
  const unsigned mode = va_arg(list, unsigned);
  va_end(list);
  return next(real_open, "open")(path, flags, mode);
}
}
