#include "turn/credential.hpp"

#include <algorithm>

namespace esp_peer::turn {
namespace {

// [rfc8489#9.2, #18.1] The first base64 digit of the 24 bits behind the cookie holds those we know.
constexpr std::string_view nonce_cookie = "obMatJos2";
constexpr std::uint8_t feature_password_algorithms = 0x20, feature_username_anonymity = 0x10;
constexpr std::size_t feature_digits = 4;
// Of a list that no server sends; ten algorithms fit.
constexpr std::size_t max_algorithms = 64;

std::uint8_t base64_value(char digit) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto at = digits.find(digit);
  return at == digits.npos ? std::uint8_t{0} : static_cast<std::uint8_t>(at);
}

}  // namespace

Secret& Secret::operator=(Secret&& other) noexcept {
  wipe(bytes_.bytes());
  bytes_ = std::move(other.bytes_);
  return *this;
}

bool Secret::assign(Memory& memory, std::span<const std::string_view> parts) {
  std::size_t size = 0;
  for (const auto part : parts) size += part.size();
  Secret fresh;
  fresh.bytes_ = Buffer::with_size(memory, size);
  if (!fresh.bytes_) return false;
  Writer w(fresh.bytes_.bytes());
  for (const auto part : parts) w.text(part);
  *this = std::move(fresh);
  return true;
}

Status Credential::assign(std::string_view username, std::string_view password) {
  if (username.empty() || username.size() > max_username || password.size() > max_password) {
    return Error{Errc::invalid_argument, "a user name or password of no length that TURN knows"};
  }
  if (!username_.assign(memory_, username) || !password_.assign(memory_, password)) {
    return Error{Errc::no_memory, "no room for a credential"};
  }
  return {};
}

void Credential::forget_challenge() {
  realm_ = {};
  nonce_ = {};
  algorithms_ = {};
  algorithm_ = Algorithm::md5;
  hides_username_ = false;
  wipe(key_);
}

bool Credential::on_challenge(const Message& response) {
  if (!response.realm || !response.nonce || response.nonce->empty()) return false;
  if (is_bid_down(response)) return false;
  const bool rejected = response.stun.error_code == error::unauthenticated;
  // [rfc8489#9.2.5] A 401 is not answered with what was refused.
  const bool same_realm = challenged() && *response.realm == realm_.text();
  if (rejected && same_realm) return false;
  Algorithm algorithm{};
  if (!choose_algorithm(response.password_algorithms, algorithm)) return false;
  const auto offered = response.password_algorithms.value_or(Bytes{});
  Secret realm, nonce, algorithms;
  if (!realm.assign(memory_, *response.realm) || !nonce.assign(memory_, *response.nonce) ||
      !algorithms.assign(memory_, as_text(offered))) {
    return false;
  }
  realm_ = std::move(realm);
  nonce_ = std::move(nonce);
  algorithms_ = std::move(algorithms);
  algorithm_ = algorithm;
  hides_username_ = (security_features(nonce_.text()) & feature_username_anonymity) != 0;
  return make_key();
}

void Credential::sign(stun::Builder& request) {
  if (!challenged()) return;
  const auto add = [&](Attribute type, Bytes value) {
    request.attribute(static_cast<std::uint16_t>(type), value);
  };
  if (hides_username_) {
    add(Attribute::userhash, userhash_);
  } else {
    request.username(username_.text());
  }
  add(Attribute::realm, realm_.bytes());
  add(Attribute::nonce, nonce_.bytes());
  if (algorithms_.bytes().empty()) {
    return request.integrity(crypto_, Bytes(key_).first(sizeof(crypto::Md5Digest)));
  }
  add(Attribute::password_algorithms, algorithms_.bytes());
  write_u32(request, Attribute::password_algorithm, static_cast<std::uint32_t>(algorithm_) << 16);
  const std::size_t size = algorithm_ == Algorithm::md5 ? sizeof(crypto::Md5Digest) : key_.size();
  request.integrity_sha256(crypto_, Bytes(key_).first(size));
}

bool Credential::signs(const stun::Message& response) const {
  if (!challenged()) return false;
  const std::size_t size = algorithm_ == Algorithm::md5 ? sizeof(crypto::Md5Digest) : key_.size();
  const Bytes key = Bytes(key_).first(size);
  // [rfc8489#9.2.5] Nothing weaker than what the request was signed with.
  return algorithms_.bytes().empty() ? response.integrity_matches(crypto_, key)
                                     : response.integrity_sha256_matches(crypto_, key);
}

bool Credential::is_bid_down(const Message& response) {
  return response.nonce && !response.password_algorithms &&
         (security_features(*response.nonce) & feature_password_algorithms) != 0;
}

void Credential::hash_state(StateHash& hash) const {
  hash.add(realm_.text());
  hash.add(nonce_.text());
  hash.add(algorithms_.text());
  hash.add(algorithm_);
  hash.add(hides_username_);
}

std::uint8_t Credential::security_features(std::string_view nonce) {
  if (!nonce.starts_with(nonce_cookie) || nonce.size() < nonce_cookie.size() + feature_digits) {
    return 0;
  }
  return base64_value(nonce[nonce_cookie.size()]);
}

// [rfc8489#9.2.5] The first of the server's list that we know.
bool Credential::choose_algorithm(const std::optional<Bytes>& offered, Algorithm& chosen) const {
  if (!offered) {
    chosen = Algorithm::md5;
    return algorithms_.bytes().empty();  // [rfc8489#9.2.1] and never back from better ones
  }
  if (offered->size() > max_algorithms) return false;
  Reader r(*offered);
  while (r.remaining() != 0) {
    const std::uint16_t algorithm = r.u16(), parameters = r.u16();
    r.skip((parameters + 3u) / 4u * 4u);
    if (!r.ok()) return false;
    if (parameters != 0 || (algorithm != 1 && algorithm != 2)) continue;
    chosen = static_cast<Algorithm>(algorithm);
    return true;
  }
  return false;
}

// [rfc8489#9.2.2, #18.5.1]
bool Credential::make_key() {
  const std::string_view parts[] = {username_.text(), ":", realm_.text(), ":", password_.text()};
  Secret text, name;
  if (!text.assign(memory_, parts) || !name.assign(memory_, std::span(parts).first(3))) {
    nonce_ = {};
    return false;
  }
  userhash_ = crypto_.sha256(name.bytes());
  wipe(key_);
  if (algorithm_ == Algorithm::md5) {
    copy_bytes(crypto_.md5(text.bytes()), key_);
  } else {
    copy_bytes(crypto_.sha256(text.bytes()), key_);
  }
  return true;
}

}  // namespace esp_peer::turn
