// One request to the server, until its answer comes or nobody waits for it any more.
#pragma once
#include <cstdint>

#include "base/env.hpp"
#include "stun/transaction.hpp"

namespace esp_peer::turn {

struct Transaction {
  // A server whose nonces are old at once is asked so often.
  static constexpr std::uint8_t max_challenges = 16;

  stun::TransactionId id{};
  stun::Retransmission timer;
  std::uint8_t challenges = 0;  // 401 and 438, one behind the other
  bool running = false;
  bool to_write = false;
  bool is_signed = false;  // what was sent last
  bool forged = false;     // answers with a wrong integrity have come

  void start(Instant now, const stun::Schedule& schedule, Random& random) {
    id = stun::new_transaction_id(random);
    timer.start(now, schedule);
    running = to_write = true;
    forged = false;
  }
  void stop() {
    timer.stop();
    running = to_write = false;
  }
  void hash_state(StateHash& hash) const {
    hash.add(id);
    timer.hash_state(hash);
    hash.add(challenges);
    hash.add(running << 2 | to_write << 1 | static_cast<int>(is_signed));  // forged is for people
  }
};

}  // namespace esp_peer::turn
