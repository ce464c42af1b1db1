#include "sctp/association.hpp"

#include <algorithm>

namespace esp_peer::sctp {
namespace {

bool stands_alone(ChunkType type) {  // [rfc9260#6.10]
  return type == ChunkType::init || type == ChunkType::init_ack ||
         type == ChunkType::shutdown_complete;
}

std::uint32_t tag_of(Random& random) {
  std::uint32_t tag = 0;
  while (tag == 0) random.fill_secret(std::as_writable_bytes(std::span(&tag, 1)));
  return tag;
}

}  // namespace

Association::Association(const Options& options, crypto::Provider& crypto, Env env)
    : options_(options),
      crypto_(crypto),
      env_(env),
      receiver_(env.memory, std::max<std::uint32_t>(options.receive_window, 1500)),
      sender_(env.memory, options.send_buffer,
              (options.max_packet - common_header_size - data_header_size) / 4u * 4u,
              initial_rto()),
      resets_(env.memory) {
  env_.random.fill_secret(cookie_key_);
  local_tag_ = tag_of(env_.random);
  local_tsn_ = tag_of(env_.random);
}

Association::~Association() = default;

// ---------------------------------------------------------------- commands

Status Association::connect(Instant now) {
  if (state_ != State::closed) return Error{Errc::wrong_state, "association began before"};
  state_ = State::cookie_wait;
  handshake_rto_ = options_.rto_initial;
  send_init_ = true;
  arm_t1(now);
  return {};
}

Status Association::send(Instant now, StreamId stream, Ppid ppid, Bytes message,
                         const SendOptions& how) {
  if (!connected()) return Error{Errc::wrong_state, "no association"};
  const Status queued = resets_.is_pending(stream)
                            ? Status(Error{Errc::would_block, "the stream is being reset"})
                            : sender_.enqueue(now, stream, ppid, message, how);
  if (queued.code() == Errc::would_block) was_full_ = true;
  return queued;
}

void Association::shutdown(Instant now) {
  if (state_ == State::established) {
    state_ = State::shutdown_pending;
    advance_shutdown(now);
  } else if (state_ < State::established) {
    close_in_order();
  }
}

void Association::abort(Instant) {
  if (state_ == State::ended) return;
  // Without a tag of the peer there is nobody to tell.
  send_abort_ = peer_tag_ != 0;
  end("aborted by us", false);
}

// ---------------------------------------------------------------- inputs

void Association::on_packet(Instant now, Bytes bytes) {
  if (state_ == State::ended && !closed_in_order_) return;
  const auto packet = parse_packet(bytes);
  if (!packet) return drop(now, "bad checksum or header", bytes.size());
  if (packet->source_port != options_.remote_port ||
      packet->destination_port != options_.local_port) {
    return drop(now, "other ports", bytes.size());
  }
  Bytes rest = packet->chunks;
  auto chunk = take_chunk(rest);
  if (!chunk || !tag_is_right(*packet, *chunk)) return drop(now, "wrong tag", bytes.size());
  if (state_ == State::ended) {
    // [rfc9260#8.4] Our SHUTDOWN-COMPLETE was lost: the one thing that is still said.
    send_shutdown_complete_ = send_shutdown_complete_ || chunk->type == ChunkType::shutdown_ack;
    return;
  }

  bool has_data = false;
  bool alone = rest.empty();
  for (; chunk && state_ != State::ended; chunk = take_chunk(rest), alone = false) {
    if (stands_alone(chunk->type) && !alone) return drop(now, "bundled with INIT", bytes.size());
    // [rfc3758#3.6] A FORWARD-TSN is acknowledged as if it were data.
    has_data = has_data || chunk->type == ChunkType::data ||
               (chunk->type == ChunkType::forward_tsn && extensions_.forward_tsn);
    const auto type = static_cast<std::uint8_t>(chunk->type);
    const bool known = type <= 11 || type == 14 || chunk->type == ChunkType::forward_tsn ||
                       chunk->type == ChunkType::reconfig;
    // [rfc9260#3.2] The highest bit of an unknown type says whether what follows still counts.
    // exception: none is reported; see parse_init().
    if (!known && (type & 0x80) == 0) break;
    if (known) on_chunk(now, *packet, *chunk);
    // [rfc9260#5.1.5] A cookie may excuse another tag, and nothing that is bundled with it.
    if (chunk->type == ChunkType::cookie_echo && packet->verification_tag != local_tag_) return;
  }
  // [rfc9260#6.2] An acknowledgement for every second packet, or after 200 ms.
  if (has_data && data_may_flow()) {
    if (++unacknowledged_packets_ >= 2 || receiver_.has_gaps()) send_sack_ = true;
    if (!send_sack_) timers_.arm(Timer::delayed_ack, now + ack_delay);
  }
  // [rfc9260#9.2] The peer has still something to say, and gets time for it.
  if (has_data && state_ == State::shutdown_sent) {
    send_shutdown_ = true;
    errors_ = 0;
    timers_.arm(Timer::t2, now + handshake_rto_);
  }
  finish_resets();
  advance_shutdown(now);
}

// [rfc9260#8.5] Every chunk but the first one of an association carries the tag we chose.
bool Association::tag_is_right(const PacketView& packet, const ChunkView& first) const {
  const bool ours = packet.verification_tag == local_tag_;
  const bool theirs = peer_tag_ != 0 && packet.verification_tag == peer_tag_;
  switch (first.type) {
    case ChunkType::init:
      return packet.verification_tag == 0;
    case ChunkType::cookie_echo:
      return true;  // the cookie itself says which tag is right
    case ChunkType::abort:
    case ChunkType::shutdown_complete:
      return (first.flags & 1) != 0 ? theirs : ours;
    default:
      return ours && state_ != State::closed;
  }
}

void Association::on_chunk(Instant now, const PacketView& packet, const ChunkView& chunk) {
  switch (chunk.type) {
    case ChunkType::data:
      return on_data(now, chunk);
    case ChunkType::init:
      return on_init(now, chunk);
    case ChunkType::init_ack:
      return on_init_ack(now, chunk);
    case ChunkType::sack:
      return on_sack(now, chunk);
    case ChunkType::forward_tsn:
      return on_forward_tsn(now, chunk);
    case ChunkType::reconfig:
      return on_reconfig(now, chunk);
    case ChunkType::heartbeat:
      return on_heartbeat(chunk);
    case ChunkType::heartbeat_ack:
      return on_heartbeat_ack(now, chunk);
    case ChunkType::abort:
      return state_ == State::closed ? drop(now, "ABORT of nothing", 0)
                                     : end("aborted by the peer", true);
    case ChunkType::shutdown:
      return on_shutdown(now, chunk);
    case ChunkType::shutdown_ack:
      return on_shutdown_ack();
    case ChunkType::error:
      return on_error(now, chunk);
    case ChunkType::cookie_echo:
      return on_cookie_echo(now, packet, chunk);
    case ChunkType::cookie_ack:
      return on_cookie_ack(now);
    case ChunkType::shutdown_complete:
      if (state_ == State::shutdown_ack_sent) close_in_order();
      return;
  }
}

void Association::on_data(Instant now, const ChunkView& chunk) {
  const bool open = may_receive_data();
  const auto data = parse_data(chunk);
  if (open && chunk.value.size() == data_header_size - chunk_header_size) {
    send_abort_ = abort_for_no_data_ = true;
    no_data_tsn_ = Reader(chunk.value).u32();
    return end("DATA without data", false);  // [rfc9260#6.2]
  }
  // The peer is through, so its COOKIE-ACK was lost. exception: [rfc9260#5.1] would wait for T1,
  // and the peer meanwhile retransmit in vain.
  if (state_ == State::cookie_echoed && data) send_cookie_echo_ = true;
  if (!open || !data || resets_.holds_back(*data)) {
    return drop(now, "DATA that cannot be taken", chunk.value.size());
  }
  send_sack_ = send_sack_ || data->immediate;
  on_verdict(now, receiver_.on_data(*data));
}

// [rfc9260#6] Also while our own SHUTDOWN waits: the peer may still have something to say.
bool Association::may_receive_data() const {
  return state_ == State::established || state_ == State::shutdown_pending ||
         state_ == State::shutdown_sent;
}

void Association::on_verdict(Instant now, Receiver::Verdict verdict) {
  switch (verdict) {
    case Receiver::Verdict::accepted:
      send_sack_ = send_sack_ || state_ == State::shutdown_sent;
      if (!timers_.armed(Timer::incomplete)) watch_incomplete(now);
      // Here, that nothing is said behind the end which the next chunk may bring.
      return note_messages();
    case Receiver::Verdict::duplicate:
    case Receiver::Verdict::dropped:
      send_sack_ = true;
      return;
    case Receiver::Verdict::violation:
      send_abort_ = true;
      return end("DATA that contradicts itself or our window", false);
  }
}

void Association::watch_incomplete(Instant now) {
  if (!receiver_.keeps_incomplete()) return;
  timers_.arm(Timer::incomplete, now + options_.incomplete_lifetime);
}

void Association::note_messages() {
  if (receiver_.has_messages() && !std::exchange(said_ready_, true)) say_ready_ = true;
}

void Association::on_sack(Instant now, const ChunkView& chunk) {
  if (!data_may_flow()) return;
  using enum Sender::SackResult;
  const auto sack = parse_sack(chunk);
  const auto result = sack ? sender_.on_sack(now, *sack) : absurd;
  if (result == old || result == absurd) {
    return drop(now, "SACK that is old or absurd", chunk.value.size());
  }
  // [rfc9260#8.1] What has arrived says that the peer is alive; one that answers and never takes
  // anything is not, [rfc9260#6.1] but for a shut window, which it may keep for ever.
  if (result == progress || sender_.window_shut()) errors_ = 0;
  note_room();
}

void Association::note_room() {
  if (!was_full_ || !sender_.has_room_again()) return;
  was_full_ = false;
  say_drained_ = true;
}

void Association::on_forward_tsn(Instant now, const ChunkView& chunk) {
  const auto forward = parse_forward_tsn(chunk);
  if (!may_receive_data() || !forward || !extensions_.forward_tsn) {
    return drop(now, "FORWARD-TSN that cannot be taken", chunk.value.size());
  }
  on_verdict(now, receiver_.on_forward_tsn(*forward));
}

void Association::on_heartbeat(const ChunkView& chunk) {
  if (state_ < State::cookie_echoed || chunk.value.size() > max_heartbeat_info) return;
  heartbeat_info_ = Buffer::copy_of(env_.memory, chunk.value);
}

// [rfc9260#8.3] The nonce shows that this answers our own question; when we asked we know
// ourselves.
void Association::on_heartbeat_ack(Instant now, const ChunkView& chunk) {
  Reader r(chunk.value);
  r.skip(4);
  const Bytes nonce = r.bytes(heartbeat_nonce_.size());
  if (!r.ok() || !timers_.armed(Timer::heartbeat_ack) || !equal(nonce, heartbeat_nonce_)) {
    return drop(now, "HEARTBEAT-ACK to no question", chunk.value.size());
  }
  timers_.disarm(Timer::heartbeat_ack);
  if (sender_.empty()) errors_ = 0;  // [rfc9260#8.1] else the data itself has to arrive
  sender_.rto().measure(now - heartbeat_sent_);
}

void Association::on_shutdown(Instant now, const ChunkView& chunk) {
  Reader r(chunk.value);
  const std::uint32_t cumulative_tsn = r.u32();
  if (!r.ok() || !data_may_flow()) return;
  const auto result = sender_.on_cumulative(now, cumulative_tsn);
  if (result == Sender::SackResult::absurd) return;
  if (result == Sender::SackResult::progress) errors_ = 0;  // [rfc9260#8.1]
  if (state_ == State::shutdown_sent) {
    // Both at once [rfc9260#9.2].
    state_ = State::shutdown_ack_sent;
    send_shutdown_ack_ = true;
    handshake_rto_ = sender_.rto().value();
    timers_.arm(Timer::t2, now + handshake_rto_);
  } else {
    state_ = State::shutdown_received;
  }
}

void Association::on_shutdown_ack() {
  if (state_ != State::shutdown_sent && state_ != State::shutdown_ack_sent) return;
  send_shutdown_complete_ = true;
  close_in_order();
}

void Association::on_deadline(Instant now) {
  if (state_ == State::ended) return;
  timers_.expire(now, [&](Timer timer) {
    switch (timer) {
      case Timer::t1:
        return on_t1(now);
      case Timer::t2:
        return on_t2(now);
      case Timer::delayed_ack:
        send_sack_ = true;
        return;
      case Timer::heartbeat:
        send_heartbeat_ = true;
        return;
      case Timer::heartbeat_ack:
        if (sender_.empty()) count_error(now);  // else T3 counts
        return;
      case Timer::reconfig:
        return on_reconfig_timer(now);
      case Timer::incomplete: {
        const std::uint32_t before = receiver_.free_window();
        if (receiver_.forget_stale()) watch_incomplete(now);
        if (receiver_.free_window() != before) send_sack_ = true;  // or who waits for room probes
        return note_messages();
      }
      case Timer::count:
        return;
    }
  });
  if (const auto t3 = sender_.timeout_at(); t3 && *t3 <= now) on_t3(now);
}

void Association::on_t1(Instant now) {
  if (state_ != State::cookie_wait && state_ != State::cookie_echoed) return;
  if (send_init_ || send_cookie_echo_) return arm_t1(now);  // it never went out, and is not lost
  if (++handshake_tries_ > options_.max_init_retransmits) {
    return end("no answer to the handshake", false);
  }
  handshake_rto_ = std::min(handshake_rto_ * 2, options_.rto_max);
  (state_ == State::cookie_wait ? send_init_ : send_cookie_echo_) = true;
  arm_t1(now);
}

void Association::on_t2(Instant now) {
  if (!send_shutdown_ && !send_shutdown_ack_) {  // else it never went out, and is not lost
    count_error(now);
    if (state_ == State::shutdown_sent) send_shutdown_ = true;
    if (state_ == State::shutdown_ack_sent) send_shutdown_ack_ = true;
    if (!send_shutdown_ && !send_shutdown_ack_) return;
    handshake_rto_ = std::min(handshake_rto_ * 2, options_.rto_max);
  }
  timers_.arm(Timer::t2, now + handshake_rto_);
}

void Association::on_t3(Instant now) {
  // [rfc9260#6.3.3] The RTO that has doubled falls back with a new measurement, which a chunk that
  // was sent twice cannot give: on a bad network that could take minutes.
  send_heartbeat_ = send_heartbeat_ || !sender_.probing();
  sender_.on_timeout(now);
  note_room();
  count_error(now);
}

void Association::count_error(Instant now) {
  if (errors_ == 0) first_error_ = now;
  if (errors_ <= options_.max_association_retransmits) ++errors_;
  if (errors_ > options_.max_association_retransmits && now - first_error_ >= shortest_patience) {
    send_abort_ = true;
    end("the peer does not acknowledge", false);
  }
}

// ---------------------------------------------------------------- shutdown and end

void Association::advance_shutdown(Instant now) {
  if (!sender_.empty()) return;
  if (state_ == State::shutdown_pending) {
    state_ = State::shutdown_sent;
    send_shutdown_ = true;
  } else if (state_ == State::shutdown_received) {
    state_ = State::shutdown_ack_sent;
    send_shutdown_ack_ = true;
  } else {
    return;
  }
  handshake_rto_ = sender_.rto().value();
  timers_.arm(Timer::t2, now + handshake_rto_);
}

void Association::end(const char* why, bool by_peer) {
  if (state_ == State::ended) return;
  state_ = State::ended;
  timers_.disarm_all();
  say_end_ = Aborted{why, by_peer};
}

void Association::close_in_order() {
  state_ = State::ended;
  closed_in_order_ = true;
  timers_.disarm_all();
  say_end_ = Closed{};
}

// ---------------------------------------------------------------- questions

std::optional<Association::Event> Association::poll_event() {
  if (std::exchange(say_connected_, false)) return Connected{};
  if (std::exchange(say_ready_, false)) return MessageReady{};
  if (std::exchange(say_drained_, false)) return SendBufferDrained{};
  return std::exchange(say_end_, std::nullopt);
}

std::optional<Message> Association::read_message(Instant) {
  const std::uint32_t before = receiver_.free_window();
  auto message = receiver_.read();
  if (!receiver_.has_messages()) said_ready_ = false;
  finish_resets();
  // [rfc9260#6.2] A window that was nearly shut is said to be open again, or nobody would ask.
  const std::uint32_t worth_saying =
      std::min<std::uint32_t>(options_.max_packet * 2u, receiver_.window() / 2);
  if (data_may_flow() && before < worth_saying && receiver_.free_window() >= worth_saying) {
    send_sack_ = true;
  }
  return message;
}

std::optional<Instant> Association::next_deadline() const {
  if (state_ == State::ended) return std::nullopt;
  return earliest(timers_.next(), sender_.timeout_at());
}

bool Association::connected() const {
  // Who has not heard that the peer began anew would send to one who is no more.
  return state_ == State::established && !receiver_.has_restart();
}
std::size_t Association::buffered() const { return sender_.buffered(); }

bool Association::data_may_flow() const {
  return state_ >= State::established && state_ <= State::shutdown_received;
}

void Association::hash_state(StateHash& hash) const {
  hash.add(state_);
  hash.add(local_tag_);
  hash.add(peer_tag_);
  receiver_.hash_state(hash);
  sender_.hash_state(hash);
  hash.add(timers_.next().value_or(Instant::max()));
  hash.add(errors_);
  for (const bool owed :
       {send_init_, send_cookie_echo_, send_cookie_ack_, send_sack_, send_heartbeat_,
        send_shutdown_, send_shutdown_ack_, send_shutdown_complete_, send_abort_,
        send_cookie_in_shutdown_, say_connected_, say_ready_, say_drained_, say_end_.has_value()}) {
    hash.add(owed);
  }
  hash.add(heartbeat_info_.bytes());
  hash.add(stale_tag_);
  hash.add(unacknowledged_packets_);
  hash.add(init_ack_.has_value());
  resets_.hash_state(hash);
  hash.add(send_reset_request_);
}

void Association::drop(Instant now, const char* why, std::size_t size) const {
  env_.trace(now, PacketDropped{"sctp", why, size});
}

}  // namespace esp_peer::sctp
