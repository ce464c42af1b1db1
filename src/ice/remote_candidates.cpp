#include "ice/remote_candidates.hpp"

#include <algorithm>

namespace esp_peer::ice {
namespace {

Candidate reflexive(std::uint8_t index, const Address& address, std::uint32_t priority) {
  Candidate c;
  c.type = CandidateType::peer_reflexive;
  c.address = address;
  // [rfc8445#5.1.2] Priorities are 31 bits; what a hostile one has above is not ours to keep.
  c.priority = std::max<std::uint32_t>(priority & 0x7FFF'FFFF, 1);
  // Different from all others [rfc8445#7.3.1.3]: '?' is not an ice-char.
  const char foundation[] = {'?', static_cast<char>('0' + index)};
  c.foundation.assign({foundation, sizeof foundation});
  return c;
}

// Peer-reflexive is what we learned; named as such it is some server's view all the same.
Candidate as_named(const Candidate& candidate) {
  Candidate c = candidate;
  if (c.type == CandidateType::peer_reflexive) c.type = CandidateType::server_reflexive;
  return c;
}

}  // namespace

Result<std::uint8_t> RemoteCandidates::add_named(const Candidate& candidate) {
  const auto known = find(candidate.address);
  if (known && list_[*known].type != CandidateType::peer_reflexive) return *known;
  if (list_.size() - learned() >= max_named_) {
    return Error{Errc::over_limit, "too many remote candidates"};
  }
  if (known) {
    // [rfc8838#11] It was learned before it was named; now both sides see it alike.
    list_[*known] = as_named(candidate);
    return *known;
  }
  if (!list_.push_back(as_named(candidate))) {
    return Error{Errc::no_memory, "no room for a candidate"};
  }
  return static_cast<std::uint8_t>(list_.size() - 1);
}

std::optional<std::uint8_t> RemoteCandidates::learn(const Address& address,
                                                    std::uint32_t priority) {
  const auto index = static_cast<std::uint8_t>(list_.size());
  if (learned() >= max_learned || !list_.push_back(reflexive(index, address, priority))) {
    return std::nullopt;
  }
  return index;
}

void RemoteCandidates::overwrite(std::uint8_t index, const Address& address,
                                 std::uint32_t priority) {
  list_[index] = reflexive(index, address, priority);
}

std::optional<std::uint8_t> RemoteCandidates::find(const Address& address) const {
  for (std::size_t i = 0; i < list_.size(); ++i) {
    if (list_[i].address == address) return static_cast<std::uint8_t>(i);
  }
  return std::nullopt;
}

void RemoteCandidates::hash_state(StateHash& hash) const {
  for (const Candidate& c : list_) {
    hash.add(c.type);
    hash.add(c.address);
    hash.add(c.priority);
    hash.add(c.foundation.view());
  }
}

std::size_t RemoteCandidates::learned() const {
  std::size_t n = 0;
  for (const Candidate& c : list_) n += c.type == CandidateType::peer_reflexive;
  return n;
}

}  // namespace esp_peer::ice
