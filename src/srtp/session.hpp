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
  // Of the peer, at a time. Of one that was silent for a while, and makes room for another, only
  // how far it came is kept, so that nothing old is taken for new when it comes again. What comes
  // from further ones is dropped.
  static constexpr std::size_t max_sources = 32, max_silent_sources = 512;
  static constexpr Duration silence = seconds(10);
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
  // Behind the highest that came; zero = none did.
  struct Position {
    std::uint64_t packet = 0;
    std::uint32_t report = 0;
  };
  struct SilentSource {
    rtp::Ssrc ssrc{};
    Position next;
  };
  struct Source {
    rtp::Ssrc ssrc{};
    Position next, first;  // what is before `first` may have come before the source was silent
    bool packets_known = false;  // to the transform
    Instant last_heard{};
  };
  // At most so often is a packet of an unheard source opened twice, or one of a silent source at
  // all: it costs the keys of a source.
  static constexpr Duration guess_interval = milliseconds(5);

  RepeatGuard* guard_of(rtp::Ssrc ours);
  Source* find(rtp::Ssrc ssrc);
  SilentSource* find_silent(rtp::Ssrc ssrc);
  // As it is known, or as it was when it fell silent, or as nobody is who never was heard.
  Source known(rtp::Ssrc ssrc);
  Source* find_or_add(Instant now, rtp::Ssrc ssrc);
  Bytes admit(Instant now, const Source& source, Bytes opened);
  Transform::Opened open_first_rtp(Instant now, const Source& source, MutableBytes packet,
                                   std::uint64_t& index);
  Transform::Opened open_again(Instant now, const Source& source, MutableBytes packet,
                               std::uint64_t index);
  Bytes drop(Instant now, const char* why, std::size_t size) const;

  crypto::SrtpProfile profile_;
  Backend& backend_;
  Env env_;
  Transform* transform_ = nullptr;
  Vector<Source> sources_;       // at most max_sources
  Vector<SilentSource> silent_;  // at most max_silent_sources
  Vector<RepeatGuard> guards_;   // at most max_repeating_sources
  std::uint64_t opened_ = 0, sealed_ = 0;
  Instant next_guess_ = Instant::min();
};

}  // namespace esp_peer::srtp
