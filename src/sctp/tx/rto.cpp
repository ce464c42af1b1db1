#include "sctp/tx/rto.hpp"

namespace esp_peer::sctp {

// In 32 bits: what takes longer than the longest RTO counts as that.
void Rto::measure(Duration rtt) {
  const auto r = static_cast<std::uint32_t>(std::clamp(rtt, Duration(1), max_).count());
  if (srtt_ == 0) {
    srtt_ = r;
    rttvar_ = r / 2;
  } else {
    const std::uint32_t error = srtt_ > r ? srtt_ - r : r - srtt_;
    rttvar_ = rttvar_ * 3 / 4 + error / 4;                          // beta 1/4
    srtt_ = std::max<std::uint32_t>(srtt_ - srtt_ / 8 + r / 8, 1);  // alpha 1/8
  }
  value_ = std::clamp(Duration(srtt_ + 4 * rttvar_), min_, max_);
}

}  // namespace esp_peer::sctp
