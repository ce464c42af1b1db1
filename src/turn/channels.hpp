// Which channel number stands for which peer, and when it may stand for another [rfc8656#12].
#pragma once
#include <cstdint>
#include <optional>

#include "base/address.hpp"
#include "base/containers.hpp"
#include "base/result.hpp"
#include "turn/channel_data.hpp"
#include "turn/lease.hpp"

namespace esp_peer::turn {

struct Channel {
  ChannelNumber number = 0;
  Address peer;
  Lease lease;
  std::optional<Instant> asked_at;  // last; since then the server may know it
  Instant free_at = Lease::never;   // given up; only its own peer may have it again before
};

class Channels {
 public:
  static constexpr Duration lifetime = seconds(600);    // [rfc8656#12]
  static constexpr Duration quarantine = seconds(300);  // [rfc8656#12] behind its end

  Channels(Memory& memory, std::uint8_t max) : list_(memory), max_(max) {}

  // The peer's, with a number of its own, asked for if need be. over_limit past `max`, those given
  // up included.
  Result<Channel*> open(Instant now, const Address& peer);
  void give_up(Instant now, const Address& peer_ip);
  void clear() { list_.clear(); }

  Channel* find(const Address& peer);
  Channel* find(ChannelNumber number);
  std::size_t size() const { return list_.size(); }
  Channel& operator[](std::size_t i) { return list_[i]; }
  const Channel* begin() const { return list_.begin(); }
  const Channel* end() const { return list_.end(); }
  void hash_state(StateHash& hash) const;

 private:
  void forget_old(Instant now);

  Vector<Channel> list_;  // at most max_; further ones are refused
  std::uint8_t max_;
  ChannelNumber next_number_ = first_channel;
};

}  // namespace esp_peer::turn
