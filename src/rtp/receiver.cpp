#include "rtp/receiver.hpp"

#include <algorithm>

namespace esp_peer::rtp {
namespace {

// So that a packet that was sent before the first one we saw has a number too.
constexpr std::uint64_t first_wrap = 0x1'0000;

}  // namespace

std::optional<Receiver::Accepted> Receiver::on_packet(Instant now, const Header& header) {
  last_heard_ = now;
  Accepted accepted{0, false};
  const auto ahead =
      static_cast<std::uint16_t>(header.sequence - static_cast<std::uint16_t>(highest_));
  if (started_ && ahead < max_dropout) {
    highest_ += ahead;
    accepted.sequence = highest_;
  } else if (started_ && ahead > 0x1'0000 - max_misorder) {
    accepted.sequence = highest_ - (0x1'0000 - ahead);
  } else if (!started_ || expected_after_leap_ == header.sequence) {
    start(header.sequence);
    accepted = {highest_, true};
  } else {
    expected_after_leap_ = static_cast<std::uint16_t>(header.sequence + 1);
    return std::nullopt;
  }
  expected_after_leap_.reset();
  ++received_;
  measure_jitter(now, header.timestamp);
  return accepted;
}

void Receiver::start(std::uint16_t sequence) {
  // Above all that was before, so that it is never taken for it.
  const std::uint64_t wraps = started_ ? (highest_ >> 16 << 16) + 2 * first_wrap : first_wrap;
  started_ = true;
  base_ = highest_ = wraps + sequence;
  received_ = expected_before_ = received_before_ = 0;
  transit_.reset();
  clock_ = SenderClock(rate_);
  jitter_ = 0;
}

// [rfc3550#A.8] A sixteenth of the difference in transit time between this packet and the last.
void Receiver::measure_jitter(Instant now, std::uint32_t timestamp) {
  const std::uint32_t transit = ticks_of(now.time_since_epoch(), rate_) - timestamp;
  if (transit_) {
    const std::uint32_t forward = transit - *transit_;
    const std::uint64_t difference = std::min(forward, 0 - forward);
    jitter_ = jitter_ + difference - ((jitter_ + 8) >> 4);
  }
  transit_ = transit;
}

void Receiver::on_sender_report(Instant now, std::uint64_t ntp, std::uint32_t timestamp) {
  clock_.on_report(ntp, timestamp);
  last_report_ = middle_of(ntp);
  last_report_at_ = now;
}

ReportBlock Receiver::report(Instant now) {
  ReportBlock block;
  block.source = source_;
  const std::uint64_t expected = highest_ - base_ + 1;
  // [rfc3550#A.3] Not clamped mod 2^24, but held at its ends.
  const auto lost = static_cast<std::int64_t>(expected) - static_cast<std::int64_t>(received_);
  block.lost = static_cast<std::int32_t>(std::clamp<std::int64_t>(lost, -0x80'0000, 0x7F'FFFF));
  const auto expected_now = static_cast<std::int64_t>(expected - expected_before_);
  const std::int64_t lost_now =
      expected_now - static_cast<std::int64_t>(received_ - received_before_);
  if (expected_now > 0 && lost_now > 0) {
    block.fraction_lost =
        static_cast<std::uint8_t>(std::min<std::int64_t>(lost_now * 256 / expected_now, 255));
  }
  expected_before_ = expected;
  received_before_ = received_;
  // Wraps are counted from where the source began.
  block.highest_sequence = static_cast<std::uint32_t>(highest_ - (base_ >> 16 << 16));
  block.jitter = static_cast<std::uint32_t>(jitter_ >> 4);
  if (last_report_ != 0) {
    block.last_report = last_report_;
    block.since_last_report = middle_of(ntp_of(Instant(now - last_report_at_)));
  }
  return block;
}

void Receiver::hash_state(StateHash& hash) const {
  hash.add(static_cast<std::uint32_t>(source_));
  hash.add(base_);
  hash.add(highest_);
  hash.add(expected_after_leap_.value_or(0));
  hash.add(received_);
  hash.add(jitter_);
  hash.add(last_report_);
  hash.add(last_heard_);
}

}  // namespace esp_peer::rtp
