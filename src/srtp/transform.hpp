// What seals and opens the packets of one SRTP association: ciphers, rollover counters and replay
// windows [rfc3711, rfc7714]. A backend implements it over one library.
#pragma once
#include <cstdint>

#include "base/env.hpp"
#include "crypto/srtp_profile.hpp"
#include "rtp/types.hpp"

namespace esp_peer::srtp {

// What is derived from, for one direction.
struct MasterKey {
  Bytes key, salt;
};

enum class Verdict : std::uint8_t {
  opened,
  unauthentic,  // or no packet at all
  replayed,     // came before, or is older than the window
};

class Transform {
 public:
  struct Opened {
    Verdict verdict = Verdict::unauthentic;
    std::size_t size = 0;
  };

  // Seals what stands in the first `size` bytes of `room`, in place, and says its size then; 0 = no
  // room, the keys are used up, or the number was sealed before. Sequence numbers of one source go
  // up by one or a few.
  virtual std::size_t seal_rtp(MutableBytes room, std::size_t size) = 0;
  virtual std::size_t seal_rtcp(MutableBytes room, std::size_t size) = 0;
  // In place; what was not opened may be changed all the same. Nothing is known of a source before
  // a packet of it was opened, which is then the first one of its window [rfc3711#3.3.2: >= 64].
  virtual Opened open_rtp(MutableBytes packet) = 0;
  virtual Opened open_rtcp(MutableBytes packet) = 0;
  // The next RTP packet of `source` is taken to be after so many rollovers; false = no memory.
  // Asked only before any RTP packet of it was opened.
  virtual bool expect(rtp::Ssrc source, std::uint32_t rollovers) = 0;
  // Of this source of ours numbers that were sealed before are sealed again, if they are less than
  // 1024 behind: who allows it sees to it that the packet is the same. Asked only before any RTP
  // packet of it was sealed; false = no memory.
  virtual bool allow_repeats(rtp::Ssrc ours) = 0;
  // As if nothing of `source` had been opened.
  virtual void forget(rtp::Ssrc source) = 0;

 protected:
  ~Transform() = default;
};

// One for the whole process, used from any thread; its transforms know nothing of each other.
class Backend {
 public:
  // nullptr when memory or the library fails. The keys need not outlive the call.
  virtual Transform* create(crypto::SrtpProfile profile, const MasterKey& ours,
                            const MasterKey& theirs, Env env) = 0;
  virtual void destroy(Transform* transform) = 0;

 protected:
  ~Backend() = default;
};

}  // namespace esp_peer::srtp
