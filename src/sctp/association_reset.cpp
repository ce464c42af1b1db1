// How streams begin anew [rfc6525]: our requests and the peer's.
#include <algorithm>

#include "sctp/association.hpp"

namespace esp_peer::sctp {

Status Association::reset_stream(Instant, StreamId stream) {
  if (state_ != State::established) return Error{Errc::wrong_state, "no association"};
  if (!can_reset()) return Error{Errc::unsupported, "the peer cannot reset streams"};
  return resets_.want(stream, sender_.last_message_on(stream));
}

// ---------------------------------------------------------------- inputs

void Association::on_reconfig(Instant now, const ChunkView& chunk) {
  if (!can_reset() || !data_may_flow()) return drop(now, "RE-CONFIG", chunk.value.size());
  Bytes rest = chunk.value;
  // [rfc6525#3.1] Two at most.
  for (int n = 0; n < 2; ++n) {
    const auto parameter = take_parameter(rest);
    if (!parameter) break;
    Reader r(parameter->value);
    const std::uint32_t sequence = r.u32();
    if (!r.ok()) break;
    if (parameter->type == outgoing_reset_request) {
      on_reset_request(sequence, r.rest());
    } else if (parameter->type == reconfig_response) {
      on_reset_response(sequence, r.rest());
    } else if (parameter->type == add_outgoing_streams_request) {
      // More of its streams cost nothing: each may speak as it is.
      resets_.on_request(sequence, StreamResets::Result::performed);
    } else if (parameter->type > outgoing_reset_request &&
               parameter->type <= last_reconfig_request) {
      resets_.on_request(sequence, StreamResets::Result::denied);  // nobody needs them here
    }
  }
}

void Association::on_reset_request(std::uint32_t sequence, Bytes rest) {
  Reader r(rest);
  r.skip(4);  // which request of ours this answers: we make none that is answered so
  const std::uint32_t last_tsn = r.u32();
  if (!r.ok() || r.remaining() % 2 != 0) return;
  send_sack_ = true;  // [rfc6525#5.2.1]
  using enum StreamResets::Result;
  const bool busy = resets_.deferred_until().has_value();
  if (!resets_.on_request(sequence, busy ? already_in_progress : denied) || busy) return;
  // [rfc6525#5.2.2] E2: put off, if only until this packet has been gone through. Without memory
  // it stays denied.
  resets_.defer(last_tsn, r.rest());
}

// [rfc6525#5.2.7]
void Association::on_reset_response(std::uint32_t sequence, Bytes rest) {
  Reader r(rest);
  const auto result = static_cast<StreamResets::Result>(r.u32());
  if (!r.ok()) return;
  reset_in_progress_ = result == StreamResets::Result::in_progress;
  const bool done =
      resets_.on_response(sequence, result, [&](StreamId stream) { sender_.reset_stream(stream); });
  if (!done) return;
  timers_.disarm(Timer::reconfig);
  send_reset_request_ = false;
  errors_ = 0;
}

// [rfc6525#5.1.1]
void Association::on_reconfig_timer(Instant now) {
  // [rfc6525#5.2.7] H2
  if (!std::exchange(reset_in_progress_, false)) count_error(now);
  reconfig_rto_ = std::min(reconfig_rto_ * 2, options_.rto_max);
  send_reset_request_ = resets_.has_request();
}

// What the peer asked for, once all that it sent before has come. While its messages fill our
// window it waits, so that there is a bound to what waits to be read.
void Association::finish_resets() {
  const auto last_tsn = resets_.deferred_until();
  if (!last_tsn || !data_may_flow() || receiver_.free_window() == 0) return;
  if (!serial_less_equal(*last_tsn, receiver_.cumulative_tsn())) return;
  const Buffer streams = resets_.finish_deferred();
  Reader r(streams.bytes());
  if (r.remaining() == 0) receiver_.reset_all_streams();
  while (r.remaining() != 0) receiver_.reset_stream(r.u16());
  if (receiver_.has_messages() && !std::exchange(said_ready_, true)) say_ready_ = true;
}

// ---------------------------------------------------------------- outputs

void Association::write_reset_answers(PacketWriter& packet) {
  constexpr std::size_t size = 12;
  auto& answers = resets_.answers();
  const std::size_t owed = (answers[0].owed ? 1u : 0u) + (answers[1].owed ? 1u : 0u);
  if (owed == 0 || packet.room_for_value() < owed * size) return;
  Writer w(packet.begin(ChunkType::reconfig, 0, owed * size));
  for (std::size_t i = answers.size(); i-- > 0;) {
    if (!std::exchange(answers[i].owed, false)) continue;
    w.u16(reconfig_response);
    w.u16(size);
    w.u32(answers[i].sequence);
    w.u32(static_cast<std::uint32_t>(answers[i].result));
  }
}

void Association::write_reset_request(Instant now, PacketWriter& packet) {
  if (resets_.empty() || !data_may_flow()) return;
  const std::size_t room = packet.room_for_value();
  const auto has_arrived = [&](const auto& message) { return sender_.has_arrived(message); };
  if (resets_.begin_request(sender_.next_tsn() - 1, room, has_arrived)) {
    reconfig_rto_ = sender_.rto().value();
    send_reset_request_ = true;
  }
  if (!send_reset_request_ || resets_.request_size() > room) return;
  send_reset_request_ = false;
  Writer w(packet.begin(ChunkType::reconfig, 0, resets_.request_size()));
  resets_.write_request(w);
  timers_.arm(Timer::reconfig, now + reconfig_rto_);
}

}  // namespace esp_peer::sctp
