// exception: SHA1_*, SHA256_* and MD5_* are deprecated since OpenSSL 3.0, for EVP. That allocates
// for each message, four times for an HMAC, and every check of ICE is authenticated by one.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "backends/openssl/provider.hpp"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <cstdlib>

#include "backends/common/hashes.hpp"

namespace esp_peer::openssl {
namespace {

unsigned char* out_of(std::byte* p) { return reinterpret_cast<unsigned char*>(p); }

// A library that cannot hash or draw can keep no promise of ours: there is no going on.
void must(bool ok) {
  if (!ok) std::abort();
}

// Each hash with its state on the stack.
struct Sha256 {
  using Digest = crypto::Sha256Digest;
  Sha256() { must(SHA256_Init(&state) == 1); }
  ~Sha256() { OPENSSL_cleanse(&state, sizeof(state)); }
  void add(Bytes part) { must(SHA256_Update(&state, part.data(), part.size()) == 1); }
  void finish(Digest& out) { must(SHA256_Final(out_of(out.data()), &state) == 1); }
  SHA256_CTX state;
};
struct Sha1 {
  using Digest = crypto::Sha1Digest;
  Sha1() { must(SHA1_Init(&state) == 1); }
  ~Sha1() { OPENSSL_cleanse(&state, sizeof(state)); }
  void add(Bytes part) { must(SHA1_Update(&state, part.data(), part.size()) == 1); }
  void finish(Digest& out) { must(SHA1_Final(out_of(out.data()), &state) == 1); }
  SHA_CTX state;
};
struct Md5 {
  using Digest = crypto::Md5Digest;
  Md5() { must(MD5_Init(&state) == 1); }
  ~Md5() { OPENSSL_cleanse(&state, sizeof(state)); }
  void add(Bytes part) { must(MD5_Update(&state, part.data(), part.size()) == 1); }
  void finish(Digest& out) { must(MD5_Final(out_of(out.data()), &state) == 1); }
  MD5_CTX state;
};

using backends::digest;
using backends::hmac;

class OpensslProvider final : public crypto::Provider {
 public:
  // What ends the library at exit runs behind what was registered later: the end of our threads,
  // which have state of it.
  OpensslProvider() { must(OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr) == 1); }

  crypto::Sha256Digest sha256(Bytes message) override { return digest<Sha256>(message, {}); }
  crypto::Md5Digest md5(Bytes message) override { return digest<Md5>(message, {}); }
  crypto::Sha1Digest hmac_sha1(Bytes key, std::span<const Bytes> parts) override {
    return hmac<Sha1>(key, parts);
  }
  crypto::Sha256Digest hmac_sha256(Bytes key, std::span<const Bytes> parts) override {
    return hmac<Sha256>(key, parts);
  }
};

}  // namespace

crypto::Provider& provider() {
  static OpensslProvider* const instance = new OpensslProvider;  // outlives every peer
  return *instance;
}

void SystemRandom::fill_public(MutableBytes out) {
  must(RAND_bytes(out_of(out.data()), static_cast<int>(out.size())) == 1);
}

void SystemRandom::fill_secret(MutableBytes out) {
  must(RAND_priv_bytes(out_of(out.data()), static_cast<int>(out.size())) == 1);
}

}  // namespace esp_peer::openssl
