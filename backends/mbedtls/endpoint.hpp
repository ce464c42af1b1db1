// One DTLS 1.2 association on an mbedtls_ssl_context of version 2.28, which sees no socket, and no
// clock but the time that calls bring.
//
// What the library lacks stands around it: Wire joins the hellos of browsers and keeps forged
// records away; keys are exported by its PRF from the master secret, which it shows once. Of SRTP's
// profiles it knows AES128_CM_SHA1_80 alone; the others are neither offered nor chosen. Debian's
// build cannot stop in the middle of an elliptic curve operation (MBEDTLS_ECP_RESTARTABLE): a
// flight is answered in one call.
#pragma once
#include <mbedtls/ssl.h>

#include <optional>

#include "backends/mbedtls/identity.hpp"
#include "backends/mbedtls/wire.hpp"
#include "base/containers.hpp"
#include "dtls/endpoint.hpp"
#include "dtls/plaintexts.hpp"

namespace esp_peer::mbedtls {

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

  std::optional<Instant> next_deadline() const override;
  bool connected() const override { return state_ == State::connected; }
  std::optional<crypto::SrtpProfile> srtp_profile() const override;
  Status export_keys(std::string_view label, MutableBytes out) const override;
  void hash_state(StateHash& hash) const override;
  Memory& memory() const { return env_.memory; }
  Identity& identity() const { return identity_; }

 private:
  enum class State : std::uint8_t { fresh, shaking_hands, connected, ended };

  static constexpr Duration longest_wait = seconds(60);  // [rfc6347#4.2.4.1]
  static constexpr Duration shortest_wait = milliseconds(20);

  // [rfc5705#4] What the exporter is made of.
  struct Secrets {
    unsigned char master[48] = {};
    unsigned char randoms[64] = {};  // the client's, the server's
    mbedtls_tls_prf_types prf = MBEDTLS_SSL_TLS_PRF_NONE;
  };

  bool configure();
  void configure_srtp();
  void shake_hands(Instant now);
  void on_handshake_done();
  void on_handshake_error(Instant now, int error);
  void begin_again(Instant now, int error);
  void receive(Instant now);
  bool end_of_reading(int error);
  void end(const Event& why);

  static void choose_ciphers(void* self, Bytes hello);
  static void set_timer(void* self, std::uint32_t first_ms, std::uint32_t last_ms);
  static int get_timer(void* self);
  static int verify(void* self, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags);
  static int keep_secrets(void* self, const unsigned char* master, const unsigned char* keys,
                          std::size_t, std::size_t, std::size_t, const unsigned char* client_random,
                          const unsigned char* server_random, mbedtls_tls_prf_types prf);

  dtls::Options options_;
  Identity& identity_;
  Env env_;
  dtls::Role role_ = dtls::Role::client;
  State state_ = State::fresh;
  mbedtls_ssl_config config_;
  mbedtls_ssl_context ssl_;
  mbedtls_ssl_srtp_profile srtp_profiles_[2] = {};  // and what ends the list
  std::optional<Wire> wire_;
  dtls::ExpectedFingerprints expected_;
  bool verified_ = false, mismatch_ = false;
  Secrets secrets_;

  dtls::Plaintexts unread_;
  FixedVector<Event, 2> events_;  // Connected, and one of the ends

  Instant now_{};                                // of the call that is going on
  std::optional<Instant> intermediate_, final_;  // the library's timer
  Duration wait_{};                              // of the flight that is on its way
  bool at_deadline_ = false;
  std::uint64_t delivered_ = 0, sealed_ = 0;
};

}  // namespace esp_peer::mbedtls
