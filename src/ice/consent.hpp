// Whether the peer still wants to hear from us: a check every five seconds or so on the path in
// use, and an end when none is answered [rfc7675#5.1].
#pragma once
#include <cstdint>
#include <optional>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/state_hash.hpp"
#include "base/timer_table.hpp"
#include "stun/transaction.hpp"

namespace esp_peer::ice {

class Consent {
 public:
  enum class Event : std::uint8_t { none, reported, expired };

  static constexpr Duration lifetime = seconds(30);
  static constexpr Duration shortest_interval = seconds(4);  // 5 s × 0.8
  static constexpr Duration longest_interval = seconds(6);   // 5 s × 1.2
  static constexpr std::uint8_t never_report = 0xFF;

  explicit Consent(std::uint8_t misses) : misses_(misses) {}

  // The path in use, on which a check was answered at `answered`. Answers to checks on an older
  // path count no more.
  void use(Instant now, const Route& route, Instant answered, Random& random);
  // No path is valid now. What was consented to goes on growing old.
  void pause();
  void stop();

  // A good answer came on this path.
  void on_answer(Instant now);
  void on_deadline(Instant now, Random& random);

  // The id of a check that is to be written on route(), once for each.
  std::optional<stun::TransactionId> take_check();
  Event poll_event();

  std::optional<Instant> next_deadline() const { return timers_.next(); }
  const std::optional<Route>& route() const { return route_; }
  bool fresh() const { return fresh_; }
  // A whole check and its time to be answered have passed in silence.
  bool doubtful(Instant now) const;
  bool sent(const stun::TransactionId& id) const;
  void hash_state(StateHash& hash) const;

 private:
  enum class Timer : std::uint8_t { check, report, expiry, count };
  // 30 s hold at most eight checks 4 s apart; the oldest id is forgotten.
  static constexpr std::size_t max_outstanding = 8;

  void renew(Instant answered);
  void schedule_check(Instant now, Random& random);

  std::uint8_t misses_;
  std::optional<Route> route_;
  Instant last_answer_{};
  TimerTable<Timer> timers_;
  FixedVector<stun::TransactionId, max_outstanding> outstanding_;
  bool fresh_ = false, to_write_ = false, reported_ = false;
  bool tell_report_ = false, tell_expiry_ = false;
};

}  // namespace esp_peer::ice
