// Something that the server keeps for us for a while, and that we renew in time: the allocation, a
// permission, a channel.
#pragma once
#include <algorithm>

#include "turn/transaction.hpp"

namespace esp_peer::turn {

class Lease {
 public:
  static constexpr Instant never = stun::Retransmission::never;
  // [rfc8656#8] So long before the end it is asked for again: a request and, should all of its
  // copies be lost, a good part of a second one.
  static constexpr Duration margin = seconds(60);
  static constexpr Duration pause = seconds(2);  // after nobody has answered

  void want() {
    wanted_ = true;
    next_ = never;
  }
  void start(Instant now, const stun::Schedule& schedule, Random& random) {
    wanted_ = false;
    transaction.start(now, schedule, random);
  }
  void on_granted(Instant now, Duration lifetime) {
    transaction.stop();
    transaction.challenges = 0;
    expires_ = now + lifetime;
    next_ = expires_ - std::min(margin, lifetime / 2);
  }
  void ask_later(Instant at) {
    transaction.stop();
    transaction.challenges = 0;
    next_ = at;
  }
  // What is held stays until its time is over.
  void on_refused() { ask_later(never); }
  // Its time is over.
  void end() {
    on_refused();
    wanted_ = false;
    expires_ = Instant::min();
  }
  stun::Retransmission::Step on_deadline(Instant now) {
    if (next_ <= now) want();
    const auto step = transaction.timer.on_deadline(now);
    if (step == stun::Retransmission::Step::send) transaction.to_write = true;
    return step;
  }

  bool wanted() const { return wanted_; }
  bool held(Instant now) const { return now < expires_; }
  Instant expires() const { return expires_; }
  Instant next_deadline() const { return std::min(next_, transaction.timer.next_deadline()); }
  void hash_state(StateHash& hash) const {
    transaction.hash_state(hash);
    hash.add(next_);
    hash.add(expires_);
    hash.add(wanted_);
  }

  Transaction transaction;

 private:
  Instant next_ = never;
  Instant expires_ = Instant::min();
  bool wanted_ = false;
};

}  // namespace esp_peer::turn
