// The user name fragment and the password of one session [rfc8445#5.3].
#include "ice/agent.hpp"

namespace esp_peer::ice {

Credentials generate_credentials(Random& random) {
  constexpr std::string_view ice_chars =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::size_t ufrag_size = 8, password_size = 24;  // 6 bits a character
  std::array<std::byte, ufrag_size + password_size> bits{};
  random.fill_secret(bits);
  char text[bits.size()];
  for (std::size_t i = 0; i < bits.size(); ++i) {
    text[i] = ice_chars[std::to_integer<std::size_t>(bits[i] & std::byte{63})];
  }
  Credentials credentials;
  credentials.ufrag.assign({text, ufrag_size});
  credentials.password.assign({text + ufrag_size, password_size});
  return credentials;
}

}  // namespace esp_peer::ice
