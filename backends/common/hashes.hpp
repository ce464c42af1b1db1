// Digests and HMACs over a library's hashes: each a type that begins with its constructor, has
// add() and finish(), and leaves nothing of its state behind.
#pragma once
#include <array>
#include <span>

#include "base/bytes.hpp"

namespace esp_peer::backends {

template <class Hash>
typename Hash::Digest digest(Bytes first, std::span<const Bytes> parts) {
  Hash hash;
  typename Hash::Digest out{};
  hash.add(first);
  for (const Bytes part : parts) hash.add(part);
  hash.finish(out);
  return out;
}

// [rfc2104#2] Of hashes with blocks of 64 bytes, which SHA-1 and SHA-256 have.
template <class Hash>
typename Hash::Digest hmac(Bytes key, std::span<const Bytes> parts) {
  constexpr std::size_t block_size = 64;
  typename Hash::Digest short_key{};
  if (key.size() > block_size) {
    short_key = digest<Hash>(key, {});
    key = short_key;
  }
  std::array<std::byte, block_size> inner{}, outer{};
  copy_bytes(key, inner);
  copy_bytes(key, outer);
  for (std::byte& b : inner) b ^= std::byte{0x36};
  for (std::byte& b : outer) b ^= std::byte{0x5C};
  const typename Hash::Digest hashed = digest<Hash>(inner, parts);
  const Bytes last[] = {hashed};
  const typename Hash::Digest out = digest<Hash>(outer, last);
  wipe(inner);
  wipe(outer);
  return out;
}

}  // namespace esp_peer::backends
