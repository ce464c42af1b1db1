#include "sim/plain_dtls.hpp"

#include "sim/plain_endpoint.hpp"

namespace esp_peer::sim {

dtls::Identity* PlainDtls::create_identity(std::int64_t) {
  PlainCertificate certificate;
  rng_.fill(certificate);
  ++identities_;
  return new PlainIdentity(crypto_, certificate);
}

void PlainDtls::retain(dtls::Identity& identity) {
  ++static_cast<PlainIdentity&>(identity).references;
}

void PlainDtls::release(dtls::Identity& identity) {
  auto& ours = static_cast<PlainIdentity&>(identity);
  if (--ours.references != 0) return;
  --identities_;
  delete &ours;
}

dtls::Endpoint* PlainDtls::create_endpoint(const dtls::Options& options, dtls::Identity& identity,
                                           Env env) {
  last_ = options;
  if (!has_srtp_) last_.srtp_profiles.clear();
  auto& ours = static_cast<PlainIdentity&>(identity);
  auto* endpoint = make<PlainEndpoint>(env.memory, last_, ours, crypto_, env);
  if (!endpoint) return nullptr;
  retain(identity);
  endpoints_.push_back(endpoint);
  return endpoint;
}

void PlainDtls::destroy(dtls::Endpoint* endpoint) {
  if (!endpoint) return;
  auto* ours = static_cast<PlainEndpoint*>(endpoint);
  release(ours->identity());
  std::erase(endpoints_, ours);
  esp_peer::destroy(ours->memory(), ours);
}

PlainEndpoint* PlainDtls::endpoint_with(const Memory& memory) const {
  PlainEndpoint* last = nullptr;
  for (PlainEndpoint* endpoint : endpoints_) {
    if (&endpoint->memory() == &memory) last = endpoint;
  }
  return last;
}

}  // namespace esp_peer::sim
