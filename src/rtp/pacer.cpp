#include "rtp/pacer.hpp"

namespace esp_peer::rtp {

void Pacer::on_frame(Instant now, std::size_t size, std::size_t queued) {
  const Duration since = std::clamp<Duration>(now - lately_at_, Duration(0), seconds(1));
  lately_ -= lately_ * since.count() / 1'000'000;
  lately_ += static_cast<std::int64_t>(size);
  lately_at_ = now;
  const auto waiting = static_cast<std::int64_t>(queued);
  rate_ = std::max({least_rate, lately_ * 5 / 2, waiting * 1'000'000 / longest_queue.count()});
  // A silence earns no more than a burst: nothing waited for it.
  if (size == queued) next_ = std::max(next_, now - time_for(burst));
}

void Pacer::on_sent(Instant now, std::size_t size) {
  next_ = std::max(next_, now - credit()) + time_for(static_cast<std::int64_t>(size));
}

}  // namespace esp_peer::rtp
