#include "stun/transaction.hpp"

namespace esp_peer::stun {

TransactionId new_transaction_id(Random& random) {
  TransactionId id;
  random.fill_public(id);
  return id;
}

void Retransmission::start(Instant now, const Schedule& schedule) {
  left_ = static_cast<std::uint8_t>(schedule.requests - 1);
  last_interval_ = schedule.rto * schedule.last_wait;
  interval_ = schedule.rto;
  at_ = now + (left_ == 0 ? last_interval_ : interval_);
}

Retransmission::Step Retransmission::on_deadline(Instant now) {
  if (now < at_) return Step::none;
  if (left_ == 0) {
    at_ = never;
    return Step::timed_out;
  }
  --left_;
  interval_ *= 2;
  at_ = now + (left_ == 0 ? last_interval_ : interval_);
  return Step::send;
}

void Retransmission::hash_state(StateHash& hash) const {
  hash.add(at_);
  hash.add(interval_);
  hash.add(left_);
}

}  // namespace esp_peer::stun
