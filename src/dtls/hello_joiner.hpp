// Joins the fragments of a ClientHello for a library that takes it only whole: Mbed TLS 2.28
// answers none of the hellos of today's browsers, which are too long for one datagram
// [rfc6347#4.2.3].
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/containers.hpp"
#include "base/state_hash.hpp"

namespace esp_peer::dtls {

class HelloJoiner {
 public:
  // Browsers' hellos are 1.5 KB. One at a time is held, this much and an eighth.
  static constexpr std::size_t max_hello = 4096;

  explicit HelloJoiner(Memory& memory) : memory_(memory) {}

  // A handshake record in the clear that RecordGate has let through. Its fragments may come in any
  // order, often, and overlapping. Says the hello, once it is whole, as one record with the number
  // of this one, valid until the next call; empty = not yet.
  Bytes on_record(Bytes record);
  // Gives the memory back: the hello is served, or another one is to come.
  void forget() { joined_ = Buffer(); }

  void hash_state(StateHash& hash) const;

 private:
  static constexpr std::size_t record_header = 13, message_header = 12;

  void begin(std::uint32_t length);
  void on_fragment(std::uint32_t length, std::uint32_t offset, Bytes piece);
  bool contradicts(std::uint32_t offset, Bytes piece) const;
  bool has(std::size_t byte) const;
  void mark(std::size_t byte);
  Bytes body() const { return joined_.bytes().subspan(record_header + message_header); }
  MutableBytes body() { return joined_.bytes().subspan(record_header + message_header); }

  Memory& memory_;
  Buffer joined_;  // both headers, the message, and a bit for each byte of it that has come
  std::size_t length_ = 0, missing_ = 0;
};

}  // namespace esp_peer::dtls
