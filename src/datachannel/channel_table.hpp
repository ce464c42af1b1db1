// Who speaks on which stream. A closed channel stays for its label until its owner has heard of the
// end; its stream is free at once.
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
  // Events that the owner has not fetched.
  bool untold_open = false, untold_close = false;
  bool skips_parts = false;  // up to the last one of a message in deprecated parts

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
  void close(Channel& channel);
  // Removes closed channels whose events have been fetched.
  void forget_closed();

  Channel* find(StreamId stream);  // that is not closed
  const Channel* find(StreamId stream) const;
  // The one that is not closed, else the last one that was closed.
  const Channel* last_on(StreamId stream) const;
  bool has_room_for(std::size_t open_size) const;
  std::size_t size() const { return alive_; }  // without closed ones
  Channel* begin() { return channels_.begin(); }
  Channel* end() { return channels_.end(); }
  const Channel* begin() const { return channels_.begin(); }
  const Channel* end() const { return channels_.end(); }
  void hash_state(StateHash& hash) const;

 private:
  std::size_t max_channels_, max_open_bytes_;
  std::size_t alive_ = 0, open_bytes_ = 0;  // at most those; open_bytes_ of all that alive_ counts
  Vector<Channel> channels_;  // max_channels_, and closed ones that wait to be forgotten
};

}  // namespace esp_peer::datachannel
