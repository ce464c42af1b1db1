// Messages that the sending half gives up, and how it tells the peer to wait for them no longer
// [rfc3758#3.5].
#include <algorithm>

#include "sctp/tx/sender.hpp"

namespace esp_peer::sctp {

void Sender::set_limit(OutMessage& message, Instant now, const SendOptions& how) const {
  message.reliable = how.reliability == Reliability::reliable || !may_skip_;
  message.max_retransmits = 0xFFFF;
  message.expires = Instant::max();
  if (message.reliable) return;
  if (how.reliability == Reliability::retransmits) {
    message.max_retransmits =
        static_cast<std::uint16_t>(std::min<std::uint32_t>(how.limit, 0xFFFF));
  } else {
    // A millisecond more: with a lifetime of 0 it may still go at once.
    message.expires = now + milliseconds(how.limit) + milliseconds(1);
  }
}

// What is lost and may not be sent again; and what has waited too long to be sent at all, once it
// is its turn.
void Sender::abandon_due(Instant now) {
  for (std::size_t i = 0; i < outstanding_.size() && lost_ != 0; ++i) {
    const Chunk& c = outstanding_[i];
    if (c.state == ChunkState::lost && is_due(c, now) && !abandon(c.message, i)) return;
  }
  if (unsent() == 0 || messages_[next_message_ - first_message_].expires > now) return;
  if (next_offset_ != 0) static_cast<void>(abandon(next_message_, 0));
  drop_expired(now);
}

bool Sender::is_due(const Chunk& chunk, Instant now) {
  const OutMessage& m = message_of(chunk);
  return !m.reliable && (chunk.retransmits >= m.max_retransmits || m.expires <= now);
}

// [rfc3758#3.5] A3: all of a message or nothing; `at` is one of its chunks, if all of it was sent.
// False without memory: then it is tried again.
bool Sender::abandon(std::uint32_t number, std::size_t at) {
  if (number == next_message_) {
    // Its end was never sent, and gets a TSN for the peer to miss: all that was sent may have
    // arrived.
    Chunk end{};
    end.message = number;
    end.last = true;
    end.state = ChunkState::abandoned;
    if (!outstanding_.push_back(end)) return false;
    at = outstanding_.size() - 1;
    ++next_tsn_;
    ++next_message_;
    next_offset_ = 0;
  }
  while (at > 0 && outstanding_[at - 1].message == number) --at;
  std::uint32_t tsn = first_outstanding() + static_cast<std::uint32_t>(at);
  for (; at < outstanding_.size() && outstanding_[at].message == number; ++at, ++tsn) {
    Chunk& c = outstanding_[at];
    if (c.state == ChunkState::in_flight) flight_ -= c.length();
    if (c.state == ChunkState::lost) --lost_;
    c.state = ChunkState::abandoned;
    if (timed_tsn_ == tsn) timed_tsn_.reset();
  }
  OutMessage& m = messages_[number - first_message_];
  buffered_ -= m.body.size();
  m.body = Buffer();
  --unreliable_;
  if (lost_ == 0) fast_due_ = false;
  forward_due_ = forward_due_ || front_is_abandoned();
  return true;
}

// Of what was never sent the peer need not hear.
void Sender::drop_expired(Instant now) {
  std::size_t kept = next_message_ - first_message_ + (next_offset_ != 0 ? 1 : 0);
  for (std::size_t i = kept; i < messages_.size(); ++i) {
    OutMessage& m = messages_[i];
    if (m.expires <= now) {
      buffered_ -= m.body.size() + bookkeeping;
      forget_message_of(m.stream);
      --unreliable_;
    } else {
      if (kept != i) messages_[kept] = std::move(m);
      ++kept;
    }
  }
  while (messages_.size() > kept) messages_.pop_back();
}

// [rfc3758#3.5] C3, at most once a round trip: the last one is still on its way.
void Sender::note_abandoned(Instant now) {
  const bool said = serial_less_equal(first_outstanding(), forwarded_tsn_);
  const Duration round_trip = rto_.srtt() != Duration(0) ? rto_.srtt() : rto_.value();
  forward_due_ = forward_due_ || !said || now - forwarded_at_ >= round_trip;
}

// As far as everything was given up, and as the streams of it fit into one chunk.
void Sender::write_forward_tsn(Instant now, PacketWriter& packet) {
  FixedVector<SkippedStream, max_skipped_streams> streams;
  std::size_t skipped = 0;
  for (std::size_t i = 0; i < outstanding_.size(); ++i) {
    const Chunk& c = outstanding_[i];
    if (c.state != ChunkState::abandoned) break;
    if (!c.last) continue;
    const OutMessage& m = message_of(c);
    if (!m.unordered) {
      const auto id = static_cast<std::uint16_t>(m.stream);
      std::size_t at = 0;
      while (at < streams.size() && streams[at].stream != id) ++at;
      const bool fits = 4 + 4 * (at + 1) <= packet.room_for_value();
      if (at == streams.size() && (!fits || !streams.push_back({id, 0}))) break;
      streams[at].ssn = m.ssn;
    }
    skipped = i + 1;
  }
  forward_due_ = front_is_abandoned();
  if (skipped == 0 || packet.room_for_value() < 4) return;  // no room; or it has come after all
  forward_due_ = false;
  forwarded_tsn_ = first_outstanding() - 1 + static_cast<std::uint32_t>(skipped);
  forwarded_at_ = now;
  Writer w(packet.begin(ChunkType::forward_tsn, 0, 4 + 4 * streams.size()));
  w.u32(forwarded_tsn_);
  for (const SkippedStream& s : streams) {
    w.u16(s.stream);
    w.u16(s.ssn);
  }
  if (!t3_) t3_ = now + rto_.value();  // [rfc3758#3.5] C5
}

}  // namespace esp_peer::sctp
