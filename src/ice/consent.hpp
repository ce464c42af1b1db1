// Whether the peer still wants to hear from us [rfc7675#5.1].
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/state_hash.hpp"
#include "stun/message.hpp"

namespace esp_peer::ice {

class Consent {
 public:
  static constexpr Duration lifetime = seconds(30);
  static constexpr Duration interval = seconds(5);  // × 0.8 … 1.2
  static constexpr Duration miss = seconds(6);      // the longest of these
  static constexpr std::uint8_t never_report = 0xFF;

  explicit Consent(std::uint8_t misses) : misses_(misses) {}

  // The peer has answered on the path in use. Consent that has ended does not come back.
  void renew(Instant now, Random& random) {
    if (ended_) return;
    last_answer_ = now;
    if (!next_check_) schedule(now, random);
  }
  // True when a check should go out now; the next one is set.
  bool take_check_if_due(Instant now, Random& random) {
    if (ended_ || !next_check_ || now < *next_check_) return false;
    schedule(now, random);
    return true;
  }
  // The id of a new check; answers to any of the last ones count, since one may be late.
  const stun::TransactionId& begin_check(Random& random) {
    if (outstanding_.size() == outstanding_.capacity()) outstanding_.erase(0);
    stun::TransactionId id{};
    random.fill_public(id);
    outstanding_.push_back(id);
    return outstanding_[outstanding_.size() - 1];
  }
  bool owns(const stun::TransactionId& id) const {
    return std::find(outstanding_.begin(), outstanding_.end(), id) != outstanding_.end();
  }

  // True once, 30 s after the last answer.
  bool end_if_due(Instant now) {
    if (ended_ || !last_answer_ || now < *last_answer_ + lifetime) return false;
    ended_ = true;
    next_check_.reset();
    return true;
  }
  // True once, when so many checks in a row went unanswered that the application should know.
  bool report_if_due(Instant now) {
    const auto at = report_at();
    if (!at || now < *at) return false;
    reported_ = true;
    return true;
  }

  bool fresh() const { return last_answer_ && !ended_; }
  std::optional<Instant> last_answer() const { return last_answer_; }
  std::optional<Instant> next_deadline() const {
    auto next = ended_ ? std::nullopt : next_check_;
    if (!ended_ && last_answer_)
      next = std::min(next.value_or(Instant::max()), *last_answer_ + lifetime);
    if (const auto at = report_at()) next = std::min(next.value_or(Instant::max()), *at);
    return next;
  }
  void hash_state(StateHash& hash) const {
    hash.add(last_answer_.value_or(Instant::min()));
    hash.add(next_check_.value_or(Instant::min()));
    hash.add(ended_);
    hash.add(reported_);
  }

 private:
  void schedule(Instant now, Random& random) {
    const std::int64_t spread = interval.count() * 4 / 10;
    next_check_ =
        now + interval * 8 / 10 +
        Duration(static_cast<std::int64_t>(random.number<std::uint32_t>()) % (spread + 1));
  }
  std::optional<Instant> report_at() const {
    if (reported_ || !last_answer_ || misses_ == never_report) return std::nullopt;
    return *last_answer_ + std::min(lifetime, miss * misses_);
  }

  std::uint8_t misses_;
  std::optional<Instant> last_answer_, next_check_;
  // 30 s at no less than 4 s each; older ones are forgotten.
  FixedVector<stun::TransactionId, 8> outstanding_;
  bool ended_ = false, reported_ = false;
};

}  // namespace esp_peer::ice
