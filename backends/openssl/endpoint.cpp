#include "backends/openssl/endpoint.hpp"

#include <openssl/err.h>

#include <algorithm>

#include "backends/openssl/backend.hpp"
#include "backends/openssl/context.hpp"

namespace esp_peer::openssl {

Endpoint::Endpoint(const dtls::Options& options, Identity& identity, Env env)
    : options_(options), identity_(identity), env_(env), outgoing_(env.memory) {
  identity_.retain();
}

Endpoint::~Endpoint() {
  SSL_free(ssl_);
  identity_.release();
}

Status Endpoint::start(Instant now, dtls::Role role, std::span<const dtls::Fingerprint> remote) {
  if (ssl_) return Error{Errc::wrong_state, "the handshake has begun before"};
  for (const auto& fingerprint : remote) remote_.push_back(fingerprint);
  if (remote_.empty()) return Error{Errc::bad_data, "no fingerprint to compare with"};

  SSL_CTX* ctx = context(options_.ciphers, verify);
  BIO_METHOD* method = bio_method();
  ssl_ = ctx && method ? SSL_new(ctx) : nullptr;
  BIO* bio = ssl_ ? BIO_new(method) : nullptr;
  if (!bio) return Error{Errc::no_memory, "no SSL object"};
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
  SSL_set_mtu(ssl_, options_.mtu);
  DTLS_set_timer_cb(ssl_, on_timer);
  if (SSL_use_certificate(ssl_, identity_.certificate()) != 1 ||
      SSL_use_PrivateKey(ssl_, identity_.key()) != 1) {
    return Error{Errc::failed, "certificate refused by the library"};
  }
  if (role == dtls::Role::client) {
    SSL_set_connect_state(ssl_);
    shake_hands(now);
  } else {
    SSL_set_accept_state(ssl_);
  }
  return {};
}

void Endpoint::close(Instant) {
  if (connected_ && !ended_) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
  }
  ended_ = true;
  deadline_.reset();
}

std::size_t Endpoint::seal(Instant, Bytes plaintext, MutableBytes out) {
  if (!connected() || plaintext.empty() || out.size() < plaintext.size() + seal_overhead) return 0;
  seal_room_ = out;
  sealed_ = 0;
  ERR_clear_error();
  const int n = SSL_write(ssl_, plaintext.data(), static_cast<int>(plaintext.size()));
  seal_room_ = {};
  return n > 0 ? sealed_ : 0;
}

void Endpoint::on_datagram(Instant now, MutableBytes datagram) {
  if (!ssl_ || ended_) return;
  if (plaintext_.size() < datagram.size()) {
    plaintext_ = Buffer::with_size(env_.memory, datagram.size());
    if (!plaintext_) return;
  }
  incoming_ = datagram;
  if (!connected_) shake_hands(now);
}

void Endpoint::on_deadline(Instant now) {
  if (!ssl_ || ended_ || !deadline_ || *deadline_ > now) return;
  ERR_clear_error();
  timer_restarted_ = false;
  const long handled = DTLSv1_handle_timeout(ssl_);
  if (handled < 0) return fail("no answer to the handshake");
  if (!timer_restarted_) deadline_ = now + ask_again;
  update_deadline(now);
}

std::size_t Endpoint::write_datagram(Instant, MutableBytes out) {
  if (outgoing_.empty()) return 0;
  const Buffer datagram = std::move(outgoing_.front());
  outgoing_.pop_front();
  if (datagram.size() > out.size()) return 0;
  copy_bytes(datagram.bytes(), out);
  return datagram.size();
}

std::optional<dtls::Endpoint::Event> Endpoint::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_[0];
  events_.erase(0);
  return event;
}

Bytes Endpoint::read(Instant now) {
  if (!connected() || incoming_.empty()) {
    // The SSL may still hold a record of the datagram that ended the handshake.
    if (!connected() || SSL_pending(ssl_) == 0) return {};
  }
  ERR_clear_error();
  timer_restarted_ = false;
  const MutableBytes room = plaintext_.bytes();
  const int n = SSL_read(ssl_, room.data(), static_cast<int>(room.size()));
  if (n > 0) return room.first(static_cast<std::size_t>(n));
  switch (SSL_get_error(ssl_, n)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      break;
    case SSL_ERROR_ZERO_RETURN:
      close(now);
      say(dtls::Closed{});
      break;
    default:
      fail("fatal alert");
  }
  incoming_ = {};
  update_deadline(now);
  return {};
}

Status Endpoint::export_keys(std::string_view label, MutableBytes out) const {
  if (!connected_) return Error{Errc::wrong_state, "no keys before the handshake"};
  const int ok = SSL_export_keying_material(ssl_, reinterpret_cast<unsigned char*>(out.data()),
                                            out.size(), label.data(), label.size(), nullptr, 0, 0);
  return ok == 1 ? Status() : Status(Error{Errc::failed, "key export refused by the library"});
}

void Endpoint::hash_state(StateHash& hash) const {
  hash.add(ssl_ ? static_cast<int>(SSL_get_state(ssl_)) : -1);
  hash.add(outgoing_.size());
  hash.add(events_.size());
  hash.add(connected_);
  hash.add(ended_);
}

void Endpoint::shake_hands(Instant now) {
  ERR_clear_error();
  timer_restarted_ = false;
  // A datagram may hold several records: as long as there is something to read, go on.
  int result = -1;
  for (int i = 0; i < 16 && result != 1; ++i) {
    result = SSL_do_handshake(ssl_);
    if (result != 1 && SSL_get_error(ssl_, result) != SSL_ERROR_WANT_READ) {
      return fail(mismatch_ ? "the certificate is not the described one" : "handshake refused");
    }
    if (incoming_.empty()) break;
  }
  update_deadline(now);
  if (result != 1) return;
  // Mutual authentication is what everything else stands on: no certificate, no connection.
  X509* certificate = SSL_get1_peer_certificate(ssl_);
  const bool verified = certificate && verify(ssl_, certificate);
  X509_free(certificate);
  if (!verified) return fail("no certificate of the peer");
  connected_ = true;
  say(dtls::Connected{});
}

void Endpoint::update_deadline(Instant now) {
  timeval left{};
  if (ended_ || !DTLSv1_get_timeout(ssl_, &left)) {
    deadline_.reset();
  } else if (timer_restarted_) {
    deadline_ = now + wait_;
  }
}

void Endpoint::fail(const char* what) {
  if (ended_) return;
  ended_ = true;
  deadline_.reset();
  say(dtls::Failed{
      mismatch_ ? dtls::FailureReason::fingerprint_mismatch : dtls::FailureReason::handshake,
      what});
}

void Endpoint::say(const Event& event) { events_.push_back(event); }

// ---------------------------------------------------------------- what OpenSSL calls

BIO_METHOD* Endpoint::bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "esp_peer datagrams");
    if (!m) return m;
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_ctrl(m, bio_ctrl);
    BIO_meth_set_create(m, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    return m;
  }();
  return method;
}

// A write is a datagram: into the room of seal(), or into the queue of the handshake.
int Endpoint::bio_write(BIO* bio, const char* data, int size) {
  auto& self = *static_cast<Endpoint*>(BIO_get_data(bio));
  const Bytes datagram = std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
  if (!self.seal_room_.empty()) {
    if (datagram.size() > self.seal_room_.size()) return -1;
    copy_bytes(datagram, self.seal_room_);
    self.sealed_ = datagram.size();
    return size;
  }
  if (self.outgoing_.size() < max_outgoing) {
    Buffer copy = Buffer::copy_of(self.env_.memory, datagram);
    if (copy) static_cast<void>(self.outgoing_.push_back(std::move(copy)));
  }
  return size;
}

// Hands out the one datagram that is there, whole.
int Endpoint::bio_read(BIO* bio, char* out, int size) {
  auto& self = *static_cast<Endpoint*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.incoming_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t n = std::min(self.incoming_.size(), static_cast<std::size_t>(size));
  copy_bytes(self.incoming_.first(n), std::as_writable_bytes(std::span(out, n)));
  self.incoming_ = {};
  return static_cast<int>(n);
}

long Endpoint::bio_ctrl(BIO* bio, int command, long, void*) {
  const auto& self = *static_cast<const Endpoint*>(BIO_get_data(bio));
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
      return self.options_.mtu;
    default:
      return 0;
  }
}

// [rfc6347#4.2.4.1] Doubles up to 60 s, from a first wait that fits a path whose round trip ICE has
// just seen.
unsigned Endpoint::on_timer(SSL* ssl, unsigned previous_us) {
  auto& self = *static_cast<Endpoint*>(SSL_get_app_data(ssl));
  const Duration previous{previous_us};
  self.wait_ =
      previous_us == 0 ? self.options_.first_retransmission : std::min(previous * 2, longest_wait);
  self.timer_restarted_ = true;
  return static_cast<unsigned>(self.wait_.count());
}

bool Endpoint::verify(SSL* ssl, X509* certificate) {
  auto& self = *static_cast<Endpoint*>(SSL_get_app_data(ssl));
  for (const dtls::Fingerprint& expected : self.remote_) {
    dtls::Fingerprint actual;
    if (digest_certificate(certificate, expected.hash, actual) && actual == expected) return true;
  }
  self.mismatch_ = true;
  return false;
}

// ---------------------------------------------------------------- the backend

namespace {

class OpensslBackend final : public dtls::Backend {
 public:
  dtls::Identity* create_identity(std::int64_t unix_seconds) override {
    return Identity::create(unix_seconds);
  }
  void retain(dtls::Identity& identity) override { static_cast<Identity&>(identity).retain(); }
  void release(dtls::Identity& identity) override { static_cast<Identity&>(identity).release(); }
  dtls::Endpoint* create_endpoint(const dtls::Options& options, dtls::Identity& identity,
                                  Env env) override {
    return make<Endpoint>(env.memory, options, static_cast<Identity&>(identity), env);
  }
  void destroy(dtls::Endpoint* endpoint) override {
    if (!endpoint) return;
    auto* ours = static_cast<Endpoint*>(endpoint);
    esp_peer::destroy(ours->memory(), ours);
  }
};

}  // namespace

dtls::Backend& backend() {
  static OpensslBackend* const instance = new OpensslBackend;  // outlives every endpoint
  return *instance;
}

}  // namespace esp_peer::openssl
