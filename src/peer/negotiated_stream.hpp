// What both sides have agreed on for a stream, of audio or of video.
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/containers.hpp"
#include "rtp/types.hpp"
#include "sdp/rtp_section.hpp"

namespace esp_peer::peer {

struct NegotiatedStream {
  sdp::Direction direction = sdp::Direction::inactive;  // ours, as both allow it
  std::uint32_t local_ssrc = 0;
  // What the peer likes to get at most: [rfc8834#7.1] that MUST be followed. `shares`: with all
  // other streams of ours, for the session has a limit.
  sdp::Bandwidth bandwidth;
  bool shares_bandwidth = false;
  FixedString<16> cname;      // ours, one for all our streams [rfc8834#4.9]
  bool reduced_rtcp = false;  // both sides take RTCP of reduced size [rfc5506]
  // How the peer's packets say that they are of this section [rfc9143#9.2].
  FixedString<16> mid;
  sdp::StreamExtensions extensions;
  sdp::Ssrcs remote_ssrcs;  // announced ones; others may come all the same [rfc8834#4.7]

  bool announces(rtp::Ssrc source) const {
    return std::find(remote_ssrcs.begin(), remote_ssrcs.end(),
                     static_cast<std::uint32_t>(source)) != remote_ssrcs.end();
  }
};

}  // namespace esp_peer::peer
