// One source of ours: numbers its packets, and knows what its reports say [rfc3550#6.4.1].
#pragma once
#include <cstdint>
#include <optional>

#include "base/env.hpp"
#include "base/state_hash.hpp"
#include "rtp/clock.hpp"
#include "rtp/packet.hpp"
#include "rtp/sender_report.hpp"

namespace esp_peer::rtp {

struct SenderCounts {
  std::uint32_t packets = 0, octets = 0;  // mod 2^32, octets of payload alone
};

// [rfc3550#8.2] Of a source: a name that is taken again and again is no chance but a loop.
constexpr int max_renames = 3;

class Sender {
 public:
  // The first number is random and below 2^15: a receiver that misses our first packets still
  // counts the wraps as we do [rfc3711#3.3.1].
  // `wall_clock`: from 1900 to Instant zero, 0 = not known.
  Sender(Ssrc ssrc, ClockRate rate, Random& random, SenderCounts counts = {},
         Duration wall_clock = {});

  // The header of the next packet.
  Header next(Instant now, std::uint8_t payload_type, std::uint32_t timestamp, std::size_t octets);
  // [rfc3550#8.2] Somebody else has our name.
  void rename(Random& random);
  // What a report says now. The next one asks again whether we are a sender.
  SenderInfo report(Instant now);

  Ssrc ssrc() const { return ssrc_; }
  // [rfc3550#6.4.1] What a report on this source says of the way there and back; nothing where it
  // names no report of ours.
  std::optional<Duration> round_trip(Instant now, const ReportBlock& report) const;
  std::uint64_t sent() const { return sent_; }
  // [rfc3550#6.4] Something was sent since the last report but one.
  bool active() const { return sent_ != 0 && sent_ != sent_before_last_; }
  bool ever_sent() const { return sent_ != 0; }
  void note_report();
  void hash_state(StateHash& hash) const;

 private:
  ClockRate rate_;
  Duration wall_clock_;
  Ssrc ssrc_;
  std::uint16_t sequence_;
  SenderCounts counts_;
  std::uint64_t sent_ = 0, sent_at_last_ = 0, sent_before_last_ = 0;
  std::uint32_t last_timestamp_ = 0;
  Instant last_sent_{};
};

}  // namespace esp_peer::rtp
