// The peer's candidates: those it named, and those its checks came from [rfc8445#7.3.1.3].
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/env.hpp"
#include "base/result.hpp"
#include "base/state_hash.hpp"
#include "ice/candidate.hpp"

namespace esp_peer::ice {

class RemoteCandidates {
 public:
  // Addresses learned from checks have room of their own: they can neither crowd out the named ones
  // nor be crowded out by them.
  static constexpr std::uint8_t max_learned = 8;
  static constexpr std::uint8_t most_named = 255 - max_learned;  // an index is one byte

  RemoteCandidates(Memory& memory, std::uint8_t max_named)
      : list_(memory), max_named_(std::min(max_named, most_named)) {}

  // Where it stands now. A learned candidate that is named afterwards becomes what its name says.
  Result<std::uint8_t> add_named(const Candidate& candidate);
  // Nothing when max_learned are known: then one of them may be overwritten.
  std::optional<std::uint8_t> learn(const Address& address, std::uint32_t priority);
  void overwrite(std::uint8_t index, const Address& address, std::uint32_t priority);

  std::optional<std::uint8_t> find(const Address& address) const;
  const Candidate& operator[](std::size_t i) const { return list_[i]; }
  std::size_t size() const { return list_.size(); }
  void hash_state(StateHash& hash) const;

 private:
  std::size_t learned() const;

  Vector<Candidate> list_;  // at most max_named_ + max_learned. Never shrinks.
  std::uint8_t max_named_;
};

}  // namespace esp_peer::ice
