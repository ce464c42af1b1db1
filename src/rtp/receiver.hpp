// How one source is received: which of its packets count, and what reports say of them
// [rfc3550#A.1, A.3, A.8].
#pragma once
#include <cstdint>
#include <optional>

#include "base/state_hash.hpp"
#include "rtp/clock.hpp"
#include "rtp/packet.hpp"
#include "rtp/report_block.hpp"

namespace esp_peer::rtp {

class Receiver {
 public:
  struct Accepted {
    std::uint64_t sequence;  // with its wraps counted
    bool restarted;          // has nothing to do with those before
  };
  // A packet farther ahead than that, or farther behind, is one of a source that has begun anew,
  // if the next one follows it. exception: [rfc3550#A.1] names 100 for those behind, from before
  // anything was sent again: at 1000 packets a second that is a tenth of a second, and what is
  // repeated comes later.
  static constexpr std::uint16_t max_dropout = 3000, max_misorder = 3000;

  Receiver(Ssrc source, ClockRate rate) : source_(source), rate_(rate), clock_(rate) {}

  // exception: [rfc3550#A.1] the first packet counts at once. SRTP has shown who sent it.
  std::optional<Accepted> on_packet(Instant now, const Header& header);
  void on_sender_report(Instant now, std::uint64_t ntp, std::uint32_t timestamp);
  // What has come since the last one; the next one begins here.
  ReportBlock report(Instant now);

  // The packet of this number that is nearest to the newest one; nothing before there is one.
  std::optional<std::uint64_t> extend(std::uint16_t sequence) const {
    if (!started_) return std::nullopt;
    return highest_ + static_cast<std::uint64_t>(std::int64_t{static_cast<std::int16_t>(
                          sequence - static_cast<std::uint16_t>(highest_))});
  }
  // When that was, in wall time of the sender; 0 = not known.
  std::uint64_t wall_time_of(std::uint32_t timestamp) const { return clock_.ntp_of(timestamp); }
  Ssrc source() const { return source_; }
  Instant last_heard() const { return last_heard_; }
  // [rfc3550#6.4] What is reported on: a source of which something has come since the last report.
  bool heard() const { return received_ != received_before_; }
  std::uint64_t received() const { return received_; }
  void hash_state(StateHash& hash) const;

 private:
  void start(std::uint16_t sequence);
  void measure_jitter(Instant now, std::uint32_t timestamp);

  Ssrc source_;
  ClockRate rate_;
  SenderClock clock_;
  bool started_ = false;
  std::uint64_t base_ = 0, highest_ = 0;  // extended
  std::optional<std::uint16_t> expected_after_leap_;
  std::uint64_t received_ = 0, expected_before_ = 0, received_before_ = 0;
  std::optional<std::uint32_t> transit_;
  std::uint64_t jitter_ = 0;  // 16 times what is reported
  std::uint32_t last_report_ = 0;
  Instant last_report_at_{}, last_heard_{};
};

}  // namespace esp_peer::rtp
