// The State Cookie: all that an INIT asks us to remember, handed back to its sender under a MAC, so
// that nothing is allocated for a stranger [rfc9260#5.1.3].
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "crypto/provider.hpp"
#include "sctp/packet/chunk.hpp"

namespace esp_peer::sctp {

struct Cookie {
  std::uint32_t local_tag = 0, local_tsn = 0;
  std::uint32_t peer_tag = 0, peer_tsn = 0, peer_a_rwnd = 0;
  std::uint16_t peer_inbound_streams = 0;
  Extensions peer_extensions;
  std::uint32_t local_tie_tag = 0, peer_tie_tag = 0;  // of the association that was there before
  Instant created{};
};

using CookieKey = std::array<std::byte, 32>;
inline constexpr std::size_t cookie_size = 5 * 4 + 2 * 2 + 2 * 4 + 8 + 32;
using SealedCookie = std::array<std::byte, cookie_size>;

SealedCookie seal(const Cookie& cookie, const CookieKey& key, crypto::Provider& crypto);
// Nothing unless the MAC is ours. Its age is the caller's question.
std::optional<Cookie> open(Bytes sealed, const CookieKey& key, crypto::Provider& crypto);

}  // namespace esp_peer::sctp
