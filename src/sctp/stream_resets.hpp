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
#include "sctp/tx/sender.hpp"
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
  explicit StreamResets(Memory& memory) : memory_(memory), wanted_(memory) {}

  // Numbers of requests begin with the first TSNs.
  void start(std::uint32_t first_tsn, std::uint32_t peer_tsn);
  // The stream is asked to be reset once all that was sent on it has arrived. would_block while too
  // many are wanted.
  Status want(StreamId stream);

  // Chooses what is ready for the next request; false when there is none, or one is out.
  bool begin_request(const Sender& sender, std::size_t room);
  // The peer's last word on the request that is out.
  void on_response(Result result, Sender& sender);
  // A request of the peer, of any kind; `answer` is for one that is new. Says whether it is.
  bool on_request(std::uint32_t sequence, Result answer);
  // A request to reset the peer's streams, which is put off until all before `last_tsn` has come
  // [rfc6525#5.2.2] E2. Without memory it is denied.
  void on_reset_request(std::uint32_t sequence, std::uint32_t last_tsn, Bytes streams);
  // Those that were put off; they count as answered.
  Bytes finish_deferred();

  std::size_t request_size() const { return 16 + 2 * asked_; }
  void write_request(Writer& w) const;
  void write_answers(PacketWriter& packet);

  bool is_pending(StreamId stream) const;
  bool empty() const { return wanted_.empty(); }
  bool has_request() const { return asked_ != 0; }
  bool is_out(std::uint32_t sequence) const { return asked_ != 0 && sequence == sequence_; }
  bool has_deferred() const { return deferred_; }
  std::uint32_t deferred_until() const { return deferred_until_; }
  // exception: [rfc6525#5.2.2] E2 would have it queued. No sender does it that waits for the
  // answer, as it must; what is dropped comes again.
  bool holds_back(const DataView& data) const;
  void hash_state(StateHash& hash) const;

 private:
  // As many as channels may be closing, and some for what was never one.
  static constexpr std::size_t max_wanted = 1536;

  struct Answer {
    std::uint32_t sequence = 0;
    Result result = Result::nothing_to_do;
    bool owed = false;
  };
  struct Wanted {
    std::uint16_t stream;
    bool denied;  // for good: it cannot be used again
    bool again;   // what is out now was for an earlier use of the stream
  };

  Memory& memory_;
  // Each stream at most once, those that were asked for in front; at most max_wanted.
  Vector<Wanted> wanted_;
  std::size_t asked_ = 0;            // of them
  std::uint32_t sequence_ = 0;       // of the request that is out, else of the next one
  std::uint32_t request_tsn_ = 0;    // what it says of our TSNs
  std::uint32_t peer_sequence_ = 0;  // of the peer's next request
  std::array<Answer, 2> answers_;    // to its last ones, in case it asks again; the newer first
  // What was put off last, whether it still is, and whether the peer knows. At most what a packet
  // holds.
  bool deferred_ = false, told_to_wait_ = false;
  std::uint32_t deferred_until_ = 0;
  Buffer deferred_streams_;
};

}  // namespace esp_peer::sctp
