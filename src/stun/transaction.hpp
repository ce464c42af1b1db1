// What a STUN client keeps about one request on its way: its id, and when to send it again.
#pragma once
#include <cstdint>

#include "base/env.hpp"
#include "base/state_hash.hpp"
#include "stun/message.hpp"

namespace esp_peer::stun {

// [rfc8489#5] 96 bits, uniform and unpredictable: without them nobody can forge an answer.
TransactionId new_transaction_id(Random& random);

// [rfc8489#6.2.1] Rc requests at intervals that double from the RTO; after the last one the wait is
// Rm × RTO. The defaults send at 0, 500, 1500, 3500, 7500, 15500 and 31500 ms and end at 39500 ms.
struct Schedule {
  Duration rto = milliseconds(500);
  std::uint8_t requests = 7;    // Rc
  std::uint8_t last_wait = 16;  // Rm
};

class Retransmission {
 public:
  static constexpr Instant never = Instant::max();
  enum class Step : std::uint8_t { none, send, timed_out };

  // The first request goes now.
  void start(Instant now, const Schedule& schedule);
  void stop() { at_ = never; }
  // What is due: another request, or the end.
  Step on_deadline(Instant now);

  // `never` when it is stopped: cheaper than an optional where many are compared.
  Instant next_deadline() const { return at_; }
  void hash_state(StateHash& hash) const;

 private:
  Instant at_ = never;
  Duration interval_{}, last_interval_{};
  std::uint8_t left_ = 0;
};

}  // namespace esp_peer::stun
