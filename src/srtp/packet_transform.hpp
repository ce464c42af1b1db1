// SRTP over the ciphers of a library: which index a packet has, whether it came before, what of it
// is encrypted, and where its tag stands [rfc3711, rfc7714].
#pragma once
#include <array>
#include <cstdint>

#include "base/containers.hpp"
#include "srtp/cipher.hpp"
#include "srtp/replay_window.hpp"
#include "srtp/transform.hpp"

namespace esp_peer::srtp {

class PacketTransform final : public Transform {
 public:
  // Sources of ours; packets of further ones are not sealed.
  static constexpr std::size_t max_own_sources = 64;

  PacketTransform(crypto::SrtpProfile profile, const MasterKey& ours, const MasterKey& theirs,
                  CipherLibrary& library, Env env);
  PacketTransform(const PacketTransform&) = delete;
  ~PacketTransform();

  // A source of ours goes on behind this packet and this report; false = no memory.
  bool resume(rtp::Ssrc ours, std::uint64_t packet, std::uint32_t report);

  bool allow_repeats(rtp::Ssrc ours) override;
  bool expect(rtp::Ssrc source, std::uint32_t rollovers) override;
  void forget(rtp::Ssrc source) override;

  std::size_t seal_rtp(MutableBytes room, std::size_t size) override;
  std::size_t seal_rtcp(MutableBytes room, std::size_t size) override;
  Opened open_rtp(MutableBytes packet) override;
  Opened open_rtcp(MutableBytes packet) override;

  bool ok() const;
  Memory& memory() const { return env_.memory; }

 private:
  using Window = ReplayWindow<1024>;

  // The keys of RTP or RTCP in one direction.
  struct Keys {
    Cipher* cipher = nullptr;
    std::array<std::byte, 14> salt{};
  };
  struct OwnSource {
    rtp::Ssrc ssrc{};
    bool repeats = false;
    std::uint32_t next_report = 0;  // its index; behind the last one nothing is sealed
    Window packets;
  };
  struct Source {
    rtp::Ssrc ssrc{};
    std::uint32_t rollovers = 0;  // until the first packet tells them
    Window packets;
    ReplayWindow<128> reports;
  };

  void derive(const MasterKey& master, std::uint8_t first_label, bool seals, Keys& keys);
  Cipher::Iv iv(const Keys& keys, rtp::Ssrc ssrc, std::uint64_t index) const;
  bool counter_mode() const { return profile_ == crypto::SrtpProfile::aes128_cm_sha1_80; }
  std::size_t tag_size() const { return counter_mode() ? 10 : 16; }
  OwnSource* own(rtp::Ssrc ssrc);

  crypto::SrtpProfile profile_;
  CipherLibrary& library_;
  Env env_;
  Keys rtp_out_, rtcp_out_, rtp_in_, rtcp_in_;
  std::uint64_t sealed_ = 0;  // packets of all our sources [rfc3711#9.2]
  Vector<OwnSource> own_;     // at most max_own_sources
  Vector<Source> sources_;    // as many as the session keeps, and one that it decides about
};

}  // namespace esp_peer::srtp
