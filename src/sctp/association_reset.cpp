// How streams begin anew [rfc6525]: our requests and the peer's.
#include <algorithm>

#include "sctp/association.hpp"

namespace esp_peer::sctp {

Status Association::reset_stream(Instant, StreamId stream) {
  if (!connected()) return Error{Errc::wrong_state, "no association"};
  if (!can_reset()) return Error{Errc::unsupported, "the peer cannot reset streams"};
  return resets_.want(stream);
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
      on_reset_response(now, sequence, r.rest());
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
  resets_.on_reset_request(sequence, last_tsn, r.rest());
}

// [rfc6525#5.2.7]
void Association::on_reset_response(Instant now, std::uint32_t sequence, Bytes rest) {
  Reader r(rest);
  const auto result = static_cast<StreamResets::Result>(r.u32());
  if (!r.ok() || !resets_.is_out(sequence)) return;  // H1
  reset_in_progress_ = result == StreamResets::Result::in_progress;
  if (reset_in_progress_) {  // H2
    timers_.arm(Timer::reconfig, now + reconfig_rto_);
    return;
  }
  resets_.on_response(result, sender_);
  timers_.disarm(Timer::reconfig);
  send_reset_request_ = false;
  errors_ = 0;
  note_room();
}

// [rfc6525#5.1.1]
void Association::on_reconfig_timer(Instant now) {
  // [rfc6525#5.2.7] H2: who is at it is asked again, and not given up.
  if (!std::exchange(reset_in_progress_, false)) {
    count_error(now);
    reconfig_rto_ = std::min(reconfig_rto_ * 2, options_.rto_max);
  }
  send_reset_request_ = resets_.has_request();
}

// What the peer asked for, once all that it sent before has come. While its messages fill our
// window it waits, so that there is a bound to what waits to be read.
void Association::finish_resets() {
  if (!resets_.has_deferred() || !data_may_flow() || receiver_.free_window() == 0) return;
  if (!serial_less_equal(resets_.deferred_until(), receiver_.cumulative_tsn())) return;
  Reader r(resets_.finish_deferred());
  if (r.remaining() == 0) receiver_.reset_all_streams();
  while (r.remaining() != 0) receiver_.reset_stream(r.u16());
  note_messages();
}

// ---------------------------------------------------------------- outputs

void Association::write_reset_request(Instant now, PacketWriter& packet) {
  if (resets_.empty() || !data_may_flow()) return;
  const std::size_t room = packet.room_for_value();
  if (resets_.begin_request(sender_, room)) {
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
