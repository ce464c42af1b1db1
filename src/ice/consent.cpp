#include "ice/consent.hpp"

#include <algorithm>

namespace esp_peer::ice {

void Consent::use(Instant now, const Route& route, Instant answered, Random& random) {
  if (route_ != route) {
    outstanding_.clear();
    to_write_ = false;
    route_ = route;
  }
  fresh_ = true;
  renew(answered);
  if (!timers_.armed(Timer::check)) schedule_check(now, random);
}

void Consent::pause() {
  route_.reset();
  outstanding_.clear();
  to_write_ = false;
  timers_.disarm(Timer::check);
}

void Consent::stop() {
  pause();
  timers_.disarm_all();
  fresh_ = false;
}

void Consent::on_answer(Instant now) {
  // [rfc7675#5.1] Answers after the expiry do not bring consent back.
  if (fresh_ && route_) renew(now);
}

void Consent::on_deadline(Instant now, Random& random) {
  timers_.expire(now, [&](Timer timer) {
    switch (timer) {
      case Timer::check:
        schedule_check(now, random);
        if (outstanding_.size() == outstanding_.capacity()) outstanding_.erase(0);
        outstanding_.push_back(stun::new_transaction_id(random));
        to_write_ = true;
        break;
      case Timer::report:
        reported_ = tell_report_ = true;
        break;
      case Timer::expiry:
        tell_expiry_ = true;
        break;
      case Timer::count:
        break;
    }
  });
  if (tell_expiry_) stop();
}

std::optional<stun::TransactionId> Consent::take_check() {
  if (!to_write_) return std::nullopt;
  to_write_ = false;
  return outstanding_[outstanding_.size() - 1];
}

Consent::Event Consent::poll_event() {
  if (std::exchange(tell_report_, false)) return Event::reported;
  return std::exchange(tell_expiry_, false) ? Event::expired : Event::none;
}

bool Consent::doubtful(Instant now) const {
  return !fresh_ || now - last_answer_ > longest_interval + seconds(1);
}

bool Consent::sent(const stun::TransactionId& id) const {
  for (const auto& known : outstanding_) {
    if (known == id) return true;
  }
  return false;
}

void Consent::hash_state(StateHash& hash) const {
  hash.add(route_ ? route_->local : Address{});
  hash.add(route_ ? route_->remote : Address{});
  hash.add(last_answer_);
  for (const auto timer : {Timer::check, Timer::report, Timer::expiry}) {
    hash.add(timers_.when(timer).value_or(Instant::max()));
  }
  for (const auto& id : outstanding_) hash.add(id);
  hash.add(fresh_ << 2 | to_write_ << 1 | static_cast<int>(reported_));
}

void Consent::renew(Instant answered) {
  last_answer_ = answered;
  timers_.arm(Timer::expiry, answered + lifetime);
  if (reported_ || misses_ == never_report) return;
  const auto misses = std::max<std::uint8_t>(misses_, 1);
  timers_.arm(Timer::report, answered + std::min(lifetime, longest_interval * misses));
}

void Consent::schedule_check(Instant now, Random& random) {
  const auto spread = static_cast<std::uint64_t>((longest_interval - shortest_interval).count());
  const std::uint64_t some = random.number<std::uint32_t>() * spread >> 32;
  timers_.arm(Timer::check, now + shortest_interval + Duration(static_cast<std::int64_t>(some)));
}

}  // namespace esp_peer::ice
