#include "backends/libsrtp/backend.hpp"

#include "backends/libsrtp/transform.hpp"

namespace esp_peer::libsrtp {
namespace {

class Library final : public srtp::Backend {
 public:
  srtp::Transform* create(crypto::SrtpProfile profile, const srtp::MasterKey& ours,
                          const srtp::MasterKey& theirs, Env env) override {
    // Once for the process, and never shut down: others may use it too.
    static const bool ready = srtp_init() == srtp_err_status_ok;
    auto* const transform =
        ready ? make<Transform>(env.memory, profile, ours, theirs, env.memory) : nullptr;
    if (!transform || transform->ok()) return transform;
    destroy(transform);
    return nullptr;
  }
  void destroy(srtp::Transform* transform) override {
    auto* const its = static_cast<Transform*>(transform);
    esp_peer::destroy(its->memory(), its);
  }
};

}  // namespace

srtp::Backend& backend() {
  static Library library;
  return library;
}

}  // namespace esp_peer::libsrtp
