#include "srtp/packet_transform.hpp"

#include "rtp/packet.hpp"
#include "srtp/packet_index.hpp"

namespace esp_peer::srtp {
namespace {

constexpr std::size_t rtcp_header_size = 8, index_size = 4, authentication_key_size = 20;
constexpr std::uint32_t encrypted_flag = 0x8000'0000, last_report = 0x7FFF'FFFF;

template <class Source>
Source* find(Vector<Source>& sources, rtp::Ssrc ssrc) {
  for (Source& source : sources) {
    if (source.ssrc == ssrc) return &source;
  }
  return nullptr;
}
// nullptr when there is no memory.
template <class Source>
Source* add(Vector<Source>& sources, rtp::Ssrc ssrc) {
  Source fresh;
  fresh.ssrc = ssrc;
  return sources.push_back(fresh) ? &sources.back() : nullptr;
}

std::array<std::byte, 4> word(std::uint32_t value) {
  std::array<std::byte, 4> out{};
  Writer(out).u32(value);
  return out;
}
std::uint32_t rollovers(std::uint64_t index) { return static_cast<std::uint32_t>(index >> 16); }

}  // namespace

PacketTransform::PacketTransform(crypto::SrtpProfile profile, const MasterKey& ours,
                                 const MasterKey& theirs, CipherLibrary& library, Env env)
    : profile_(profile), library_(library), env_(env), own_(env.memory), sources_(env.memory) {
  derive(ours, 0, true, rtp_out_);
  derive(ours, 3, true, rtcp_out_);
  derive(theirs, 0, false, rtp_in_);
  derive(theirs, 3, false, rtcp_in_);
}

PacketTransform::~PacketTransform() {
  for (Keys* keys : {&rtp_out_, &rtcp_out_, &rtp_in_, &rtcp_in_}) {
    if (keys->cipher) library_.destroy(keys->cipher);
    wipe(keys->salt);
  }
}

bool PacketTransform::ok() const {
  return rtp_out_.cipher && rtcp_out_.cipher && rtp_in_.cipher && rtcp_in_.cipher;
}

// [rfc3711#4.3.1, rfc7714#11] At a key derivation rate of zero: once for all. The label stands in
// front of an index of 48 bits, and that at the end of the salt's 112.
void PacketTransform::derive(const MasterKey& master, std::uint8_t first_label, bool seals,
                             Keys& keys) {
  std::array<std::byte, 32> key;
  std::array<std::byte, authentication_key_size> authentication;
  const MutableBytes parts[] = {MutableBytes(key).first(crypto::key_size(profile_)), authentication,
                                MutableBytes(keys.salt).first(crypto::salt_size(profile_))};
  bool derived = true;
  std::uint8_t label = first_label;
  for (const MutableBytes part : parts) {
    Cipher::Iv x{};
    copy_bytes(master.salt, x);
    x[7] ^= std::byte{label++};
    derived = derived && library_.keystream(master.key, x, part);
    wipe(x);
  }
  if (derived) {
    keys.cipher = library_.create(profile_, parts[0], authentication, seals, env_.memory);
  }
  wipe(key);
  wipe(authentication);
}

// [rfc3711#4.1.1, rfc7714#8.1, #9.1] Source and index, under the salt. Counter mode has two bytes
// more in front, and two behind in which the blocks are counted.
Cipher::Iv PacketTransform::iv(const Keys& keys, rtp::Ssrc ssrc, std::uint64_t index) const {
  Cipher::Iv iv{};
  Writer out(iv);
  out.zeros(counter_mode() ? 4 : 2);
  rtp::write(out, ssrc);
  out.u16(static_cast<std::uint16_t>(index >> 32));
  out.u32(static_cast<std::uint32_t>(index));
  for (std::size_t i = 0; i < crypto::salt_size(profile_); ++i) iv[i] ^= keys.salt[i];
  return iv;
}

PacketTransform::OwnSource* PacketTransform::own(rtp::Ssrc ssrc) {
  OwnSource* const known = find(own_, ssrc);
  return known || own_.size() == max_own_sources ? known : add(own_, ssrc);
}

bool PacketTransform::resume(rtp::Ssrc ours, std::uint64_t packet, std::uint32_t report) {
  OwnSource* const source = own(ours);
  if (!source) return false;
  source->packets.start_behind(packet);
  source->next_report = report + 1;
  return true;
}

bool PacketTransform::allow_repeats(rtp::Ssrc ours) {
  OwnSource* const source = own(ours);
  if (!source) return false;
  source->repeats = true;
  return true;
}

std::size_t PacketTransform::seal_rtp(MutableBytes room, std::size_t size) {
  const auto front = rtp::parse_cleartext(room.first(size));
  if (!front || room.size() - size < tag_size() || sealed_ == end_of_indices) return 0;
  OwnSource* const source = own(front->header.ssrc);
  if (!source) return 0;
  const auto highest = source->packets.highest();
  const std::uint16_t sequence = front->header.sequence;
  const auto index = highest ? packet_index(*highest, sequence) : sequence;
  if (!index) return 0;
  const bool repeated = source->repeats && source->packets.holds(*index);
  if (!repeated && !source->packets.is_new(*index)) return 0;
  const std::size_t header = size - front->payload.size();
  // [rfc3711#4.2] The rollovers are authenticated, but not sent; AES-GCM has them in its IV.
  const auto roc = word(rollovers(*index));
  if (!rtp_out_.cipher->seal(iv(rtp_out_, source->ssrc, *index), room.first(header),
                             room.subspan(header, front->payload.size()),
                             counter_mode() ? Bytes(roc) : Bytes(),
                             room.subspan(size, tag_size()))) {
    return 0;
  }
  source->packets.add(*index);
  ++sealed_;
  return size + tag_size();
}

Transform::Opened PacketTransform::open_rtp(MutableBytes packet) {
  const auto front = rtp::parse_cleartext(packet);
  if (!front || front->payload.size() < tag_size()) return {};
  const rtp::Ssrc ssrc = front->header.ssrc;
  Source* source = find(sources_, ssrc);
  const auto highest = source ? source->packets.highest() : std::nullopt;
  const std::uint16_t sequence = front->header.sequence;
  const std::uint64_t first = std::uint64_t{source ? source->rollovers : 0} << 16 | sequence;
  const auto index = highest ? packet_index(*highest, sequence) : first;
  if (!index) return {};
  if (source && !source->packets.is_new(*index)) return {Verdict::replayed, 0};
  const std::size_t text = front->payload.size() - tag_size();
  const std::size_t header = packet.size() - front->payload.size();
  const auto roc = word(rollovers(*index));
  if (!rtp_in_.cipher->open(iv(rtp_in_, ssrc, *index), packet.first(header),
                            packet.subspan(header, text), counter_mode() ? Bytes(roc) : Bytes(),
                            packet.last(tag_size()))) {
    return {};
  }
  if (!source) source = add(sources_, ssrc);
  if (!source) return {};  // no memory to know it by
  source->packets.add(*index);
  return {Verdict::opened, header + text};
}

// [rfc3711#3.4, rfc7714#9] Index and flag stand behind the text: counter mode has its tag behind
// them, AES-GCM in front.
std::size_t PacketTransform::seal_rtcp(MutableBytes room, std::size_t size) {
  if (size < rtcp_header_size || room.size() - size < index_size + tag_size()) return 0;
  Reader in(room.first(size));
  in.skip(4);
  OwnSource* const source = own(rtp::Ssrc{in.u32()});
  if (!source || source->next_report > last_report) return 0;
  const std::size_t tag = size + (counter_mode() ? index_size : 0);
  const MutableBytes trailer = room.subspan(counter_mode() ? size : size + tag_size(), index_size);
  Writer(trailer).u32(source->next_report | encrypted_flag);
  // An index is used up whatever becomes of it.
  if (!rtcp_out_.cipher->seal(iv(rtcp_out_, source->ssrc, source->next_report++),
                              room.first(rtcp_header_size),
                              room.subspan(rtcp_header_size, size - rtcp_header_size), trailer,
                              room.subspan(tag, tag_size()))) {
    return 0;
  }
  return size + index_size + tag_size();
}

Transform::Opened PacketTransform::open_rtcp(MutableBytes packet) {
  if (packet.size() < rtcp_header_size + index_size + tag_size()) return {};
  const std::size_t size = packet.size() - index_size - tag_size();
  const std::size_t tag = size + (counter_mode() ? index_size : 0);
  const Bytes trailer = packet.subspan(counter_mode() ? size : size + tag_size(), index_size);
  Reader in(packet);
  in.skip(4);
  const rtp::Ssrc ssrc{in.u32()};
  const std::uint32_t flagged = Reader(trailer).u32(), index = flagged & last_report;
  if (flagged == index) return {};  // in the clear, which was not agreed on
  Source* source = find(sources_, ssrc);
  if (source && !source->reports.is_new(index)) return {Verdict::replayed, 0};
  if (!rtcp_in_.cipher->open(iv(rtcp_in_, ssrc, index), packet.first(rtcp_header_size),
                             packet.subspan(rtcp_header_size, size - rtcp_header_size), trailer,
                             packet.subspan(tag, tag_size()))) {
    return {};
  }
  if (!source) source = add(sources_, ssrc);
  if (!source) return {};
  source->reports.add(index);
  return {Verdict::opened, size};
}

bool PacketTransform::expect(rtp::Ssrc ssrc, std::uint32_t after) {
  Source* source = find(sources_, ssrc);
  if (!source) source = add(sources_, ssrc);
  if (source) source->rollovers = after;
  return source != nullptr;
}

void PacketTransform::forget(rtp::Ssrc ssrc) {
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].ssrc == ssrc) return sources_.erase(i);
  }
}

}  // namespace esp_peer::srtp
