// The long-term credential: user and password, and what a server has made of them [rfc8489#9.2].
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/result.hpp"
#include "base/state_hash.hpp"
#include "crypto/provider.hpp"
#include "turn/message.hpp"

namespace esp_peer::turn {

inline constexpr std::size_t max_username = 508;  // [rfc8489#14.3]
inline constexpr std::size_t max_password = 1024;

// Bytes in lent memory that are overwritten before it is given back.
class Secret {
 public:
  Secret() = default;
  Secret(Secret&& other) noexcept = default;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { wipe(bytes_.bytes()); }

  // The parts, one behind the other. False when no memory is left.
  [[nodiscard]] bool assign(Memory& memory, std::span<const std::string_view> parts);
  [[nodiscard]] bool assign(Memory& memory, std::string_view text) {
    return assign(memory, std::span(&text, 1));
  }
  std::string_view text() const { return as_text(bytes_.bytes()); }
  Bytes bytes() const { return bytes_.bytes(); }

 private:
  Buffer bytes_;
};

class Credential {
 public:
  Credential(crypto::Provider& crypto, Memory& memory) : crypto_(crypto), memory_(memory) {}
  Credential(const Credential&) = delete;
  ~Credential() { wipe(key_); }

  // exception: [rfc8489#9.2.2] OpaqueString is applied by whoever made the account; both are sent
  // and hashed as they are given.
  Status assign(std::string_view username, std::string_view password);
  // Another server has its own realm and nonces.
  void forget_challenge();
  // Of a 401 or 438: whether the request has a reason to be sent again, as it would differ.
  bool on_challenge(const Message& response);

  // All attributes by which a request is known to be ours. Nothing before the first challenge.
  void sign(stun::Builder& request);

  bool challenged() const { return !nonce_.text().empty(); }
  // The response is the server's.
  bool signs(const stun::Message& response) const;
  // [rfc8489#9.2.5] Somebody took the password algorithms out of it.
  static bool is_bid_down(const Message& response);
  void hash_state(StateHash& hash) const;

 private:
  enum class Algorithm : std::uint16_t { md5 = 1, sha256 = 2 };  // [rfc8489#18.5]

  static std::uint8_t security_features(std::string_view nonce);
  bool choose_algorithm(const std::optional<Bytes>& offered, Algorithm& chosen) const;
  bool make_key();

  crypto::Provider& crypto_;
  Memory& memory_;
  Secret username_, password_;
  Secret realm_, nonce_;
  Secret algorithms_;  // as the server has listed them; empty = it has not
  Algorithm algorithm_ = Algorithm::md5;
  bool hides_username_ = false;
  std::array<std::byte, 32> userhash_{};  // what stands for the name then [rfc8489#14.4]
  std::array<std::byte, 32> key_{};       // the first 16 of MD5
};

}  // namespace esp_peer::turn
