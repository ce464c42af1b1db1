// DTLS for bulk seeds: the same interface, flights, retransmissions, fingerprints, replay window
// and record sizes, and no cipher. Corruption is noticed by a checksum over a key that anybody
// could compute: safe against the weather, not against people.
#pragma once
#include <vector>

#include "crypto/provider.hpp"
#include "dtls/endpoint.hpp"
#include "sim/random.hpp"

namespace esp_peer::sim {

class PlainEndpoint;

class PlainDtls final : public dtls::Backend {
 public:
  PlainDtls(crypto::Provider& crypto, Rng rng) : crypto_(crypto), rng_(rng) {}

  dtls::Identity* create_identity(std::int64_t unix_seconds) override;
  void retain(dtls::Identity& identity) override;
  void release(dtls::Identity& identity) override;
  dtls::Endpoint* create_endpoint(const dtls::Options& options, dtls::Identity& identity,
                                  Env env) override;
  void destroy(dtls::Endpoint* endpoint) override;

  // What nobody has given back.
  int live_identities() const { return identities_; }
  int live_endpoints() const { return static_cast<int>(endpoints_.size()); }
  // The last one that was made with this memory; nullptr when it is gone.
  PlainEndpoint* endpoint_with(const Memory& memory) const;
  // What the endpoint made last is to offer.
  const dtls::Options& options() const { return last_; }
  // Endpoints to come know of no SRTP, as those of a library without it.
  void leave_out_srtp() { has_srtp_ = false; }

 private:
  crypto::Provider& crypto_;
  Rng rng_;
  int identities_ = 0;
  std::vector<PlainEndpoint*> endpoints_;
  dtls::Options last_{};
  bool has_srtp_ = true;
};

}  // namespace esp_peer::sim
