#include "backends/openssl_srtp/backend.hpp"

#include "backends/openssl_srtp/ciphers.hpp"
#include "srtp/packet_transform.hpp"

namespace esp_peer::openssl_srtp {
namespace {

class Backend final : public srtp::Backend {
 public:
  srtp::Transform* create(crypto::SrtpProfile profile, const srtp::MasterKey& ours,
                          const srtp::MasterKey& theirs, Env env) override {
    auto* const transform =
        make<srtp::PacketTransform>(env.memory, profile, ours, theirs, ciphers(), env);
    if (!transform || transform->ok()) return transform;
    destroy(transform);
    return nullptr;
  }
  void destroy(srtp::Transform* transform) override {
    auto* const its = static_cast<srtp::PacketTransform*>(transform);
    esp_peer::destroy(its->memory(), its);
  }
};

}  // namespace

srtp::Backend& backend() {
  static Backend instance;
  return instance;
}

}  // namespace esp_peer::openssl_srtp
