// What a receiver asks of a sender: a packet again, a picture that stands alone [rfc4585, rfc5104].
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "rtp/rtcp.hpp"

namespace esp_peer::rtp {

// One entry of a generic NACK: a packet, and which of the 16 behind it [rfc4585#6.2.1].
struct Nack {
  std::uint16_t first = 0;
  std::uint16_t others = 0;  // bit i: first + 1 + i
};

struct NackList {
  Ssrc source{};  // whose packets are missing
  Bytes entries;  // 4 bytes each
  std::size_t size() const { return entries.size() / 4; }
  Nack operator[](std::size_t index) const;
  // visit(sequence), for each packet that is asked for.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < size(); ++i) {
      const Nack nack = (*this)[i];
      visit(nack.first);
      for (unsigned bit = 0; bit < 16; ++bit) {
        if (nack.others >> bit & 1) visit(static_cast<std::uint16_t>(nack.first + 1 + bit));
      }
    }
  }
};

// Nothing when the packet is of another kind.
std::optional<NackList> parse_nack(const RtcpPacket& packet);
// PLI [rfc4585#6.3.1]: the source whose picture is lost.
std::optional<Ssrc> parse_picture_loss(const RtcpPacket& packet);

// FIR [rfc5104#4.3.1]: until the picture has come it is repeated under its number.
struct FullIntraRequests {
  struct Request {
    Ssrc source{};
    std::uint8_t number = 0;
  };
  Bytes entries;  // 8 bytes each
  std::size_t size() const { return entries.size() / 8; }
  Request operator[](std::size_t index) const;
};
std::optional<FullIntraRequests> parse_full_intra(const RtcpPacket& packet);

// As many of the numbers, which are sorted, as `most_entries` hold; how many of them that is.
std::size_t write_nack(CompoundWriter& out, Ssrc sender, Ssrc source,
                       std::span<const std::uint16_t> sequences, std::size_t most_entries);
void write_picture_loss(CompoundWriter& out, Ssrc sender, Ssrc source);
void write_full_intra(CompoundWriter& out, Ssrc sender, Ssrc source, std::uint8_t number);

}  // namespace esp_peer::rtp
