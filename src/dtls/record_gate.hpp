// Shows a DTLS library the records of the peer one by one, and only those it may see: what a
// stranger can write must neither end an association nor fill its memory. Every library drops most
// of this itself; none drops all of it [rfc6347#4.1.2.7].
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/state_hash.hpp"
#include "dtls/endpoint.hpp"

namespace esp_peer::dtls {

class RecordGate {
 public:
  // `role` is ours: it tells which handshake messages are the peer's to send.
  RecordGate(Role role, Env env) : role_(role), env_(env) {}

  // The peer's ChangeCipherSpec was obeyed: from now on encrypted records can be judged. Data still
  // waits for the end of the handshake. `cipher_overhead`: the bytes of nonce and tag in each
  // record. One that has no room for them cannot be authentic, and OpenSSL 3.0 never reads anything
  // again after it.
  void open_epoch_1(std::size_t cipher_overhead) {
    cipher_overhead_ = cipher_overhead;
    epoch_1_open_ = true;
  }
  // The handshake is over: nothing in the clear can come from the peer any more.
  void close_epoch_0() {
    epoch_0_open_ = false;
    epoch_1_open_ = true;
  }

  // What is left of an earlier datagram is forgotten. `datagram` stays valid until all is read.
  void on_datagram(Instant now, MutableBytes datagram);

  // The next record, whole, valid until the next call; empty = none. One in the clear has got a
  // sequence number of ours.
  Bytes read_record(Instant now);

  bool has_more() const { return !rest_.empty() || first_ready() != held_count_; }
  // No more than this can come out of read_record() before the next datagram.
  std::size_t bytes_left() const { return rest_.size() + held_bytes_; }
  void hash_state(StateHash& hash) const;

 private:
  // Encrypted records that overtook their keys: a Finished, a first burst of data. A library keeps
  // them too: OpenSSL a hundred, with 16 KB each. Over the bound the newest is lost.
  static constexpr std::size_t max_held = 8;
  static constexpr std::size_t max_held_record = 2048;

  struct Record {
    std::uint8_t type = 0;
    std::uint16_t version = 0, epoch = 0;
    MutableBytes whole;
    Bytes body;
  };

  bool ready(std::uint8_t type, std::uint16_t epoch) const;
  bool sealed(Bytes record) const;
  std::size_t first_ready() const;  // held_count_ = none
  Bytes read_held(std::size_t index);
  // False when the rest of the datagram holds no whole record.
  bool split_record(Record& record);
  void renumber(MutableBytes record);
  // Why this record must not be seen; nullptr = it may.
  const char* reason_to_drop(const Record& record) const;
  const char* reason_to_drop_clear(const Record& record) const;
  bool plausible_handshake(Bytes body) const;
  bool peer_sends(std::uint8_t message) const;
  void hold(Instant now, Bytes record);
  void drop(Instant now, const char* why, std::size_t size) const;

  Role role_;
  Env env_;
  MutableBytes rest_;  // of the datagram being read
  Buffer held_[max_held];
  std::size_t held_count_ = 0, held_bytes_ = 0;
  Buffer shown_;  // the held record that was read last
  std::uint64_t next_in_clear_ = 0;
  std::size_t cipher_overhead_ = 0;
  bool epoch_0_open_ = true, epoch_1_open_ = false;
};

}  // namespace esp_peer::dtls
