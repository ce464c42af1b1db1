// Virtual time: what is to happen, in the order of (time, sequence).
#pragma once
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "base/time.hpp"

namespace esp_peer::sim {

class Timeline {
 public:
  using Action = std::function<void()>;

  // Begins five seconds before 32 bits of microseconds overflow: whoever keeps too few of them is
  // found out early.
  static constexpr Instant beginning{Duration((std::int64_t{1} << 32) - 5'000'000)};

  Timeline() = default;
  Timeline(const Timeline&) = delete;

  void at(Instant when, Action action) {
    queue_.push(Entry{std::max(when, now_), sequence_++, std::move(action)});
  }
  void after(Duration delay, Action action) { at(now_ + delay, std::move(action)); }
  // Heard whenever time has moved: the clock of a TLS library must move along.
  void on_time(std::function<void(Instant)> listener) {
    listener_ = std::move(listener);
    if (listener_) listener_(now_);
  }

  // Does the next thing that is due by `until`; false when there is none, and it is `until` then.
  bool step(Instant until) {
    if (queue_.empty() || queue_.top().when > until || exhausted()) {
      move_to(until);
      return false;
    }
    // The action may add others, so it leaves the queue first.
    Entry entry = std::move(const_cast<Entry&>(queue_.top()));
    queue_.pop();
    move_to(entry.when);
    ++steps_;
    entry.action();
    return true;
  }
  void run_until(Instant until) {
    while (step(until)) {
    }
  }
  void run_for(Duration duration) { run_until(now_ + duration); }

  Instant now() const { return now_; }
  std::uint64_t steps() const { return steps_; }
  // Something feeds itself: nothing more happens.
  bool exhausted() const { return steps_ >= max_steps_; }
  // A run takes some thousands; who plans a longer one says so.
  void allow_steps(std::uint64_t most) { max_steps_ = most; }

 private:
  struct Entry {
    Instant when;
    std::uint64_t sequence;
    Action action;
    bool operator<(const Entry& other) const {  // the queue hands out its largest
      return when != other.when ? when > other.when : sequence > other.sequence;
    }
  };
  void move_to(Instant when) {
    if (when <= now_) return;
    now_ = when;
    if (listener_) listener_(now_);
  }

  std::priority_queue<Entry> queue_;
  std::function<void(Instant)> listener_;
  Instant now_ = beginning;
  std::uint64_t sequence_ = 0, steps_ = 0, max_steps_ = 300'000;
};

}  // namespace esp_peer::sim
