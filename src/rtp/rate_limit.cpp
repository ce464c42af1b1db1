#include "rtp/rate_limit.hpp"

#include <algorithm>

namespace esp_peer::rtp {

// Where each packet has its time, one more than the rate allows may begin within a second. So much
// is left for it, so that no second has more; of a rate so low that this would be most of it, a
// quarter, for there no second is long enough to measure by.
void RateLimit::set(std::uint64_t transport, std::uint64_t payload) {
  constexpr std::uint64_t one_packet = 1'280;
  const auto without_one = [&](std::uint64_t rate) {
    if (rate == unlimited) return rate;
    const std::uint64_t left = ahead_ == Duration(0) ? std::min(rate / 4, one_packet) : 0;
    return std::max<std::uint64_t>(rate - left, 1);
  };
  const std::uint64_t was[] = {transport_, payload_};
  transport_ = without_one(transport);
  payload_ = without_one(payload);
  // What was reckoned by another rate is no debt.
  if (was[0] != transport_ || was[1] != payload_) next_ = Instant();
}

Duration RateLimit::time_of_bytes(std::size_t payload, std::size_t packets) const {
  const auto time = [](std::uint64_t bytes, std::uint64_t rate) {
    return Duration(rate == unlimited ? 0 : static_cast<std::int64_t>(bytes * 1'000'000 / rate));
  };
  return std::max(time(payload + packets * overhead_, transport_), time(payload, payload_));
}

}  // namespace esp_peer::rtp
