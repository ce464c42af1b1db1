// What the latest packets of one source of ours were sealed to: one of them may be sealed again, to
// the same bytes, but never another packet under its number.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "base/containers.hpp"
#include "rtp/types.hpp"

namespace esp_peer::srtp {

class RepeatGuard {
 public:
  RepeatGuard(rtp::Ssrc ssrc, Memory& memory) : ssrc_(ssrc), latest_(memory) {}

  // False = no memory for so many packets.
  bool remember(std::size_t packets) {
    while (latest_.size() < packets) {
      if (!latest_.push_back({})) return false;
    }
    return true;
  }
  // The packet of this number became `sealed`. False: an earlier one of that number became
  // something else, and this one must not be seen by anybody.
  bool note(std::uint16_t sequence, Bytes sealed) {
    const std::uint64_t number = extend(sequence);
    Packet& packet = latest_[static_cast<std::size_t>(number % latest_.size())];
    // [rfc3711#9.1] Of the same bytes under the same key and index the tag is the same, of others
    // it is not.
    Tag tag;
    copy_bytes(sealed.last(tag.size()), tag);
    if (packet.number == number) return equal(packet.tag, tag);
    packet = {number, tag};
    highest_ = std::max(highest_, number);
    return true;
  }

  rtp::Ssrc ssrc() const { return ssrc_; }
  // It was never sealed, or it is known what it was sealed to.
  bool knows(std::uint16_t sequence) const {
    return highest_ == 0 || extend(sequence) + latest_.size() > highest_;
  }

 private:
  using Tag = std::array<std::byte, 8>;  // the end of one
  struct Packet {
    std::uint64_t number = 0;
    Tag tag{};
  };

  // Without wraps, and above zero.
  std::uint64_t extend(std::uint16_t sequence) const {
    if (highest_ == 0) return 0x1'0000u + sequence;
    const auto ahead = static_cast<std::uint16_t>(sequence - static_cast<std::uint16_t>(highest_));
    return ahead < 0x8000 ? highest_ + ahead : highest_ + ahead - 0x1'0000;
  }

  rtp::Ssrc ssrc_;
  Vector<Packet> latest_;  // as many as are remembered
  std::uint64_t highest_ = 0;
};

}  // namespace esp_peer::srtp
