// What an association says, one packet a call.
#include <algorithm>

#include "sctp/association.hpp"

namespace esp_peer::sctp {

std::size_t Association::write_packet(Instant now, MutableBytes out) {
  out = out.first(std::min<std::size_t>(out.size(), options_.max_packet));
  if (std::exchange(send_abort_, false)) return write_abort(out);
  if (std::exchange(send_shutdown_complete_, false)) {
    return write_last(out, ChunkType::shutdown_complete, 0);
  }
  if (state_ == State::ended) return 0;
  if (stale_tag_ != 0) return write_stale_cookie(out);
  if (init_ack_) return write_init_ack(out);
  if (std::exchange(send_init_, false)) return write_init(out);
  if (peer_tag_ == 0) return 0;

  // First, for what is said may depend on it: that there is room, or that nothing is left.
  sender_.give_up_late(now);
  note_room();
  advance_shutdown(now);
  PacketWriter packet(out, options_.local_port, options_.remote_port, peer_tag_);
  write_control(now, packet);
  if (data_may_flow() && state_ != State::shutdown_sent) {
    // [rfc9260#6.2] Data takes the acknowledgement along that would have gone alone later.
    const bool owes_ack = unacknowledged_packets_ != 0 && sender_.wants_to_send();
    if (owes_ack && !send_sack_ && state_ == State::established) write_sack(packet);
    sender_.write_data(now, packet);
  }
  return packet.finish();
}

void Association::write_control(Instant now, PacketWriter& packet) {
  if (std::exchange(send_cookie_ack_, false)) {
    static_cast<void>(packet.begin_empty(ChunkType::cookie_ack));
  }
  if (std::exchange(send_cookie_in_shutdown_, false)) {
    Writer w(packet.begin(ChunkType::error, 0, 4));
    w.u16(cookie_while_shutting_down);
    w.u16(4);
  }
  if (std::exchange(send_cookie_echo_, false)) {
    const MutableBytes cookie = packet.begin(ChunkType::cookie_echo, 0, peer_cookie_.size());
    if (!cookie.empty()) copy_bytes(peer_cookie_.bytes(), cookie);
  }
  if (heartbeat_info_) {
    const MutableBytes info = packet.begin(ChunkType::heartbeat_ack, 0, heartbeat_info_.size());
    copy_bytes(heartbeat_info_.bytes().first(info.size()), info);
    heartbeat_info_ = Buffer();
  }
  if (send_heartbeat_ && data_may_flow()) write_heartbeat(now, packet);
  resets_.write_answers(packet);
  write_reset_request(now, packet);
  if (std::exchange(send_shutdown_, false)) {
    const MutableBytes value = packet.begin(ChunkType::shutdown, 0, 4);
    Writer(value).u32(receiver_.cumulative_tsn());
  }
  // Behind the others, for its gap blocks take what room there is.
  if (send_sack_ && data_may_flow()) write_sack(packet);
  if (std::exchange(send_shutdown_ack_, false)) {
    static_cast<void>(packet.begin_empty(ChunkType::shutdown_ack));
  }
}

void Association::write_sack(PacketWriter& packet) {
  constexpr std::size_t least = 12;
  const std::size_t room = packet.room_for_value();
  if (room < least) return;
  receiver_.write_sack(packet.begin(ChunkType::sack, 0, receiver_.sack_size(room)));
  send_sack_ = false;
  unacknowledged_packets_ = 0;
  timers_.disarm(Timer::delayed_ack);
}

void Association::write_heartbeat(Instant now, PacketWriter& packet) {
  send_heartbeat_ = false;
  timers_.arm(Timer::heartbeat, now + options_.heartbeat_interval + sender_.rto().value());
  timers_.arm(Timer::heartbeat_ack, now + sender_.rto().value());
  env_.random.fill_secret(heartbeat_nonce_);
  heartbeat_sent_ = now;
  Writer info(packet.begin(ChunkType::heartbeat, 0, 4 + heartbeat_nonce_.size()));
  info.u16(1);  // Heartbeat Info [rfc9260#3.3.5]
  info.u16(4 + std::tuple_size_v<decltype(heartbeat_nonce_)>);
  info.bytes(heartbeat_nonce_);
}

std::size_t Association::write_init(MutableBytes out) {
  PacketWriter packet(out, options_.local_port, options_.remote_port, 0);
  Writer w(packet.begin(ChunkType::init, 0, 16 + extension_parameters_size));
  write_init_fields(w, local_tag_, local_tsn_);
  return packet.finish();
}

void Association::write_init_fields(Writer& w, std::uint32_t tag, std::uint32_t tsn) const {
  w.u32(tag);
  // [rfc9260#3.3.2] Never less than 1500, also in answer to a restart while much is unread.
  w.u32(std::max(receiver_.free_window(), min_a_rwnd));
  w.u16(options_.max_streams);
  w.u16(inbound_streams());
  w.u32(tsn);
  write_extension_parameters(w);
}

std::size_t Association::write_init_ack(MutableBytes out) {
  const PendingInitAck ack = *init_ack_;
  init_ack_.reset();
  PacketWriter packet(out, options_.local_port, options_.remote_port, ack.peer_tag);
  const std::size_t size = 16 + extension_parameters_size + 4 + ack.cookie.size();
  Writer w(packet.begin(ChunkType::init_ack, 0, size));
  write_init_fields(w, ack.local_tag, ack.local_tsn);
  w.u16(7);  // State Cookie [rfc9260#3.3.3]
  w.u16(static_cast<std::uint16_t>(4 + ack.cookie.size()));
  w.bytes(ack.cookie);
  return packet.finish();
}

// [rfc9260#3.3.10.3] By how much it was too old, in microseconds.
std::size_t Association::write_stale_cookie(MutableBytes out) {
  PacketWriter packet(out, options_.local_port, options_.remote_port,
                      std::exchange(stale_tag_, 0u));
  Writer w(packet.begin(ChunkType::error, 0, 8));
  w.u16(stale_cookie);
  w.u16(8);
  w.u32(static_cast<std::uint32_t>(std::min<std::int64_t>(stale_by_.count(), 0xFFFF'FFFF)));
  return packet.finish();
}

std::size_t Association::write_abort(MutableBytes out) {
  if (!abort_for_no_data_) return write_last(out, ChunkType::abort, 0);
  PacketWriter packet(out, options_.local_port, options_.remote_port, peer_tag_);
  Writer w(packet.begin(ChunkType::abort, 0, 8));
  w.u16(no_user_data);
  w.u16(8);
  w.u32(no_data_tsn_);
  return packet.finish();
}

std::size_t Association::write_last(MutableBytes out, ChunkType type, std::uint8_t flags) {
  PacketWriter packet(out, options_.local_port, options_.remote_port, peer_tag_);
  static_cast<void>(packet.begin_empty(type, flags));
  return packet.finish();
}

}  // namespace esp_peer::sctp
