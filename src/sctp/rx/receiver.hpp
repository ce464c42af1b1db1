// The receiving half: which TSNs have come, what may be told of them, and the messages that they
// make up [rfc9260#6.2, #6.5 - #6.9].
#pragma once
#include <cstdint>
#include <optional>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/serial.hpp"
#include "base/state_hash.hpp"
#include "sctp/packet/chunk.hpp"
#include "sctp/streams.hpp"
#include "sctp/types.hpp"

namespace esp_peer::sctp {

// Most packets cost the same however much waits. What completes a message while something before it
// is missing costs one walk over what is kept behind that (deliver_waiting), and a chunk that came
// late one to its place: linear in the fragments kept, which window_ bounds.
class Receiver {
 public:
  enum class Verdict : std::uint8_t {
    accepted,
    duplicate,
    dropped,    // no room now: the peer sends it again
    violation,  // nothing that a correct peer could send, or nothing that can ever be kept
  };

  // That have ever spoken; one more is a violation. So many must be announced at most.
  static constexpr std::uint16_t max_streams = 4096;

  Receiver(Memory& memory, std::uint32_t window)
      : memory_(memory),
        window_(window),
        ranges_(memory),
        fragments_(memory),
        ready_(memory),
        streams_(memory, max_streams) {}

  void start(std::uint32_t first_tsn);
  // [rfc9260#5.2.4] A: the peer begins anew. Whole messages can still be read, and behind them that
  // it did; the rest is forgotten. False without memory: then nothing has changed.
  bool restart(std::uint32_t first_tsn);
  Verdict on_data(const DataView& data);
  // What is missing up to there will not come [rfc3758#3.6]. `duplicate` if that is old.
  Verdict on_forward_tsn(const ForwardTsnView& forward);
  std::optional<Message> read();
  // [rfc6525#5.2.2] E3: the next message of the stream is its first, and the reader hears of that
  // behind those that it sent before.
  void reset_stream(std::uint16_t stream);
  void reset_all_streams();

  // The peer may give messages of this stream up, until the stream is reset.
  void may_lose(std::uint16_t stream);
  bool keeps_incomplete() const { return lossy_ && (assembly_.active || !fragments_.empty()); }
  // Forgets what came of such messages and was there already when this was called before. Says
  // whether something is left to be looked at again.
  bool forget_stale();

  // Writes cumulative TSN, window, gap blocks and duplicates, as many as fit in `max_value` bytes.
  std::size_t sack_size(std::size_t max_value) const;
  void write_sack(MutableBytes value);

  std::uint32_t cumulative_tsn() const { return cumulative_tsn_; }
  bool has_gaps() const { return !ranges_.empty(); }
  bool has_messages() const { return !ready_.empty(); }
  bool has_restart() const { return restarts_ != 0; }  // that has not been read
  std::uint32_t window() const { return window_; }
  std::uint32_t free_window() const {
    return used_ >= window_ ? 0 : window_ - static_cast<std::uint32_t>(used_);
  }
  void hash_state(StateHash& hash) const;

 private:
  // Data that would open more of them is dropped; what is forgotten may.
  static constexpr std::size_t max_ranges = 512;
  // Reported by one SACK.
  static constexpr std::size_t max_duplicates = 16;

  struct Range {  // TSNs that have come above the cumulative one
    std::uint32_t first, last;
  };
  struct Fragment {  // above the cumulative TSN
    DataView data;   // its payload is in body
    Buffer body;     // nothing once it was delivered
    bool stale = false;
  };
  // The message whose fragments arrive one behind the other at the cumulative TSN.
  struct Assembly {
    bool active = false, stale = false;
    DataView last;  // its last fragment, without payload
    Buffer body;
    std::size_t size = 0;
  };

  bool note_out_of_order(std::uint32_t tsn);
  bool in_ranges(std::uint32_t tsn) const;
  Verdict take_in_order(const DataView& data);
  bool append(Bytes payload);
  Verdict keep_fragment(const DataView& data);
  bool forget_stale_assembly();
  Verdict advance_over_ranges();
  std::size_t deliver(std::size_t index, bool skipped);
  void deliver_waiting(std::size_t from, bool skipped = false);
  void push_whole(std::size_t first, std::size_t last);
  std::uint32_t cut_below(std::uint32_t tsn);
  void give_up_assembly();
  bool make_room(std::size_t size, bool may_renege);
  void forget_highest_fragment();
  void forget_tsn(std::uint32_t tsn);
  void push_ready(Message message);

  Memory& memory_;
  std::uint32_t window_;
  // Payload and bookkeeping of everything below; at most window_ and one packet.
  std::size_t used_ = 0;
  std::uint32_t cumulative_tsn_ = 0;
  Vector<Range> ranges_;       // ascending; at most max_ranges, and as many as fragments_
  Deque<Fragment> fragments_;  // ascending by TSN; bounded by window_
  Deque<Message> ready_;       // bounded by window_, resets and restarts too
  std::size_t restarts_ = 0;   // of them
  Streams streams_;            // at most max_streams
  Assembly assembly_;
  bool lossy_ = false;     // a stream may lose messages
  bool headless_ = false;  // the head of the message at the cumulative TSN was left out
  FixedVector<std::uint32_t, max_duplicates> duplicates_;
  // Fragments contradict each other, or something acknowledged could not be kept: there is no going
  // on.
  bool broken_ = false;
};

}  // namespace esp_peer::sctp
