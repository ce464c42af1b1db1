#include "rtp/circuit_breaker.hpp"

#include <algorithm>

namespace esp_peer::rtp {
namespace {

// Who sends nothing for so long begins anew: there was nothing that anybody could have reported.
constexpr Duration pause = seconds(5);

}  // namespace

bool CircuitBreaker::allows(Instant now) {
  if (reason_) {
    // exception: [rfc8083#4.5] it begins again by itself, for nobody watches over a camera; but not
    // without a word of the peer, and seldom.
    if (now < again_at_ || !heard_) return false;
    CircuitBreaker anew;
    anew.rest_ = rest_;
    anew.resumed_at_ = now;
    anew.highest_ = highest_;
    *this = anew;
  }
  // exception: [rfc8083#4.1] who has never reported may not know how to: small stacks do not.
  const bool sending = last_sent_ != Instant::min() && now - last_sent_ <= pause;
  if (highest_ && sending && unreported_since_ && now - *unreported_since_ >= rtcp_timeout) {
    trip(now, "no reports come", now - *unreported_since_);
  }
  return !reason_;
}

void CircuitBreaker::on_sent(Instant now) {
  const bool begins = last_sent_ == Instant::min() || now - last_sent_ > pause;
  if (begins) {
    begin_window(now);
    measured_since_ = now;
    measured_ = 0;
    rate_.reset();
  }
  if (begins || !unreported_since_) unreported_since_ = now;
  if (begins || !awaited_since_) awaited_since_ = now;
  last_sent_ = now;
  ++packets_;
  ++measured_;
}

void CircuitBreaker::on_report(Instant now, const ReportBlock& report,
                               std::optional<Duration> round_trip) {
  unreported_since_.reset();
  if (reason_) return;
  if (round_trip) {
    round_trip_ = round_trip_ == Duration(0) ? *round_trip : (round_trip_ * 4 + *round_trip) / 5;
  }
  judge_arrival(now, report);
  if (!reason_) judge_loss(now, report);
}

// [rfc8083#4.2] A report counts that could have told of a packet: one was sent since the last that
// counted, and a round trip ago. That is what MEDIA_TIMEOUT is calculated for.
void CircuitBreaker::judge_arrival(Instant now, const ReportBlock& report) {
  if (highest_ != report.highest_sequence) {
    highest_ = report.highest_sequence;
    awaited_since_.reset();
    stalled_ = 0;
    return;
  }
  if (!awaited_since_ || now - *awaited_since_ < round_trip_) return;
  if (stalled_++ == 0) stalled_since_ = *awaited_since_;
  awaited_since_.reset();
  if (stalled_ == media_timeout) trip(now, "nothing arrives", now - stalled_since_);
}

// [rfc8083#4.3] Ten times what TCP would send, s / (Tr × √(2p/3)): with n packets a round trip that
// is n² × p > 150. "The actual sending rate" is that of the last second or report: whoever has
// heard of the loss and sends less now has done what the window gives time for. exception: windows
// follow each other and do not overlap, which takes no history.
void CircuitBreaker::judge_loss(Instant now, const ReportBlock& report) {
  loss_ += report.fraction_lost * (now - last_report_).count() / 1000;
  last_report_ = now;
  ++reports_;
  const std::int64_t fraction_now = report.fraction_lost * 256;
  // What rises is believed sooner than what falls.
  const int weight = fraction_now > loss_lately_ ? 2 : 4;
  loss_lately_ = judged_ ? (loss_lately_ * (weight - 1) + fraction_now) / weight : fraction_now;
  judged_ = true;
  const Duration measured = now - measured_since_;
  if (measured >= seconds(1)) {
    rate_ = measured_ * 1'000'000'000 / measured.count();
    measured_since_ = now;
    measured_ = 0;
  }
  const Duration length = now - window_began_;
  const Duration wanted = std::min(round_trip_ * 10, longest_window);
  if (reports_ <= least_reports || length < wanted || length < milliseconds(1)) return;
  // In thousandths.
  const std::int64_t in_flight = rate_ ? *rate_ * (round_trip_.count() / 1000) / 1000
                                       : packets_ * round_trip_.count() / (length.count() / 1000);
  const std::int64_t fraction = loss_ * 1000 / (length.count() / 1000);  // of 256 × 1000
  const bool steady = packets_ >= reports_;
  begin_window(now);
  if (!steady) return;
  constexpr std::int64_t most = 150ll * 256 * 1000;
  const std::int64_t packets = std::min<std::int64_t>(in_flight / 1000, 1'000'000);
  if (packets * packets * fraction > most) trip(now, "too much is lost", length);
}

// A packet each 1/n of a round trip, n² × p = 150; a fifth less, for the reports to come may tell
// of somewhat more.
Duration CircuitBreaker::least_gap() const {
  if (loss_lately_ < 16) return Duration(0);  // one in 4000
  constexpr std::int64_t most = 150ll * 256 * 256 * 64 / 100;
  const std::int64_t square = most * 100 / loss_lately_;  // of n, in hundredths
  std::int64_t tenths = 1;
  while ((tenths + 1) * (tenths + 1) <= square) ++tenths;
  return std::min(round_trip_ * 10 / tenths, seconds(1));
}

void CircuitBreaker::begin_window(Instant now) {
  window_began_ = last_report_ = now;
  packets_ = loss_ = 0;
  reports_ = 0;
}

// [rfc8083#4.5] It lasts at least as long as it took to notice.
void CircuitBreaker::trip(Instant now, const char* reason, Duration took) {
  const bool again = resumed_at_ != Instant::min() && now - resumed_at_ < longest_rest;
  rest_ = std::clamp(again ? rest_ * 2 : took, shortest_rest, longest_rest);
  again_at_ = now + rest_;
  reason_ = reason;
  heard_ = false;
}

void CircuitBreaker::hash_state(StateHash& hash) const {
  hash.add(reason_ != nullptr);
  hash.add(heard_);
  hash.add(unreported_since_.has_value());
  hash.add(stalled_);
  hash.add(loss_lately_);
  hash.add(reports_);
}

}  // namespace esp_peer::rtp
