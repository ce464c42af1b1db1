#include "backends/openssl/provider.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstdlib>

namespace esp_peer::openssl {
namespace {

unsigned char* out_of(std::byte* p) { return reinterpret_cast<unsigned char*>(p); }

// A library that cannot hash or draw can keep no promise of ours: there is no going on.
void must(bool ok) {
  if (!ok) std::abort();
}

class Context {
 public:
  Context() : ctx_(EVP_MD_CTX_new()) { must(ctx_ != nullptr); }
  Context(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(ctx_); }
  EVP_MD_CTX* get() const { return ctx_; }

 private:
  EVP_MD_CTX* ctx_;
};

class OpensslProvider final : public crypto::Provider {
 public:
  crypto::Sha256Digest sha256(Bytes message) override {
    const Bytes parts[] = {message};
    return digest<crypto::Sha256Digest>(sha256_, {}, parts);
  }
  crypto::Md5Digest md5(Bytes message) override {
    const Bytes parts[] = {message};
    return digest<crypto::Md5Digest>(md5_, {}, parts);
  }
  crypto::Sha1Digest hmac_sha1(Bytes key, std::span<const Bytes> parts) override {
    return hmac<crypto::Sha1Digest>(sha1_, key, parts);
  }
  crypto::Sha256Digest hmac_sha256(Bytes key, std::span<const Bytes> parts) override {
    return hmac<crypto::Sha256Digest>(sha256_, key, parts);
  }

 private:
  static constexpr std::size_t block_size = 64;  // of all three hashes
  using Block = std::array<std::byte, block_size>;

  template <class Digest>
  static Digest digest(const EVP_MD* hash, Bytes first, std::span<const Bytes> parts) {
    const Context context;
    Digest out{};
    must(EVP_DigestInit_ex(context.get(), hash, nullptr) == 1);
    must(EVP_DigestUpdate(context.get(), first.data(), first.size()) == 1);
    for (const Bytes part : parts) {
      must(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
    }
    must(EVP_DigestFinal_ex(context.get(), out_of(out.data()), nullptr) == 1);
    return out;
  }

  // [rfc2104#2] By the book over two digests: EVP_MAC would fetch and allocate for every message.
  template <class Digest>
  static Digest hmac(const EVP_MD* hash, Bytes key, std::span<const Bytes> parts) {
    Digest short_key{};
    if (key.size() > block_size) {
      const Bytes whole[] = {key};
      short_key = digest<Digest>(hash, {}, whole);
      key = short_key;
    }
    Block inner{}, outer{};
    copy_bytes(key, inner);
    copy_bytes(key, outer);
    for (std::byte& b : inner) b ^= std::byte{0x36};
    for (std::byte& b : outer) b ^= std::byte{0x5C};
    const Digest hashed = digest<Digest>(hash, inner, parts);
    const Bytes last[] = {hashed};
    return digest<Digest>(hash, outer, last);
  }

  const EVP_MD* sha1_ = fetch("SHA1");
  const EVP_MD* sha256_ = fetch("SHA2-256");
  const EVP_MD* md5_ = fetch("MD5");

  static const EVP_MD* fetch(const char* name) {
    const EVP_MD* hash = EVP_MD_fetch(nullptr, name, nullptr);
    must(hash != nullptr);
    return hash;
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
