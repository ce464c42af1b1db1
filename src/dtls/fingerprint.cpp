#include "dtls/fingerprint.hpp"

namespace esp_peer::dtls {
namespace {

struct HashName {
  Hash hash;
  std::string_view name;
  std::uint8_t size;
};
constexpr HashName hash_names[] = {
    {Hash::sha256, "sha-256", 32}, {Hash::sha384, "sha-384", 48}, {Hash::sha512, "sha-512", 64}};

// [rfc8122#5] Hash names are compared without regard to case.
bool same_name(std::string_view text, std::string_view name) {
  if (text.size() != name.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != name[i]) return false;
  }
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// "4A:AD:…": exactly `size` pairs.
bool parse_digest(std::string_view text, MutableBytes digest) {
  if (text.size() != digest.size() * 3 - 1) return false;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);
    if (high < 0 || low < 0) return false;
    if (i + 1 < digest.size() && text[3 * i + 2] != ':') return false;
    digest[i] = static_cast<std::byte>(high << 4 | low);
  }
  return true;
}

}  // namespace

std::optional<Fingerprint> parse_fingerprint(std::string_view text) {
  const auto blank = text.find(' ');
  if (blank == text.npos) return std::nullopt;
  for (const HashName& known : hash_names) {
    if (!same_name(text.substr(0, blank), known.name)) continue;
    Fingerprint fingerprint{known.hash, known.size, {}};
    const MutableBytes digest = MutableBytes(fingerprint.digest).first(known.size);
    if (!parse_digest(text.substr(blank + 1), digest)) return std::nullopt;
    return fingerprint;
  }
  return std::nullopt;
}

FingerprintText fingerprint_text(const Fingerprint& fingerprint) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  char text[8 + 64 * 3];
  std::size_t size = 0;
  for (const char c : hash_names[static_cast<std::size_t>(fingerprint.hash)].name) text[size++] = c;
  for (std::size_t i = 0; i < fingerprint.size; ++i) {
    text[size++] = i == 0 ? ' ' : ':';
    text[size++] = hex[std::to_integer<std::size_t>(fingerprint.digest[i] >> 4)];
    text[size++] = hex[std::to_integer<std::size_t>(fingerprint.digest[i] & std::byte{15})];
  }
  FingerprintText out;
  out.assign({text, size});
  return out;
}

bool ExpectedFingerprints::assign(std::span<const Fingerprint> described) {
  expected_.clear();
  for (const Fingerprint& fingerprint : described) {
    if (fingerprint.size != hash_names[static_cast<std::size_t>(fingerprint.hash)].size) continue;
    if (!expected_.empty() && fingerprint.hash < hash_) continue;
    if (fingerprint.hash != hash_) expected_.clear();
    hash_ = fingerprint.hash;
    expected_.push_back(fingerprint);
  }
  return !expected_.empty();
}

bool ExpectedFingerprints::contains(const Fingerprint& actual) const {
  bool found = false;
  for (const Fingerprint& expected : expected_) found = found || expected == actual;
  return found;
}

}  // namespace esp_peer::dtls
