// When a source of ours has to stop: nobody reports on it, nothing of it arrives, or far more of it
// is lost than TCP would bear. The last resort against congestion, not its control [rfc8083].
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/state_hash.hpp"
#include "base/time.hpp"
#include "rtp/report_block.hpp"

namespace esp_peer::rtp {

// It has stopped a source, or lets it send again (no reason).
struct CircuitBroken {
  static constexpr std::string_view kName = "circuit_broken";
  const char* where;
  const char* reason;
};

class CircuitBreaker {
 public:
  // [rfc8083#4.1] "At least" three intervals of five seconds. One more: a path that was dark for
  // ten seconds has swallowed two reports, and the third is late by chance.
  static constexpr Duration rtcp_timeout = seconds(20);
  // [rfc8083#4.2] k: so many reports in a row tell of nothing that has arrived.
  static constexpr int media_timeout = 5;
  // [rfc8083#4.3] No congestion is judged by less, nor waits longer for more.
  static constexpr int least_reports = 3;
  static constexpr Duration longest_window = seconds(15);
  // It does not try again sooner, nor waits longer when trying has not helped.
  static constexpr Duration shortest_rest = seconds(20), longest_rest = seconds(160);

  // Whether the source may send now. It may again when it has rested and the peer is heard.
  bool allows(Instant now);
  void on_sent(Instant now);
  // A report on this source. `round_trip`: what it says of that, if anything.
  void on_report(Instant now, const ReportBlock& report, std::optional<Duration> round_trip);
  // [rfc8083#5] What the peer asks of this source shows as well that the way back is there.
  void on_feedback() { unreported_since_.reset(); }
  // Who keeps this distance between packets stays inside what is judged to be too much: so much
  // is what the last reports leave him [rfc8834#7.1]. 0 = they tell of no loss.
  Duration least_gap() const;
  // RTCP of the peer, whatever it says.
  void on_rtcp() { heard_ = true; }
  // The source begins anew, or stops because somebody wants it to [rfc8083#4.2].
  void reset() { *this = CircuitBreaker(); }

  // Why it stands still; nullptr when it does not.
  const char* reason() const { return reason_; }
  void hash_state(StateHash& hash) const;

 private:
  void trip(Instant now, const char* reason, Duration took);
  void judge_arrival(Instant now, const ReportBlock& report);
  void judge_loss(Instant now, const ReportBlock& report);
  void begin_window(Instant now);

  const char* reason_ = nullptr;
  Instant again_at_{}, resumed_at_ = Instant::min();
  Duration rest_{};
  bool heard_ = false;  // since it stopped

  Instant last_sent_ = Instant::min();
  std::optional<Instant> unreported_since_;  // something was sent
  std::optional<std::uint32_t> highest_;     // of the last report; nothing before the first one

  std::optional<Instant> awaited_since_;  // something was sent that the next report may tell of
  Instant stalled_since_{};
  int stalled_ = 0;  // reports in a row that tell of nothing new

  Duration round_trip_{};  // smoothed; 0 = not known
  Instant window_began_{}, last_report_{};
  std::int64_t packets_ = 0;  // sent in the window
  // Lately: in a second, or between two reports that are farther apart.
  Instant measured_since_{};
  std::int64_t measured_ = 0;
  std::optional<std::int64_t> rate_;  // packets in 1000 s, once it is known
  std::int64_t loss_lately_ = 0;      // smoothed fraction, of 256 × 256
  bool judged_ = false;               // by a report
  std::int64_t loss_ = 0;             // in it: fractions of 256, each times its milliseconds
  int reports_ = 0;                   // in it
};

}  // namespace esp_peer::rtp
