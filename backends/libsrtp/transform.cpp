#include "backends/libsrtp/transform.hpp"

#include <arpa/inet.h>

#include <cstring>

namespace esp_peer::libsrtp {
namespace {

constexpr unsigned long replay_window = 1024;
constexpr std::size_t max_packet = 2048;

// libsrtp wants its packets at whole words, which datagrams in a run are not.
template <class Call>
std::size_t on_whole_words(MutableBytes room, std::size_t size, Call call) {
  int length = static_cast<int>(size);
  if (reinterpret_cast<std::uintptr_t>(room.data()) % alignof(std::uint32_t) == 0) {
    return call(room.data(), &length) ? static_cast<std::size_t>(length) : 0;
  }
  alignas(std::uint32_t) std::byte aligned[max_packet + SRTP_MAX_TRAILER_LEN];
  copy_bytes(room.first(size), aligned);
  if (!call(aligned, &length)) return 0;
  copy_bytes(Bytes(aligned).first(static_cast<std::size_t>(length)), room);
  return static_cast<std::size_t>(length);
}

template <class Seal>
std::size_t seal(srtp_t session, MutableBytes room, std::size_t size, Seal library_call) {
  if (size > max_packet) return 0;
  return on_whole_words(room, size, [&](void* packet, int* length) {
    return library_call(session, packet, length) == srtp_err_status_ok;
  });
}

template <class Open>
srtp::Transform::Opened open(srtp_t session, MutableBytes packet, Open library_call) {
  srtp::Transform::Opened opened;
  if (packet.size() > max_packet) return opened;
  opened.size = on_whole_words(packet, packet.size(), [&](void* at, int* length) {
    const srtp_err_status_t status = library_call(session, at, length);
    const bool replayed =
        status == srtp_err_status_replay_fail || status == srtp_err_status_replay_old;
    if (replayed) opened.verdict = srtp::Verdict::replayed;
    if (status == srtp_err_status_ok) opened.verdict = srtp::Verdict::opened;
    return status == srtp_err_status_ok;
  });
  return opened;
}

}  // namespace

Transform::Transform(crypto::SrtpProfile profile, const srtp::MasterKey& ours,
                     const srtp::MasterKey& theirs, Memory& memory)
    : profile_(profile), memory_(memory) {
  const auto join = [](const srtp::MasterKey& from, Key& to) {
    const MutableBytes room = std::as_writable_bytes(std::span(to));
    copy_bytes(from.key, room);
    copy_bytes(from.salt, room.subspan(from.key.size()));
  };
  join(ours, out_key_);
  join(theirs, in_key_);
  const srtp_policy_t out = policy({ssrc_any_outbound, 0}, out_key_);
  const srtp_policy_t in = policy({ssrc_any_inbound, 0}, in_key_);
  if (srtp_create(&out_, &out) != srtp_err_status_ok) out_ = nullptr;
  if (srtp_create(&in_, &in) != srtp_err_status_ok) in_ = nullptr;
}

Transform::~Transform() {
  if (in_) srtp_dealloc(in_);  // keys of theirs are overwritten there
  if (out_) srtp_dealloc(out_);
  wipe(std::as_writable_bytes(std::span(in_key_)));
  wipe(std::as_writable_bytes(std::span(out_key_)));
}

srtp_policy_t Transform::policy(srtp_ssrc_t whose, Key& key) const {
  srtp_policy_t policy{};
  const auto profile = static_cast<srtp_profile_t>(profile_);  // both are the numbers on the wire
  srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile);
  srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile);
  policy.ssrc = whose;
  policy.key = key.data();
  policy.window_size = replay_window;
  return policy;
}

std::size_t Transform::seal_rtp(MutableBytes room, std::size_t size) {
  if (used_up_ || is_at_the_end(room.first(size))) return 0;
  return seal(out_, room, size, [&](srtp_t session, void* packet, int* length) {
    const srtp_err_status_t status = srtp_protect(session, packet, length);
    used_up_ = status == srtp_err_status_key_expired;  // the library says so once
    return status;
  });
}

// [rfc3711#9.1] From the last rollover of 2^32 libsrtp goes on to the first one, whose keystream
// was used before. The last 65536 of 2^48 packets are left out.
bool Transform::is_at_the_end(Bytes packet) const {
  Reader in(packet);
  in.skip(8);
  std::uint32_t rollovers = 0;
  return srtp_get_stream_roc(out_, in.u32(), &rollovers) == srtp_err_status_ok &&
         rollovers == 0xFFFF'FFFF;
}

std::size_t Transform::seal_rtcp(MutableBytes room, std::size_t size) {
  return seal(out_, room, size, srtp_protect_rtcp);
}

Transform::Opened Transform::open_rtp(MutableBytes packet) {
  return open(in_, packet, srtp_unprotect);
}

Transform::Opened Transform::open_rtcp(MutableBytes packet) {
  return open(in_, packet, srtp_unprotect_rtcp);
}

bool Transform::expect(rtp::Ssrc source, std::uint32_t rollovers) {
  const auto number = static_cast<std::uint32_t>(source);
  std::uint32_t known = 0;
  if (srtp_get_stream_roc(in_, number, &known) != srtp_err_status_ok) {
    const srtp_policy_t stream = policy({ssrc_specific, number}, in_key_);
    if (srtp_add_stream(in_, &stream) != srtp_err_status_ok) return false;
  }
  return srtp_set_stream_roc(in_, number, rollovers) == srtp_err_status_ok;
}

bool Transform::allow_repeats(rtp::Ssrc ours) {
  srtp_policy_t stream = policy({ssrc_specific, static_cast<std::uint32_t>(ours)}, out_key_);
  stream.allow_repeat_tx = 1;
  return srtp_add_stream(out_, &stream) == srtp_err_status_ok;
}

void Transform::forget(rtp::Ssrc source) {
  srtp_remove_stream(in_,
                     htonl(static_cast<std::uint32_t>(source)));  // which wants it as it was sent
}

}  // namespace esp_peer::libsrtp
