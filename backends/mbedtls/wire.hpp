// What an mbedtls_ssl_context takes for its network: records of the peer come in through a gate,
// one by one, a first hello joined; datagrams go out with their borders kept, into a queue or
// straight into the room of seal().
#pragma once
#include <mbedtls/ssl.h>

#include "base/env.hpp"
#include "dtls/endpoint.hpp"
#include "dtls/hello_joiner.hpp"
#include "dtls/outgoing.hpp"
#include "dtls/record_gate.hpp"

namespace esp_peer::mbedtls {

class Wire {
 public:
  // Sees a hello before the library does.
  using OnHello = void (*)(void* owner, Bytes hello);

  // The wire outlives `ssl`'s use of it.
  Wire(mbedtls_ssl_context& ssl, dtls::Role role, std::uint16_t mtu, OnHello on_hello, void* owner,
       Env env)
      : ssl_(ssl),
        role_(role),
        on_hello_(on_hello),
        owner_(owner),
        env_(env),
        gate_(role, env),
        hello_(env.memory),
        outgoing_(env.memory, mtu) {}
  Wire(const Wire&) = delete;

  // A server waits for its first ClientHello, or once more for one.
  void expect_hello() {
    hello_.forget();
    expecting_hello_ = role_ == dtls::Role::server;
  }

  // A datagram to be read by the library, within this call of the owner.
  void on_datagram(Instant now, MutableBytes datagram);

  std::size_t write_datagram(MutableBytes out) { return outgoing_.write_datagram(out); }

  dtls::Outgoing& outgoing() { return outgoing_; }
  dtls::RecordGate& gate() { return gate_; }
  void hash_state(StateHash& hash) const;

  // What Mbed TLS calls, with a Wire.
  static int send(void* wire, const unsigned char* data, std::size_t size);
  static int receive(void* wire, unsigned char* out, std::size_t room);

 private:
  Bytes next_record();
  bool peer_has_changed_cipher() const;
  bool awaits_change_of_cipher() const;
  bool authentic(Bytes record) const;
  void drop(const char* why, std::size_t size) const;

  mbedtls_ssl_context& ssl_;
  dtls::Role role_;
  OnHello on_hello_;
  void* owner_;
  Env env_;
  dtls::RecordGate gate_;
  dtls::HelloJoiner hello_;
  Instant now_{};  // of the datagram that is being read
  dtls::Outgoing outgoing_;
  bool expecting_hello_ = false;
};

}  // namespace esp_peer::mbedtls
