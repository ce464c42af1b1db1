#include "backends/mbedtls/wire.hpp"

#include <algorithm>

namespace esp_peer::mbedtls {
namespace {

// [rfc5246#6.2.1] [rfc5246#7.4]
constexpr std::byte handshake{22}, client_hello{1};
constexpr std::size_t header_size = 13;
// [rfc7905#2] [rfc5288#3] The tag, without the nonce that AES-GCM has beside it: the library checks
// lengths itself, and nothing shorter than a tag is worth its while.
constexpr std::size_t tag_size = 16;

bool in_the_clear(Bytes record) { return record[3] == std::byte{0} && record[4] == std::byte{0}; }
bool is_handshake(Bytes record) { return record[0] == handshake; }
bool is_client_hello(Bytes record) {
  return is_handshake(record) && record.size() > header_size && record[header_size] == client_hello;
}

}  // namespace

void Wire::on_datagram(Instant now, MutableBytes datagram) {
  now_ = now;
  gate_.on_datagram(now, datagram);
}

void Wire::hash_state(StateHash& hash) const {
  gate_.hash_state(hash);
  hello_.hash_state(hash);
  hash.add(outgoing_.size());
  hash.add(expecting_hello_);
}

Bytes Wire::next_record() {
  if (!expecting_hello_) hello_.forget();
  for (;;) {
    // Asked for another record, the library has obeyed the last: now it is known which keys it has.
    const bool awaits_finished = peer_has_changed_cipher();
    if (awaits_finished) gate_.open_epoch_1(tag_size);
    const Bytes record = gate_.read_record(now_);
    if (record.empty()) return {};
    const bool clear = in_the_clear(record);
    if (expecting_hello_) {
      const Bytes hello = clear ? hello_.on_record(record) : Bytes();
      if (hello.empty()) continue;
      expecting_hello_ = false;
      on_hello_(owner_, hello);
      return hello;
    }
    // The library would send its whole flight again for each piece of a hello, whoever sent it. The
    // flight is repeated by time alone.
    if (clear && is_client_hello(record)) {
      drop("a hello after the first", record.size());
      continue;
    }
    // So it would for each last message of the server's flight, whole as that is by now.
    if (clear && is_handshake(record) && awaits_change_of_cipher()) {
      drop("a flight that was answered", record.size());
      continue;
    }
    // Here, and here alone, the library gives up for a record that is not authentic.
    if (awaits_finished && !clear && !authentic(record)) {
      drop("not authentic", record.size());
      continue;
    }
    return record;
  }
}

// [rfc5246#7.1] The state is a field that 2.28 lets everybody read.
bool Wire::peer_has_changed_cipher() const {
  return ssl_.state ==
         (role_ == dtls::Role::server ? MBEDTLS_SSL_CLIENT_FINISHED : MBEDTLS_SSL_SERVER_FINISHED);
}

// A client that has sent its last flight; the server's, in the clear, has only this left to say.
bool Wire::awaits_change_of_cipher() const {
  return role_ == dtls::Role::client && ssl_.state == MBEDTLS_SSL_SERVER_CHANGE_CIPHER_SPEC;
}

bool Wire::authentic(Bytes record) const {
  Buffer copy = Buffer::copy_of(env_.memory, record);  // which is decrypted in place
  return copy &&
         mbedtls_ssl_check_record(&ssl_, reinterpret_cast<unsigned char*>(copy.bytes().data()),
                                  copy.size()) == 0;
}

void Wire::drop(const char* why, std::size_t size) const {
  env_.trace(now_, PacketDropped{"dtls", why, size});
}

// ---------------------------------------------------------------- what Mbed TLS calls

int Wire::send(void* wire, const unsigned char* data, std::size_t size) {
  static_cast<Wire*>(wire)->outgoing_.write(std::as_bytes(std::span(data, size)));
  return static_cast<int>(size);
}

// One record is handed out as if it were a datagram, so that it is obeyed before the next is
// judged.
int Wire::receive(void* wire, unsigned char* out, std::size_t room) {
  Wire& self = *static_cast<Wire*>(wire);
  for (;;) {
    const Bytes record = self.next_record();
    if (record.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
    if (record.size() > room) {
      self.drop("longer than any record", record.size());
      continue;
    }
    copy_bytes(record, std::as_writable_bytes(std::span(out, record.size())));
    return static_cast<int>(record.size());
  }
}

}  // namespace esp_peer::mbedtls
