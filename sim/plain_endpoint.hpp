// One association of PlainDtls. Four messages, each a datagram:
//
//   client                                server
//   hello: random, SRTP profiles   -->
//                                  <--    hello: random, SRTP profile, certificate
//   finished: certificate, proof   -->
//                                  <--    finished: proof
//
// Each flight is repeated until the next one comes; the server's last one whenever the client's
// comes again [rfc6347#4.2.4].
#pragma once
#include <array>

#include "base/containers.hpp"
#include "crypto/provider.hpp"
#include "dtls/endpoint.hpp"

namespace esp_peer::sim {

using PlainCertificate = std::array<std::byte, 64>;

class PlainIdentity final : public dtls::Identity {
 public:
  PlainIdentity(crypto::Provider& crypto, const PlainCertificate& certificate);
  const dtls::Fingerprint& fingerprint() const override { return fingerprint_; }
  const PlainCertificate& certificate() const { return certificate_; }
  int references = 1;

 private:
  PlainCertificate certificate_;
  dtls::Fingerprint fingerprint_;
};

class PlainEndpoint final : public dtls::Endpoint {
 public:
  PlainEndpoint(const dtls::Options& options, PlainIdentity& identity, crypto::Provider& crypto,
                Env env);

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
  std::optional<crypto::SrtpProfile> srtp_profile() const override {
    return connected() ? profile_ : std::nullopt;
  }
  Status export_keys(std::string_view label, MutableBytes out) const override;
  void hash_state(StateHash& hash) const override;
  Memory& memory() const { return env_.memory; }
  PlainIdentity& identity() const { return identity_; }

 private:
  enum class State : std::uint8_t { idle, hello, finishing, connected, ended };
  enum class Kind : std::uint8_t {
    none,
    client_hello,
    server_hello,
    client_finished,
    server_finished
  };
  using Nonce = std::array<std::byte, 32>;
  static constexpr Duration longest_wait = seconds(60);  // [rfc6347#4.2.4.1]

  void on_handshake(Instant now, Bytes body);
  void on_client_hello(Instant now, Bytes random, Bytes profiles);
  void on_server_hello(Instant now, Bytes random, Bytes profile_and_certificate);
  void on_client_finished(Bytes certificate, Bytes proof);
  void on_server_finished(Bytes proof);
  void on_record(MutableBytes record);

  void choose_profile(Bytes offered);
  bool accept_profile(std::uint16_t chosen);
  bool accept_certificate(Bytes certificate);
  void make_key(Bytes server_certificate, Bytes client_certificate);
  crypto::Sha256Digest proof_of(Kind kind) const;
  void send_flight(Instant now, Kind kind);
  void end(const Event& why);
  std::size_t write_handshake(Kind kind, MutableBytes out);
  std::size_t write_record(std::uint8_t type, Bytes plaintext, MutableBytes out);
  std::uint64_t tag_of(dtls::Role sender, Bytes header, Bytes plaintext) const;
  bool accept_sequence(std::uint64_t sequence);

  dtls::Options options_;
  PlainIdentity& identity_;
  crypto::Provider& crypto_;
  Env env_;
  FixedVector<dtls::Fingerprint, 4> remote_;
  dtls::Role role_ = dtls::Role::client;
  State state_ = State::idle;
  Kind flight_ = Kind::none;  // what was sent last
  Kind due_ = Kind::none;     // what write_datagram() owes
  bool owes_close_ = false;
  Nonce client_random_{}, server_random_{};
  crypto::Sha256Digest key_{};
  std::optional<crypto::SrtpProfile> profile_;
  std::optional<Instant> deadline_;
  Duration wait_{};
  std::uint64_t next_sequence_ = 0;
  std::uint64_t newest_ = 0, window_ = 0;  // [rfc6347#4.1.2.6] accepted ones: bit i is newest − i
  Bytes plaintext_;
  FixedVector<Event, 2> events_;
};

}  // namespace esp_peer::sim
