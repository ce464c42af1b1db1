#include "sctp/tx/sender.hpp"

#include <algorithm>

namespace esp_peer::sctp {

void Sender::start(std::uint32_t first_tsn, std::uint32_t peer_window, std::uint16_t streams,
                   bool may_skip) {
  next_tsn_ = first_tsn;
  forwarded_tsn_ = first_tsn - 1;
  may_skip_ = may_skip;
  peer_window_ = peer_a_rwnd_ = peer_window;
  max_stream_count_ = streams;
}

void Sender::restart(const Rto& rto) {
  messages_.clear();
  outstanding_.clear();
  streams_.clear();
  first_message_ = next_message_ = 0;
  next_offset_ = buffered_ = flight_ = lost_ = unreliable_ = 0;
  has_gap_acks_ = after_t3_ = fast_due_ = probing_ = forward_due_ = false;
  forwarded_at_ = last_sent_ = {};
  t3_.reset();
  timed_tsn_.reset();
  rto_ = rto;
  congestion_ = NewReno(max_payload_ + data_header_size);
}

Status Sender::enqueue(Instant now, StreamId stream, Ppid ppid, Bytes message,
                       const SendOptions& how) {
  if (message.empty()) return Error{Errc::invalid_argument, "an SCTP message is never empty"};
  // [rfc9260#5.1.1] What the peer said that it takes.
  if (static_cast<std::uint16_t>(stream) >= max_stream_count_) {
    return Error{Errc::over_limit, "no such stream"};
  }
  if (message.size() > send_buffer_)
    return Error{Errc::over_limit, "message above the send buffer"};
  const std::size_t cost = message.size() + bookkeeping;
  const bool is_full = buffered_ != 0 && buffered_ + cost > send_buffer_;
  if (is_full && unreliable_ != 0) drop_expired(now);
  if (buffered_ != 0 && buffered_ + cost > send_buffer_) {
    return Error{Errc::would_block, "send buffer full"};
  }
  OutMessage out{};
  out.body = Buffer::copy_of(memory_, message);
  out.stream = stream;
  out.ppid = ppid;
  out.unordered = how.unordered;
  set_limit(out, now, how);
  const bool reliable = out.reliable;
  Stream* const numbers = streams_.get(static_cast<std::uint16_t>(stream));
  if (!out.body || !numbers || !messages_.push_back(std::move(out))) {
    return Error{Errc::would_block, "no memory now"};
  }
  ++numbers->messages;
  if (!reliable) ++unreliable_;
  buffered_ += cost;
  return {};
}

void Sender::reset_stream(StreamId stream) { streams_.erase(static_cast<std::uint16_t>(stream)); }

bool Sender::has_messages(StreamId stream) const {
  const Stream* numbers = streams_.find(static_cast<std::uint16_t>(stream));
  return numbers && numbers->messages != 0;
}

Sender::SackResult Sender::on_sack(Instant now, const SackView& sack) {
  const std::uint32_t last_acked = first_outstanding() - 1;
  if (serial_less(sack.cumulative_tsn, last_acked)) return SackResult::old;
  if (!valid(sack)) return SackResult::absurd;

  const std::size_t flight_before = flight_;
  const bool moved = sack.cumulative_tsn != last_acked;
  Acked acked{acknowledge_up_to(now, sack.cumulative_tsn), {}};
  if (has_gap_acks_ || sack.gap_count != 0) {
    const Acked gaps = apply_gaps(sack);
    acked = {acked.bytes + gaps.bytes, gaps.above};
  }
  if (acked.bytes != 0) {
    note_progress(acked.bytes, flight_before);
  } else if (reopens_window(sack)) {
    lose(outstanding_.front());
  }
  peer_a_rwnd_ = sack.a_rwnd;
  // [rfc9260#7.2.4] Only what lies below the highest newly acknowledged TSN counts as reported; in
  // recovery, whenever the cumulative TSN moves, all that the SACK tells to be missing.
  if (congestion_.in_recovery() && moved && sack.gap_count != 0) {
    acked.above = sack.cumulative_tsn + sack.gap(sack.gap_count - 1u).end;
  }
  if (acked.above) report_missing(*acked.above);
  peer_window_ = sack.a_rwnd > flight_ ? sack.a_rwnd - static_cast<std::uint32_t>(flight_) : 0;
  settle(now, sack.cumulative_tsn, moved);
  return acked.bytes != 0 || moved ? SackResult::progress : SackResult::idle;
}

Sender::SackResult Sender::on_cumulative(Instant now, std::uint32_t cumulative_tsn) {
  const std::uint32_t last_acked = first_outstanding() - 1;
  if (serial_less(cumulative_tsn, last_acked)) return SackResult::old;
  if (!serial_less(cumulative_tsn, next_tsn_)) return SackResult::absurd;
  const std::size_t flight_before = flight_;
  const std::size_t acked = acknowledge_up_to(now, cumulative_tsn);
  if (acked != 0) note_progress(acked, flight_before);
  // It says nothing of the window: what has arrived is taken to have been read.
  peer_window_ += static_cast<std::uint32_t>(flight_before - flight_);
  settle(now, cumulative_tsn, cumulative_tsn != last_acked);
  return acked != 0 ? SackResult::progress : SackResult::idle;
}

void Sender::on_timeout(Instant now) {
  t3_.reset();
  if (outstanding_.empty()) return;
  rto_.back_off();
  // [rfc9260#6.1] A window that stays shut says nothing of the network.
  if (!probing_) congestion_.on_timeout();
  after_t3_ = true;
  fast_due_ = false;
  timed_tsn_.reset();  // [rfc9260#6.3.1] C5
  lost_ = 0;
  for (std::size_t i = 0; i < outstanding_.size(); ++i) {
    Chunk& c = outstanding_[i];
    if (c.state > ChunkState::lost) continue;
    c.state = ChunkState::lost;
    c.reports = 0;
    ++lost_;
  }
  flight_ = 0;
  forward_due_ = front_is_abandoned();  // [rfc3758#3.5] A5
  give_up_late(now);
}

void Sender::write_data(Instant now, PacketWriter& packet) {
  if (forward_due_) write_forward_tsn(now, packet);
  if (flight_ == 0 && wants_to_send() && last_sent_ != Instant{}) {
    congestion_.on_idle(now - last_sent_, rto_.value());
  }
  // [rfc9260#6.1] B, C: with the first chunk above cwnd the packet is filled and is the last one.
  if (lost_ != 0 && wants_to_send()) retransmit(now, packet);
  if (lost_ != 0) return;
  // exception: [rfc9260#6.1] D, Max.Burst, is not obeyed: it would cost a round trip for every four
  // packets of a large message. Pacing is to spread what the window allows.
  while (send_new(now, packet)) give_up_late(now);
}

bool Sender::wants_to_send() const {
  if (lost_ != 0) return fast_due_ || congestion_allows();
  if (unsent() == 0) return false;
  if (outstanding_.size() >= max_outstanding) return false;
  return congestion_allows() && (peer_window_ > 0 || flight_ == 0);
}

// [rfc9260#7.2.1] After T3 one packet is out until something is acknowledged.
bool Sender::congestion_allows() const {
  return flight_ < (after_t3_ ? std::size_t{1} : congestion_.cwnd());
}

void Sender::hash_state(StateHash& hash) const {
  hash.add(next_tsn_);
  hash.add(first_message_);
  hash.add(next_message_);
  hash.add(next_offset_);
  hash.add(outstanding_.size());
  hash.add(buffered_);
  hash.add(flight_);
  hash.add(lost_);
  hash.add(after_t3_);
  hash.add(fast_due_);
  hash.add(probing_);
  hash.add(peer_window_);
  hash.add(peer_a_rwnd_);
  hash.add(forward_due_);
  hash.add(unreliable_);
  for (std::size_t i = 0; i < outstanding_.size(); ++i) {
    hash.add(outstanding_[i].state);
    hash.add(outstanding_[i].reports);
  }
  hash.add(congestion_.cwnd());
  hash.add(rto_.value());
  hash.add(t3_.value_or(Instant::max()));
}

// [rfc9260#6.2.1] Nothing that was never sent can be acknowledged; blocks ascend, and none begins
// at the chunk whose absence the cumulative TSN tells of.
bool Sender::valid(const SackView& sack) const {
  if (!serial_less(sack.cumulative_tsn, next_tsn_)) return false;
  const std::uint32_t highest = next_tsn_ - 1 - sack.cumulative_tsn;
  std::uint32_t previous_end = 1;
  for (std::size_t i = 0; i < sack.gap_count; ++i) {
    const GapBlock gap = sack.gap(i);
    if (gap.start <= previous_end || gap.end < gap.start || gap.end > highest) return false;
    previous_end = gap.end;
  }
  return true;
}

// The bytes that are acknowledged for the first time.
std::size_t Sender::acknowledge_up_to(Instant now, std::uint32_t cumulative_tsn) {
  std::size_t acked = 0;
  measure(now, cumulative_tsn);
  std::uint32_t tsn = first_outstanding();
  for (; serial_less_equal(tsn, cumulative_tsn) && !outstanding_.empty(); ++tsn) {
    const Chunk c = outstanding_.front();
    outstanding_.pop_front();
    if (c.state == ChunkState::in_flight) flight_ -= c.length();
    if (c.state == ChunkState::lost) --lost_;
    // [rfc3758#3.5] A2: no credit for what was given up.
    if (c.state < ChunkState::gap_acked) acked += c.length();
    if (c.last) pop_message();
  }
  return acked;
}

void Sender::pop_message() {
  const OutMessage& m = messages_.front();
  if (!m.reliable && m.body) --unreliable_;
  buffered_ -= m.body.size() + bookkeeping;
  forget_message_of(m.stream);
  messages_.pop_front();
  ++first_message_;
}

void Sender::forget_message_of(StreamId stream) {
  --streams_.find(static_cast<std::uint16_t>(stream))->messages;
}

void Sender::note_progress(std::size_t acked, std::size_t flight_before) {
  after_t3_ = probing_ = false;
  congestion_.on_progress(acked, flight_before);
}

// What follows from every acknowledgement; `moved`: the cumulative TSN did.
void Sender::settle(Instant now, std::uint32_t cumulative_tsn, bool moved) {
  if (congestion_.in_recovery() && serial_less_equal(congestion_.exit_tsn(), cumulative_tsn)) {
    congestion_.leave_recovery();
  }
  if (lost_ == 0) fast_due_ = false;
  if (outstanding_.empty()) {
    congestion_.on_all_acknowledged();
    t3_.reset();
  } else if (moved) {
    t3_ = now + rto_.value();  // [rfc9260#6.3.2] R3
  }
  give_up_late(now);
  if (front_is_abandoned()) note_abandoned(now);
}

// Goes through the chunks and the blocks side by side, once.
Sender::Acked Sender::apply_gaps(const SackView& sack) {
  Acked acked;
  has_gap_acks_ = sack.gap_count != 0;
  GapBlock gap{};
  std::size_t next_gap = 0;
  for (std::size_t i = 0; i < outstanding_.size(); ++i) {
    const std::size_t offset = i + 1;
    while (gap.end < offset && next_gap < sack.gap_count) gap = sack.gap(next_gap++);
    const bool covered = gap.start <= offset && offset <= gap.end;
    Chunk& c = outstanding_[i];
    if (c.state == ChunkState::abandoned) continue;
    if (covered == (c.state == ChunkState::gap_acked)) continue;
    if (!covered) {  // [rfc9260#6.2.1] taken back: that is a first report
      c.state = ChunkState::in_flight;
      c.reports = 1;
      flight_ += c.length();
      continue;
    }
    if (c.state == ChunkState::in_flight) flight_ -= c.length();
    if (c.state == ChunkState::lost) --lost_;
    c.state = ChunkState::gap_acked;
    acked.bytes += c.length();
    acked.above = sack.cumulative_tsn + static_cast<std::uint32_t>(offset);
    if (timed_tsn_ == acked.above) timed_tsn_.reset();
  }
  return acked;
}

// A receiver whose window was shut has dropped what came, and now has room for it: to wait for T3,
// which doubles up to a minute, would be to stand still before an open door.
bool Sender::reopens_window(const SackView& sack) const {
  if (!probing_ && !after_t3_) return false;
  return window_shut() && outstanding_.front().state == ChunkState::in_flight &&
         sack.a_rwnd > peer_a_rwnd_ && sack.a_rwnd >= outstanding_.front().size;
}

void Sender::lose(Chunk& chunk) {
  chunk.state = ChunkState::lost;
  flight_ -= chunk.length();
  ++lost_;
}

void Sender::report_missing(std::uint32_t below) {
  std::uint32_t tsn = first_outstanding();
  for (std::size_t i = 0; serial_less(tsn, below); ++i, ++tsn) {
    Chunk& c = outstanding_[i];
    if (c.state != ChunkState::in_flight || c.retransmitted_fast) continue;
    if (++c.reports < reports_until_lost) continue;
    lose(c);
    c.retransmitted_fast = true;
    fast_due_ = fast_due_ || !congestion_.in_recovery();
    congestion_.on_fast_retransmit(next_tsn_ - 1);
  }
}

// Fills one packet [rfc9260#6.3.3] E3, [rfc9260#7.2.4] 3.
void Sender::retransmit(Instant now, PacketWriter& packet) {
  std::uint32_t tsn = first_outstanding();
  for (std::size_t i = 0; i < outstanding_.size() && lost_ != 0; ++i, ++tsn) {
    Chunk& c = outstanding_[i];
    if (c.state != ChunkState::lost) continue;
    if (data_header_size - chunk_header_size + c.size > packet.room_for_value()) return;
    c.state = ChunkState::in_flight;
    c.reports = 0;
    if (c.retransmits != 0xFFFF) ++c.retransmits;
    --lost_;
    flight_ += c.length();
    put_chunk(packet, c, tsn);
    fast_due_ = false;
    if (timed_tsn_ == tsn) timed_tsn_.reset();  // [rfc9260#6.3.1] C5
    if (i == 0 || !t3_) t3_ = now + rto_.value();
    last_sent_ = now;
  }
}

bool Sender::send_new(Instant now, PacketWriter& packet) {
  if (!wants_to_send() || lost_ != 0) return false;
  constexpr std::size_t header = data_header_size - chunk_header_size;
  const std::size_t room = packet.room_for_value();
  if (room <= header) return false;

  OutMessage& m = messages_[next_message_ - first_message_];
  const std::size_t rest = m.body.size() - next_offset_;
  std::size_t size = std::min(rest, room - header);
  // A message that a packet of its own could hold is not torn to fill this one.
  if (size < rest && !packet.empty() && (rest <= max_payload_ || size < min_split)) return false;
  // [rfc9260#6.1] A: into a window that is too small goes only the one probe.
  // exception: it goes at once and not after an RTO. That costs one packet, and where a SACK was
  // lost that had opened the window, it saves the wait.
  if (size > peer_window_ && flight_ != 0) return false;
  probing_ = size > peer_window_;

  Chunk c{};
  c.message = next_message_;
  c.offset = static_cast<std::uint32_t>(next_offset_);
  c.size = static_cast<std::uint16_t>(size);
  c.last = size == rest;
  // Numbers are given out here, so that none is missing for a message that was never sent.
  if (!outstanding_.push_back(c)) return false;
  if (!m.unordered && next_offset_ == 0) {
    m.ssn = streams_.find(static_cast<std::uint16_t>(m.stream))->next_ssn++;
  }
  put_chunk(packet, c, next_tsn_);
  if (!timed_tsn_) {
    timed_tsn_ = next_tsn_;
    timed_since_ = now;
  }
  ++next_tsn_;
  flight_ += c.length();
  peer_window_ -= std::min<std::uint32_t>(peer_window_, static_cast<std::uint32_t>(size));
  next_offset_ = c.last ? 0 : next_offset_ + size;
  if (c.last) ++next_message_;
  if (!t3_) t3_ = now + rto_.value();
  last_sent_ = now;
  return true;
}

void Sender::put_chunk(PacketWriter& packet, const Chunk& c, std::uint32_t tsn) {
  const OutMessage& m = message_of(c);
  const unsigned flags = (m.unordered ? 4u : 0u) | (c.offset == 0 ? 2u : 0u) | (c.last ? 1u : 0u);
  Writer w(packet.begin(ChunkType::data, static_cast<std::uint8_t>(flags),
                        data_header_size - chunk_header_size + c.size));
  w.u32(tsn);
  w.u16(static_cast<std::uint16_t>(m.stream));
  w.u16(m.unordered ? 0 : m.ssn);
  w.u32(static_cast<std::uint32_t>(m.ppid));
  w.bytes(m.body.bytes().subspan(c.offset, c.size));
}

void Sender::measure(Instant now, std::uint32_t acked_tsn) {
  if (!timed_tsn_ || !serial_less_equal(*timed_tsn_, acked_tsn)) return;
  rto_.measure(now - timed_since_);
  timed_tsn_.reset();
}

}  // namespace esp_peer::sctp
