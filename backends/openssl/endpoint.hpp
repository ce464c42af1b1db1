// One DTLS 1.2 association on an SSL object that sees neither socket nor clock of ours.
//
// Its randomness is OpenSSL's own and not Env's: keys come from where the library wants them. Its
// retransmission timer compares with the wall clock inside OpenSSL; the deadlines said here are in
// our time, and survive a wall clock that steps (timers_ below). It looks at that timer whenever it
// reads, too: what it repeats then is held until ours is over (dtls::Outgoing).
#pragma once
#include <openssl/ssl.h>

#include <optional>

#include "backends/openssl/identity.hpp"
#include "backends/openssl/wire.hpp"
#include "base/containers.hpp"
#include "base/timer_table.hpp"
#include "dtls/endpoint.hpp"
#include "dtls/plaintexts.hpp"

namespace esp_peer::openssl {

class Endpoint final : public dtls::Endpoint {
 public:
  Endpoint(const dtls::Options& options, Identity& identity, Env env);
  Endpoint(const Endpoint&) = delete;
  ~Endpoint();

  Status start(Instant now, dtls::Role role, std::span<const dtls::Fingerprint> remote) override;
  void close(Instant now) override;
  std::size_t seal(Instant now, Bytes plaintext, MutableBytes out) override;

  void on_datagram(Instant now, MutableBytes datagram) override;
  void on_deadline(Instant now) override;

  std::size_t write_datagram(Instant now, MutableBytes out) override;
  std::optional<Event> poll_event() override;
  Bytes read(Instant now) override;

  std::optional<Instant> next_deadline() const override { return timers_.next(); }
  bool connected() const override { return state_ == State::connected; }
  std::optional<crypto::SrtpProfile> srtp_profile() const override;
  Status export_keys(std::string_view label, MutableBytes out) const override;
  void hash_state(StateHash& hash) const override;
  Memory& memory() const { return env_.memory; }
  Identity& identity() const { return identity_; }

 private:
  enum class State : std::uint8_t { fresh, shaking_hands, connected, ended };
  enum class Timer : std::uint8_t { retransmission, idle, count };

  // [rfc6347#4.2.4.1] And OpenSSL takes a timer for expired 15 ms before it is.
  static constexpr Duration longest_wait = seconds(60), shortest_wait = milliseconds(20);
  // Where OpenSSL finds, by the wall clock, that its timer is not due yet: ask again, ever later.
  static constexpr Duration first_patience = milliseconds(5), last_patience = seconds(1);
  // The 32 KB that OpenSSL reads and writes in go back to the heap when nobody has talked so long.
  static constexpr Duration idle_after = seconds(1);

  bool make_ssl();
  bool offer_srtp();
  void shake_hands(Instant now);
  void on_handshake_done(Instant now);
  void begin_again(Instant now);
  void retransmit(Instant now);
  void follow_library_timer(Instant now);
  bool wake(Instant now);
  void rest(Instant now);
  void receive(Instant now);
  bool end_of_reading(Instant now, int library_error);
  void say_goodbye();
  void end(const Event& why);

  static unsigned on_timer(SSL* ssl, unsigned previous_us);
  static void on_message(int outgoing, int version, int type, const void*, std::size_t, SSL*,
                         void*);
  static bool verify(SSL* ssl, X509* certificate);

  dtls::Options options_;
  Identity& identity_;
  Env env_;
  dtls::Role role_ = dtls::Role::client;
  State state_ = State::fresh;
  std::optional<Wire> wire_;
  SSL* ssl_ = nullptr;
  dtls::ExpectedFingerprints expected_;
  bool mismatch_ = false;

  dtls::Plaintexts unread_;
  FixedVector<Event, 2> events_;  // Connected, and one of the ends

  TimerTable<Timer> timers_;
  std::optional<Duration> library_wait_;  // what OpenSSL was told to wait, not followed yet
  Duration wait_{};                       // of the flight that is on its way
  Duration patience_ = first_patience;
  Instant last_used_{};
  bool resting_ = false;  // without buffers
  std::uint64_t delivered_ = 0, sealed_ = 0;
};

}  // namespace esp_peer::openssl
