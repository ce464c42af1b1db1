// What PacketTransform needs of a crypto library.
#pragma once
#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/memory.hpp"
#include "crypto/srtp_profile.hpp"

namespace esp_peer::srtp {

// A session key, for RTP or RTCP of one direction: encrypts and authenticates the parts of one
// packet in place. AES in counter mode with HMAC-SHA1 [rfc3711#4.1.1, #4.2.1], or AES-GCM
// [rfc7714#6].
class Cipher {
 public:
  // 16 bytes for counter mode, 12 for AES-GCM.
  using Iv = std::array<std::byte, 16>;

  // The tag is over `header`, what becomes of `text`, and `trailer`. False = the library failed,
  // and nothing of it may be used.
  virtual bool seal(const Iv& iv, Bytes header, MutableBytes text, Bytes trailer,
                    MutableBytes tag) = 0;
  // False where the tag is another: what stands in `text` then may not be used.
  virtual bool open(const Iv& iv, Bytes header, MutableBytes text, Bytes trailer, Bytes tag) = 0;

 protected:
  ~Cipher() = default;
};

// One for the process; any thread may use it.
class CipherLibrary {
 public:
  // AES in counter mode over zeros, by a key of 16 or 32 bytes.
  virtual bool keystream(Bytes key, const Cipher::Iv& counter, MutableBytes out) = 0;
  // nullptr when memory or the library fails. The keys need not outlive the call; AES-GCM has no
  // use for `authentication`. Of one cipher either seal() or open() is called.
  virtual Cipher* create(crypto::SrtpProfile profile, Bytes key, Bytes authentication, bool seals,
                         Memory& memory) = 0;
  virtual void destroy(Cipher* cipher) = 0;

 protected:
  ~CipherLibrary() = default;
};

}  // namespace esp_peer::srtp
