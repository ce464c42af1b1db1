// The certificate of the process, if one was made ahead of time; else each connection gets its own.
#pragma once
#include "peer/session_types.hpp"

namespace esp_peer::capi::identity_cache {

// Makes a new one that all later connections use. False when the library fails.
bool pre_generate();

// For the handshakes that begin from now on, in the whole process.
void set_cipher_preference(dtls::CipherPreference preference);
dtls::CipherPreference cipher_preference();

class Source final : public peer::IdentitySource {
 public:
  dtls::Identity* identity() override;
};

}  // namespace esp_peer::capi::identity_cache
