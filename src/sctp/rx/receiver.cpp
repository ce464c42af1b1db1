#include "sctp/rx/receiver.hpp"

#include <algorithm>

namespace esp_peer::sctp {
namespace {

// How far ahead of the cumulative TSN a peer may be: a gap block's offset has 16 bits.
constexpr std::uint32_t max_ahead = 0xFFFF;

// [rfc9260#6.9] Fragments of a message stand side by side.
bool continues(const DataView& data, const DataView& before) {
  return !data.beginning && !before.ending && data.stream == before.stream &&
         data.unordered == before.unordered && (data.unordered || data.ssn == before.ssn);
}

}  // namespace

void Receiver::start(std::uint32_t first_tsn) { cumulative_tsn_ = first_tsn - 1; }

bool Receiver::restart(std::uint32_t first_tsn) {
  // However often it begins, it is told once: between two that wait there is a message, which has
  // found room in the window.
  const bool said = !ready_.empty() && ready_.back().restart;
  if (!said) {
    Message message;
    message.restart = true;
    if (!ready_.push_back(std::move(message))) return false;
    used_ += bookkeeping;
    ++restarts_;
  }
  give_up_assembly();
  for (; !fragments_.empty(); fragments_.pop_back()) {
    used_ -= fragments_.back().data.payload.size() + bookkeeping;
  }
  ranges_.clear();
  duplicates_.clear();
  streams_.clear();
  lossy_ = headless_ = broken_ = false;
  start(first_tsn);
  return true;
}

Receiver::Verdict Receiver::on_data(const DataView& data) {
  if (serial_less_equal(data.tsn, cumulative_tsn_) || in_ranges(data.tsn)) {
    duplicates_.push_back(data.tsn);
    return Verdict::duplicate;
  }
  if (data.tsn - cumulative_tsn_ > max_ahead) return Verdict::dropped;
  const bool in_order = data.tsn == cumulative_tsn_ + 1;
  // [rfc9260#6.2] What closes a gap has the right of way over what lies above it.
  if (!make_room(data.payload.size() + bookkeeping, in_order)) {
    // Nothing can be read and nothing given up: it would never fit.
    return in_order && ready_.empty() ? Verdict::violation : Verdict::dropped;
  }
  if (!streams_.get(data.stream)) return Verdict::violation;
  const std::size_t ready_before = ready_.size();
  Verdict verdict = in_order ? take_in_order(data) : keep_fragment(data);
  if (in_order && verdict == Verdict::accepted) {
    verdict = advance_over_ranges();
    if (ready_.size() != ready_before) deliver_waiting(0);
  }
  return broken_ ? Verdict::violation : verdict;
}

Receiver::Verdict Receiver::on_forward_tsn(const ForwardTsnView& forward) {
  const std::uint32_t to = forward.cumulative_tsn;
  if (serial_less_equal(to, cumulative_tsn_)) return Verdict::duplicate;
  if (to - cumulative_tsn_ > max_ahead) return Verdict::dropped;
  give_up_assembly();
  // What waited for a message that will not come goes to the reader, in its order.
  for (std::size_t i = 0; i < forward.stream_count(); ++i) {
    const SkippedStream skipped = forward.stream(i);
    Stream* const stream = streams_.get(skipped.stream);
    if (!stream) return Verdict::violation;
    if (serial_less(skipped.ssn, stream->next_ssn)) continue;
    stream->next_ssn = static_cast<std::uint16_t>(skipped.ssn + 1);
  }
  deliver_waiting(0, true);
  cumulative_tsn_ = cut_below(to) - 1;
  headless_ = true;
  while (!ranges_.empty() && serial_less_equal(ranges_[0].last, cumulative_tsn_)) ranges_.erase(0);
  if (!ranges_.empty() && serial_less_equal(ranges_[0].first, cumulative_tsn_)) {
    ranges_[0].first = cumulative_tsn_ + 1;
  }
  const Verdict verdict = advance_over_ranges();
  deliver_waiting(0);
  return broken_ ? Verdict::violation : verdict;
}

std::optional<Message> Receiver::read() {
  if (ready_.empty()) return std::nullopt;
  std::optional<Message> message = std::move(ready_.front());
  ready_.pop_front();
  if (message->restart) --restarts_;
  used_ -= message->body.size() + bookkeeping;
  return message;
}

void Receiver::reset_stream(std::uint16_t id) {
  streams_.erase(id);
  Message reset;
  reset.stream = StreamId{id};
  reset.reset = true;
  used_ += bookkeeping;
  push_ready(std::move(reset));
}

void Receiver::reset_all_streams() {
  while (!streams_.empty()) reset_stream(streams_.last_id());
}

void Receiver::may_lose(std::uint16_t id) {
  // The reader is not there yet: what it takes the stream for is over, and the next one may be
  // reliable.
  for (std::size_t i = 0; i < ready_.size(); ++i) {
    if (ready_[i].restart || (ready_[i].reset && ready_[i].stream == StreamId{id})) return;
  }
  Stream* const stream = streams_.get(id);
  if (stream) stream->may_lose = lossy_ = true;
}

// A fragment that is forgotten is not acknowledged any more: the peer says it again, or that it
// gave it up [rfc9260#6.2].
bool Receiver::forget_stale() {
  bool look_again = forget_stale_assembly();
  std::size_t whole_up_to = 0;  // what is whole waits for its turn, and is not incomplete
  for (std::size_t i = 0; i < fragments_.size(); ++i) {
    Fragment& f = fragments_[i];
    if (f.data.beginning) {
      std::size_t last = i;
      while (!fragments_[last].data.ending && last + 1 < fragments_.size() &&
             !fragments_[last + 1].data.beginning &&
             fragments_[last].data.tsn + 1 == fragments_[last + 1].data.tsn) {
        ++last;
      }
      if (fragments_[last].data.ending) whole_up_to = last + 1;
    }
    const Stream* stream = streams_.find(f.data.stream);
    if (i < whole_up_to || !stream || !stream->may_lose) continue;
    if (!std::exchange(f.stale, true)) {
      look_again = true;
      continue;
    }
    used_ -= f.data.payload.size() + bookkeeping;
    f.body = Buffer();
    forget_tsn(f.data.tsn);
  }
  deliver_waiting(0);
  return look_again;
}

// It is acknowledged for good. Its stream goes on behind it, and its rest is passed over.
bool Receiver::forget_stale_assembly() {
  const DataView& last = assembly_.last;
  Stream* const stream = assembly_.active ? streams_.find(last.stream) : nullptr;
  if (!stream || !stream->may_lose) return false;
  if (!std::exchange(assembly_.stale, true)) return true;
  give_up_assembly();
  headless_ = true;
  if (!last.unordered) stream->next_ssn = static_cast<std::uint16_t>(last.ssn + 1);
  return false;
}

std::size_t Receiver::sack_size(std::size_t max_value) const {
  const std::size_t wanted = 12 + 4 * (ranges_.size() + duplicates_.size());
  return std::min(wanted, max_value / 4 * 4);
}

void Receiver::write_sack(MutableBytes value) {
  const std::size_t room = (value.size() - 12) / 4;
  const std::size_t gaps = std::min(ranges_.size(), room);
  const std::size_t duplicates = std::min(duplicates_.size(), room - gaps);
  Writer w(value);
  w.u32(cumulative_tsn_);
  w.u32(free_window());
  w.u16(static_cast<std::uint16_t>(gaps));
  w.u16(static_cast<std::uint16_t>(duplicates));
  for (std::size_t i = 0; i < gaps; ++i) {
    w.u16(static_cast<std::uint16_t>(ranges_[i].first - cumulative_tsn_));
    w.u16(static_cast<std::uint16_t>(ranges_[i].last - cumulative_tsn_));
  }
  for (std::size_t i = 0; i < duplicates; ++i) w.u32(duplicates_[i]);
  duplicates_.clear();
}

void Receiver::hash_state(StateHash& hash) const {
  hash.add(cumulative_tsn_);
  hash.add(used_);
  for (const Range& r : ranges_) {
    hash.add(r.first);
    hash.add(r.last);
  }
  hash.add(ready_.size());
  hash.add(restarts_);
  hash.add(assembly_.size);
  hash.add(headless_);
}

bool Receiver::in_ranges(std::uint32_t tsn) const {
  for (const Range& r : ranges_) {
    if (tsn - r.first <= r.last - r.first) return true;
  }
  return false;
}

bool Receiver::note_out_of_order(std::uint32_t tsn) {
  std::size_t i = ranges_.size();
  while (i > 0 && serial_less(tsn, ranges_[i - 1].first)) --i;
  // ranges_[i - 1] lies before tsn, ranges_[i] behind it.
  const bool joins_before = i > 0 && ranges_[i - 1].last + 1 == tsn;
  const bool joins_behind = i < ranges_.size() && tsn + 1 == ranges_[i].first;
  if (joins_before && joins_behind) {
    ranges_[i - 1].last = ranges_[i].last;
    ranges_.erase(i);
  } else if (joins_before) {
    ranges_[i - 1].last = tsn;
  } else if (joins_behind) {
    ranges_[i].first = tsn;
  } else {
    return ranges_.size() != max_ranges && ranges_.insert(i, Range{tsn, tsn});
  }
  return true;
}

Receiver::Verdict Receiver::take_in_order(const DataView& data) {
  Assembly& a = assembly_;
  if (headless_ && !data.beginning) {  // the rest of a message whose head was left out
    ++cumulative_tsn_;
    return Verdict::accepted;
  }
  headless_ = false;
  if (a.active ? !continues(data, a.last) : !data.beginning) return Verdict::violation;
  if (data.beginning) {
    a.body = Buffer::with_size(memory_, data.payload.size() * (data.ending ? 1 : 4));
    if (!a.body) return Verdict::dropped;
    a.size = 0;
  }
  if (!append(data.payload)) return Verdict::dropped;
  if (data.beginning) used_ += bookkeeping;
  a.active = !data.ending;
  a.stale = false;
  a.last = data;
  ++cumulative_tsn_;
  if (data.ending) {
    a.body.shrink(a.size);
    if (!data.unordered) {
      Stream* const stream = streams_.get(data.stream);
      if (!stream || stream->next_ssn != data.ssn) return Verdict::violation;
      ++stream->next_ssn;
    }
    push_ready({StreamId{data.stream}, Ppid{data.ppid}, data.unordered, std::move(a.body)});
  }
  return Verdict::accepted;
}

bool Receiver::append(Bytes payload) {
  Assembly& a = assembly_;
  if (a.size + payload.size() > a.body.size()) {
    Buffer larger = Buffer::with_size(memory_, 2 * (a.size + payload.size()));
    if (!larger) return false;
    copy_bytes(Bytes(a.body.bytes()).first(a.size), larger.bytes());
    a.body = std::move(larger);
  }
  copy_bytes(payload, a.body.bytes().subspan(a.size));
  a.size += payload.size();
  used_ += payload.size();
  return true;
}

Receiver::Verdict Receiver::keep_fragment(const DataView& data) {
  Fragment f{data, Buffer::copy_of(memory_, data.payload), false};
  f.data.payload = f.body.bytes();
  if (!f.body || !fragments_.push_back(std::move(f))) return Verdict::dropped;
  if (!note_out_of_order(data.tsn)) {
    fragments_.pop_back();
    return Verdict::dropped;
  }
  std::size_t i = fragments_.size() - 1;
  for (; i > 0 && serial_less(data.tsn, fragments_[i - 1].data.tsn); --i) {
    std::swap(fragments_[i], fragments_[i - 1]);
  }
  used_ += data.payload.size() + bookkeeping;
  deliver_waiting(deliver(i, false));
  return Verdict::accepted;
}

// The cumulative TSN moves over what came early; what was kept of it goes the way of the others.
Receiver::Verdict Receiver::advance_over_ranges() {
  while (!ranges_.empty() && ranges_[0].first == cumulative_tsn_ + 1) {
    const std::uint32_t last = ranges_[0].last;
    while (cumulative_tsn_ != last) {
      if (fragments_.empty() || fragments_.front().data.tsn != cumulative_tsn_ + 1) {
        ++cumulative_tsn_;  // delivered early
        continue;
      }
      const Fragment f = std::move(fragments_.front());
      used_ -= f.data.payload.size() + bookkeeping;
      fragments_.pop_front();
      const Verdict verdict = take_in_order(f.data);
      if (verdict == Verdict::accepted) continue;
      if (verdict == Verdict::violation) return verdict;
      // Without memory it is lost here although a gap block has acknowledged it: a sender may not
      // rely on gap blocks, and sends it again [rfc9260#6.2.1].
      ranges_[0].first = f.data.tsn + 1;
      if (f.data.tsn == last) ranges_.erase(0);
      return Verdict::accepted;
    }
    ranges_.erase(0);
  }
  return Verdict::accepted;
}

// A message that is whole although something before it is missing need not wait for that, unless it
// has to keep the order of its stream.
// `skipped`: nor need it if everything before it in its stream was left out. Says where it began;
// the end if it waits.
std::size_t Receiver::deliver(std::size_t index, bool skipped) {
  const std::size_t waits = fragments_.size();
  std::size_t first = index, last = index;
  const auto joined = [&](std::size_t before, std::size_t behind) {
    const DataView &a = fragments_[before].data, &b = fragments_[behind].data;
    if (a.tsn + 1 != b.tsn) return false;
    broken_ = broken_ || !continues(b, a);
    return !broken_;
  };
  // Its end first: most come in order, and then nothing lies behind them yet. All that lies before
  // them would be gone through for each.
  while (!fragments_[last].data.ending) {
    if (last + 1 == fragments_.size() || !joined(last, last + 1)) return waits;
    ++last;
  }
  while (!fragments_[first].data.beginning) {
    if (first == 0 || !joined(first - 1, first)) return waits;
    --first;
  }
  const DataView& head = fragments_[first].data;
  if (!head.unordered) {
    Stream* const stream = streams_.get(head.stream);
    if (!stream) return waits;
    const bool is_next = stream->next_ssn == head.ssn;
    if (!is_next && !(skipped && serial_less(head.ssn, stream->next_ssn))) return waits;
    if (is_next) ++stream->next_ssn;
  }
  push_whole(first, last);
  return first;
}

// Others may have waited for what was just delivered. The numbers of a stream ascend with its TSNs,
// so that one way through is enough; it closes the holes of what was delivered too.
void Receiver::deliver_waiting(std::size_t from, bool skipped) {
  std::size_t kept = from;
  for (std::size_t i = from; i < fragments_.size(); ++i) {
    const Fragment& f = fragments_[i];
    if (f.body && f.data.beginning && !f.data.unordered) static_cast<void>(deliver(i, skipped));
    if (!f.body) continue;
    if (kept != i) fragments_[kept] = std::move(fragments_[i]);
    ++kept;
  }
  while (fragments_.size() > kept) fragments_.pop_back();
}

// [rfc3758#3.6] Removes what is kept up to `tsn`, but for the head of a message all of which up to
// there has come. Says what comes next then.
std::uint32_t Receiver::cut_below(std::uint32_t tsn) {
  std::size_t n = 0;
  while (n < fragments_.size() && serial_less_equal(fragments_[n].data.tsn, tsn)) ++n;
  std::size_t keep = n;
  for (std::uint32_t at = tsn; keep > 0 && fragments_[keep - 1].data.tsn == at; --at) {
    const DataView& data = fragments_[--keep].data;
    if (data.ending || data.beginning) break;
  }
  const bool has_head =
      keep < n && fragments_[keep].data.beginning && !fragments_[keep].data.ending;
  if (!has_head) keep = n;
  for (std::size_t i = 0; i < keep; ++i) {
    used_ -= fragments_.front().data.payload.size() + bookkeeping;
    fragments_.pop_front();
  }
  return has_head ? fragments_.front().data.tsn : tsn + 1;
}

void Receiver::give_up_assembly() {
  if (!std::exchange(assembly_.active, false)) return;
  used_ -= assembly_.size + bookkeeping;
  assembly_.body = Buffer();
}

void Receiver::push_whole(std::size_t first, std::size_t last) {
  std::size_t size = 0;
  for (std::size_t i = first; i <= last; ++i) size += fragments_[i].data.payload.size();
  const DataView& head = fragments_[first].data;
  Message message{StreamId{head.stream}, Ppid{head.ppid}, head.unordered,
                  std::move(fragments_[first].body)};
  if (first != last) {
    Buffer whole = Buffer::with_size(memory_, size);
    if (!whole) broken_ = true;
    std::size_t at = 0;
    for (std::size_t i = first; whole && i <= last; ++i) {
      copy_bytes(fragments_[i].data.payload, whole.bytes().subspan(at));
      at += fragments_[i].data.payload.size();
    }
    for (std::size_t i = first + 1; i <= last; ++i) fragments_[i].body = Buffer();
    message.body = std::move(whole);
  }
  used_ -= (last - first) * bookkeeping;  // one message is left of so many fragments
  push_ready(std::move(message));
}

bool Receiver::make_room(std::size_t size, bool may_renege) {
  while (may_renege && used_ + size > window_ && !fragments_.empty()) forget_highest_fragment();
  return used_ + size <= window_;
}

void Receiver::forget_highest_fragment() {
  const std::uint32_t tsn = fragments_.back().data.tsn;
  used_ -= fragments_.back().data.payload.size() + bookkeeping;
  fragments_.pop_back();
  forget_tsn(tsn);
}

// What lies above it in its range has been delivered, and stays acknowledged.
void Receiver::forget_tsn(std::uint32_t tsn) {
  std::size_t i = ranges_.size() - 1;
  while (serial_less(tsn, ranges_[i].first)) --i;
  Range& r = ranges_[i];
  const Range above{tsn + 1, r.last};
  const bool has_below = r.first != tsn, has_above = r.last != tsn;
  if (has_below) r.last = tsn - 1;
  if (!has_above) {
    if (!has_below) ranges_.erase(i);
  } else if (!has_below) {
    r = above;
  } else if (!ranges_.insert(i + 1, above)) {
    broken_ = true;  // or what lies above would be delivered twice
  }
}

// Behind one that was lost none is given out: their order would be broken.
void Receiver::push_ready(Message message) {
  if (broken_ || !ready_.push_back(std::move(message))) broken_ = true;
}

}  // namespace esp_peer::sctp
