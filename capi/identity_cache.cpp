#include "capi/identity_cache.hpp"

#include <atomic>
#include <mutex>

#include "backends/tls/tls.hpp"
#include "runner/linux/clock.hpp"

namespace esp_peer::capi::identity_cache {
namespace {

struct Cache {
  std::mutex mutex;
  dtls::Identity* identity = nullptr;
  std::atomic<dtls::CipherPreference> ciphers = dtls::CipherPreference::automatic;
};

Cache& cache() {
  static auto* const instance = new Cache;  // outlives every thread
  return *instance;
}

}  // namespace

bool pre_generate() {
  dtls::Identity* fresh = tls::dtls_backend().create_identity(linux_runner::unix_seconds());
  if (!fresh) return false;
  const std::lock_guard lock(cache().mutex);
  if (cache().identity) tls::dtls_backend().release(*cache().identity);
  cache().identity = fresh;
  return true;
}

void set_cipher_preference(dtls::CipherPreference preference) { cache().ciphers = preference; }
dtls::CipherPreference cipher_preference() { return cache().ciphers; }

dtls::Identity* Source::identity() {
  {
    const std::lock_guard lock(cache().mutex);
    if (cache().identity) {
      tls::dtls_backend().retain(*cache().identity);
      return cache().identity;
    }
  }
  // [rfc8827#6.5] A key of its own for each connection.
  return tls::dtls_backend().create_identity(linux_runner::unix_seconds());
}

}  // namespace esp_peer::capi::identity_cache
