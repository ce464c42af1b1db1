// How long to wait for an acknowledgement [rfc9260#6.3.1].
#pragma once
#include <algorithm>

#include "base/time.hpp"

namespace esp_peer::sctp {

class Rto {
 public:
  Rto(Duration initial, Duration min, Duration max) : value_(initial), min_(min), max_(max) {}

  // A round trip of something that was sent once only.
  void measure(Duration rtt) {
    if (srtt_ == Duration(0)) {
      srtt_ = std::max(rtt, Duration(1));
      rttvar_ = rtt / 2;
    } else {
      const Duration error = srtt_ > rtt ? srtt_ - rtt : rtt - srtt_;
      rttvar_ = rttvar_ * 3 / 4 + error / 4;  // beta 1/4
      srtt_ = srtt_ * 7 / 8 + rtt / 8;        // alpha 1/8
    }
    value_ = std::clamp(srtt_ + 4 * rttvar_, min_, max_);
  }
  void back_off() { value_ = std::min(value_ * 2, max_); }

  Duration value() const { return value_; }
  Duration srtt() const { return srtt_; }

 private:
  Duration value_, min_, max_;
  Duration srtt_{}, rttvar_{};
};

}  // namespace esp_peer::sctp
