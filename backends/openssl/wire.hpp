// What an SSL object takes for its network: records of the peer come in through a gate, datagrams
// go out with their borders kept, into a queue or straight into the room of seal().
#pragma once
#include <openssl/bio.h>

#include "base/env.hpp"
#include "dtls/endpoint.hpp"
#include "dtls/outgoing.hpp"
#include "dtls/record_gate.hpp"

namespace esp_peer::openssl {

class Wire {
 public:
  Wire(dtls::Role role, std::uint16_t mtu, Env env)
      : gate_(role, env), mtu_(mtu), outgoing_(env.memory, mtu) {}
  Wire(const Wire&) = delete;

  // The BIO of an SSL object, which owns it; nullptr when the library fails. The wire outlives it.
  BIO* make_bio();

  // A datagram to be read by the library, within this call of the owner.
  void on_datagram(Instant now, MutableBytes datagram);

  std::size_t write_datagram(MutableBytes out) { return outgoing_.write_datagram(out); }

  dtls::Outgoing& outgoing() { return outgoing_; }
  dtls::RecordGate& gate() { return gate_; }
  const dtls::RecordGate& gate() const { return gate_; }
  std::size_t pending() const { return outgoing_.size(); }

 private:
  static BIO_METHOD* method();
  static Wire& of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }
  static int bio_write(BIO* bio, const char* data, int size);
  static int bio_read(BIO* bio, char* out, int size);
  static long bio_ctrl(BIO* bio, int command, long number, void* pointer);

  dtls::RecordGate gate_;
  std::uint16_t mtu_;
  Instant now_{};  // of the datagram that is being read
  dtls::Outgoing outgoing_;
};

}  // namespace esp_peer::openssl
