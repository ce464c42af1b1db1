// Keeps a source inside what it may send: by the peer's description, and by what the path has lost.
// Other than the pacer's, its pace is not exceeded for anything.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace esp_peer::rtp {

class RateLimit {
 public:
  static constexpr std::uint64_t unlimited = ~std::uint64_t{0};

  // `overhead`: of a packet on its way, beside its payload. `ahead`: so much time's worth may be
  // sent at once; 0 = each packet has its time.
  RateLimit(std::size_t overhead, Duration ahead) : overhead_(overhead), ahead_(ahead) {}

  // Bytes a second, of whole packets and of payload alone.
  void set(std::uint64_t transport, std::uint64_t payload);
  // Packets do not follow each other any closer. 0 = they may.
  void set_gap(Duration gap) { gap_ = gap; }
  void on_sent(Instant now, std::size_t payload) {
    next_ = std::max(next_, now) + time_for(payload, 1);
  }
  // Of what is not held to the gap: it takes its share of the bytes. What does not wait for the
  // limit takes no more than the next second of it.
  void on_sent_beside(Instant now, std::size_t payload) {
    const Instant most = std::max(next_, now + seconds(1));
    next_ = std::min(std::max(next_, now) + time_of_bytes(payload, 1), most);
  }

  bool may_send(Instant now) const { return next_ - ahead_ <= now; }
  Instant due() const { return next_ - ahead_; }
  // How long so much takes.
  Duration time_for(std::size_t payload, std::size_t packets) const {
    return std::max(gap_ * static_cast<std::int64_t>(packets), time_of_bytes(payload, packets));
  }

 private:
  Duration time_of_bytes(std::size_t payload, std::size_t packets) const;

  std::size_t overhead_;
  Duration ahead_;
  std::uint64_t transport_ = unlimited, payload_ = unlimited;
  Duration gap_{};
  Instant next_{};
};

}  // namespace esp_peer::rtp
