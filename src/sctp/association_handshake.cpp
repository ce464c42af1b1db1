// How an association comes to be: INIT, INIT-ACK, COOKIE-ECHO, COOKIE-ACK, and all the ways in
// which they cross [rfc9260#5].
#include <algorithm>

#include "sctp/association.hpp"

namespace esp_peer::sctp {

void Association::arm_t1(Instant now) { timers_.arm(Timer::t1, now + handshake_rto_); }

// Nothing is allocated: all that must be remembered goes out in the cookie.
void Association::on_init(Instant now, const ChunkView& chunk) {
  const auto init = parse_init(chunk);
  if (!init) return drop(now, "INIT that may not be obeyed", chunk.value.size());
  if (state_ == State::shutdown_ack_sent) {  // [rfc9260#9.2] first the old one is closed
    send_shutdown_ack_ = true;
    return;
  }
  Cookie cookie;
  cookie.peer_tag = init->initiate_tag;
  cookie.peer_tsn = init->initial_tsn;
  cookie.peer_a_rwnd = init->a_rwnd;
  cookie.peer_inbound_streams = init->inbound_streams;
  cookie.peer_extensions = init->extensions;
  cookie.created = now;
  // [rfc9260#5.2.1] Before there is an association the answer names the tag of our own INIT;
  // [rfc9260#5.2.2] afterwards a new one. Where a peer is known, the tie-tags tell with which
  // association the cookie was made beside.
  cookie.local_tag = local_tag_;
  cookie.local_tsn = local_tsn_;
  if (state_ >= State::established) {
    env_.random.fill_secret(std::as_writable_bytes(std::span(&cookie.local_tag, 1)));
    cookie.local_tag |= 1;  // never zero
    env_.random.fill_secret(std::as_writable_bytes(std::span(&cookie.local_tsn, 1)));
  }
  if (state_ >= State::cookie_echoed) {
    cookie.local_tie_tag = tie_tags_[0];
    cookie.peer_tie_tag = tie_tags_[1];
  }
  init_ack_ = PendingInitAck{cookie.peer_tag, cookie.local_tag, cookie.local_tsn,
                             seal(cookie, cookie_key_, crypto_)};
}

void Association::on_init_ack(Instant now, const ChunkView& chunk) {
  if (state_ != State::cookie_wait) return;
  const auto ack = parse_init(chunk);
  if (!ack || ack->cookie.empty() || ack->cookie.size() > max_peer_cookie) {
    return drop(now, "INIT-ACK that may not be obeyed", chunk.value.size());
  }
  peer_cookie_ = Buffer::copy_of(env_.memory, ack->cookie);
  if (!peer_cookie_) return;  // T1 asks again
  peer_tag_ = ack->initiate_tag;
  peer_tsn_ = ack->initial_tsn;
  receiver_.start(peer_tsn_);
  begin_sending(ack->a_rwnd, ack->inbound_streams, ack->extensions);
  draw_tie_tags();
  state_ = State::cookie_echoed;
  send_init_ = false;
  send_cookie_echo_ = true;
  handshake_tries_ = 0;
  handshake_rto_ = options_.rto_initial;
  arm_t1(now);
}

void Association::on_cookie_echo(Instant now, const PacketView& packet, const ChunkView& chunk) {
  const auto cookie = open(chunk.value, cookie_key_, crypto_);
  if (!cookie || packet.verification_tag != cookie->local_tag) {
    return drop(now, "COOKIE-ECHO that is not ours", chunk.value.size());
  }
  const bool our_tag = cookie->local_tag == local_tag_, their_tag = cookie->peer_tag == peer_tag_;
  // [rfc9260#5.2.4] 3: with the tags of this association it is good at any age.
  const Duration age = now - cookie->created;
  if (age > cookie_lifetime && !(our_tag && their_tag)) {
    stale_tag_ = cookie->peer_tag;
    stale_by_ = age - cookie_lifetime;
    return drop(now, "stale cookie", 0);
  }
  if (state_ >= State::established) return on_second_cookie(now, *cookie);
  // B: both began at once. C, a cookie of an INIT that we have replaced, is dropped.
  if (!our_tag) return drop(now, "cookie of another attempt", 0);
  if (state_ != State::cookie_echoed || !their_tag) adopt(*cookie);
  send_cookie_ack_ = true;
  establish(now);
}

// [rfc9260#5.2.4] While there is an association.
void Association::on_second_cookie(Instant now, const Cookie& cookie) {
  const bool our_tag = cookie.local_tag == local_tag_, their_tag = cookie.peer_tag == peer_tag_;
  if (our_tag && their_tag) {  // D: our COOKIE-ACK was lost
    send_cookie_ack_ = true;
    return;
  }
  // A: the peer has begun anew. Also where it did so before our handshake with the one that it was
  // had ended; then the cookie has our tag, which is B.
  // exception: a cookie of B that knows nothing of this association is older, and is dropped: the
  // tag that it names is nobody's any more.
  const bool anew = cookie.local_tie_tag == tie_tags_[0] && cookie.peer_tie_tag == tie_tags_[1];
  if (!anew || their_tag) return drop(now, "cookie of another attempt", 0);
  if (state_ == State::shutdown_ack_sent) {  // first the old one is closed
    send_shutdown_ack_ = send_cookie_in_shutdown_ = true;
    return;
  }
  restart(now, cookie);
}

// As if the association had been aborted and made again, but for what our user has said and what
// waits to be read. Without memory nothing happens, and the peer asks again.
void Association::restart(Instant now, const Cookie& cookie) {
  const bool shutting_down = state_ == State::shutdown_pending || state_ == State::shutdown_sent;
  if (!receiver_.restart(cookie.peer_tsn)) return drop(now, "no memory for a restart", 0);
  local_tag_ = cookie.local_tag;
  local_tsn_ = cookie.local_tsn;
  sender_.restart(initial_rto());
  adopt(cookie);
  timers_.disarm_all();
  heartbeat_info_ = Buffer();
  errors_ = unacknowledged_packets_ = 0;
  send_sack_ = send_heartbeat_ = send_shutdown_ = false;
  send_reset_request_ = reset_in_progress_ = false;
  send_cookie_ack_ = true;
  const bool untold = say_connected_;
  establish(now);
  say_connected_ = untold;  // that it is another one is read, behind the messages of the old one
  note_messages();
  note_room();
  // Our user wants to leave this one no less than the one before.
  if (shutting_down) state_ = State::shutdown_pending;
}

void Association::adopt(const Cookie& cookie) {
  peer_tag_ = cookie.peer_tag;
  peer_tsn_ = cookie.peer_tsn;
  receiver_.start(peer_tsn_);
  draw_tie_tags();
  begin_sending(cookie.peer_a_rwnd, cookie.peer_inbound_streams, cookie.peer_extensions);
}

void Association::begin_sending(std::uint32_t a_rwnd, std::uint16_t inbound_streams,
                                Extensions extensions) {
  extensions_ = extensions;
  resets_.start(local_tsn_, peer_tsn_);
  sender_.start(local_tsn_, a_rwnd, streams_to(inbound_streams), extensions.forward_tsn);
}

// [rfc9260#5.1.1]
std::uint16_t Association::streams_to(std::uint16_t peer_inbound) const {
  return std::min(options_.max_streams, peer_inbound);
}

// What is announced [rfc9260#3.3.2], so that nobody is aborted who keeps to it.
// exception: [rfc8831#6.2] wants 65535; each stream that speaks costs memory for good.
std::uint16_t Association::inbound_streams() const {
  return std::min(options_.max_streams, Receiver::max_streams);
}

void Association::on_cookie_ack(Instant now) {
  if (state_ == State::cookie_echoed) establish(now);
}

void Association::establish(Instant now) {
  state_ = State::established;
  send_init_ = send_cookie_echo_ = false;
  peer_cookie_ = Buffer();
  timers_.disarm(Timer::t1);
  timers_.arm(Timer::heartbeat, now + options_.heartbeat_interval);
  say_connected_ = true;
}

// [rfc9260#5.2.2] Not the tags themselves, which are nobody's business.
void Association::draw_tie_tags() {
  env_.random.fill_secret(std::as_writable_bytes(std::span(tie_tags_)));
}

// [rfc9260#5.2.6] The cookie was too old: ask for a new one.
void Association::on_error(Instant now, const ChunkView& chunk) {
  Reader r(chunk.value);
  if (state_ != State::cookie_echoed || r.u16() != stale_cookie || !r.ok()) return;
  state_ = State::cookie_wait;
  send_cookie_echo_ = false;
  send_init_ = true;
  arm_t1(now);
}

}  // namespace esp_peer::sctp
