#include "sctp/stream_resets.hpp"

namespace esp_peer::sctp {

void StreamResets::start(std::uint32_t first_tsn, std::uint32_t peer_tsn) {
  wanted_.clear();
  asked_ = 0;
  sequence_ = first_tsn;
  peer_sequence_ = peer_tsn;
  // Nothing has been asked yet that could be asked again.
  answers_ = {Answer{peer_tsn - 1, Result::bad_sequence},
              Answer{peer_tsn - 2, Result::bad_sequence}};
  deferred_ = told_to_wait_ = false;
}

Status StreamResets::want(StreamId stream) {
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (wanted_[i].stream != static_cast<std::uint16_t>(stream)) continue;
    wanted_[i].again = i < asked_;
    return {};
  }
  const Wanted wanted{static_cast<std::uint16_t>(stream), false, false};
  if (wanted_.size() == max_wanted || !wanted_.push_back(wanted)) {
    return Error{Errc::would_block, "no room for a reset"};
  }
  return {};
}

bool StreamResets::begin_request(const Sender& sender, std::size_t room) {
  if (asked_ != 0 || room < request_size()) return false;
  for (std::size_t i = 0; i < wanted_.size() && request_size() + 2 <= room; ++i) {
    if (wanted_[i].denied || sender.has_messages(StreamId{wanted_[i].stream})) continue;
    std::swap(wanted_[i], wanted_[asked_++]);
  }
  // exception: [rfc6525#4.1] would have the last TSN that was assigned. All of these streams has
  // arrived; what lies above is of others, and nothing to wait for. A peer that waits says "in
  // progress", and dcSCTP before 2025 never says anything else after that.
  request_tsn_ = sender.last_acknowledged();
  return asked_ != 0;
}

void StreamResets::on_response(Result result, Sender& sender) {
  const bool done = result == Result::nothing_to_do || result == Result::performed;
  // [rfc8831#6.7] Before our side was reset too, what the peer had reset cannot be in use again:
  // from here on the same request may be a new one.
  if (done) told_to_wait_ = false;
  for (std::size_t i = asked_; i-- > 0;) {
    wanted_[i].denied = !done;
    if (!done) continue;
    sender.reset_stream(StreamId{wanted_[i].stream});
    if (!std::exchange(wanted_[i].again, false)) wanted_.erase(i);
  }
  asked_ = 0;
  ++sequence_;
}

// [rfc6525#5.2.1] What was asked before gets the same answer again.
bool StreamResets::on_request(std::uint32_t sequence, Result answer) {
  if (sequence == peer_sequence_) {
    ++peer_sequence_;
    answers_[1] = answers_[0];
    answers_[0] = {sequence, answer, true};
    return true;
  }
  for (Answer& known : answers_) {
    if (known.sequence != sequence) continue;
    known.owed = true;
    return false;
  }
  answers_[1] = {sequence, Result::bad_sequence, true};
  return false;
}

void StreamResets::on_reset_request(std::uint32_t sequence, std::uint32_t last_tsn, Bytes streams) {
  using enum Result;
  // Who was told to wait may ask under a new number (dcSCTP before 2025 does), even when it has
  // happened and the answer is on its way: twice could hit what uses the stream next.
  if ((deferred_ || told_to_wait_) && last_tsn == deferred_until_ &&
      equal(streams, deferred_streams_.bytes())) {
    on_request(sequence, deferred_ ? in_progress : performed);
    return;
  }
  if (!on_request(sequence, deferred_ ? already_in_progress : denied) || deferred_) return;
  told_to_wait_ = false;
  deferred_streams_ = Buffer::copy_of(memory_, streams);
  if (!deferred_streams_) return;
  // If only until this packet has been gone through.
  deferred_ = true;
  deferred_until_ = last_tsn;
  answers_[0].result = in_progress;
}

Bytes StreamResets::finish_deferred() {
  deferred_ = false;
  for (Answer& answer : answers_) {
    if (answer.result != Result::in_progress) continue;
    answer.result = Result::performed;
    answer.owed = true;
  }
  return deferred_streams_.bytes();
}

void StreamResets::write_answers(PacketWriter& packet) {
  constexpr std::size_t size = 12;
  const std::size_t owed = (answers_[0].owed ? 1u : 0u) + (answers_[1].owed ? 1u : 0u);
  if (owed == 0 || packet.room_for_value() < owed * size) return;
  Writer w(packet.begin(ChunkType::reconfig, 0, owed * size));
  for (std::size_t i = answers_.size(); i-- > 0;) {
    if (!std::exchange(answers_[i].owed, false)) continue;
    told_to_wait_ = told_to_wait_ || answers_[i].result == Result::in_progress;
    w.u16(reconfig_response);
    w.u16(size);
    w.u32(answers_[i].sequence);
    w.u32(static_cast<std::uint32_t>(answers_[i].result));
  }
}

void StreamResets::write_request(Writer& w) const {
  w.u16(outgoing_reset_request);
  w.u16(static_cast<std::uint16_t>(request_size()));
  w.u32(sequence_);
  w.u32(peer_sequence_ - 1);
  w.u32(request_tsn_);
  for (std::size_t i = 0; i < asked_; ++i) w.u16(wanted_[i].stream);
}

bool StreamResets::is_pending(StreamId stream) const {
  for (const Wanted& w : wanted_) {
    if (w.stream == static_cast<std::uint16_t>(stream)) return true;
  }
  return false;
}

bool StreamResets::holds_back(const DataView& data) const {
  if (!deferred_ || serial_less_equal(data.tsn, deferred_until_)) return false;
  Reader r(deferred_streams_.bytes());
  if (r.remaining() == 0) return true;  // all of them
  while (r.remaining() != 0) {
    if (r.u16() == data.stream) return true;
  }
  return false;
}

void StreamResets::hash_state(StateHash& hash) const {
  for (const Wanted& w : wanted_) {
    hash.add(w.stream);
    hash.add(w.denied);
    hash.add(w.again);
  }
  hash.add(asked_);
  hash.add(sequence_);
  hash.add(peer_sequence_);
  for (const Answer& answer : answers_) {
    hash.add(answer.result);
    hash.add(answer.owed);
  }
  hash.add(deferred_);
  hash.add(told_to_wait_);
}

}  // namespace esp_peer::sctp
