// Packets of one video source until their frame is whole. Frames leave in their order, whole or not
// at all; packets that are missing are asked for again, for as long as somebody may wait for them.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "base/containers.hpp"
#include "base/state_hash.hpp"
#include "base/time.hpp"

namespace esp_peer::rtp {

struct FrameBufferOptions {
  Duration longest_hold = milliseconds(100);  // of a packet, for one that is missing before it
  Duration resend_delay = milliseconds(20);   // it may only be late: so long nobody asks for it
  std::size_t most_bytes = 400'000;           // with `bookkeeping` for each packet, here or missing
};

class FrameBuffer {
 public:
  struct Frame {
    std::uint32_t timestamp = 0;
    Vector<Buffer> payloads;  // of its packets, in their order
    bool after_loss = false;  // what was before it was given up
    // The first one of its source, or the packet before it was lost, and that may have been its
    // own.
    bool may_lack_beginning = false;
  };
  static constexpr std::size_t bookkeeping = 64;
  // [rfc4585#3.1] As often is one packet asked for at most.
  static constexpr std::uint8_t max_requests = 10;
  // A source may begin with packets in the wrong order: so far behind the first one to come.
  static constexpr std::uint64_t max_before_first = 64;
  // A large frame comes at the pace of its sender, and lacks nothing. After so long without a
  // packet (or longest_hold, if that is more) its end is taken for lost.
  static constexpr Duration longest_pause = seconds(1);

  FrameBuffer(const FrameBufferOptions& options, Memory& memory)
      : options_(options), memory_(memory), window_(memory) {}

  // Copies the payload. False for one that comes twice or too late, and when there is no memory.
  // Above the bound the oldest frame is given up.
  bool insert(Instant now, std::uint64_t sequence, std::uint32_t timestamp, bool marker,
              Bytes payload);
  // The source has begun anew with this number: nothing before it is waited for.
  void restart(std::uint64_t sequence);
  // Gives up the frames in front that cannot wait any longer.
  void on_deadline(Instant now);
  // The next frame, when it is whole.
  std::optional<Frame> take();
  // The numbers that it is time to ask for, sorted; how many. Each counts as asked for.
  std::size_t request(Instant now, std::span<std::uint16_t> out);

  // When packets are to be given up, or asked for. Neither waits again for what is to be fetched.
  std::optional<Instant> next_deadline() const;
  // A packet was asked for several times, and its answers are overdue, or come too late for those
  // that wait.
  bool endangered() const;
  // It is time to request packets.
  bool wants_packets() const;
  // insert() would take it: it comes neither twice nor too late.
  bool wants(std::uint64_t sequence) const {
    if (!started_) return true;
    if (sequence < next_) return reaches_back_to(sequence);
    return sequence - next_ >= window_.size() ||
           !window_[static_cast<std::size_t>(sequence - next_)].here;
  }
  // It waits for this packet.
  bool lacks(std::uint64_t sequence) const {
    return started_ && sequence >= next_ && sequence - next_ < window_.size() &&
           !window_[static_cast<std::size_t>(sequence - next_)].here;
  }
  // A frame is whole: take() gives it.
  bool has_frame() const { return whole_frame_size() != 0; }
  // Frames were given up since the last one that was taken.
  bool lossy() const { return lossy_; }
  std::size_t held() const { return window_.size() - missing_; }
  std::size_t bytes() const { return bytes_; }
  void hash_state(StateHash& hash) const;

 private:
  struct Slot {
    Buffer payload;
    std::uint32_t timestamp = 0;
    Instant at{};     // arrived, or asked for next
    Instant since{};  // it is known of
    bool here = false, marker = false;
    std::uint8_t requests = 0;
  };
  bool reaches_back_to(std::uint64_t sequence) const {
    return first_ != 0 && sequence + max_before_first >= first_;
  }
  bool extend_to(Instant now, std::uint64_t sequence);
  bool extend_back_to(Instant now, std::uint64_t sequence);
  bool add_place(Instant now, bool in_front);
  void note_round_trip(Instant now, const Slot& slot);
  std::size_t whole_frame_size() const;
  void pop_front();
  // When the frame in front, which is not whole, cannot wait any longer. Nothing waits before a
  // packet is missed: a large frame on a slow path comes as it comes.
  Instant patience_ends() const;
  void give_up_front();
  void drop_remains();
  void give_up_late();
  void give_up_above_bound();
  Duration request_interval() const;

  FrameBufferOptions options_;
  Memory& memory_;
  Deque<Slot> window_;  // one a number, from next_ on; bounded by most_bytes
  std::uint64_t next_ = 0;
  std::uint64_t first_ = 0;           // of all, while nothing has left; else 0
  std::optional<std::uint32_t> cut_;  // timestamp of a frame given up before its end was here
  bool started_ = false, lossy_ = false;
  bool unsure_ = false;  // where the frame in front begins
  std::size_t bytes_ = 0, missing_ = 0;
  mutable std::size_t joined_ = 0;  // packets in front that are here and of one frame
  Instant newest_{};                // arrival of all that is here
  Instant looked_at_ = Instant::min();
  Duration round_trip_ = Duration(0);  // from a request to its packet, smoothed
};

}  // namespace esp_peer::rtp
