#include "rtp/jitter_buffer.hpp"

#include <algorithm>

#include "base/timer_table.hpp"

namespace esp_peer::rtp {

bool JitterBuffer::insert(Instant now, std::uint64_t sequence, std::uint32_t timestamp,
                          Bytes payload) {
  drop_unfetched();
  if (sequence < next_) return false;
  if (next_ == 0) next_ = sequence;
  std::size_t at = held_.size();
  while (at > 0 && held_[at - 1].sequence >= sequence) --at;
  if (at < held_.size() && held_[at].sequence == sequence) return false;
  Held held;
  held.sequence = sequence;
  held.arrived = now;
  held.frame.timestamp = timestamp;
  held.frame.payload = Buffer::copy_of(memory_, payload);
  if (!held.frame.payload) return false;
  bytes_ += cost(held);
  if (!held_.insert(at, std::move(held))) {
    bytes_ -= payload.size() + bookkeeping;
    return false;
  }
  release_above_bound();
  return true;
}

// What was released before and is still here, nobody fetches.
void JitterBuffer::drop_unfetched() {
  while (bytes_ > options_.most_bytes) {
    next_ = held_[0].sequence + 1;
    bytes_ -= cost(held_[0]);
    held_.erase(0);
  }
}

void JitterBuffer::release_above_bound() {
  std::size_t stays = bytes_;
  for (const Held& held : held_) {
    if (stays <= options_.most_bytes) return;
    stays -= cost(held);
    released_ = std::max(released_, held.sequence + 1);
  }
}

void JitterBuffer::on_deadline(Instant now) {
  for (const Held& held : held_) {
    if (held.arrived + options_.longest_hold <= now) {
      released_ = std::max(released_, held.sequence + 1);
    }
  }
}

std::optional<JitterBuffer::Frame> JitterBuffer::take() {
  if (held_.empty() || !ready(held_[0])) return std::nullopt;
  Held first = std::move(held_[0]);
  held_.erase(0);
  bytes_ -= cost(first);
  next_ = first.sequence + 1;
  return std::move(first.frame);
}

bool JitterBuffer::wants(std::uint64_t sequence) const {
  const auto is_it = [&](const Held& held) { return held.sequence == sequence; };
  return sequence >= next_ && std::none_of(held_.begin(), held_.end(), is_it);
}

std::optional<Instant> JitterBuffer::next_deadline() const {
  std::optional<Instant> next;
  std::uint64_t in_order = next_;
  for (const Held& held : held_) {
    // What goes out now waits for whoever fetches it, and for no time.
    if (held.sequence < released_ || held.sequence == in_order) {
      in_order = held.sequence + 1;
      continue;
    }
    next = earliest(next, held.arrived + options_.longest_hold);
  }
  return next;
}

void JitterBuffer::hash_state(StateHash& hash) const {
  for (const Held& held : held_) {
    hash.add(held.sequence);
    hash.add(held.frame.payload.bytes());
  }
  hash.add(next_);
  hash.add(released_);
}

}  // namespace esp_peer::rtp
