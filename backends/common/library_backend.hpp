// What every backend over a TLS library has alike: identities that are counted, from any thread,
// and endpoints in lent memory.
#pragma once
#include <atomic>
#include <new>

#include "dtls/endpoint.hpp"

namespace esp_peer::dtls {

// A library's identity adds `bool generate(unix_seconds)`, which makes key, certificate and
// fingerprint_.
class CountedIdentity : public Identity {
 public:
  CountedIdentity(const CountedIdentity&) = delete;

  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  // True: that was the last one, and whoever gave it back deletes it.
  [[nodiscard]] bool drop() { return references_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  const Fingerprint& fingerprint() const final { return fingerprint_; }

 protected:
  CountedIdentity() = default;
  ~CountedIdentity() = default;
  Fingerprint fingerprint_;

 private:
  std::atomic<int> references_{1};
};

template <class LibraryEndpoint, class LibraryIdentity>
class LibraryBackend final : public Backend {
 public:
  Identity* create_identity(std::int64_t unix_seconds) override {
    auto* identity = new (std::nothrow) LibraryIdentity;
    if (identity && identity->generate(unix_seconds)) return identity;
    delete identity;
    return nullptr;
  }
  void retain(Identity& identity) override { of(identity).retain(); }
  void release(Identity& identity) override {
    if (of(identity).drop()) delete &of(identity);
  }
  Endpoint* create_endpoint(const Options& options, Identity& identity, Env env) override {
    retain(identity);
    Endpoint* made = make<LibraryEndpoint>(env.memory, options, of(identity), env);
    if (!made) release(identity);
    return made;
  }
  void destroy(Endpoint* endpoint) override {
    if (!endpoint) return;
    auto* ours = static_cast<LibraryEndpoint*>(endpoint);
    LibraryIdentity& identity = ours->identity();
    esp_peer::destroy(ours->memory(), ours);
    release(identity);
  }

 private:
  static LibraryIdentity& of(Identity& identity) { return static_cast<LibraryIdentity&>(identity); }
};

}  // namespace esp_peer::dtls
