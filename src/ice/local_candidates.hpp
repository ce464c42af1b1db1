// Our own candidates: sockets, and how STUN servers see them [rfc8445#5.1].
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "base/env.hpp"
#include "base/result.hpp"
#include "base/state_hash.hpp"
#include "ice/candidate.hpp"

namespace esp_peer::ice {

class LocalCandidates {
 public:
  // `salt` makes foundations say nothing about addresses.
  LocalCandidates(Memory& memory, std::uint8_t max, std::uint64_t salt)
      : list_(memory), max_(max), salt_(salt) {}

  Status add_host(const Address& base);
  // False when it is redundant [rfc8445#5.1.3] or one too many.
  bool add_reflexive(const Address& base, const Address& mapped, const Address& server);

  // An address of ours on a TURN server, which datagrams leave from as from a socket. The same.
  bool add_relayed(const Address& relayed, const Address& server);

  std::span<const Candidate> list() const { return {list_.begin(), list_.size()}; }
  const Candidate& operator[](std::size_t i) const { return list_[i]; }
  std::size_t size() const { return list_.size(); }
  // The candidate that datagrams of this socket belong to.
  std::optional<std::uint8_t> find_base(const Address& base) const;
  bool has_family_of(const Address& address) const;
  // [rfc8445#7.1.1] What a candidate learned from a check of ours would have.
  std::uint32_t priority_in_checks(std::uint8_t index) const;
  // [rfc8445#7.2.5.3.1] What the address is that the peer saw behind this socket.
  CandidateType type_of(const Address& mapped, const Address& base) const;
  void hash_state(StateHash& hash) const;

 private:
  // The rest is for what servers see: without it many interfaces would shut us in behind a NAT.
  std::size_t max_hosts() const { return max_ - max_ / 4u; }
  Status add(CandidateType type, const Address& base, const Address& address,
             const Address& server);
  void set_foundation(Candidate& candidate, const Address& server) const;

  Vector<Candidate> list_;  // at most max_; further ones are refused. Never shrinks.
  std::uint8_t max_;
  std::uint64_t salt_;
};

}  // namespace esp_peer::ice
