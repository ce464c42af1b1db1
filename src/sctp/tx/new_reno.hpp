// Congestion control by the book [rfc9260#7.2]. In bytes of DATA chunks, headers and padding
// counted.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace esp_peer::sctp {

class NewReno {
 public:
  explicit NewReno(std::size_t max_chunk)
      : mtu_(max_chunk), cwnd_(std::min(4 * mtu_, std::max<std::size_t>(2 * mtu_, 4344))) {}

  // `acked` bytes were acknowledged for the first time; `flight` was outstanding before.
  void on_progress(std::size_t acked, std::size_t flight) {
    if (in_recovery_) return;
    const bool fully_used = flight >= cwnd_;
    if (cwnd_ <= ssthresh_) {
      if (fully_used) cwnd_ += std::min(acked, mtu_);
      return;
    }
    partial_ += acked;
    if (partial_ < cwnd_) return;
    if (fully_used) {
      partial_ -= cwnd_;
      cwnd_ += mtu_;
    } else {
      partial_ = cwnd_;  // [rfc9260#7.2.2] no credit is saved up while the window is not used
    }
  }
  void on_all_acknowledged() { partial_ = 0; }
  // The third report of a loss; recovery lasts until `exit_tsn` is acknowledged.
  void on_fast_retransmit(std::uint32_t exit_tsn) {
    if (in_recovery_) return;
    in_recovery_ = true;
    exit_tsn_ = exit_tsn;
    ssthresh_ = std::max(cwnd_ / 2, 4 * mtu_);
    // Soon after T3 it is below, and a loss is no reason to grow.
    cwnd_ = std::min(cwnd_, ssthresh_);
    partial_ = 0;
  }
  void leave_recovery() { in_recovery_ = false; }
  void on_timeout() {
    ssthresh_ = std::max(cwnd_ / 2, 4 * mtu_);
    cwnd_ = mtu_;
    partial_ = 0;
    in_recovery_ = false;
  }
  // Nothing was sent for so long: half the window is forgotten with every RTO, and how large it was
  // is kept as the threshold [rfc9260#7.2.1].
  void on_idle(Duration time, Duration rto) {
    if (time > rto && cwnd_ > 4 * mtu_) ssthresh_ = cwnd_;
    for (; time > rto && cwnd_ > 4 * mtu_; time -= rto) cwnd_ = std::max(cwnd_ / 2, 4 * mtu_);
  }

  std::size_t cwnd() const { return cwnd_; }
  std::size_t ssthresh() const { return ssthresh_; }
  bool in_recovery() const { return in_recovery_; }
  std::uint32_t exit_tsn() const { return exit_tsn_; }

 private:
  std::size_t mtu_;
  std::size_t cwnd_;
  std::size_t ssthresh_ = static_cast<std::size_t>(-1);
  std::size_t partial_ = 0;
  bool in_recovery_ = false;
  std::uint32_t exit_tsn_ = 0;
};

}  // namespace esp_peer::sctp
