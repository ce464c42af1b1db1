#include "turn/channels.hpp"

namespace esp_peer::turn {

Result<Channel*> Channels::open(Instant now, const Address& peer) {
  forget_old(now);
  if (Channel* known = find(peer)) {
    if (known->free_at != Lease::never) known->lease.want();
    known->free_at = Lease::never;
    return known;
  }
  if (list_.size() >= max_) return Error{Errc::over_limit, "too many channels"};
  Channel channel;
  channel.peer = peer;
  channel.lease.want();
  // There are more numbers than places in the list: one of them is free.
  do {
    channel.number = next_number_;
    next_number_ = channel.number == last_channel ? first_channel
                                                  : static_cast<ChannelNumber>(channel.number + 1);
  } while (find(channel.number));
  if (!list_.push_back(channel)) return Error{Errc::no_memory, "no room for a channel"};
  return &list_.back();
}

void Channels::give_up(Instant now, const Address& peer_ip) {
  for (Channel& c : list_) {
    if (c.peer.ip != peer_ip.ip || c.free_at != Lease::never) continue;
    // Whether or not we have heard that it is bound.
    c.free_at = c.asked_at ? std::max(c.lease.expires(), *c.asked_at + lifetime) + quarantine : now;
    c.lease.on_refused();
  }
  forget_old(now);
}

Channel* Channels::find(const Address& peer) {
  for (Channel& c : list_) {
    if (c.peer == peer) return &c;
  }
  return nullptr;
}

Channel* Channels::find(ChannelNumber number) {
  for (Channel& c : list_) {
    if (c.number == number) return &c;
  }
  return nullptr;
}

void Channels::hash_state(StateHash& hash) const {
  for (const Channel& c : list_) {
    hash.add(c.number);
    hash.add(c.peer);
    c.lease.hash_state(hash);
    hash.add(c.asked_at.value_or(Instant::max()));
    hash.add(c.free_at);
  }
  hash.add(next_number_);
}

void Channels::forget_old(Instant now) {
  for (std::size_t i = list_.size(); i > 0; --i) {
    if (list_[i - 1].free_at <= now) list_.erase(i - 1);
  }
}

}  // namespace esp_peer::turn
