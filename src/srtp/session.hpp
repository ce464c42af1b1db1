// SRTP between two peers: keys of one DTLS handshake, and the sources whose packets were shown to
// be the peer's. What is not changes nothing.
#pragma once
#include <cstdint>
#include <optional>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/state_hash.hpp"
#include "srtp/repeat_guard.hpp"
#include "srtp/transform.hpp"

namespace esp_peer::srtp {

// Bytes of the exporter that both directions need [rfc5764#4.2].
constexpr std::size_t exported_size(crypto::SrtpProfile profile) {
  return 2 * (crypto::key_size(profile) + crypto::salt_size(profile));
}
inline constexpr std::size_t max_exported_size =
    exported_size(crypto::SrtpProfile::aead_aes_256_gcm);

// Bytes behind the packet that authenticate it.
constexpr std::size_t tag_size(crypto::SrtpProfile profile) {
  return profile == crypto::SrtpProfile::aes128_cm_sha1_80 ? 10 : 16;
}
// What sealing adds at most: a tag, and the index of SRTCP.
inline constexpr std::size_t max_growth = 16 + 4;

class Session {
 public:
  // Of the peer, ever. Their replay windows have to stay, so that nothing old is taken for new:
  // what comes from further ones is dropped.
  static constexpr std::size_t max_sources = 32;
  static constexpr std::size_t max_packet = 2048;
  // Of ours whose packets may be sealed again, and how far back that goes for each.
  static constexpr std::size_t max_repeating_sources = 4;
  static constexpr std::size_t max_repeats = 512;

  // `exported`: exported_size(profile) bytes of the DTLS exporter.
  Session(crypto::SrtpProfile profile, Bytes exported, bool dtls_client, Backend& backend, Env env);
  Session(const Session&) = delete;
  ~Session();

  // The latest `packets` packets of a source of ours may be sealed again, as they were: for a
  // receiver that lacks one. To be asked before its first one. False = no memory: nothing is sealed
  // twice.
  bool allow_repeats(rtp::Ssrc ours, std::size_t packets);

  // Seals the packet in the first `size` bytes of `room`; says its size then, 0 = not possible. A
  // number that was sealed before is not possible, or gives the same bytes where repeats are
  // allowed and it is the same packet.
  std::size_t seal_rtp(MutableBytes room, std::size_t size);
  std::size_t seal_rtcp(MutableBytes room, std::size_t size);

  // What was sealed, in place; empty when it is dropped.
  Bytes open_rtp(Instant now, MutableBytes packet);
  Bytes open_rtcp(Instant now, MutableBytes packet);

  bool ok() const { return transform_ != nullptr; }
  void hash_state(StateHash& hash) const;

 private:
  struct Source {
    rtp::Ssrc ssrc{};
    bool rtp_heard = false;
  };
  // At most so often is a packet of an unheard source opened twice: it costs the keys of a source.
  static constexpr Duration guess_interval = milliseconds(5);

  Source* find(rtp::Ssrc ssrc);
  RepeatGuard* guard_of(rtp::Ssrc ours);
  Bytes admit(Instant now, rtp::Ssrc ssrc, Bytes opened, bool is_rtp);
  Transform::Opened open_first_rtp(Instant now, rtp::Ssrc ssrc, bool known, MutableBytes packet);
  Bytes drop(Instant now, const char* why, std::size_t size) const;

  crypto::SrtpProfile profile_;
  Backend& backend_;
  Env env_;
  Transform* transform_ = nullptr;
  FixedVector<Source, max_sources> sources_;
  Vector<RepeatGuard> guards_;  // at most max_repeating_sources
  std::uint64_t opened_ = 0, sealed_ = 0;
  Instant next_guess_ = Instant::min();
};

}  // namespace esp_peer::srtp
