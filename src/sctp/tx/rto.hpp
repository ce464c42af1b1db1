// How long to wait for an acknowledgement [rfc9260#6.3.1].
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/time.hpp"

namespace esp_peer::sctp {

class Rto {
 public:
  Rto(Duration initial, Duration min, Duration max) : value_(initial), min_(min), max_(max) {}

  // A round trip of something that was sent once only.
  void measure(Duration rtt);
  void back_off() { value_ = std::min(value_ * 2, max_); }

  Duration value() const { return value_; }
  Duration srtt() const { return Duration(srtt_); }  // smoothed; 0 = none measured

 private:
  Duration value_, min_, max_;
  std::uint32_t srtt_ = 0, rttvar_ = 0;  // microseconds
};

}  // namespace esp_peer::sctp
