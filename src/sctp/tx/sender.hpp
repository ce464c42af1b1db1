// The sending half: messages wait, go out in fragments, and are kept until the peer has them
// [rfc9260#6.1, #6.3, #7.2].
#pragma once
#include <cstdint>
#include <optional>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/result.hpp"
#include "base/serial.hpp"
#include "base/state_hash.hpp"
#include "sctp/packet/chunk.hpp"
#include "sctp/streams.hpp"
#include "sctp/tx/new_reno.hpp"
#include "sctp/tx/rto.hpp"
#include "sctp/types.hpp"

namespace esp_peer::sctp {

class Sender {
 public:
  enum class SackResult : std::uint8_t {
    progress,  // acknowledges something for the first time
    idle,      // acknowledges nothing new; its window and what it reports missing count
    old,
    absurd,
  };

  Sender(Memory& memory, std::uint32_t send_buffer, std::size_t max_payload, const Rto& rto)
      : memory_(memory),
        send_buffer_(send_buffer),
        max_payload_(max_payload),
        rto_(rto),
        congestion_(max_payload + data_header_size),
        messages_(memory),
        outstanding_(memory),
        streams_(memory, 65536) {}

  // `streams`: so many may be used, from 0 on. `may_skip`: the peer can be told to leave out what
  // is given up; else nothing is.
  void start(std::uint32_t first_tsn, std::uint32_t peer_window, std::uint16_t streams,
             bool may_skip);
  // [rfc9260#5.2.4] A: nobody waits any more for what was taken, and what was learnt of the path is
  // forgotten. Before start().
  void restart(const Rto& rto);
  Status enqueue(Instant now, StreamId stream, Ppid ppid, Bytes message, const SendOptions& how);

  // Its next message is its first; when all that was taken for it has arrived.
  void reset_stream(StreamId stream);

  SackResult on_sack(Instant now, const SackView& sack);
  // SHUTDOWN carries a cumulative TSN too. [rfc9260#3.3.8] That it has no gap blocks takes none
  // back.
  SackResult on_cumulative(Instant now, std::uint32_t cumulative_tsn);
  // T3 has expired: everything that is out counts as lost. Where that is the probe of a shut window
  // it says nothing of the network, and the congestion window stays.
  void on_timeout(Instant now);

  // What is too late is given up. Before write_data, and before anybody asks what is left.
  void give_up_late(Instant now) {
    if (unreliable_ != 0) abandon_due(now);
  }
  // Puts DATA chunks into `packet`, as many as the windows and its room allow, behind a FORWARD-TSN
  // if something was given up.
  void write_data(Instant now, PacketWriter& packet);

  bool wants_to_send() const;
  // When T3 expires; nothing while nothing is out.
  std::optional<Instant> timeout_at() const { return t3_; }
  bool empty() const { return messages_.empty(); }
  std::size_t buffered() const { return buffered_; }
  bool has_room_again() const { return buffered_ <= send_buffer_ / 2; }
  std::size_t in_flight() const { return flight_; }
  bool probing() const { return probing_; }  // a shut window
  // The window that the peer announced last may be too small for what it should take next: it has
  // its own bookkeeping, which counts in its window and of which we know nothing.
  bool window_shut() const {
    return !outstanding_.empty() && peer_a_rwnd_ < outstanding_.front().size + max_payload_;
  }
  std::uint32_t next_tsn() const { return next_tsn_; }
  std::uint16_t streams() const { return max_stream_count_; }
  std::uint32_t last_acknowledged() const { return first_outstanding() - 1; }
  bool has_messages(StreamId stream) const;  // that were taken for it and have not arrived
  Rto& rto() { return rto_; }
  const Rto& rto() const { return rto_; }
  const NewReno& congestion() const { return congestion_; }
  void hash_state(StateHash& hash) const;

 private:
  static constexpr std::uint8_t reports_until_lost = 3;
  // A fragment smaller than this is not worth splitting a message for.
  static constexpr std::size_t min_split = 256;
  // [rfc9260#6.1] So many messages of a stream can be told apart, even where one number says that
  // all of them are skipped [rfc3758#3.6]: half the circle. A gap block can point twice as far.
  static constexpr std::size_t max_outstanding = 0x7FFF;
  // Told of by one FORWARD-TSN; those of further ones are in the next.
  static constexpr std::size_t max_skipped_streams = 64;

  struct OutMessage {
    Buffer body;
    StreamId stream;
    Ppid ppid;
    std::uint16_t ssn;  // from its first fragment on
    std::uint16_t max_retransmits;
    bool unordered, reliable;
    Instant expires;  // a reliable one never does
  };
  // abandoned: [rfc3758#3.5] A2, as if it were acknowledged, until the cumulative TSN passes it.
  enum class ChunkState : std::uint8_t { in_flight, lost, gap_acked, abandoned };
  struct Chunk {
    std::uint32_t message;  // its number
    std::uint32_t offset;
    std::uint16_t size;
    ChunkState state;
    std::uint8_t reports;  // of being missing
    std::uint16_t retransmits;
    bool retransmitted_fast;
    bool last;  // of its message

    // [rfc9260#7.2] What it takes of the congestion window.
    std::size_t length() const { return (data_header_size + size + 3u) / 4u * 4u; }
  };
  struct Acked {
    std::size_t bytes = 0;               // for the first time
    std::optional<std::uint32_t> above;  // the highest TSN above the cumulative one, if it is new
  };

  bool valid(const SackView& sack) const;
  std::uint32_t first_outstanding() const {
    return next_tsn_ - static_cast<std::uint32_t>(outstanding_.size());
  }
  bool congestion_allows() const;
  std::size_t acknowledge_up_to(Instant now, std::uint32_t cumulative_tsn);
  void note_progress(std::size_t acked, std::size_t flight_before);
  void settle(Instant now, std::uint32_t cumulative_tsn, bool moved);
  Acked apply_gaps(const SackView& sack);
  bool reopens_window(const SackView& sack) const;
  void lose(Chunk& chunk);
  void report_missing(std::uint32_t below);
  void retransmit(Instant now, PacketWriter& packet);
  bool send_new(Instant now, PacketWriter& packet);
  void put_chunk(PacketWriter& packet, const Chunk& chunk, std::uint32_t tsn);

  // What is partially reliable: abandoning.cpp.
  void set_limit(OutMessage& message, Instant now, const SendOptions& how) const;
  void abandon_due(Instant now);
  bool is_due(const Chunk& chunk, Instant now);
  bool abandon(std::uint32_t message, std::size_t at);
  void drop_expired(Instant now);
  bool front_is_abandoned() const {
    return !outstanding_.empty() && outstanding_.front().state == ChunkState::abandoned;
  }
  void note_abandoned(Instant now);
  void write_forward_tsn(Instant now, PacketWriter& packet);
  // Messages of which not everything was sent.
  std::size_t unsent() const { return messages_.size() - (next_message_ - first_message_); }
  void pop_message();
  OutMessage& message_of(const Chunk& chunk) { return messages_[chunk.message - first_message_]; }
  void forget_message_of(StreamId stream);
  void measure(Instant now, std::uint32_t acked_tsn);

  Memory& memory_;
  std::uint32_t send_buffer_;
  std::size_t max_payload_;
  Rto rto_;
  NewReno congestion_;
  Deque<OutMessage> messages_;       // until acknowledged; bounded by send_buffer_
  Deque<Chunk> outstanding_;         // sent and above the cumulative TSN; bounded by messages_
  Streams streams_;                  // that were sent on since their last reset
  std::uint32_t first_message_ = 0;  // number of messages_[0]
  std::uint32_t next_message_ = 0;   // number of the one being fragmented
  std::size_t next_offset_ = 0;      // in it
  std::uint32_t next_tsn_ = 0;
  std::size_t buffered_ = 0, flight_ = 0, lost_ = 0;  // bytes; chunks marked lost
  bool has_gap_acks_ = false;
  bool after_t3_ = false;  // until something is acknowledged
  bool fast_due_ = false;  // one packet of retransmissions may ignore cwnd
  bool probing_ = false;   // what is out is more than the peer's window holds
  bool may_skip_ = false;
  bool forward_due_ = false;         // a FORWARD-TSN is
  std::size_t unreliable_ = 0;       // messages_ that may be given up, and were not
  std::uint32_t forwarded_tsn_ = 0;  // what the last FORWARD-TSN said
  Instant forwarded_at_{};           // when
  std::uint16_t max_stream_count_ = 0;
  std::uint32_t peer_window_ = 0;  // what may still be sent into it
  std::uint32_t peer_a_rwnd_ = 0;  // as it was said last
  std::optional<Instant> t3_;
  std::optional<std::uint32_t> timed_tsn_;  // one round trip is measured at a time
  Instant timed_since_{}, last_sent_{};
};

}  // namespace esp_peer::sctp
