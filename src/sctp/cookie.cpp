#include "sctp/cookie.hpp"

namespace esp_peer::sctp {
namespace {

constexpr std::size_t mac_at = cookie_size - 32;
constexpr unsigned forward_tsn_bit = 1, reconfig_bit = 2;

crypto::Sha256Digest mac_of(Bytes body, const CookieKey& key, crypto::Provider& crypto) {
  const Bytes parts[] = {body};
  return crypto.hmac_sha256(key, parts);
}

}  // namespace

SealedCookie seal(const Cookie& c, const CookieKey& key, crypto::Provider& crypto) {
  SealedCookie sealed{};
  Writer w(sealed);
  for (const std::uint32_t v : {c.local_tag, c.local_tsn, c.peer_tag, c.peer_tsn, c.peer_a_rwnd}) {
    w.u32(v);
  }
  w.u16(c.peer_inbound_streams);
  w.u16(static_cast<std::uint16_t>((c.peer_extensions.forward_tsn ? forward_tsn_bit : 0) |
                                   (c.peer_extensions.reconfig ? reconfig_bit : 0)));
  w.u32(c.local_tie_tag);
  w.u32(c.peer_tie_tag);
  w.u64(static_cast<std::uint64_t>(c.created.time_since_epoch().count()));
  w.bytes(mac_of(w.written(), key, crypto));
  return sealed;
}

std::optional<Cookie> open(Bytes sealed, const CookieKey& key, crypto::Provider& crypto) {
  if (sealed.size() != cookie_size) return std::nullopt;
  const auto mac = mac_of(sealed.first(mac_at), key, crypto);
  if (!equal_constant_time(sealed.subspan(mac_at), mac)) return std::nullopt;
  Reader r(sealed);
  Cookie c;
  for (std::uint32_t* v : {&c.local_tag, &c.local_tsn, &c.peer_tag, &c.peer_tsn, &c.peer_a_rwnd}) {
    *v = r.u32();
  }
  c.peer_inbound_streams = r.u16();
  const unsigned extensions = r.u16();
  c.peer_extensions.forward_tsn = (extensions & forward_tsn_bit) != 0;
  c.peer_extensions.reconfig = (extensions & reconfig_bit) != 0;
  c.local_tie_tag = r.u32();
  c.peer_tie_tag = r.u32();
  c.created = Instant(Duration(static_cast<std::int64_t>(r.u64())));
  return c;
}

}  // namespace esp_peer::sctp
