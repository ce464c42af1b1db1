#include "backends/mbedtls/backend.hpp"

#include "backends/mbedtls/endpoint.hpp"

namespace esp_peer::mbedtls {
namespace {

class MbedtlsBackend final : public dtls::Backend {
 public:
  dtls::Identity* create_identity(std::int64_t unix_seconds) override {
    return Identity::create(unix_seconds);
  }
  void retain(dtls::Identity& identity) override { static_cast<Identity&>(identity).retain(); }
  void release(dtls::Identity& identity) override { static_cast<Identity&>(identity).release(); }
  dtls::Endpoint* create_endpoint(const dtls::Options& options, dtls::Identity& identity,
                                  Env env) override {
    return make<Endpoint>(env.memory, options, static_cast<Identity&>(identity), env);
  }
  void destroy(dtls::Endpoint* endpoint) override {
    if (!endpoint) return;
    auto* ours = static_cast<Endpoint*>(endpoint);
    esp_peer::destroy(ours->memory(), ours);
  }
};

}  // namespace

dtls::Backend& backend() {
  static MbedtlsBackend* const instance = new MbedtlsBackend;  // outlives every endpoint
  return *instance;
}

}  // namespace esp_peer::mbedtls
