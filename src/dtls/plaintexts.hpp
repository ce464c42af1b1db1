// The plaintexts of one datagram's records, which wait to be read: decrypted at once, so that
// nothing of the caller's memory is looked at afterwards.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/containers.hpp"

namespace esp_peer::dtls {

class Plaintexts {
 public:
  explicit Plaintexts(Memory& memory) : memory_(memory) {}

  // Room for a large datagram, which may be anybody's, is not kept.
  void forget() {
    unread_ = {};
    if (room_.size() > kept) room_ = Buffer();
  }
  void give_back() { room_ = Buffer(); }

  // Begins with a datagram of so many bytes: each record's length takes less room here than its
  // header and tag did. False when no memory is left.
  bool begin(std::size_t datagram) {
    unread_ = {};
    used_ = 0;
    if (room_.size() < datagram)
      room_ = Buffer::with_size(memory_, datagram);  // grows to the largest, up to `kept`
    return static_cast<bool>(room_);
  }
  // Where the next one may be decrypted; empty = no room.
  MutableBytes room() {
    const MutableBytes all = room_.bytes();
    return used_ + length_size < all.size() ? all.subspan(used_ + length_size) : MutableBytes();
  }
  void add(std::size_t size) {
    Writer(room_.bytes().subspan(used_, length_size)).u16(static_cast<std::uint16_t>(size));
    used_ += length_size + size;
    unread_ = Bytes(room_.bytes()).first(used_);
  }

  Bytes read() {
    Reader r(unread_);
    const Bytes record = r.bytes(r.u16());
    unread_ = r.rest();
    return record;
  }

  bool empty() const { return unread_.empty(); }
  std::size_t size() const { return unread_.size(); }

 private:
  static constexpr std::size_t length_size = 2;
  static constexpr std::size_t kept = 2048;  // a path's datagrams

  Memory& memory_;
  Buffer room_;
  std::size_t used_ = 0;
  Bytes unread_;
};

}  // namespace esp_peer::dtls
