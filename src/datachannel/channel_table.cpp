#include "datachannel/channel_table.hpp"

#include <algorithm>

#include "datachannel/dcep.hpp"

namespace esp_peer::datachannel {

std::string_view Channel::label() const {
  const auto open = parse_open(open_message.bytes());
  return open ? open->label : std::string_view();
}

Channel* ChannelTable::add(StreamId stream, Buffer open_message) {
  Channel channel;
  channel.stream = stream;
  channel.open_message = std::move(open_message);
  const std::size_t size = channel.open_message.size();
  if (!channels_.push_back(std::move(channel))) return nullptr;
  ++alive_;
  open_bytes_ += size;
  return &channels_.back();
}

void ChannelTable::remove_last() {
  close(channels_.back());
  forget_open(channels_.back());
  channels_.pop_back();
}

void ChannelTable::close(Channel& channel, Channel::State as) {
  const bool was_live = channel.is_live();
  channel.state = as;
  if (!was_live) return;
  channel.owes_open = channel.owes_ack = false;
  --alive_;
}

void ChannelTable::forget_open(Channel& channel) {
  open_bytes_ -= channel.open_message.size();
  channel.open_message = Buffer();
}

void ChannelTable::forget_closed() {
  if (alive_ == channels_.size()) return;
  for (std::size_t i = channels_.size(); i-- > 0;) {
    Channel& c = channels_[i];
    if (c.is_live() || c.untold_open || c.untold_close) continue;
    forget_open(c);
    if (c.state == Channel::State::closed) channels_.erase(i);
  }
}

Channel* ChannelTable::find(StreamId stream) {
  // Who has spoken speaks again.
  for (std::size_t n = channels_.size(), i = found_; n > 0; --n, ++i) {
    if (i >= channels_.size()) i = 0;
    Channel& c = channels_[i];
    if (c.stream != stream || !c.is_live()) continue;
    found_ = i;
    return &c;
  }
  return nullptr;
}

Channel* ChannelTable::find_closing(StreamId stream) {
  for (Channel& c : channels_) {
    if (c.stream == stream && c.state == Channel::State::closing) return &c;
  }
  return nullptr;
}

bool ChannelTable::is_used(StreamId stream) const {
  for (const Channel& c : channels_) {
    if (c.stream == stream && c.state != Channel::State::closed) return true;
  }
  return false;
}

const Channel* ChannelTable::find(StreamId stream) const {
  return const_cast<ChannelTable*>(this)->find(stream);
}

const Channel* ChannelTable::last_on(StreamId stream) const {
  if (const Channel* alive = find(stream)) return alive;
  const Channel* last = nullptr;
  for (const Channel& c : channels_) {
    if (c.stream == stream && c.open_message) last = &c;
  }
  return last;
}

bool ChannelTable::has_room_for(std::size_t open_size) const {
  return alive_ < max_channels_ && channels_.size() < 2 * max_channels_ &&
         open_size <= max_open_bytes_ - open_bytes_;
}

void ChannelTable::hash_state(StateHash& hash) const {
  for (const Channel& c : channels_) {
    hash.add(c.stream);
    hash.add(c.open_message.bytes());
    hash.add(c.nth);
    hash.add(c.state);
    hash.add(c.how.reliability);
    hash.add(c.how.limit);
    for (const bool flag : {c.by_peer, c.how.unordered, c.owes_open, c.owes_ack, c.untold_open,
                            c.untold_close, c.skips_parts, c.owes_reset, c.peer_reset}) {
      hash.add(flag);
    }
  }
}

}  // namespace esp_peer::datachannel
