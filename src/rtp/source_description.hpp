// SDES: texts about sources, of which the canonical name is the one that matters [rfc3550#6.5].
#pragma once
#include <string_view>

#include "rtp/rtcp.hpp"

namespace esp_peer::rtp {

struct SourceName {
  Ssrc source{};
  std::string_view cname;
};

class SourceDescription {
 public:
  // Nothing unless each of its chunks, and each item in them, lies inside of it.
  static std::optional<SourceDescription> parse(const RtcpPacket& packet);
  // The sources that have a canonical name, one after the other.
  std::optional<SourceName> next();

 private:
  explicit SourceDescription(const RtcpPacket& packet) : in_(packet.body), left_(packet.count) {}
  bool take_chunk(SourceName& out, bool& named);
  Reader in_;
  unsigned left_;
};

// One chunk with one item. `cname` has at most 255 bytes.
void write_cname(CompoundWriter& out, Ssrc source, std::string_view cname);

}  // namespace esp_peer::rtp
