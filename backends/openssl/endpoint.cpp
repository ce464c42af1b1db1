#include "backends/openssl/endpoint.hpp"

#include <openssl/err.h>

#include <algorithm>

#include "backends/openssl/context.hpp"

namespace esp_peer::openssl {
namespace {

// The library's own words, which live as long as the process.
const char* library_reason(const char* otherwise) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason ? reason : otherwise;
}

constexpr std::size_t longest_library_name = 32;  // with what separates them
std::string_view library_name(crypto::SrtpProfile profile) {
  switch (profile) {
    case crypto::SrtpProfile::aead_aes_128_gcm:
      return "SRTP_AEAD_AES_128_GCM";
    case crypto::SrtpProfile::aead_aes_256_gcm:
      return "SRTP_AEAD_AES_256_GCM";
    case crypto::SrtpProfile::aes128_cm_sha1_80:
      break;
  }
  return "SRTP_AES128_CM_SHA1_80";
}

}  // namespace

Endpoint::Endpoint(const dtls::Options& options, Identity& identity, Env env)
    : options_(options), identity_(identity), env_(env), unread_(env.memory) {
  options_.first_retransmission =
      std::clamp(options_.first_retransmission, shortest_wait, longest_wait);
}

Endpoint::~Endpoint() { SSL_free(ssl_); }

// ---------------------------------------------------------------- commands

Status Endpoint::start(Instant now, dtls::Role role, std::span<const dtls::Fingerprint> remote) {
  if (state_ != State::fresh) return Error{Errc::wrong_state, "the handshake has begun before"};
  if (!expected_.assign(remote)) return Error{Errc::bad_data, "no fingerprint to compare with"};
  role_ = role;
  wire_.emplace(role, options_.mtu, env_);
  if (!make_ssl()) return Error{Errc::no_memory, "no SSL object"};
  state_ = State::shaking_hands;
  // [rfc6347#4.2.1] A server asks for no cookie: it is ICE that has seen the peer answer on this
  // path. A client answers when it is asked for one.
  if (role == dtls::Role::client) shake_hands(now);
  return {};
}

void Endpoint::close(Instant now) {
  if (state_ == State::connected && wake(now)) say_goodbye();
  end(dtls::Closed{});
  events_.clear();
  unread_.forget();
}

std::size_t Endpoint::seal(Instant now, Bytes plaintext, MutableBytes out) {
  if (state_ != State::connected || plaintext.empty() || plaintext.size() > max_plaintext ||
      out.size() < plaintext.size() + seal_overhead || !wake(now)) {
    return 0;
  }
  if (sealed_ == options_.max_records) {
    say_goodbye();
    end(dtls::Failed{dtls::FailureReason::library, "the numbers of records are used up"});
    return 0;
  }
  ERR_clear_error();
  wire_->outgoing().lend(out);
  std::size_t written = 0;
  const int ok = SSL_write_ex(ssl_, plaintext.data(), plaintext.size(), &written);
  const std::size_t sealed = wire_->outgoing().take_back();
  if (ok != 1) return 0;
  ++sealed_;
  return sealed;
}

// ---------------------------------------------------------------- inputs

void Endpoint::on_datagram(Instant now, MutableBytes datagram) {
  if (state_ != State::shaking_hands && state_ != State::connected) return;
  unread_.forget();
  if (!wake(now)) return;
  wire_->on_datagram(now, datagram);
  if (state_ == State::shaking_hands) shake_hands(now);
  if (state_ == State::connected) receive(now);
  wire_->on_datagram(now, {});  // nothing of the caller's memory is looked at afterwards
  if (unread_.empty()) unread_.forget();
}

void Endpoint::on_deadline(Instant now) {
  timers_.expire(now, [&](Timer timer) {
    if (timer == Timer::retransmission) retransmit(now);
    if (timer == Timer::idle) rest(now);
  });
}

// ---------------------------------------------------------------- outputs

std::size_t Endpoint::write_datagram(Instant now, MutableBytes out) {
  const std::size_t size = wire_ ? wire_->write_datagram(out) : 0;
  // The flight goes now, however long its keys have taken.
  if (size != 0 && timers_.armed(Timer::retransmission)) {
    timers_.arm(Timer::retransmission, now + wait_);
  }
  return size;
}

std::optional<dtls::Endpoint::Event> Endpoint::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_[0];
  // The end is said after what came before it has been read.
  if (!std::holds_alternative<dtls::Connected>(event) && !unread_.empty()) return std::nullopt;
  events_.erase(0);
  return event;
}

Bytes Endpoint::read(Instant) { return unread_.read(); }

// ---------------------------------------------------------------- questions

std::optional<crypto::SrtpProfile> Endpoint::srtp_profile() const {
  const SRTP_PROTECTION_PROFILE* chosen =
      state_ == State::connected ? SSL_get_selected_srtp_profile(ssl_) : nullptr;
  if (!chosen) return std::nullopt;
  return static_cast<crypto::SrtpProfile>(chosen->id);
}

Status Endpoint::export_keys(std::string_view label, MutableBytes out) const {
  if (state_ != State::connected) return Error{Errc::wrong_state, "no keys without a connection"};
  const int ok = SSL_export_keying_material(ssl_, reinterpret_cast<unsigned char*>(out.data()),
                                            out.size(), label.data(), label.size(), nullptr, 0, 0);
  return ok == 1 ? Status() : Status(Error{Errc::failed, library_reason("no keys exported")});
}

// OpenSSL shows neither its replay window nor the fragments it collects: what is delivered and sent
// because of them stands for them here.
void Endpoint::hash_state(StateHash& hash) const {
  hash.add(state_);
  hash.add(ssl_ ? static_cast<int>(SSL_get_state(ssl_)) : -1);
  if (wire_) {
    wire_->gate().hash_state(hash);
    hash.add(wire_->pending());
  }
  hash.add(timers_.when(Timer::retransmission).value_or(Instant::max()));
  hash.add(events_.size());
  hash.add(unread_.size());
  hash.add(delivered_);
  hash.add(sealed_);
}

// ---------------------------------------------------------------- the handshake

bool Endpoint::make_ssl() {
  SSL_CTX* ctx = context(options_.ciphers, verify);
  ssl_ = ctx ? SSL_new(ctx) : nullptr;
  BIO* bio = ssl_ ? wire_->make_bio() : nullptr;
  if (bio) {
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_app_data(ssl_, this);
    SSL_set_mtu(ssl_, options_.mtu);
    SSL_set_msg_callback(ssl_, on_message);
    DTLS_set_timer_cb(ssl_, on_timer);
    role_ == dtls::Role::client ? SSL_set_connect_state(ssl_) : SSL_set_accept_state(ssl_);
    if (SSL_use_certificate(ssl_, identity_.certificate()) == 1 &&
        SSL_use_PrivateKey(ssl_, identity_.key()) == 1 && offer_srtp()) {
      return true;
    }
  }
  SSL_free(ssl_);
  ssl_ = nullptr;
  return false;
}

// [rfc5764#4.1.2] OpenSSL's server takes the first of its own list that the client offers too, and
// its client refuses what it has not offered: what is not in this list is never agreed on.
bool Endpoint::offer_srtp() {
  if (options_.srtp_profiles.empty()) return true;
  char names[dtls::SrtpProfiles::capacity() * longest_library_name] = {};
  std::size_t size = 0;
  for (const crypto::SrtpProfile profile : options_.srtp_profiles) {
    if (size != 0) names[size++] = ':';
    size += library_name(profile).copy(names + size, longest_library_name - 1);
  }
  return SSL_set_tlsext_use_srtp(ssl_, names) == 0;  // which is success here
}

void Endpoint::shake_hands(Instant now) {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) return on_handshake_done(now);
  if (SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ) return follow_library_timer(now);
  if (mismatch_) {
    return end(dtls::Failed{dtls::FailureReason::fingerprint_mismatch,
                            "the certificate is not the described one"});
  }
  if (role_ == dtls::Role::server && !wire_->outgoing().has_spoken()) return begin_again(now);
  end(dtls::Failed{dtls::FailureReason::handshake, library_reason("handshake refused")});
}

void Endpoint::on_handshake_done(Instant now) {
  // [rfc8122#6.2] Everything else stands on this: no certificate, no connection.
  X509* certificate = SSL_get1_peer_certificate(ssl_);
  const bool verified = certificate && verify(ssl_, certificate);
  X509_free(certificate);
  if (!verified) {
    return end(dtls::Failed{dtls::FailureReason::fingerprint_mismatch, "no certificate"});
  }
  wire_->gate().close_epoch_0();
  wire_->outgoing().forget_repeat();
  state_ = State::connected;
  timers_.disarm_all();
  static_cast<void>(wake(now));
  events_.push_back(dtls::Connected{});
}

// A first ClientHello that cannot be served may be anybody's: the peer's is still to come.
void Endpoint::begin_again(Instant now) {
  env_.trace(now, PacketDropped{"dtls", library_reason("ClientHello refused"), 0});
  SSL_free(ssl_);
  timers_.disarm_all();
  if (!make_ssl()) end(dtls::Failed{dtls::FailureReason::library, "no SSL object"});
}

void Endpoint::retransmit(Instant now) {
  if (!wire_->outgoing().holds_repeat()) {
    ERR_clear_error();
    library_wait_.reset();
    if (DTLSv1_handle_timeout(ssl_) < 0) {
      return end(dtls::Failed{dtls::FailureReason::timeout, "no answer to the handshake"});
    }
    wire_->outgoing().end_repeat();
  }
  if (library_wait_) {
    wire_->outgoing().release_repeat();
    return follow_library_timer(now);
  }
  // The wall clock was set back, or runs behind: OpenSSL would wait. It is never trusted to say
  // how long; whoever owns this association bounds the whole handshake.
  timers_.arm(Timer::retransmission, now + patience_);
  patience_ = std::min(patience_ * 2, last_patience);
}

// OpenSSL starts and stops its timer as flights come and go; it tells us when it starts it.
void Endpoint::follow_library_timer(Instant now) {
  timeval left{};
  if (!DTLSv1_get_timeout(ssl_, &left)) {
    timers_.disarm(Timer::retransmission);
  } else if (wire_->outgoing().holds_repeat()) {
    return;  // our timer, which is not over yet, will follow
  } else if (library_wait_) {
    wait_ = *library_wait_;
    timers_.arm(Timer::retransmission, now + wait_);
    patience_ = first_patience;
  }
  library_wait_.reset();
}

// ---------------------------------------------------------------- the connection

// Before each use of the SSL object: SSL_write on one without buffers crashes.
bool Endpoint::wake(Instant now) {
  if (resting_ && SSL_alloc_buffers(ssl_) != 1) return false;
  resting_ = false;
  last_used_ = now;
  if (state_ == State::connected && !timers_.armed(Timer::idle)) {
    timers_.arm(Timer::idle, now + idle_after);
  }
  return true;
}

void Endpoint::rest(Instant now) {
  if (state_ != State::connected) return;
  const bool idle = now - last_used_ >= idle_after;
  if (idle && SSL_free_buffers(ssl_) == 1) {
    resting_ = true;
    if (unread_.empty()) unread_.give_back();
    return;
  }
  timers_.arm(Timer::idle, (idle ? now : last_used_) + idle_after);
}

void Endpoint::receive(Instant now) {
  if (!unread_.begin(wire_->gate().bytes_left())) return;
  while (wire_->gate().has_more() && !unread_.room().empty()) {
    ERR_clear_error();
    std::size_t size = 0;
    const std::size_t before = wire_->gate().bytes_left();
    const MutableBytes at = unread_.room();
    const int ok = SSL_read_ex(ssl_, at.data(), at.size(), &size);
    if (ok != 1 && end_of_reading(now, SSL_get_error(ssl_, ok))) break;
    if (ok == 1 && size != 0) {
      unread_.add(size);
      ++delivered_;
    } else if (wire_->gate().bytes_left() == before) {
      break;  // whatever ails the library, it will not be asked for ever
    }
  }
}

// True when the association ends here.
bool Endpoint::end_of_reading(Instant, int library_error) {
  switch (library_error) {
    case SSL_ERROR_ZERO_RETURN:
      say_goodbye();
      end(dtls::Closed{});
      return true;
    case SSL_ERROR_SSL:
      end(dtls::Failed{dtls::FailureReason::handshake, library_reason("fatal alert")});
      return true;
    default:
      return false;
  }
}

// [rfc5246#7.2.1] close_notify, also in answer to the peer's.
void Endpoint::say_goodbye() {
  ERR_clear_error();
  SSL_shutdown(ssl_);
}

// From here on there is only to be fetched what was written and said before.
void Endpoint::end(const Event& why) {
  if (state_ == State::ended) return;
  state_ = State::ended;
  timers_.disarm_all();
  SSL_free(ssl_);
  ssl_ = nullptr;
  events_.push_back(why);
}

// ---------------------------------------------------------------- what OpenSSL calls

// [rfc6347#4.2.4.1] Doubles up to 60 s, from a first wait that fits a path whose round trip ICE has
// just seen.
unsigned Endpoint::on_timer(SSL* ssl, unsigned previous_us) {
  auto& self = *static_cast<Endpoint*>(SSL_get_app_data(ssl));
  const Duration wait = previous_us == 0 ? self.options_.first_retransmission
                                         : std::min(Duration(previous_us) * 2, longest_wait);
  self.library_wait_ = wait;
  // It says so before it repeats the flight: until it looks at another record, or writes an alert.
  if (previous_us != 0) self.wire_->outgoing().begin_repeat();
  return static_cast<unsigned>(wait.count());
}

// A ChangeCipherSpec out of turn is a stranger's: OpenSSL drops it after it has shown it here, and
// behind a gate opened too early it would keep a hundred records of 16 KB each.
void Endpoint::on_message(int outgoing, int, int type, const void*, std::size_t, SSL* ssl, void*) {
  if (outgoing != 0) return;
  auto& wire = *static_cast<Endpoint*>(SSL_get_app_data(ssl))->wire_;
  wire.outgoing().end_repeat();
  if (type != SSL3_RT_CHANGE_CIPHER_SPEC) return;
  const OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl);
  const bool expected =
      SSL_is_server(ssl) ? state == TLS_ST_SR_CERT_VRFY : state == TLS_ST_CW_FINISHED;
  if (!expected) return;
  // [rfc5288#3] An explicit nonce of 8 bytes; [rfc7905#2] none. Both have a tag of 16.
  const SSL_CIPHER* cipher = SSL_get_pending_cipher(ssl);
  const bool chacha = cipher && SSL_CIPHER_get_cipher_nid(cipher) == NID_chacha20_poly1305;
  wire.gate().open_epoch_1(chacha ? 16 : 24);
}

bool Endpoint::verify(SSL* ssl, X509* certificate) {
  auto& self = *static_cast<Endpoint*>(SSL_get_app_data(ssl));
  dtls::Fingerprint actual;
  const bool match = digest_certificate(certificate, self.expected_.hash(), actual) &&
                     self.expected_.contains(actual);
  self.mismatch_ = !match;
  return match;
}

}  // namespace esp_peer::openssl
