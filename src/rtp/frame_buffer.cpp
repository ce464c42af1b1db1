#include "rtp/frame_buffer.hpp"

#include <algorithm>

#include "base/timer_table.hpp"

namespace esp_peer::rtp {

bool FrameBuffer::insert(Instant now, std::uint64_t sequence, std::uint32_t timestamp, bool marker,
                         Bytes payload) {
  if (!started_) restart(sequence);
  if (!extend_to(now, sequence)) return false;
  Slot& slot = window_[static_cast<std::size_t>(sequence - next_)];
  if (slot.here) return false;
  slot.payload = Buffer::copy_of(memory_, payload);
  if (!slot.payload) return false;
  note_round_trip(now, slot);
  slot.timestamp = timestamp;
  slot.marker = marker;
  slot.at = now;
  slot.here = true;
  --missing_;
  bytes_ += payload.size();
  newest_ = now;
  drop_remains();
  give_up_above_bound();
  return true;
}

void FrameBuffer::restart(std::uint64_t sequence) {
  lossy_ = lossy_ || !window_.empty();
  while (!window_.empty()) pop_front();
  cut_.reset();
  unsure_ = false;
  next_ = first_ = sequence;
  started_ = true;
}

bool FrameBuffer::extend_to(Instant now, std::uint64_t sequence) {
  if (sequence < next_) return extend_back_to(now, sequence);
  while (next_ + window_.size() <= sequence) {
    if (!add_place(now, false)) return false;
    give_up_above_bound();
  }
  return sequence >= next_;  // else given up to make room for itself
}

bool FrameBuffer::extend_back_to(Instant now, std::uint64_t sequence) {
  if (!reaches_back_to(sequence)) return false;
  while (sequence < next_) {
    if (!add_place(now, true)) return false;
    --next_;
    joined_ = 0;
  }
  return true;
}

bool FrameBuffer::add_place(Instant now, bool in_front) {
  Slot slot;
  slot.at = now + options_.resend_delay;
  slot.since = now;
  const bool added =
      in_front ? window_.push_front(std::move(slot)) : window_.push_back(std::move(slot));
  bytes_ += added ? bookkeeping : 0;
  missing_ += added;
  return added;
}

// Of a packet that was asked for once: then it is known which request has brought it.
void FrameBuffer::note_round_trip(Instant now, const Slot& slot) {
  if (slot.requests != 1) return;
  const Duration sample = now - (slot.at - request_interval());
  round_trip_ = round_trip_ == Duration(0) ? sample : (round_trip_ * 7 + sample) / 8;
}

Duration FrameBuffer::request_interval() const {
  // A packet that comes a little later than usual is not asked for again; but where little time is
  // left, rather once too often.
  const Duration late = std::min(round_trip_ * 5 / 4, options_.longest_hold / 6);
  return std::max(options_.resend_delay, late);
}

// How many packets the frame in front has, if all of them are here; else 0.
std::size_t FrameBuffer::whole_frame_size() const {
  while (joined_ < window_.size() && window_[joined_].here) {
    // A sender that sets no marker ends a frame with the next one's beginning.
    if (joined_ > 0 && window_[joined_].timestamp != window_[0].timestamp) return joined_;
    if (window_[joined_].marker) return joined_ + 1;
    ++joined_;
  }
  return 0;
}

std::optional<FrameBuffer::Frame> FrameBuffer::take() {
  give_up_late();
  drop_remains();
  const std::size_t size = whole_frame_size();
  if (size == 0) return std::nullopt;
  Frame frame{window_[0].timestamp, Vector<Buffer>(memory_), lossy_, unsure_ || first_ != 0};
  if (!frame.payloads.reserve(size)) {
    give_up_front();
    return std::nullopt;
  }
  for (std::size_t i = 0; i < size; ++i) {
    bytes_ -= window_[0].payload.size();
    if (window_[0].payload.size() != 0) {
      static_cast<void>(frame.payloads.push_back(std::move(window_[0].payload)));
    }
    pop_front();
  }
  lossy_ = unsure_ = false;
  return frame;
}

void FrameBuffer::pop_front() {
  const Slot& slot = window_[0];
  if (slot.here) {
    bytes_ -= slot.payload.size();
  } else {
    --missing_;
  }
  bytes_ -= bookkeeping;
  window_.pop_front();
  ++next_;
  first_ = 0;
  joined_ = 0;
}

Instant FrameBuffer::patience_ends() const {
  if (joined_ < window_.size()) return window_[joined_].since + options_.longest_hold;
  return newest_ + std::max(longest_pause, options_.longest_hold);
}

// What is here of the frame in front, and what is missing before it and in it. What is missing
// behind it stays when its last packet is not here: it may be the beginning of the next. And it may
// have been no more than the end of the one before: what is whole behind it is not given up.
void FrameBuffer::give_up_front() {
  lossy_ = true;
  if (!window_.empty() && !window_[0].here) {
    while (!window_.empty() && !window_[0].here) pop_front();
    unsure_ = true;
    drop_remains();
    if (whole_frame_size() != 0) return;
  }
  if (window_.empty() || !window_[0].here) return;
  const std::uint32_t timestamp = window_[0].timestamp;
  std::size_t end = 0;
  for (std::size_t i = 0; i < window_.size(); ++i) {
    if (!window_[i].here) continue;
    if (window_[i].timestamp != timestamp) break;
    end = i + 1;
    if (window_[i].marker) break;
  }
  const bool cut = !window_[end - 1].marker;
  while (end-- > 0) pop_front();
  cut_ = cut ? std::optional(timestamp) : std::nullopt;
  unsure_ = cut;
}

// What comes of a frame after that was given up, and packets with nothing in them, which are there
// for a sender to try the path with [rfc3550#5.1].
void FrameBuffer::drop_remains() {
  while (!window_.empty() && window_[0].here) {
    const bool cut = cut_ == window_[0].timestamp;
    if (!cut) cut_.reset();
    if (!cut && window_[0].payload.size() != 0) break;
    if (cut && window_[0].marker) {
      cut_.reset();
      unsure_ = false;
    }
    const bool first = first_ != 0;
    pop_front();
    if (first) first_ = next_;
  }
}

void FrameBuffer::give_up_above_bound() {
  while (bytes_ > options_.most_bytes && !window_.empty()) give_up_front();
}

void FrameBuffer::on_deadline(Instant now) {
  looked_at_ = now;
  give_up_late();
}

void FrameBuffer::give_up_late() {
  while (!window_.empty() && whole_frame_size() == 0 && patience_ends() <= looked_at_) {
    give_up_front();
  }
}

std::size_t FrameBuffer::request(Instant now, std::span<std::uint16_t> out) {
  std::size_t count = 0;
  if (missing_ == 0) return 0;
  for (std::size_t i = 0; i < window_.size() && count < out.size(); ++i) {
    Slot& slot = window_[i];
    if (slot.here || slot.requests == max_requests || slot.at > now) continue;
    out[count++] = static_cast<std::uint16_t>(next_ + i);
    ++slot.requests;
    slot.at = now + request_interval();
  }
  return count;
}

bool FrameBuffer::endangered() const {
  constexpr std::uint8_t several = 3;
  if (missing_ == 0 || looked_at_ == Instant::min() || whole_frame_size() != 0) return false;
  const Duration interval = request_interval(), due = round_trip_ * 5 / 4;
  const Duration left = patience_ends() - looked_at_;
  if (left > options_.longest_hold / 2) return false;
  for (std::size_t i = 0; i < window_.size(); ++i) {
    const Slot& slot = window_[i];
    if (slot.here || slot.requests < several) continue;
    const Duration since_last = looked_at_ - (slot.at - interval);
    const auto under_way = since_last < due ? 1 + (due - since_last) / interval : 0;
    if (slot.requests - under_way >= (left <= round_trip_ ? several - 1 : several)) return true;
  }
  return false;
}

bool FrameBuffer::wants_packets() const {
  for (std::size_t i = 0; missing_ != 0 && i < window_.size(); ++i) {
    const Slot& slot = window_[i];
    if (!slot.here && slot.requests != max_requests && slot.at <= looked_at_) return true;
  }
  return false;
}

std::optional<Instant> FrameBuffer::next_deadline() const {
  std::optional<Instant> next;
  if (!window_.empty() && whole_frame_size() == 0) next = patience_ends();
  for (std::size_t i = 0; missing_ != 0 && i < window_.size(); ++i) {
    const Slot& slot = window_[i];
    if (slot.here || slot.requests == max_requests || slot.at <= looked_at_) continue;
    next = earliest(next, slot.at);
  }
  return next;
}

void FrameBuffer::hash_state(StateHash& hash) const {
  hash.add(next_);
  for (std::size_t i = 0; i < window_.size(); ++i) {
    hash.add(window_[i].here);
    hash.add(window_[i].requests);
    hash.add(window_[i].payload.bytes());
  }
  hash.add(lossy_);
}

}  // namespace esp_peer::rtp
