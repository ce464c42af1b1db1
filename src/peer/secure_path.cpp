#include "peer/secure_path.hpp"

#include <utility>

#include "peer/demux.hpp"

namespace esp_peer::peer {
namespace {

SecurePath::Event why_failed(dtls::FailureReason reason) {
  switch (reason) {
    case dtls::FailureReason::timeout:
      return SecurePath::Event::handshake_timeout;
    case dtls::FailureReason::fingerprint_mismatch:
      return SecurePath::Event::wrong_fingerprint;
    case dtls::FailureReason::library:
      return SecurePath::Event::no_memory;
    case dtls::FailureReason::handshake:
      break;
  }
  return SecurePath::Event::handshake_refused;
}

}  // namespace

SecurePath::SecurePath(Owned<ice::Agent> agent, const dtls::Options& dtls, dtls::Backend& backend,
                       dtls::Identity& identity, Env env)
    : dtls_options_(dtls),
      backend_(backend),
      identity_(identity),
      env_(env),
      agent_(std::move(agent)),
      early_(env.memory) {
  backend_.retain(identity_);
}

SecurePath::~SecurePath() {
  if (dtls_) backend_.destroy(dtls_);
  backend_.release(identity_);
}

Status SecurePath::set_remote(Instant now, const RemotePath& remote) {
  const Status checks = agent_->set_remote(now, remote.credentials, remote.ice_lite, remote.pacing);
  if (!checks) return checks;
  // Once the handshake has begun, its roles and fingerprints stand until a new connection.
  if (!dtls_) remote_ = remote;
  advance(now);
  return {};
}

void SecurePath::restart(Instant now, Owned<ice::Agent> agent) {
  // Of three sessions the one in the middle goes, unless it carries us.
  if (paired_ && (!old_agent_ || agent_->selected() || !old_agent_->route())) {
    old_agent_ = std::move(agent_);
  }
  timers_.disarm(Timer::retirement);
  agent_ = std::move(agent);
  advance(now);
}

bool SecurePath::take_back_restart() {
  if (!old_agent_ || agent_->knows_remote()) return false;
  agent_ = std::move(old_agent_);
  return true;
}

void SecurePath::close(Instant now) {
  if (ended_) return;
  ended_ = true;
  timers_.disarm_all();
  early_.clear();
  if (dtls_) dtls_->close(now);
}

std::size_t SecurePath::seal(Instant now, Bytes plaintext, MutableBytes out) {
  return secured_ && !ended_ ? dtls_->seal(now, plaintext, out) : 0;
}

void SecurePath::on_datagram(Instant now, const Route& route, MutableBytes datagram) {
  if (ended_) return;
  switch (protocol_of(datagram)) {
    case Protocol::stun:
      if (old_agent_ && old_agent_->is_addressed(route, datagram)) {
        old_agent_->on_stun(now, route, datagram);
      } else {
        agent_->on_stun(now, route, datagram);
      }
      break;
    case Protocol::dtls:
      on_dtls(now, route, datagram);
      break;
    case Protocol::rtp:
    case Protocol::unknown:
      return drop(now, "no protocol of ours", datagram.size());
  }
  advance(now);
}

void SecurePath::on_dtls(Instant now, const Route& route, MutableBytes datagram) {
  // [rfc8827#6.3] Only a peer that has shown our password on this very path is listened to.
  const auto knows = [&](const ice::Agent& a) { return a.authenticated(route) || a.valid(route); };
  if (!knows(*agent_) && !(old_agent_ && knows(*old_agent_))) {
    return drop(now, "DTLS from an unchecked source", datagram.size());
  }
  if (dtls_) return dtls_->on_datagram(now, datagram);
  if (!early_.hold(now, route, datagram)) drop(now, "early DTLS over its bound", datagram.size());
}

void SecurePath::on_deadline(Instant now) {
  if (ended_) return;
  early_.drop_expired(now);
  agent_->on_deadline(now);
  if (old_agent_) old_agent_->on_deadline(now);
  if (dtls_) dtls_->on_deadline(now);
  timers_.expire(now, [&](Timer timer) {
    if (timer == Timer::retirement) return old_agent_.reset();
    end(now, Event::handshake_timeout);
  });
  advance(now);
}

void SecurePath::poll_transmit(Instant now, TxBatch& out, Relays& relays) {
  while (!ended_ && out.room().size() >= room_for_one) {
    Route to;
    std::size_t n = agent_->write_datagram(now, out.room(), to);
    if (n == 0 && old_agent_) n = old_agent_->write_datagram(now, out.room(), to);
    if (n == 0) break;
    relays.commit(now, out, to, n, Relays::Use::check);
  }
  const auto route = agent_in_use().route();
  while (dtls_ && route && out.room().size() >= room_for_one) {
    const std::size_t n = dtls_->write_datagram(now, out.room());
    if (n == 0) break;
    relays.commit(now, out, *route, n, Relays::Use::data);
  }
}

std::optional<SecurePath::Event> SecurePath::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_[0];
  events_.erase(0);
  return event;
}

Bytes SecurePath::read(Instant now) {
  if (!dtls_ || ended_) return {};
  const Bytes record = dtls_->read(now);
  if (record.empty()) advance(now);  // the last one may have been a close_notify
  return record;
}

std::optional<Instant> SecurePath::next_deadline() const {
  if (ended_) return std::nullopt;
  auto next = earliest(agent_->next_deadline(), early_.next_deadline());
  if (old_agent_) next = earliest(next, old_agent_->next_deadline());
  next = earliest(next, timers_.next());
  return dtls_ ? earliest(next, dtls_->next_deadline()) : next;
}

bool SecurePath::takes_media(const Route& route) const {
  const auto knows = [&](const ice::Agent& agent) {
    return agent.valid(route) || agent.authenticated(route);
  };
  return secured_ && !ended_ && (knows(*agent_) || (old_agent_ && knows(*old_agent_)));
}

std::optional<crypto::SrtpProfile> SecurePath::srtp_profile() const {
  return dtls_ ? dtls_->srtp_profile() : std::nullopt;
}

Status SecurePath::export_srtp_keys(MutableBytes out) const {
  if (!dtls_) return Error{Errc::wrong_state, "no keys before the handshake"};
  return dtls_->export_keys(dtls::Endpoint::srtp_label, out);
}

std::optional<Route> SecurePath::route() const {
  return secured_ && !ended_ ? agent_in_use().route() : std::nullopt;
}

bool SecurePath::is_remote(const ice::Credentials& credentials) const {
  const bool old = old_agent_ && !agent_->knows_remote();
  return (old ? *old_agent_ : *agent_).is_remote(credentials);
}

std::optional<Route> SecurePath::pair() const {
  if (!paired_ || ended_) return std::nullopt;
  const auto selected = agent_in_use().selected();
  return selected ? selected : agent_in_use().route();
}

bool SecurePath::is_another_peer(const RemotePath& remote) const {
  if (!dtls_) return false;
  for (const auto& known : remote_->fingerprints) {
    for (const auto& named : remote.fingerprints) {
      if (known == named) return false;
    }
  }
  return true;
}

// [rfc8445#9, rfc8839#4.4.1.1.1] The old pair, until a new one is nominated; a new one at once
// where consent for the old one is gone.
const ice::Agent& SecurePath::agent_in_use() const {
  const bool old = old_agent_ && !agent_->selected() && old_agent_->route();
  return old ? *old_agent_ : *agent_;
}

void SecurePath::hash_state(StateHash& hash) const {
  agent_->hash_state(hash);
  if (old_agent_) old_agent_->hash_state(hash);
  early_.hash_state(hash);
  if (dtls_) dtls_->hash_state(hash);
  hash.add(timers_.next().value_or(Instant::max()));
  hash.add(paired_);
  hash.add(secured_);
  hash.add(ended_);
}

void SecurePath::advance(Instant now) {
  while (old_agent_) {
    const auto event = old_agent_->poll_event();
    if (!event) break;
    on_old_ice_event(now, *event);
  }
  while (const auto event = agent_->poll_event()) on_ice_event(now, *event);
  if (paired_ && remote_ && !dtls_ && !ended_) begin_handshake(now);
  while (dtls_ && !ended_) {
    const auto event = dtls_->poll_event();
    if (!event) break;
    on_dtls_event(now, *event);
  }
}

void SecurePath::on_ice_event(Instant now, const ice::Agent::Event& event) {
  if (ended_) return;
  if (std::holds_alternative<ice::PairValid>(event) && !paired_) {
    paired_ = true;
    timers_.arm(Timer::handshake, now + handshake_timeout);
    say(Event::paired);
  }
  if (std::holds_alternative<ice::PairSelected>(event) && old_agent_) {
    timers_.arm(Timer::retirement, now + retirement);
  }
  if (std::holds_alternative<ice::Failed>(event)) on_ice_failed(now);
  if (!std::holds_alternative<ice::Lost>(event)) return;
  // A pair that was never nominated does not take the old one with it.
  old_agent_ && !agent_->selected() ? on_ice_failed(now) : end(now, Event::lost);
}

// The session before the restart. When it is lost, the new one still has its time to find a pair,
// once the peer has joined in.
void SecurePath::on_old_ice_event(Instant now, const ice::Agent::Event& event) {
  if (ended_ || !std::holds_alternative<ice::Lost>(event) || agent_->selected()) return;
  if (!agent_->knows_remote()) return end(now, Event::lost);
  old_agent_.reset();
}

// The newest session has found no pair.
void SecurePath::on_ice_failed(Instant now) {
  if (!old_agent_ || !old_agent_->route()) return end(now, secured_ ? Event::lost : Event::no_pair);
  agent_ = std::move(old_agent_);
  say(Event::restart_failed);
}

void SecurePath::begin_handshake(Instant now) {
  say(Event::handshaking);
  dtls_ = backend_.create_endpoint(dtls_options_, identity_, env_);
  if (!dtls_ || !dtls_->start(now, remote_->our_dtls_role,
                              {remote_->fingerprints.begin(), remote_->fingerprints.size()})) {
    return end(now, Event::no_memory);
  }
  while (Buffer datagram = early_.take()) dtls_->on_datagram(now, datagram.bytes());
}

void SecurePath::on_dtls_event(Instant now, const dtls::Endpoint::Event& event) {
  if (std::holds_alternative<dtls::Connected>(event)) {
    secured_ = true;
    timers_.disarm(Timer::handshake);
    say(Event::secured);
  } else if (std::holds_alternative<dtls::Closed>(event)) {
    end(now, Event::closed_by_peer);
  } else {
    end(now, secured_ ? Event::broken : why_failed(std::get_if<dtls::Failed>(&event)->reason));
  }
}

void SecurePath::end(Instant now, Event why) {
  if (ended_) return;
  close(now);
  say(why);
}

void SecurePath::drop(Instant now, const char* why, std::size_t size) const {
  env_.trace(now, PacketDropped{"path", why, size});
}

}  // namespace esp_peer::peer
