#include "backends/mbedtls/endpoint.hpp"

#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_internal.h>

#include <algorithm>

#include "backends/mbedtls/provider.hpp"

namespace esp_peer::mbedtls {
namespace {

// [rfc8827#6.5] Forward secrecy and AEAD; RSA only for the certificates of older peers.
constexpr int aes_first[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                             0};
constexpr int aes_alone[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, 0};
constexpr int chacha_first[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                                MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 0};
constexpr mbedtls_ecp_group_id groups[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1,
                                           MBEDTLS_ECP_DP_NONE};
constexpr int signature_hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_NONE};

const int* cipher_list(dtls::CipherPreference preference) {
  switch (preference) {
    case dtls::CipherPreference::aes_gcm:
      return aes_alone;
    case dtls::CipherPreference::chacha:
      return chacha_first;
    case dtls::CipherPreference::automatic:
      break;
  }
  return aes_first;
}

// [rfc5246#7.4.1.2] The cipher that a client likes best.
bool begins_with_chacha(Bytes hello) {
  Reader r(hello);
  r.skip(13 + 12 + 2 + 32);
  r.skip(r.u8());  // session
  r.skip(r.u8());  // cookie
  r.skip(2);       // bytes of ciphers
  const int first = r.u16();
  return r.ok() && (first == MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 ||
                    first == MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256);
}

// The library's own words, which live as long as the process.
const char* library_reason(int error, const char* otherwise) {
  const char* reason = mbedtls_high_level_strerr(error);
  return reason ? reason : otherwise;
}

std::uint32_t whole_ms(Duration wait) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(wait).count());
}

}  // namespace

Endpoint::Endpoint(const dtls::Options& options, Identity& identity, Env env)
    : options_(options), identity_(identity), env_(env), unread_(env.memory) {
  options_.first_retransmission =
      std::clamp(options_.first_retransmission, shortest_wait, longest_wait);
  mbedtls_ssl_config_init(&config_);
  mbedtls_ssl_init(&ssl_);
}

Endpoint::~Endpoint() {
  mbedtls_ssl_free(&ssl_);
  mbedtls_ssl_config_free(&config_);
  mbedtls_platform_zeroize(&secrets_, sizeof(secrets_));
}

// ---------------------------------------------------------------- commands

Status Endpoint::start(Instant now, dtls::Role role, std::span<const dtls::Fingerprint> remote) {
  if (state_ != State::fresh) return Error{Errc::wrong_state, "the handshake has begun before"};
  if (!expected_.assign(remote)) return Error{Errc::bad_data, "no fingerprint to compare with"};
  role_ = role;
  now_ = now;
  wire_.emplace(ssl_, role, options_.mtu, choose_ciphers, this, env_);
  wire_->expect_hello();
  if (!configure()) {
    mbedtls_ssl_free(&ssl_);
    mbedtls_ssl_config_free(&config_);
    return Error{Errc::no_memory, "no SSL context"};
  }
  state_ = State::shaking_hands;
  // [rfc6347#4.2.1] A server asks for no cookie: it is ICE that has seen the peer answer on this
  // path. A client answers when it is asked for one.
  if (role == dtls::Role::client) shake_hands(now);
  return {};
}

void Endpoint::close(Instant now) {
  now_ = now;
  if (state_ == State::connected) mbedtls_ssl_close_notify(&ssl_);
  end(dtls::Closed{});
  events_.clear();
  unread_.forget();
}

std::size_t Endpoint::seal(Instant now, Bytes plaintext, MutableBytes out) {
  if (state_ != State::connected || plaintext.empty() || plaintext.size() > max_plaintext ||
      out.size() < plaintext.size() + seal_overhead) {
    return 0;
  }
  now_ = now;
  if (sealed_ == options_.max_records) {
    mbedtls_ssl_close_notify(&ssl_);
    end(dtls::Failed{dtls::FailureReason::library, "the numbers of records are used up"});
    return 0;
  }
  wire_->outgoing().lend(out);
  mbedtls_ssl_set_mtu(&ssl_, 0);  // that of the handshake bounds no data
  const int written = mbedtls_ssl_write(
      &ssl_, reinterpret_cast<const unsigned char*>(plaintext.data()), plaintext.size());
  mbedtls_ssl_set_mtu(&ssl_, options_.mtu);
  const std::size_t sealed = wire_->outgoing().take_back();
  if (written < 0) return 0;
  ++sealed_;
  return sealed;
}

// ---------------------------------------------------------------- inputs

void Endpoint::on_datagram(Instant now, MutableBytes datagram) {
  if (state_ != State::shaking_hands && state_ != State::connected) return;
  unread_.forget();
  now_ = now;
  wire_->on_datagram(now, datagram);
  if (state_ == State::shaking_hands) shake_hands(now);
  if (state_ == State::connected) receive(now);
  wire_->on_datagram(now, {});  // nothing of the caller's memory is looked at afterwards
  if (unread_.empty()) unread_.forget();
}

void Endpoint::on_deadline(Instant now) {
  if (state_ != State::shaking_hands || !final_ || *final_ > now) return;
  at_deadline_ = true;
  wire_->outgoing().begin_repeat();
  shake_hands(now);
  wire_->outgoing().end_repeat();
  wire_->outgoing().release_repeat();
  at_deadline_ = false;
}

// ---------------------------------------------------------------- outputs

std::size_t Endpoint::write_datagram(Instant now, MutableBytes out) {
  const std::size_t size = wire_ ? wire_->write_datagram(out) : 0;
  // The flight goes now, however long its keys have taken.
  if (size != 0 && final_) final_ = now + wait_;
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

std::optional<Instant> Endpoint::next_deadline() const {
  return state_ == State::shaking_hands ? final_ : std::nullopt;
}

std::optional<crypto::SrtpProfile> Endpoint::srtp_profile() const {
  if (state_ != State::connected) return std::nullopt;
  mbedtls_dtls_srtp_info info{};
  mbedtls_ssl_get_dtls_srtp_negotiation_result(&ssl_, &info);
  if (info.chosen_dtls_srtp_profile == MBEDTLS_TLS_SRTP_UNSET) return std::nullopt;
  return static_cast<crypto::SrtpProfile>(info.chosen_dtls_srtp_profile);
}

Status Endpoint::export_keys(std::string_view label, MutableBytes out) const {
  if (state_ != State::connected) return Error{Errc::wrong_state, "no keys without a connection"};
  char text[64] = {};  // the library wants its end marked
  if (label.size() >= sizeof(text)) return Error{Errc::bad_data, "too long a label"};
  label.copy(text, label.size());
  const int error = mbedtls_ssl_tls_prf(secrets_.prf, secrets_.master, sizeof(secrets_.master),
                                        text, secrets_.randoms, sizeof(secrets_.randoms),
                                        reinterpret_cast<unsigned char*>(out.data()), out.size());
  return error == 0 ? Status() : Status(Error{Errc::failed, "no keys exported"});
}

// The library's replay window is a field that 2.28 lets everybody read; the fragments it collects
// are not.
void Endpoint::hash_state(StateHash& hash) const {
  hash.add(state_);
  hash.add(ssl_.state);
  hash.add(ssl_.in_window_top);
  hash.add(ssl_.in_window);
  if (wire_) wire_->hash_state(hash);
  hash.add(final_.value_or(Instant::max()));
  hash.add(events_.size());
  hash.add(unread_.size());
  hash.add(delivered_);
  hash.add(sealed_);
}

// ---------------------------------------------------------------- the handshake

bool Endpoint::configure() {
  const bool server = role_ == dtls::Role::server;
  if (mbedtls_ssl_config_defaults(&config_, server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                  MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                  MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
    return false;
  }
  mbedtls_ssl_conf_rng(&config_, draw, nullptr);
  mbedtls_ssl_conf_min_version(&config_, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_max_version(&config_, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_ciphersuites(&config_, cipher_list(options_.ciphers));
  mbedtls_ssl_conf_curves(&config_, groups);
  mbedtls_ssl_conf_sig_hashes(&config_, signature_hashes);
  mbedtls_ssl_conf_renegotiation(&config_, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
  mbedtls_ssl_conf_session_tickets(&config_, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  mbedtls_ssl_conf_dtls_anti_replay(&config_, MBEDTLS_SSL_ANTI_REPLAY_ENABLED);
  mbedtls_ssl_conf_handshake_timeout(&config_, whole_ms(options_.first_retransmission),
                                     whole_ms(longest_wait));
  if (server) mbedtls_ssl_conf_dtls_cookies(&config_, nullptr, nullptr, nullptr);
  // Both ends prove a key. The library insists on an authority: our own certificate stands there,
  // nobody is told of it, and verify() alone decides.
  mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_ca_chain(&config_, &identity_.certificate(), nullptr);
  mbedtls_ssl_conf_cert_req_ca_list(&config_, MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
  mbedtls_ssl_conf_export_keys_ext_cb(&config_, keep_secrets, this);
  configure_srtp();
  if (mbedtls_ssl_conf_own_cert(&config_, &identity_.certificate(), &identity_.key()) != 0 ||
      mbedtls_ssl_setup(&ssl_, &config_) != 0) {
    return false;
  }
  mbedtls_ssl_set_mtu(&ssl_, options_.mtu);
  mbedtls_ssl_set_bio(&ssl_, &*wire_, Wire::send, Wire::receive, nullptr);
  mbedtls_ssl_set_timer_cb(&ssl_, this, set_timer, get_timer);
  mbedtls_ssl_set_verify(&ssl_, verify, this);
  return true;
}

// Of our profiles the library knows one. So the order needs no thought, and it takes no other.
void Endpoint::configure_srtp() {
  for (const crypto::SrtpProfile profile : options_.srtp_profiles) {
    if (profile == crypto::SrtpProfile::aes128_cm_sha1_80) {
      srtp_profiles_[0] = MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_80;
      static_cast<void>(mbedtls_ssl_conf_dtls_srtp_protection_profiles(&config_, srtp_profiles_));
    }
  }
}

void Endpoint::shake_hands(Instant now) {
  now_ = now;
  int result = 0;
  while (result == 0 && ssl_.state != MBEDTLS_SSL_HANDSHAKE_OVER) {
    result = mbedtls_ssl_handshake_step(&ssl_);
  }
  if (result == 0) return on_handshake_done();
  if (result != MBEDTLS_ERR_SSL_WANT_READ) on_handshake_error(now, result);
}

void Endpoint::on_handshake_done() {
  // [rfc8122#6.2] Everything else stands on this: no certificate, no connection.
  if (!verified_) {
    return end(dtls::Failed{dtls::FailureReason::fingerprint_mismatch, "no certificate"});
  }
  // Where a flight was lost the library believes in a path of 508 bytes, and would send no longer
  // record for as long as it keeps its last flight.
  if (ssl_.handshake) ssl_.handshake->mtu = 0;
  wire_->gate().close_epoch_0();
  wire_->outgoing().forget_repeat();
  state_ = State::connected;
  events_.push_back(dtls::Connected{});
}

void Endpoint::on_handshake_error(Instant now, int error) {
  if (mismatch_) {
    return end(dtls::Failed{dtls::FailureReason::fingerprint_mismatch,
                            "the certificate is not the described one"});
  }
  if (error == MBEDTLS_ERR_SSL_TIMEOUT) {
    return end(dtls::Failed{dtls::FailureReason::timeout, "no answer to the handshake"});
  }
  if (role_ == dtls::Role::server && !wire_->outgoing().has_spoken())
    return begin_again(now, error);
  end(dtls::Failed{dtls::FailureReason::handshake, library_reason(error, "handshake refused")});
}

// A first ClientHello that cannot be served may be anybody's: the peer's is still to come.
void Endpoint::begin_again(Instant now, int error) {
  env_.trace(now, PacketDropped{"dtls", library_reason(error, "ClientHello refused"), 0});
  wire_->expect_hello();
  if (mbedtls_ssl_session_reset(&ssl_) != 0) {
    end(dtls::Failed{dtls::FailureReason::library, "no SSL context"});
  }
}

// ---------------------------------------------------------------- the connection

void Endpoint::receive(Instant now) {
  now_ = now;
  if (!unread_.begin(wire_->gate().bytes_left())) return;
  while (wire_->gate().has_more() && !unread_.room().empty()) {
    const std::size_t before = wire_->gate().bytes_left();
    const MutableBytes at = unread_.room();
    const int size =
        mbedtls_ssl_read(&ssl_, reinterpret_cast<unsigned char*>(at.data()), at.size());
    if (size < 0 && end_of_reading(size)) break;
    if (size > 0) {
      unread_.add(static_cast<std::size_t>(size));
      ++delivered_;
    } else if (wire_->gate().bytes_left() == before) {
      break;  // whatever ails the library, it will not be asked for ever
    }
  }
}

// True when the association ends here.
bool Endpoint::end_of_reading(int error) {
  switch (error) {
    case MBEDTLS_ERR_SSL_WANT_READ:
      return false;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
      mbedtls_ssl_close_notify(&ssl_);  // [rfc5246#7.2.1]
      end(dtls::Closed{});
      return true;
    default:
      end(dtls::Failed{dtls::FailureReason::handshake, library_reason(error, "fatal alert")});
      return true;
  }
}

// From here on there is only to be fetched what was written and said before.
void Endpoint::end(const Event& why) {
  if (state_ == State::ended) return;
  state_ = State::ended;
  final_.reset();
  mbedtls_ssl_free(&ssl_);
  mbedtls_ssl_config_free(&config_);
  mbedtls_platform_zeroize(&secrets_, sizeof(secrets_));
  events_.push_back(why);
}

// ---------------------------------------------------------------- what Mbed TLS calls

// A peer that puts ChaCha20 first has no AES in hardware.
void Endpoint::choose_ciphers(void* self, Bytes hello) {
  auto& e = *static_cast<Endpoint*>(self);
  const bool phone =
      e.options_.ciphers == dtls::CipherPreference::automatic && begins_with_chacha(hello);
  mbedtls_ssl_conf_ciphersuites(&e.config_, phone ? chacha_first : cipher_list(e.options_.ciphers));
}

void Endpoint::set_timer(void* self, std::uint32_t first_ms, std::uint32_t last_ms) {
  auto& e = *static_cast<Endpoint*>(self);
  e.intermediate_.reset();
  e.final_.reset();
  if (last_ms == 0) return;
  e.intermediate_ = e.now_ + milliseconds(first_ms);
  e.wait_ = milliseconds(last_ms);
  e.final_ = e.now_ + e.wait_;
}

// The library asks before it reads, and where the timer is over it reads nothing: an answer that
// has come is read all the same.
int Endpoint::get_timer(void* self) {
  const auto& e = *static_cast<Endpoint*>(self);
  if (!e.final_) return -1;
  if (e.at_deadline_ && *e.final_ <= e.now_) return 2;
  return *e.intermediate_ <= e.now_ ? 1 : 0;
}

// The chain and its dates are of no interest: the fingerprint of the description is the authority.
// What is left in `flags` makes the library refuse, and say so in an alert.
int Endpoint::verify(void* self, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags) {
  auto& e = *static_cast<Endpoint*>(self);
  *flags = 0;
  if (depth != 0) return 0;
  dtls::Fingerprint actual;
  e.verified_ =
      digest_certificate(*certificate, e.expected_.hash(), actual) && e.expected_.contains(actual);
  e.mismatch_ = !e.verified_;
  if (e.mismatch_) *flags = MBEDTLS_X509_BADCERT_NOT_TRUSTED;
  return 0;
}

int Endpoint::keep_secrets(void* self, const unsigned char* master, const unsigned char*,
                           std::size_t, std::size_t, std::size_t,
                           const unsigned char* client_random, const unsigned char* server_random,
                           mbedtls_tls_prf_types prf) {
  Secrets& secrets = static_cast<Endpoint*>(self)->secrets_;
  std::copy_n(master, sizeof(secrets.master), secrets.master);
  std::copy_n(client_random, 32, secrets.randoms);
  std::copy_n(server_random, 32, secrets.randoms + 32);
  secrets.prf = prf;
  return 0;
}

}  // namespace esp_peer::mbedtls
