#include "ice/local_candidates.hpp"

namespace esp_peer::ice {

Status LocalCandidates::add_host(const Address& base) {
  if (base.is_unspecified() || base.port == 0) {
    return Error{Errc::invalid_argument, "no address to be reached at"};
  }
  if (find_base(base)) return {};
  if (list_.size() >= max_hosts()) return Error{Errc::over_limit, "too many local candidates"};
  return add(CandidateType::host, base, base, {});
}

bool LocalCandidates::add_reflexive(const Address& base, const Address& mapped,
                                    const Address& server) {
  if (mapped.is_unspecified() || mapped.port == 0 || mapped.is_v4() != base.is_v4()) return false;
  for (const Candidate& c : list_) {
    if (c.address == mapped && c.base == base) return false;
  }
  return add(CandidateType::server_reflexive, base, mapped, server).code() == Errc::ok;
}

bool LocalCandidates::add_relayed(const Address& relayed, const Address& server) {
  if (relayed.is_unspecified() || relayed.port == 0 || find_base(relayed)) return false;
  return add(CandidateType::relayed, relayed, relayed, server).code() == Errc::ok;
}

std::optional<std::uint8_t> LocalCandidates::find_base(const Address& base) const {
  for (std::size_t i = 0; i < list_.size(); ++i) {
    const bool sends = list_[i].type != CandidateType::server_reflexive;
    if (sends && list_[i].base == base) return static_cast<std::uint8_t>(i);
  }
  return std::nullopt;
}

bool LocalCandidates::has_family_of(const Address& address) const {
  for (const Candidate& c : list_) {
    if (c.address.is_v4() == address.is_v4()) return true;
  }
  return false;
}

std::uint32_t LocalCandidates::priority_in_checks(std::uint8_t index) const {
  const auto local_preference = static_cast<std::uint16_t>(list_[index].priority >> 8);
  return candidate_priority(CandidateType::peer_reflexive, local_preference, 1);
}

CandidateType LocalCandidates::type_of(const Address& mapped, const Address& base) const {
  for (const Candidate& c : list_) {
    if (c.address == mapped && c.base == base) return c.type;
  }
  return CandidateType::peer_reflexive;
}

void LocalCandidates::hash_state(StateHash& hash) const {
  for (const Candidate& c : list_) {
    hash.add(c.type);
    hash.add(c.address);
    hash.add(c.base);
    hash.add(c.priority);
  }
}

Status LocalCandidates::add(CandidateType type, const Address& base, const Address& address,
                            const Address& server) {
  if (list_.size() >= max_) return Error{Errc::over_limit, "too many local candidates"};
  Candidate c;
  c.type = type;
  c.address = address;
  c.base = base;
  // [rfc8445#5.1.2] Each its own local preference, so that no two priorities are equal.
  const auto local_preference = static_cast<std::uint16_t>(65535 - list_.size());
  c.priority = candidate_priority(type, local_preference, c.component);
  set_foundation(c, server);
  if (!list_.push_back(c)) return Error{Errc::no_memory, "no room for a candidate"};
  return {};
}

// [rfc8445#5.1.1.3] Equal for equal type, transport, base IP and server IP.
void LocalCandidates::set_foundation(Candidate& candidate, const Address& server) const {
  StateHash hash;
  hash.add(salt_);
  hash.add(candidate.type);
  hash.add(candidate.transport);
  hash.add(candidate.base.with_port(0));
  hash.add(server.with_port(0));
  char digits[8];
  for (std::size_t i = 0; i < sizeof digits; ++i) {
    digits[i] = "0123456789abcdef"[hash.value() >> (4 * i) & 15];
  }
  candidate.foundation.assign({digits, sizeof digits});
}

}  // namespace esp_peer::ice
