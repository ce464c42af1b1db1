// One DTLS 1.2 association on an SSL object that sees neither socket nor clock of ours: datagrams
// go through a BIO that keeps their borders.
#pragma once
#include <openssl/ssl.h>

#include <optional>

#include "backends/openssl/identity.hpp"
#include "base/containers.hpp"
#include "dtls/endpoint.hpp"

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

  std::optional<Instant> next_deadline() const override { return deadline_; }
  bool connected() const override { return connected_ && !ended_; }
  Status export_keys(std::string_view label, MutableBytes out) const override;
  void hash_state(StateHash& hash) const override;
  Memory& memory() const { return env_.memory; }

 private:
  static constexpr std::size_t max_outgoing = 16;  // datagrams of flights; a flight has about five
  static constexpr std::size_t max_flight_bytes = 32 * 1024;
  // OpenSSL measures with the wall clock. Where it finds its timer not yet expired, ask again soon.
  static constexpr Duration ask_again = milliseconds(5);
  static constexpr Duration longest_wait = seconds(60);  // [rfc6347#4.2.4.1]

  static BIO_METHOD* bio_method();
  static int bio_write(BIO* bio, const char* data, int size);
  static int bio_read(BIO* bio, char* out, int size);
  static long bio_ctrl(BIO* bio, int command, long number, void* pointer);
  static unsigned on_timer(SSL* ssl, unsigned previous_us);
  static bool verify(SSL* ssl, X509* certificate);

  void shake_hands(Instant now);
  void update_deadline(Instant now);
  void fail(const char* what);
  void say(const Event& event);

  dtls::Options options_;
  Identity& identity_;
  Env env_;
  SSL* ssl_ = nullptr;
  FixedVector<dtls::Fingerprint, 4> remote_;
  Bytes incoming_;          // the datagram that is being read
  MutableBytes seal_room_;  // where the record that is being sealed goes
  std::size_t sealed_ = 0;
  Deque<Buffer> outgoing_;  // at most max_outgoing; a further datagram is lost, and sent again
  Buffer plaintext_;        // grows to the largest datagram seen
  FixedVector<Event, 3> events_;  // Connected, then one of the ends
  std::optional<Instant> deadline_;
  Duration wait_{};  // what OpenSSL was last told to wait
  bool timer_restarted_ = false, mismatch_ = false, connected_ = false, ended_ = false;
};

}  // namespace esp_peer::openssl
