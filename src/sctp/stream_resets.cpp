#include "sctp/stream_resets.hpp"

#include <algorithm>

namespace esp_peer::sctp {

void StreamResets::start(std::uint32_t first_tsn, std::uint32_t peer_tsn) {
  wanted_.clear();
  asked_ = 0;
  sequence_ = first_tsn;
  peer_sequence_ = peer_tsn;
  // Nothing has been asked yet that could be asked again.
  answers_ = {Answer{peer_tsn - 1, Result::bad_sequence},
              Answer{peer_tsn - 2, Result::bad_sequence}};
  deferred_until_.reset();
  deferred_streams_ = Buffer();
}

Status StreamResets::want(StreamId stream, std::optional<std::uint32_t> last_message) {
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (wanted_[i].stream != static_cast<std::uint16_t>(stream)) continue;
    wanted_[i].again = i < asked_;
    return {};
  }
  const Wanted wanted{static_cast<std::uint16_t>(stream), false, false, last_message};
  if (!wanted_.push_back(wanted)) return Error{Errc::no_memory, "no room for a reset"};
  return {};
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

bool StreamResets::defer(std::uint32_t last_tsn, Bytes streams) {
  deferred_streams_ = Buffer::copy_of(memory_, streams);
  if (!deferred_streams_) return false;
  deferred_until_ = last_tsn;
  answers_[0].result = Result::in_progress;
  return true;
}

Buffer StreamResets::finish_deferred() {
  deferred_until_.reset();
  for (Answer& answer : answers_) {
    if (answer.result != Result::in_progress) continue;
    answer.result = Result::performed;
    answer.owed = true;
  }
  return std::exchange(deferred_streams_, Buffer());
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
  return std::any_of(wanted_.begin(), wanted_.end(), [&](const Wanted& w) {
    return w.stream == static_cast<std::uint16_t>(stream);
  });
}

bool StreamResets::holds_back(const DataView& data) const {
  if (!deferred_until_ || serial_less_equal(data.tsn, *deferred_until_)) return false;
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
  hash.add(deferred_until_.has_value());
}

}  // namespace esp_peer::sctp
