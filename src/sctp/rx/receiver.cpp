#include "sctp/rx/receiver.hpp"

#include <algorithm>

namespace esp_peer::sctp {
namespace {

// How far ahead of the cumulative TSN a peer may be: a gap block's offset has 16 bits.
constexpr std::uint32_t max_ahead = 0xFFFF;

bool continues(const DataView& data, std::uint16_t stream, std::uint16_t ssn, bool unordered) {
  return !data.beginning && data.stream == stream && data.unordered == unordered &&
         (unordered || data.ssn == ssn);
}

}  // namespace

void Receiver::start(std::uint32_t first_tsn) { cumulative_tsn_ = first_tsn - 1; }

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
  if (!stream_of(data.stream)) return Verdict::violation;
  const std::size_t ready_before = ready_.size();
  Verdict verdict = in_order ? take_in_order(data) : keep_fragment(data);
  if (in_order && verdict == Verdict::accepted) {
    verdict = advance_over_ranges();
    if (ready_.size() != ready_before) deliver_waiting(0);
  }
  return out_of_memory_ ? Verdict::violation : verdict;
}

Receiver::Verdict Receiver::on_forward_tsn(const ForwardTsnView& forward) {
  const std::uint32_t to = forward.cumulative_tsn;
  if (serial_less_equal(to, cumulative_tsn_)) return Verdict::duplicate;
  if (to - cumulative_tsn_ > max_ahead) return Verdict::dropped;
  give_up_assembly();
  if (!deliver_skipped(forward)) return Verdict::violation;
  cumulative_tsn_ = cut_below(to) - 1;
  headless_ = true;
  while (!ranges_.empty() && serial_less_equal(ranges_[0].last, cumulative_tsn_)) ranges_.erase(0);
  if (!ranges_.empty() && serial_less_equal(ranges_[0].first, cumulative_tsn_)) {
    ranges_[0].first = cumulative_tsn_ + 1;
  }
  const Verdict verdict = advance_over_ranges();
  deliver_waiting(0);
  return out_of_memory_ ? Verdict::violation : verdict;
}

std::optional<Message> Receiver::read() {
  if (ready_.empty()) return std::nullopt;
  std::optional<Message> message = std::move(ready_.front());
  ready_.pop_front();
  used_ -= message->body.size() + bookkeeping;
  return message;
}

void Receiver::reset_stream(std::uint16_t id) {
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (streams_[i].id != id) continue;
    streams_.erase(i);
    break;
  }
  Message reset;
  reset.stream = StreamId{id};
  reset.reset = true;
  used_ += bookkeeping;
  push_ready(std::move(reset));
}

void Receiver::reset_all_streams() {
  while (!streams_.empty()) reset_stream(streams_.back().id);
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
  hash.add(assembly_.size);
  hash.add(headless_);
}

bool Receiver::in_ranges(std::uint32_t tsn) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& r) {
    return serial_less_equal(r.first, tsn) && serial_less_equal(tsn, r.last);
  });
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
    if (ranges_.size() == max_ranges || !ranges_.push_back(Range{tsn, tsn})) return false;
    std::rotate(ranges_.begin() + i, ranges_.end() - 1, ranges_.end());
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
  if (a.active ? !continues(data, a.stream, a.ssn, a.unordered) : !data.beginning) {
    return Verdict::violation;  // [rfc9260#6.9] fragments of a message stand side by side
  }
  if (data.beginning) {
    a.body = Buffer::with_size(memory_, data.payload.size() * (data.ending ? 1 : 4));
    if (!a.body) return Verdict::dropped;
    a.active = true;
    a.unordered = data.unordered;
    a.stream = data.stream;
    a.ssn = data.ssn;
    a.ppid = data.ppid;
    a.size = 0;
    used_ += bookkeeping;
  }
  if (!append(data.payload)) {
    if (data.beginning) {
      a.active = false;
      used_ -= bookkeeping;
    }
    return Verdict::dropped;
  }
  ++cumulative_tsn_;
  if (data.ending) {
    a.active = false;
    a.body.shrink(a.size);
    if (!a.unordered) {
      Stream* stream = stream_of(a.stream);
      if (!stream || stream->next_ssn != a.ssn) return Verdict::violation;
      ++stream->next_ssn;
    }
    push_ready({StreamId{a.stream}, Ppid{a.ppid}, a.unordered, std::move(a.body)});
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
  Fragment f{data.tsn,       data.stream,    data.ssn,    data.ppid,
             data.unordered, data.beginning, data.ending, Buffer::copy_of(memory_, data.payload)};
  if (!f.payload || !fragments_.push_back(std::move(f))) return Verdict::dropped;
  if (!note_out_of_order(data.tsn)) {
    fragments_.pop_back();
    return Verdict::dropped;
  }
  std::size_t i = fragments_.size() - 1;
  for (; i > 0 && serial_less(data.tsn, fragments_[i - 1].tsn); --i) {
    std::swap(fragments_[i], fragments_[i - 1]);
  }
  used_ += data.payload.size() + bookkeeping;
  const std::size_t before = fragments_.size();
  if (!deliver_early(i)) return Verdict::violation;
  const std::size_t delivered = before - fragments_.size();
  if (!data.unordered && delivered != 0) deliver_waiting(i - std::min(i, delivered - 1));
  return Verdict::accepted;
}

// The cumulative TSN moves over what came early; what was kept of it goes the way of the others.
Receiver::Verdict Receiver::advance_over_ranges() {
  while (!ranges_.empty() && ranges_[0].first == cumulative_tsn_ + 1) {
    const std::uint32_t last = ranges_[0].last;
    while (cumulative_tsn_ != last) {
      if (fragments_.empty() || fragments_[0].tsn != cumulative_tsn_ + 1) {
        ++cumulative_tsn_;  // delivered early
        continue;
      }
      const Fragment f = std::move(fragments_.front());
      fragments_.pop_front();
      used_ -= f.payload.size() + bookkeeping;
      DataView data;
      data.unordered = f.unordered, data.beginning = f.beginning, data.ending = f.ending;
      data.tsn = f.tsn, data.stream = f.stream, data.ssn = f.ssn, data.ppid = f.ppid;
      data.payload = f.payload.bytes();
      const Verdict verdict = take_in_order(data);
      if (verdict == Verdict::accepted) continue;
      if (verdict == Verdict::violation) return verdict;
      // Without memory it is lost here although a gap block has acknowledged it: a sender may not
      // rely on gap blocks, and sends it again [rfc9260#6.2.1].
      ranges_[0].first = f.tsn + 1;
      if (f.tsn == last) ranges_.erase(0);
      return Verdict::accepted;
    }
    ranges_.erase(0);
  }
  return Verdict::accepted;
}

// A message that is whole although something before it is missing need not wait for that, unless it
// has to keep the order of its stream. False when its fragments contradict each other.
// `skipped`: nor need it if everything before it in its stream was left out.
bool Receiver::deliver_early(std::size_t index, bool skipped) {
  std::size_t first = index, last = index;
  // Its end first: most come in order, and then nothing lies behind them yet. All that lies before
  // them would be gone through for each.
  while (!fragments_[last].ending) {
    if (last + 1 == fragments_.size() || fragments_[last].tsn + 1 != fragments_[last + 1].tsn) {
      return true;
    }
    ++last;
  }
  while (!fragments_[first].beginning) {
    if (first == 0 || fragments_[first - 1].tsn + 1 != fragments_[first].tsn) return true;
    --first;
  }
  const Fragment& head = fragments_[first];
  for (std::size_t i = first; i <= last; ++i) {
    const Fragment& f = fragments_[i];
    const bool fits = f.stream == head.stream && f.unordered == head.unordered &&
                      (f.unordered || f.ssn == head.ssn) && f.beginning == (i == first) &&
                      f.ending == (i == last);
    if (!fits) return false;
  }
  if (!head.unordered) {
    Stream* stream = stream_of(head.stream);
    if (!stream) return true;
    const bool is_next = stream->next_ssn == head.ssn;
    if (!is_next && !(skipped && serial_less(head.ssn, stream->next_ssn))) return true;
    if (is_next) ++stream->next_ssn;
  }
  push_ready(take_whole(first, last));
  return true;
}

// Others may have waited for what was just delivered. The numbers of a stream ascend with its TSNs,
// so that one way through is enough.
void Receiver::deliver_waiting(std::size_t from) {
  for (std::size_t i = from; i < fragments_.size();) {
    const Fragment& f = fragments_[i];
    const std::size_t before = fragments_.size();
    if (f.beginning && !f.unordered) static_cast<void>(deliver_early(i));
    if (fragments_.size() == before) ++i;
  }
}

// [rfc3758#3.6] What waited for a message that will not come goes to the reader, in its order.
// False when fragments contradict each other, or there is no room for so many streams.
bool Receiver::deliver_skipped(const ForwardTsnView& forward) {
  for (std::size_t i = 0; i < forward.stream_count(); ++i) {
    const SkippedStream skipped = forward.stream(i);
    Stream* stream = stream_of(skipped.stream);
    if (!stream) return false;
    if (!serial_less(skipped.ssn, stream->next_ssn)) {
      stream->next_ssn = static_cast<std::uint16_t>(skipped.ssn + 1);
    }
  }
  for (std::size_t i = 0; i < fragments_.size();) {
    const Fragment& f = fragments_[i];
    const std::size_t before = fragments_.size();
    if (f.beginning && !f.unordered && !deliver_early(i, true)) return false;
    if (fragments_.size() == before) ++i;
  }
  return true;
}

// [rfc3758#3.6] Removes what is kept up to `tsn`, but for the head of a message all of which up to
// there has come. Says what comes next then.
std::uint32_t Receiver::cut_below(std::uint32_t tsn) {
  std::size_t n = 0;
  while (n < fragments_.size() && serial_less_equal(fragments_[n].tsn, tsn)) ++n;
  std::size_t keep = n;
  for (std::uint32_t at = tsn; keep > 0 && fragments_[keep - 1].tsn == at; --at) {
    const Fragment& f = fragments_[--keep];
    if (f.ending || f.beginning) break;
  }
  const bool has_head = keep < n && fragments_[keep].beginning && !fragments_[keep].ending;
  if (!has_head) keep = n;
  for (std::size_t i = 0; i < keep; ++i) {
    used_ -= fragments_.front().payload.size() + bookkeeping;
    fragments_.pop_front();
  }
  return has_head ? fragments_.front().tsn : tsn + 1;
}

void Receiver::give_up_assembly() {
  if (!std::exchange(assembly_.active, false)) return;
  used_ -= assembly_.size + bookkeeping;
  assembly_.body = Buffer();
}

Message Receiver::take_whole(std::size_t first, std::size_t last) {
  std::size_t size = 0;
  for (std::size_t i = first; i <= last; ++i) size += fragments_[i].payload.size();
  const Fragment& head = fragments_[first];
  Message message{StreamId{head.stream}, Ppid{head.ppid}, head.unordered, {}};
  if (first == last) {
    message.body = std::move(fragments_[first].payload);
  } else {
    message.body = Buffer::with_size(memory_, size);
    if (!message.body) out_of_memory_ = true;
    std::size_t at = 0;
    for (std::size_t i = first; message.body && i <= last; ++i) {
      copy_bytes(fragments_[i].payload.bytes(), message.body.bytes().subspan(at));
      at += fragments_[i].payload.size();
    }
  }
  used_ -= (last - first) * bookkeeping;  // one message is left of so many fragments
  remove_fragments(first, last);
  return message;
}

void Receiver::remove_fragments(std::size_t first, std::size_t last) {
  const std::size_t n = last - first + 1;
  for (std::size_t i = last + 1; first != 0 && i < fragments_.size(); ++i) {
    fragments_[i - n] = std::move(fragments_[i]);
  }
  for (std::size_t i = 0; i < n; ++i) first == 0 ? fragments_.pop_front() : fragments_.pop_back();
}

bool Receiver::make_room(std::size_t size, bool may_renege) {
  while (may_renege && used_ + size > window_ && !fragments_.empty()) forget_highest_fragment();
  return used_ + size <= window_;
}

void Receiver::forget_highest_fragment() {
  const std::uint32_t tsn = fragments_.back().tsn;
  used_ -= fragments_.back().payload.size() + bookkeeping;
  fragments_.pop_back();
  for (std::size_t i = ranges_.size(); i-- > 0;) {
    Range& r = ranges_[i];
    if (serial_less(tsn, r.first) || serial_less(r.last, tsn)) continue;
    // What lies above it in its range has been delivered and stays acknowledged.
    const Range below{r.first, tsn - 1}, above{tsn + 1, r.last};
    const bool has_below = r.first != tsn, has_above = r.last != tsn;
    if (has_below) r = below;
    if (!has_below && has_above) r = above;
    if (!has_below && !has_above) ranges_.erase(i);
    if (has_below && has_above) {
      if (!ranges_.push_back(above)) {
        out_of_memory_ = true;  // or what lies above would be delivered twice
        return;
      }
      std::rotate(ranges_.begin() + i + 1, ranges_.end() - 1, ranges_.end());
    }
    return;
  }
}

Receiver::Stream* Receiver::stream_of(std::uint16_t id) {
  Stream* at = std::lower_bound(streams_.begin(), streams_.end(), id,
                                [](const Stream& s, std::uint16_t key) { return s.id < key; });
  if (at != streams_.end() && at->id == id) return at;
  const auto index = at - streams_.begin();
  if (streams_.size() == max_streams || !streams_.push_back(Stream{id, 0})) return nullptr;
  std::rotate(streams_.begin() + index, streams_.end() - 1, streams_.end());
  return streams_.begin() + index;
}

// Behind one that was lost none is given out: their order would be broken.
void Receiver::push_ready(Message message) {
  if (out_of_memory_ || !ready_.push_back(std::move(message))) out_of_memory_ = true;
}

}  // namespace esp_peer::sctp
