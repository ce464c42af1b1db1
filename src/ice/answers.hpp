// Answers to Binding requests, on their way out [rfc8489#6.3, #9.1.3].
#pragma once
#include <cstdint>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/state_hash.hpp"
#include "crypto/provider.hpp"
#include "stun/message.hpp"

namespace esp_peer::ice {

enum class StunError : std::uint16_t {
  none = 0,
  bad_request = 400,
  unauthenticated = 401,
  forbidden = 403,
  unknown_attribute = 420,
  role_conflict = 487,
};

class Answers {
 public:
  // The owner drains them after every datagram; of a flood in between the newest are dropped, and
  // strangers leave room for those who know our password.
  static constexpr std::size_t max = 64;
  static constexpr std::size_t max_before_refusals = 16;

  explicit Answers(Memory& memory) : waiting_(memory) {}

  // To a request that passed the check: signed, whatever it says.
  void answer(const Route& route, const stun::Message& request, StunError error);
  // To one that did not: unsigned. exception: [rfc8489#9.1.3] wants it always; we say nothing to a
  // request that is smaller, so that nobody can be flooded through us.
  void refuse(const Route& route, const stun::Message& request, StunError error,
              std::size_t request_size);
  void clear() { waiting_.clear(); }

  std::size_t write(crypto::Provider& crypto, Bytes password, MutableBytes out, Route& to);

  // What strangers made us say is no state.
  void hash_state(StateHash& hash) const;

 private:
  struct Answer {
    Route to;
    stun::TransactionId id{};
    StunError error = StunError::none;
    bool is_signed = true;
    FixedVector<std::uint16_t, 8> unknown;
  };
  void push(const Answer& answer);

  Deque<Answer> waiting_;  // at most max
};

}  // namespace esp_peer::ice
