#include "dtls/hello_joiner.hpp"

#include <algorithm>

namespace esp_peer::dtls {
namespace {

constexpr std::uint8_t handshake = 22, client_hello = 1;  // [rfc5246#6.2.1] [rfc5246#7.4]

}  // namespace

Bytes HelloJoiner::on_record(Bytes record) {
  Reader r(record);
  if (r.u8() != handshake) return {};
  const std::uint16_t version = r.u16();
  const Bytes number = r.bytes(8);  // epoch and sequence
  Reader fragments(r.bytes(r.u16()));
  while (r.ok() && fragments.remaining() != 0) {
    const std::uint8_t type = fragments.u8();
    const std::uint32_t length = fragments.u24();
    const std::uint16_t message = fragments.u16();
    const std::uint32_t offset = fragments.u24();
    const Bytes piece = fragments.bytes(fragments.u24());
    if (!fragments.ok()) break;
    // [rfc6347#4.2.2] The first message of all has the number 0: nobody was asked for a cookie.
    if (type != client_hello || message != 0 || length > max_hello) continue;
    if (piece.empty() || offset >= length || piece.size() > length - offset) continue;
    on_fragment(length, offset, piece);
    if (!joined_ || missing_ != 0) continue;

    Writer w(joined_.bytes());
    w.u8(handshake);
    w.u16(version);
    w.bytes(number);
    w.u16(static_cast<std::uint16_t>(message_header + length));
    w.u8(client_hello);
    w.u24(length);
    w.u16(0);
    w.u24(0);
    w.u24(length);
    return Bytes(joined_.bytes()).first(record_header + message_header + length);
  }
  return {};
}

void HelloJoiner::hash_state(StateHash& hash) const {
  hash.add(static_cast<bool>(joined_));
  if (!joined_) return;
  hash.add(length_);
  hash.add(missing_);
}

// Pieces that fit to no one hello: the newest is believed. A stranger's piece that came first
// cannot keep out the peer, who sends its own again.
void HelloJoiner::on_fragment(std::uint32_t length, std::uint32_t offset, Bytes piece) {
  if (!joined_ || length != length_ || contradicts(offset, piece)) {
    begin(length);
    if (!joined_) return;
  }
  copy_bytes(piece, body().subspan(offset));
  for (std::size_t i = offset; i < offset + piece.size(); ++i) mark(i);
}

void HelloJoiner::begin(std::uint32_t length) {
  joined_ = Buffer::with_size(
      memory_, record_header + message_header + length + (std::size_t{length} + 7) / 8);
  if (!joined_) return;
  std::ranges::fill(body().subspan(length), std::byte{0});
  length_ = missing_ = length;
}

bool HelloJoiner::contradicts(std::uint32_t offset, Bytes piece) const {
  for (std::size_t i = 0; i < piece.size(); ++i) {
    if (has(offset + i) && body()[offset + i] != piece[i]) return true;
  }
  return false;
}

bool HelloJoiner::has(std::size_t byte) const {
  return (body()[length_ + byte / 8] >> byte % 8 & std::byte{1}) != std::byte{0};
}

void HelloJoiner::mark(std::size_t byte) {
  if (has(byte)) return;
  body()[length_ + byte / 8] |= std::byte{1} << byte % 8;
  --missing_;
}

}  // namespace esp_peer::dtls
