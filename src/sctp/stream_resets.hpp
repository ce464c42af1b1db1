// Streams whose numbers begin anew, ours and the peer's: what is wanted, what was asked and what
// was answered [rfc6525]. One request is out at a time.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "base/containers.hpp"
#include "base/result.hpp"
#include "base/serial.hpp"
#include "base/state_hash.hpp"
#include "sctp/packet/chunk.hpp"
#include "sctp/types.hpp"

namespace esp_peer::sctp {

class StreamResets {
 public:
  // [rfc6525#4.4]
  enum class Result : std::uint32_t {
    nothing_to_do = 0,
    performed = 1,
    denied = 2,
    already_in_progress = 4,
    bad_sequence = 5,
    in_progress = 6,
  };
  struct Answer {
    std::uint32_t sequence = 0;
    Result result = Result::nothing_to_do;
    bool owed = false;
  };

  explicit StreamResets(Memory& memory) : memory_(memory), wanted_(memory) {}

  // Numbers of requests begin with the first TSNs.
  void start(std::uint32_t first_tsn, std::uint32_t peer_tsn);
  // The stream is asked to be reset once what was sent up to `last_message` has arrived.
  Status want(StreamId stream, std::optional<std::uint32_t> last_message);

  // Chooses what is ready for the next request; false when there is none, or one is out.
  template <class Ready>
  bool begin_request(std::uint32_t last_tsn, std::size_t room, Ready ready);
  // An answer of the peer. True when all that was asked is done; reset(…) names each stream.
  template <class Reset>
  bool on_response(std::uint32_t sequence, Result result, Reset reset);
  // A request of the peer, of any kind; `answer` is for one that is new. Says whether it is.
  bool on_request(std::uint32_t sequence, Result answer);
  // The last request cannot be obeyed before this TSN has come [rfc6525#5.2.2] E2. False without
  // memory.
  bool defer(std::uint32_t last_tsn, Bytes streams);
  // The streams of the request that was put off; it counts as answered.
  Buffer finish_deferred();

  std::size_t request_size() const { return 16 + 2 * asked_; }
  void write_request(Writer& w) const;
  std::array<Answer, 2>& answers() { return answers_; }

  bool is_pending(StreamId stream) const;
  bool empty() const { return wanted_.empty(); }
  bool has_request() const { return asked_ != 0; }
  std::optional<std::uint32_t> deferred_until() const { return deferred_until_; }
  // exception: [rfc6525#5.2.2] E2 would have it queued. No sender does it that waits for the
  // answer, as it must; what is dropped comes again.
  bool holds_back(const DataView& data) const;
  void hash_state(StateHash& hash) const;

 private:
  struct Wanted {
    std::uint16_t stream;
    bool denied;  // for good: it cannot be used again
    bool again;   // what is out now was for an earlier use of the stream
    std::optional<std::uint32_t> last_message;
  };

  Memory& memory_;
  Vector<Wanted> wanted_;            // each stream at most once; those that were asked for in front
  std::size_t asked_ = 0;            // of them
  std::uint32_t sequence_ = 0;       // of the request that is out, else of the next one
  std::uint32_t request_tsn_ = 0;    // the last that was assigned when it was asked
  std::uint32_t peer_sequence_ = 0;  // of the peer's next request
  std::array<Answer, 2> answers_;    // to its last ones, in case it asks again; the newer first
  std::optional<std::uint32_t> deferred_until_;
  Buffer deferred_streams_;  // of one request: at most what a packet holds
};

template <class Ready>
bool StreamResets::begin_request(std::uint32_t last_tsn, std::size_t room, Ready ready) {
  if (asked_ != 0 || room < 16) return false;
  for (std::size_t i = 0; i < wanted_.size() && request_size() + 2 <= room; ++i) {
    if (wanted_[i].denied || !ready(wanted_[i].last_message)) continue;
    std::swap(wanted_[i], wanted_[asked_++]);
  }
  request_tsn_ = last_tsn;
  return asked_ != 0;
}

template <class Reset>
bool StreamResets::on_response(std::uint32_t sequence, Result result, Reset reset) {
  if (asked_ == 0 || sequence != sequence_ || result == Result::in_progress) return false;
  const bool done = result == Result::nothing_to_do || result == Result::performed;
  for (std::size_t i = asked_; i-- > 0;) {
    wanted_[i].denied = !done;
    if (!done) continue;
    reset(StreamId{wanted_[i].stream});
    if (!std::exchange(wanted_[i].again, false)) wanted_.erase(i);
  }
  asked_ = 0;
  ++sequence_;
  return true;
}

}  // namespace esp_peer::sctp
