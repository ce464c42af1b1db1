#include "rtp/sender.hpp"

namespace esp_peer::rtp {

Sender::Sender(Ssrc ssrc, ClockRate rate, Random& random, SenderCounts counts, Duration wall_clock)
    : rate_(rate),
      wall_clock_(wall_clock),
      ssrc_(ssrc),
      sequence_(random.number<std::uint16_t>() & 0x7FFF),
      counts_(counts) {}

Header Sender::next(Instant now, std::uint8_t payload_type, std::uint32_t timestamp,
                    std::size_t octets) {
  Header header;
  header.payload_type = payload_type;
  header.sequence = sequence_++;
  header.timestamp = last_timestamp_ = timestamp;
  header.ssrc = ssrc_;
  last_sent_ = now;
  ++sent_;
  ++counts_.packets;
  counts_.octets += static_cast<std::uint32_t>(octets);
  return header;
}

void Sender::rename(Random& random) {
  // [rfc3550#6.4.1] The counts begin anew with the name.
  *this = Sender(Ssrc{random.number<std::uint32_t>()}, rate_, random, {}, wall_clock_);
}

SenderInfo Sender::report(Instant now) {
  SenderInfo info;
  info.sender = ssrc_;
  info.ntp = ntp_of(now + wall_clock_);
  info.timestamp = last_timestamp_ + ticks_of(now - last_sent_, rate_);
  info.packets = counts_.packets;
  info.octets = counts_.octets;
  return info;
}

std::optional<Duration> Sender::round_trip(Instant now, const ReportBlock& report) const {
  constexpr std::uint32_t longest = 60 << 16;  // what is longer is none
  const std::uint32_t way =
      middle_of(ntp_of(now + wall_clock_)) - report.last_report - report.since_last_report;
  if (report.last_report == 0 || way > longest) return std::nullopt;
  return Duration(std::int64_t{way} * 1'000'000 >> 16);
}

void Sender::note_report() {
  sent_before_last_ = sent_at_last_;
  sent_at_last_ = sent_;
}

void Sender::hash_state(StateHash& hash) const {
  hash.add(static_cast<std::uint32_t>(ssrc_));
  hash.add(sequence_);
  hash.add(counts_.packets);
  hash.add(counts_.octets);
  hash.add(sent_at_last_);
}

}  // namespace esp_peer::rtp
