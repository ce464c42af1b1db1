// The hash of a certificate, as SDP carries it [rfc8122#5].
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/containers.hpp"

namespace esp_peer::dtls {

enum class Hash : std::uint8_t { sha256, sha384, sha512 };

struct Fingerprint {
  Hash hash = Hash::sha256;
  std::uint8_t size = 0;  // bytes of `digest` in use: 32, 48 or 64
  std::array<std::byte, 64> digest{};

  Bytes bytes() const { return Bytes(digest).first(size); }
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

// "sha-256 4A:AD:B9:…", either case; nothing for an unknown hash, a wrong length or trailing text.
std::optional<Fingerprint> parse_fingerprint(std::string_view text);
// The same text, in upper case, as RFC 8122 writes it.
using FingerprintText = FixedString<8 + 64 * 3>;
FingerprintText fingerprint_text(const Fingerprint& fingerprint);

// What the description of the peer promised about its certificate.
class ExpectedFingerprints {
 public:
  // [rfc8122#5.1] Of several hashes the strongest counts. False when none is usable.
  bool assign(std::span<const Fingerprint> described);

  // The hash to make of the certificate, and whether it is one of those promised.
  Hash hash() const { return hash_; }
  bool contains(const Fingerprint& actual) const;

 private:
  Hash hash_ = Hash::sha256;
  FixedVector<Fingerprint, 4> expected_;  // of further certificates nobody hears
};

}  // namespace esp_peer::dtls
