#include "backends/openssl_srtp/ciphers.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <algorithm>

#include "backends/openssl_srtp/hmac_sha1.hpp"

namespace esp_peer::openssl_srtp {
namespace {

const unsigned char* raw(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(MutableBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// Of the algorithms that a process fetches once: to look one up by its name costs as much as a
// packet.
struct Algorithms {
  EVP_CIPHER* const ctr_128 = EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr);
  EVP_CIPHER* const ctr_256 = EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr);
  EVP_CIPHER* const gcm_128 = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  EVP_CIPHER* const gcm_256 = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
};
const Algorithms& algorithms() {
  static const Algorithms* const fetched = new Algorithms;  // outlives every peer
  return *fetched;
}

// Encrypts or decrypts under one key; each packet brings its IV.
class Context {
 public:
  Context(const EVP_CIPHER* cipher, Bytes key, bool encrypts) : ctx_(EVP_CIPHER_CTX_new()) {
    ok_ = ctx_ && cipher &&
          EVP_CipherInit_ex2(ctx_, cipher, raw(key), nullptr, encrypts, nullptr) == 1;
  }
  Context(const Context&) = delete;
  ~Context() { EVP_CIPHER_CTX_free(ctx_); }

  bool ok() const { return ok_; }
  bool begin(const srtp::Cipher::Iv& iv, const OSSL_PARAM* params = nullptr) {
    return EVP_CipherInit_ex2(ctx_, nullptr, nullptr, raw(Bytes(iv)), -1, params) == 1;
  }
  bool authenticate(Bytes part) {
    int n = 0;
    return part.empty() || EVP_CipherUpdate(ctx_, nullptr, &n, raw(part), length(part)) == 1;
  }
  bool turn(MutableBytes text) {
    int n = 0;
    return text.empty() ||
           EVP_CipherUpdate(ctx_, raw(text), &n, raw(Bytes(text)), length(text)) == 1;
  }
  // Where it decrypts, false for a tag that is another.
  bool end() {
    unsigned char none[16];
    int n = 0;
    return EVP_CipherFinal_ex(ctx_, none, &n) == 1;
  }
  bool tag(OSSL_PARAM* params) { return EVP_CIPHER_CTX_get_params(ctx_, params) == 1; }

 private:
  static int length(Bytes bytes) { return static_cast<int>(bytes.size()); }

  EVP_CIPHER_CTX* ctx_;
  bool ok_ = false;
};

class OurCipher : public srtp::Cipher {
 public:
  virtual bool ok() const = 0;
  virtual void destroy() = 0;

 protected:
  explicit OurCipher(Memory& memory) : memory_(memory) {}
  ~OurCipher() = default;
  Memory& memory_;  // this object's own; OpenSSL takes its memory from the heap
};

// [rfc7714#6, #7] AEAD_AES_128_GCM and AEAD_AES_256_GCM.
class Gcm final : public OurCipher {
 public:
  Gcm(Memory& memory, Bytes key, bool seals)
      : OurCipher(memory),
        context_(key.size() == 32 ? algorithms().gcm_256 : algorithms().gcm_128, key, seals) {}

  bool seal(const Iv& iv, Bytes header, MutableBytes text, Bytes trailer,
            MutableBytes tag) override {
    Tag params(tag);
    return context_.begin(iv) && context_.authenticate(header) && context_.authenticate(trailer) &&
           context_.turn(text) && context_.end() && context_.tag(params.list);
  }
  bool open(const Iv& iv, Bytes header, MutableBytes text, Bytes trailer, Bytes tag) override {
    std::array<std::byte, tag_size> expected;
    copy_bytes(tag, expected);
    const Tag params(expected);
    return context_.begin(iv, params.list) && context_.authenticate(header) &&
           context_.authenticate(trailer) && context_.turn(text) && context_.end();
  }
  bool ok() const override { return context_.ok(); }
  void destroy() override { esp_peer::destroy(memory_, this); }

 private:
  static constexpr std::size_t tag_size = 16;
  struct Tag {
    explicit Tag(MutableBytes room)
        : list{OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, room.data(), tag_size),
               OSSL_PARAM_construct_end()} {}
    OSSL_PARAM list[2];
  };

  Context context_;
};

// [rfc3711#4.1.1, #4.2.1] AES in counter mode, and of HMAC-SHA1 the first 80 bits.
class CounterMode final : public OurCipher {
 public:
  CounterMode(Memory& memory, Bytes key, Bytes authentication)
      : OurCipher(memory), context_(algorithms().ctr_128, key, true), hmac_(authentication) {}

  bool seal(const Iv& iv, Bytes header, MutableBytes text, Bytes trailer,
            MutableBytes tag) override {
    HmacSha1::Digest digest;
    if (!context_.begin(iv) || !context_.turn(text)) return false;
    if (!hmac_.digest({header, text, trailer}, digest)) return false;
    copy_bytes(Bytes(digest).first(tag.size()), tag);
    return true;
  }
  bool open(const Iv& iv, Bytes header, MutableBytes text, Bytes trailer, Bytes tag) override {
    HmacSha1::Digest digest;
    if (!hmac_.digest({header, text, trailer}, digest)) return false;
    return equal_constant_time(Bytes(digest).first(tag.size()), tag) && context_.begin(iv) &&
           context_.turn(text);
  }
  bool ok() const override { return context_.ok() && hmac_.ok(); }
  void destroy() override { esp_peer::destroy(memory_, this); }

 private:
  Context context_;
  HmacSha1 hmac_;
};

class Library final : public srtp::CipherLibrary {
 public:
  bool keystream(Bytes key, const srtp::Cipher::Iv& counter, MutableBytes out) override {
    std::fill(out.begin(), out.end(), std::byte{0});
    Context context(key.size() == 32 ? algorithms().ctr_256 : algorithms().ctr_128, key, true);
    return context.ok() && context.begin(counter) && context.turn(out);
  }
  srtp::Cipher* create(crypto::SrtpProfile profile, Bytes key, Bytes authentication, bool seals,
                       Memory& memory) override {
    OurCipher* cipher = nullptr;
    if (profile == crypto::SrtpProfile::aes128_cm_sha1_80) {
      cipher = make<CounterMode>(memory, memory, key, authentication);
    } else {
      cipher = make<Gcm>(memory, memory, key, seals);
    }
    if (!cipher || cipher->ok()) return cipher;
    cipher->destroy();
    return nullptr;
  }
  void destroy(srtp::Cipher* cipher) override { static_cast<OurCipher*>(cipher)->destroy(); }
};

}  // namespace

srtp::CipherLibrary& ciphers() {
  static Library library;
  return library;
}

}  // namespace esp_peer::openssl_srtp
