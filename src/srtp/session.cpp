#include "srtp/session.hpp"

#include <algorithm>

#include "rtp/packet.hpp"
#include "srtp/packet_index.hpp"

namespace esp_peer::srtp {
namespace {

constexpr std::size_t rtcp_header_size = 8;  // with the sender's name, in the clear
constexpr std::size_t index_size = 4;
constexpr std::uint32_t encrypted_flag = 0x8000'0000;
constexpr std::uint16_t half = 0x8000;

// [rfc5764#4.2] Both keys, then both salts; the client's first.
MasterKey master_key(crypto::SrtpProfile profile, Bytes exported, bool of_client) {
  const std::size_t key = crypto::key_size(profile), salt = crypto::salt_size(profile);
  return {exported.subspan(of_client ? 0 : key, key),
          exported.subspan(2 * key + (of_client ? 0 : salt), salt)};
}

}  // namespace

Session::Session(crypto::SrtpProfile profile, Bytes exported, bool dtls_client, Backend& backend,
                 Env env)
    : profile_(profile),
      backend_(backend),
      env_(env),
      sources_(env.memory),
      silent_(env.memory),
      guards_(env.memory) {
  if (exported.size() != exported_size(profile)) return;
  transform_ = backend.create(profile, master_key(profile, exported, dtls_client),
                              master_key(profile, exported, !dtls_client), env);
}

Session::~Session() {
  if (transform_) backend_.destroy(transform_);
}

bool Session::allow_repeats(rtp::Ssrc ours, std::size_t packets) {
  packets = std::min(packets, max_repeats);
  if (!transform_ || packets == 0 || guard_of(ours) || guards_.size() == max_repeating_sources) {
    return false;
  }
  RepeatGuard guard(ours, env_.memory);
  if (!guard.remember(packets) || !guards_.push_back(std::move(guard))) return false;
  if (transform_->allow_repeats(ours)) return true;
  guards_.pop_back();
  return false;
}

std::size_t Session::seal_rtp(MutableBytes room, std::size_t size) {
  if (!transform_ || size > room.size() || room.size() - size < max_growth) return 0;
  Reader in(room.first(size));
  in.skip(2);
  const std::uint16_t sequence = in.u16();
  in.skip(4);
  RepeatGuard* const guard = guard_of(rtp::Ssrc{in.u32()});
  if (guard && !guard->knows(sequence)) return 0;
  const std::size_t sealed = transform_->seal_rtp(room, size);
  if (sealed == 0) return 0;
  if (guard && !guard->note(sequence, room.first(sealed))) {
    // [rfc3711#9.1] Who saw two packets under one keystream would know what both say.
    wipe(room.first(sealed));
    return 0;
  }
  ++sealed_;
  return sealed;
}

std::size_t Session::seal_rtcp(MutableBytes room, std::size_t size) {
  if (!transform_ || size > room.size() || room.size() - size < max_growth) return 0;
  const std::size_t sealed = transform_->seal_rtcp(room, size);
  sealed_ += sealed != 0;
  return sealed;
}

Bytes Session::open_rtp(Instant now, MutableBytes packet) {
  if (!transform_ || packet.size() > max_packet) return drop(now, "too long", packet.size());
  const auto front = rtp::parse_cleartext(packet);
  if (!front || front->payload.size() < tag_size(profile_)) {
    return drop(now, "no SRTP packet", packet.size());
  }
  Source source = known(front->header.ssrc);
  const bool new_here = source.next.packet == 0;
  const std::uint16_t sequence = front->header.sequence;
  const auto found = new_here ? sequence : packet_index(source.next.packet - 1, sequence);
  if (!found || *found < source.first.packet) return drop(now, "replayed", packet.size());
  std::uint64_t index = *found;
  Transform::Opened opened;
  if (new_here && sequence < half) {
    opened = open_first_rtp(now, source, packet, index);
  } else if (new_here || source.packets_known) {
    opened = transform_->open_rtp(packet);
  } else {
    opened = open_again(now, source, packet, index);
  }
  if (opened.verdict == Verdict::replayed) return drop(now, "replayed", packet.size());
  if (opened.verdict != Verdict::opened) return drop(now, "not authentic", packet.size());
  source.packets_known = true;
  source.next.packet = std::max(source.next.packet, index + 1);
  return admit(now, source, packet.first(opened.size));
}

// [rfc3711#3.3.1] A source starts anywhere, and its first packets may be lost: when what we hear
// first has a low number, it may have wrapped before we heard it.
Transform::Opened Session::open_first_rtp(Instant now, const Source& source, MutableBytes packet,
                                          std::uint64_t& index) {
  std::byte copy[max_packet];
  copy_bytes(packet, copy);
  const auto opened = transform_->open_rtp(packet);
  if (opened.verdict != Verdict::unauthentic || now < next_guess_) return opened;
  next_guess_ = now + guess_interval;
  copy_bytes(Bytes(copy).first(packet.size()), packet);
  if (!transform_->expect(source.ssrc, 1)) return opened;
  const auto guessed = transform_->open_rtp(packet);
  if (guessed.verdict == Verdict::opened) {
    index += 0x1'0000;
    return guessed;
  }
  if (find(source.ssrc)) {
    static_cast<void>(transform_->expect(source.ssrc, 0));
  } else {
    transform_->forget(source.ssrc);
  }
  return opened;
}

// Of a source that was silent the transform knows no packet any more.
Transform::Opened Session::open_again(Instant now, const Source& source, MutableBytes packet,
                                      std::uint64_t index) {
  const bool heard = find(source.ssrc);
  if (!heard && now < next_guess_) return {};
  if (!heard) next_guess_ = now + guess_interval;
  if (!transform_->expect(source.ssrc, static_cast<std::uint32_t>(index >> 16))) return {};
  const auto opened = transform_->open_rtp(packet);
  if (opened.verdict != Verdict::opened && !heard) transform_->forget(source.ssrc);
  return opened;
}

Bytes Session::open_rtcp(Instant now, MutableBytes packet) {
  if (!transform_ || packet.size() > max_packet) return drop(now, "too long", packet.size());
  const std::size_t tag = tag_size(profile_);
  if (packet.size() < rtcp_header_size + index_size + tag) {
    return drop(now, "no SRTCP packet", packet.size());
  }
  // [rfc3711#3.4, rfc7714#9.1] AES-GCM has the index behind the tag, AES-CM in front of it. What
  // was agreed on encrypts: a packet that says it is not is not the peer's.
  const bool index_last = profile_ != crypto::SrtpProfile::aes128_cm_sha1_80;
  const std::size_t index = packet.size() - index_size - (index_last ? 0 : tag);
  const std::uint32_t flagged = Reader(packet.subspan(index)).u32();
  if ((flagged & encrypted_flag) == 0) return drop(now, "SRTCP in the clear", packet.size());
  const std::uint32_t number = flagged & ~encrypted_flag;
  Reader in(packet);
  in.skip(4);
  Source source = known(rtp::Ssrc{in.u32()});
  if (number < source.first.report) return drop(now, "replayed", packet.size());
  const auto opened = transform_->open_rtcp(packet);
  if (opened.verdict == Verdict::replayed) return drop(now, "replayed", packet.size());
  if (opened.verdict != Verdict::opened) return drop(now, "not authentic", packet.size());
  source.next.report = std::max(source.next.report, number + 1);
  return admit(now, source, packet.first(opened.size));
}

Bytes Session::admit(Instant now, const Source& source, Bytes opened) {
  Source* const place = find_or_add(now, source.ssrc);
  if (!place) {
    transform_->forget(source.ssrc);
    return drop(now, "too many sources", opened.size());
  }
  *place = source;
  place->last_heard = now;
  ++opened_;
  return opened;
}

Session::Source* Session::find(rtp::Ssrc ssrc) {
  for (Source& source : sources_) {
    if (source.ssrc == ssrc) return &source;
  }
  return nullptr;
}

Session::SilentSource* Session::find_silent(rtp::Ssrc ssrc) {
  for (SilentSource& silent : silent_) {
    if (silent.ssrc == ssrc) return &silent;
  }
  return nullptr;
}

Session::Source Session::known(rtp::Ssrc ssrc) {
  if (const Source* const source = find(ssrc)) return *source;
  Source source;
  source.ssrc = ssrc;
  if (const SilentSource* const silent = find_silent(ssrc))
    source.next = source.first = silent->next;
  return source;
}

// [rfc3711#3.3.2] What a source has sent must never be taken again: its window may go, but not
// where that ended.
Session::Source* Session::find_or_add(Instant now, rtp::Ssrc ssrc) {
  if (Source* const source = find(ssrc)) return source;
  SilentSource* const silent = find_silent(ssrc);
  if (sources_.size() < max_sources) {
    if (!sources_.push_back({})) return nullptr;
    if (silent) silent_.erase(static_cast<std::size_t>(silent - silent_.begin()));
    return &sources_.back();
  }
  Source* const oldest = std::min_element(
      sources_.begin(), sources_.end(),
      [](const Source& a, const Source& b) { return a.last_heard < b.last_heard; });
  if (now < oldest->last_heard + silence) return nullptr;
  const SilentSource fallen_silent{oldest->ssrc, oldest->next};
  if (silent) {
    *silent = fallen_silent;
  } else if (silent_.size() == max_silent_sources || !silent_.push_back(fallen_silent)) {
    return nullptr;
  }
  transform_->forget(oldest->ssrc);
  return oldest;
}

RepeatGuard* Session::guard_of(rtp::Ssrc ours) {
  for (RepeatGuard& guard : guards_) {
    if (guard.ssrc() == ours) return &guard;
  }
  return nullptr;
}

void Session::hash_state(StateHash& hash) const {
  for (const Source& source : sources_) {
    hash.add(source.ssrc);
    hash.add(source.next.packet);
    hash.add(source.next.report);
  }
  hash.add(silent_.size());
  hash.add(opened_);
  hash.add(sealed_);
}

Bytes Session::drop(Instant now, const char* why, std::size_t size) const {
  env_.trace(now, PacketDropped{"srtp", why, size});
  return {};
}

}  // namespace esp_peer::srtp
