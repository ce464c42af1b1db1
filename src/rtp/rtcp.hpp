// RTCP datagrams: several packets stacked [rfc3550#6.1], each with a type, a count and a body. What
// the bodies say is in a file for each type.
#pragma once
#include <cstdint>
#include <optional>

#include "rtp/types.hpp"

namespace esp_peer::rtp {

enum class RtcpType : std::uint8_t {
  sender_report = 200,
  receiver_report = 201,
  source_description = 202,
  bye = 203,
  application = 204,
  transport_feedback = 205,  // [rfc4585#6.1]
  payload_feedback = 206,
  extended_report = 207,  // [rfc3611#2]
};

struct RtcpPacket {
  RtcpType type{};         // may be one that has no name here
  std::uint8_t count = 0;  // of report blocks, or a subtype
  Bytes body;              // behind the header, without padding
};

class CompoundReader {
 public:
  // Nothing unless the lengths of all parts add up [rfc3550#A.2]. exception: the first part need
  // not be a report: feedback may come alone, in a packet of reduced size [rfc5506#3.4.2].
  static std::optional<CompoundReader> open(Bytes datagram);
  std::optional<RtcpPacket> next();

 private:
  explicit CompoundReader(Bytes datagram) : rest_(datagram) {}
  Bytes rest_;
};

// Stacks packets into lent room: between begin() and end() the body is written into out().
class CompoundWriter {
 public:
  explicit CompoundWriter(MutableBytes room) : out_(room) {}
  void begin(RtcpType type, std::uint8_t count);
  void end();  // pads to a whole word and fills in the length
  Writer& out() { return out_; }
  // 0 when something did not fit.
  std::size_t size() const { return out_.ok() ? out_.size() : 0; }

 private:
  Writer out_;
  std::size_t begin_ = 0;
};

}  // namespace esp_peer::rtp
