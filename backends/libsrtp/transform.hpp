// Two libsrtp sessions, one for each direction.
#pragma once
#include <srtp2/srtp.h>

#include <array>

#include "srtp/transform.hpp"

namespace esp_peer::libsrtp {

class Transform final : public srtp::Transform {
 public:
  Transform(crypto::SrtpProfile profile, const srtp::MasterKey& ours, const srtp::MasterKey& theirs,
            Memory& memory);
  Transform(const Transform&) = delete;
  ~Transform();

  std::size_t seal_rtp(MutableBytes room, std::size_t size) override;
  std::size_t seal_rtcp(MutableBytes room, std::size_t size) override;
  Opened open_rtp(MutableBytes packet) override;
  Opened open_rtcp(MutableBytes packet) override;
  bool expect(rtp::Ssrc source, std::uint32_t rollovers) override;
  bool allow_repeats(rtp::Ssrc ours) override;
  void forget(rtp::Ssrc source) override;

  bool ok() const { return in_ && out_; }
  Memory& memory() const { return memory_; }

 private:
  using Key = std::array<unsigned char, SRTP_MAX_KEY_LEN>;  // master key, then salt

  srtp_policy_t policy(srtp_ssrc_t whose, Key& key) const;
  bool is_at_the_end(Bytes packet) const;

  crypto::SrtpProfile profile_;
  Memory& memory_;            // this object's own; libsrtp takes its memory from the heap
  Key in_key_{}, out_key_{};  // of sources to come
  srtp_t in_ = nullptr, out_ = nullptr;
  bool used_up_ = false;  // our keys, for RTP; of RTCP's index libsrtp never goes beyond the last
};

}  // namespace esp_peer::libsrtp
