#include "sim/link.hpp"

#include <algorithm>

namespace esp_peer::sim {

std::vector<Link::Arrival> Link::carry(Instant now, Bytes datagram) {
  std::vector<Arrival> arrivals;
  if (lost(now, datagram.size())) return arrivals;
  const Instant leaves = leaves_queue(now, datagram.size());
  for (int i = 0; i < options_.copies; ++i) arrivals.push_back(arrival(leaves, datagram));
  if (rng_.chance(options_.duplication)) arrivals.push_back(arrival(leaves, datagram));
  return arrivals;
}

bool Link::lost(Instant now, std::size_t size) {
  if (rng_.chance(bad_ ? options_.burst_end : options_.burst_begin)) bad_ = !bad_;
  // Every chance is drawn each time: the fate of one datagram does not shift those of the others.
  const bool by_chance = rng_.fraction() < options_.loss;
  const bool in_burst = rng_.fraction() < options_.burst_loss && bad_;
  for (const Outage& outage : options_.outages) {
    if (now >= outage.from && now < outage.until) return true;
  }
  if (size > options_.mtu || by_chance || in_burst) return true;
  if (options_.rate == 0 || busy_until_ <= now) return false;
  const auto waiting = (busy_until_ - now).count() * options_.rate / 1'000'000;
  return waiting + static_cast<std::int64_t>(size) > options_.queue;
}

Instant Link::leaves_queue(Instant now, std::size_t size) {
  if (options_.rate == 0) return now;
  const Duration takes(static_cast<std::int64_t>(size) * 1'000'000 / options_.rate);
  busy_until_ = std::max(busy_until_, now) + takes;
  return busy_until_;
}

Link::Arrival Link::arrival(Instant leaves, Bytes datagram) {
  Arrival arrival{leaves + options_.delay + rng_.up_to(options_.jitter),
                  {datagram.begin(), datagram.end()}};
  if (!options_.reorder) arrival.at = std::max(arrival.at, last_arrival_);
  last_arrival_ = std::max(last_arrival_, arrival.at);
  if (rng_.chance(options_.corruption)) {
    for (std::int64_t flips = rng_.between(1, 8); flips > 0; --flips) {
      const std::uint64_t bit = rng_.below(arrival.bytes.size() * 8);
      arrival.bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    }
  }
  return arrival;
}

}  // namespace esp_peer::sim
