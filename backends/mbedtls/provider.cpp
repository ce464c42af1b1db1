#include "backends/mbedtls/provider.hpp"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/md5.h>
#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "backends/common/hashes.hpp"

namespace esp_peer::mbedtls {
namespace {

unsigned char* out_of(std::byte* p) { return reinterpret_cast<unsigned char*>(p); }
const unsigned char* in_of(const std::byte* p) { return reinterpret_cast<const unsigned char*>(p); }

// A library that cannot hash or draw can keep no promise of ours: there is no going on.
void must(int result) {
  if (result != 0) std::abort();
}

// Each hash with its state on the stack: the library's mbedtls_md_* would allocate it.
struct Sha256 {
  using Digest = crypto::Sha256Digest;
  Sha256() {
    mbedtls_sha256_init(&state);
    must(mbedtls_sha256_starts_ret(&state, 0));
  }
  ~Sha256() { mbedtls_sha256_free(&state); }
  void add(Bytes part) { must(mbedtls_sha256_update_ret(&state, in_of(part.data()), part.size())); }
  void finish(Digest& out) { must(mbedtls_sha256_finish_ret(&state, out_of(out.data()))); }
  mbedtls_sha256_context state;
};
struct Sha1 {
  using Digest = crypto::Sha1Digest;
  Sha1() {
    mbedtls_sha1_init(&state);
    must(mbedtls_sha1_starts_ret(&state));
  }
  ~Sha1() { mbedtls_sha1_free(&state); }
  void add(Bytes part) { must(mbedtls_sha1_update_ret(&state, in_of(part.data()), part.size())); }
  void finish(Digest& out) { must(mbedtls_sha1_finish_ret(&state, out_of(out.data()))); }
  mbedtls_sha1_context state;
};
struct Md5 {
  using Digest = crypto::Md5Digest;
  Md5() {
    mbedtls_md5_init(&state);
    must(mbedtls_md5_starts_ret(&state));
  }
  ~Md5() { mbedtls_md5_free(&state); }
  void add(Bytes part) { must(mbedtls_md5_update_ret(&state, in_of(part.data()), part.size())); }
  void finish(Digest& out) { must(mbedtls_md5_finish_ret(&state, out_of(out.data()))); }
  mbedtls_md5_context state;
};

using backends::digest;
using backends::hmac;

class MbedtlsProvider final : public crypto::Provider {
 public:
  crypto::Sha256Digest sha256(Bytes message) override { return digest<Sha256>(message, {}); }
  crypto::Md5Digest md5(Bytes message) override { return digest<Md5>(message, {}); }
  crypto::Sha1Digest hmac_sha1(Bytes key, std::span<const Bytes> parts) override {
    return hmac<Sha1>(key, parts);
  }
  crypto::Sha256Digest hmac_sha256(Bytes key, std::span<const Bytes> parts) override {
    return hmac<Sha256>(key, parts);
  }
};

// One generator for the process. The library locks its numbers, but not their seed: so do we.
class Generator {
 public:
  Generator() {
    mbedtls_entropy_init(&entropy_);
    mbedtls_ctr_drbg_init(&drbg_);
    const auto* name = reinterpret_cast<const unsigned char*>("esp_peer");
    must(mbedtls_ctr_drbg_seed(&drbg_, mbedtls_entropy_func, &entropy_, name, 8));
  }
  int draw(unsigned char* out, std::size_t size) {
    const std::lock_guard lock(mutex_);
    if (const int error = leave_parent_behind(); error != 0) return error;
    while (size != 0) {
      const std::size_t n = std::min<std::size_t>(size, MBEDTLS_CTR_DRBG_MAX_REQUEST);
      if (const int error = mbedtls_ctr_drbg_random(&drbg_, out, n); error != 0) return error;
      out += n;
      size -= n;
    }
    return 0;
  }

 private:
  // A process that forked has our numbers, too: ours are others from then on.
  int leave_parent_behind() {
    const pid_t process = getpid();
    if (process_ == process) return 0;
    const auto* name = reinterpret_cast<const unsigned char*>(&process);
    const int error = mbedtls_ctr_drbg_reseed(&drbg_, name, sizeof(process));
    if (error == 0) process_ = process;
    return error;
  }

  mbedtls_entropy_context entropy_;
  mbedtls_ctr_drbg_context drbg_;
  std::mutex mutex_;
  pid_t process_ = getpid();
};

}  // namespace

crypto::Provider& provider() {
  static MbedtlsProvider* const instance = new MbedtlsProvider;  // outlives every peer
  return *instance;
}

int draw(void*, unsigned char* out, std::size_t size) {
  static Generator* const generator = new Generator;  // outlives every peer
  return generator->draw(out, size);
}

void SystemRandom::fill_public(MutableBytes out) {
  must(draw(nullptr, out_of(out.data()), out.size()));
}

void SystemRandom::fill_secret(MutableBytes out) { fill_public(out); }

}  // namespace esp_peer::mbedtls
