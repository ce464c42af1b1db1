// Who speaks on which stream. A closed channel stays for its label until its owner has heard of the
// end, and for its stream until that has been reset in both directions [rfc8831#6.7].
#pragma once
#include <cstdint>
#include <string_view>

#include "base/containers.hpp"
#include "base/state_hash.hpp"
#include "sctp/types.hpp"

namespace esp_peer::datachannel {

using sctp::StreamId;

struct Channel {
  enum class State : std::uint8_t {
    opening,  // ours, and the peer has not answered
    open,
    closing,  // its stream is being reset
    closed,
  };
  StreamId stream{};
  Buffer open_message;    // as sent or received: label, protocol and reliability are read from it
  std::uint32_t nth = 0;  // in order of opening
  State state = State::opening;
  bool by_peer = false;
  sctp::SendOptions how;  // its messages are sent
  // DCEP that the association had no room for yet.
  bool owes_open = false, owes_ack = false;
  bool owes_reset = false;  // to be asked for, when there is memory
  bool peer_reset = false;  // the peer has reset its side of the stream
  // Events that the owner has not fetched.
  bool untold_open = false, untold_close = false;
  bool skips_parts = false;  // up to the last one of a message in deprecated parts

  bool is_live() const { return state < State::closing; }
  std::string_view label() const;
};

class ChannelTable {
 public:
  // `max_open_bytes`: of all OPEN messages together.
  ChannelTable(std::size_t max_channels, std::size_t max_open_bytes, Memory& memory)
      : max_channels_(max_channels), max_open_bytes_(max_open_bytes), channels_(memory) {}

  // nullptr when there is no memory. Pointers to other channels are void afterwards.
  Channel* add(StreamId stream, Buffer open_message);
  // Takes back what was added last.
  void remove_last();
  void close(Channel& channel, Channel::State as = Channel::State::closed);
  // Removes closed channels whose events have been fetched, and the labels of closing ones.
  void forget_closed();

  Channel* find(StreamId stream);  // that is live
  const Channel* find(StreamId stream) const;
  Channel* find_closing(StreamId stream);
  // The live one, else the last one that was closed and is not forgotten.
  const Channel* last_on(StreamId stream) const;
  bool has_room_for(std::size_t open_size) const;
  bool is_used(StreamId stream) const;
  std::size_t size() const { return alive_; }  // that are live
  Channel* begin() { return channels_.begin(); }
  Channel* end() { return channels_.end(); }
  const Channel* begin() const { return channels_.begin(); }
  const Channel* end() const { return channels_.end(); }
  void hash_state(StateHash& hash) const;

 private:
  void forget_open(Channel& channel);

  std::size_t max_channels_, max_open_bytes_;
  std::size_t alive_ = 0, open_bytes_ = 0;  // at most those; open_bytes_ of all in channels_
  std::size_t found_ = 0;                   // where the last one was
  // Live ones, and as many at most that a peer keeps from being forgotten.
  Vector<Channel> channels_;
};

}  // namespace esp_peer::datachannel
