// One association. Knows no socket, no clock and no DTLS; whoever owns it carries its packets.
#pragma once
#include <cstdint>
#include <optional>
#include <variant>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/result.hpp"
#include "base/state_hash.hpp"
#include "base/timer_table.hpp"
#include "crypto/provider.hpp"
#include "sctp/cookie.hpp"
#include "sctp/packet/chunk.hpp"
#include "sctp/rx/receiver.hpp"
#include "sctp/stream_resets.hpp"
#include "sctp/tx/sender.hpp"
#include "sctp/types.hpp"

namespace esp_peer::sctp {

struct Options {
  std::uint16_t local_port = 5000, remote_port = 5000;
  // 1280 − 40 IPv6 − 8 UDP − 37 DTLS record − 4 TURN channel, a multiple of four.
  std::uint16_t max_packet = 1188;
  std::uint32_t send_buffer = 100 * 1024;     // bytes; send() answers would_block beyond it
  std::uint32_t receive_window = 100 * 1024;  // bytes
  std::uint16_t max_streams = 65535;          // outbound; see inbound_streams()
  Duration rto_initial = milliseconds(500);
  Duration rto_min = milliseconds(400);
  Duration rto_max = seconds(60);
  Duration heartbeat_interval = seconds(30);
  // What came of a message that the peer may give up is forgotten when so long nothing more of it
  // came; twice as long at most.
  Duration incomplete_lifetime = seconds(5);
  std::uint8_t max_init_retransmits = 8;
  std::uint8_t max_association_retransmits = 10;
};

struct Connected {};
struct MessageReady {};
struct SendBufferDrained {};  // after would_block it may be tried again
struct Closed {};             // shut down in good order, by either side
struct Aborted {
  const char* why;  // a literal for logs
  bool by_peer;
};

class Association {
 public:
  using Event = std::variant<Connected, MessageReady, SendBufferDrained, Closed, Aborted>;

  Association(const Options& options, crypto::Provider& crypto, Env env);
  ~Association();

  // Commands of the owner. Errors are the caller's.
  Status connect(Instant now);
  // Takes the message whole or not at all: would_block when it does not fit now, over_limit when it
  // never can, wrong_state before Connected, after the end, and until it has been read that the
  // peer began anew. To a peer that cannot leave anything out everything is reliable.
  Status send(Instant now, StreamId stream, Ppid ppid, Bytes message, const SendOptions& how);
  // [rfc6525] All that was taken for the stream arrives, then it begins anew at both ends; until
  // then nothing is taken for it (would_block). unsupported: by the peer.
  Status reset_stream(Instant now, StreamId stream);
  // The peer may give messages of this stream up, until it resets it.
  void may_lose(StreamId stream) { receiver_.may_lose(static_cast<std::uint16_t>(stream)); }
  void shutdown(Instant now);
  void abort(Instant now);

  // Input of the peer. Never an error: a bad packet is counted, traced and dropped.
  void on_packet(Instant now, Bytes packet);
  void on_deadline(Instant now);

  // Writes the next packet into `out` and says its size; 0 = nothing to send now.
  std::size_t write_packet(Instant now, MutableBytes out);
  std::optional<Event> poll_event();
  // Messages wait here until they are read, and resets and restarts among them; the window offered
  // to the peer shrinks meanwhile.
  std::optional<Message> read_message(Instant now);

  std::optional<Instant> next_deadline() const;
  bool connected() const;  // something may be sent
  // [rfc9260#6.2] An acknowledgement is due now.
  bool owes_ack() const { return send_sack_ && data_may_flow(); }
  std::size_t buffered() const;  // bytes of messages not yet acknowledged
  Duration round_trip() const { return sender_.rto().srtt(); }  // smoothed; 0 = none measured
  std::uint16_t outbound_streams() const { return sender_.streams(); }
  bool can_reset() const { return extensions_.reconfig; }
  bool is_resetting(StreamId stream) const { return resets_.is_pending(stream); }
  void hash_state(StateHash& hash) const;

 private:
  enum class State : std::uint8_t {
    closed,
    cookie_wait,
    cookie_echoed,
    established,
    shutdown_pending,
    shutdown_sent,
    shutdown_received,
    shutdown_ack_sent,
    ended,
  };
  enum class Timer : std::uint8_t {
    t1,  // INIT or COOKIE-ECHO
    t2,  // SHUTDOWN or SHUTDOWN-ACK
    delayed_ack,
    heartbeat,
    heartbeat_ack,
    reconfig,
    incomplete,
    count,
  };
  struct PendingInitAck {
    std::uint32_t peer_tag;
    std::uint32_t local_tag, local_tsn;
    SealedCookie cookie;
  };
  // Ten retransmissions that double take longer. Where heartbeats are answered the RTO stays short,
  // and they must not end sooner: a handshake that lags behind, or a bad minute, is no death.
  static constexpr Duration shortest_patience = seconds(60);
  static constexpr Duration cookie_lifetime = seconds(60);  // [rfc9260#16]
  static constexpr Duration ack_delay = milliseconds(200);  // [rfc9260#16] SACK.Delay
  static constexpr std::size_t max_heartbeat_info = 256;    // larger ones are not answered
  static constexpr std::size_t max_peer_cookie = 1024;      // of INIT-ACK

  // Chunks of the peer.
  bool tag_is_right(const PacketView& packet, const ChunkView& first) const;
  void on_chunk(Instant now, const PacketView& packet, const ChunkView& chunk);
  void on_init(Instant now, const ChunkView& chunk);
  void on_init_ack(Instant now, const ChunkView& chunk);
  void on_cookie_echo(Instant now, const PacketView& packet, const ChunkView& chunk);
  void on_cookie_ack(Instant now);
  void on_data(Instant now, const ChunkView& chunk);
  void on_verdict(Instant now, Receiver::Verdict verdict);
  void watch_incomplete(Instant now);
  void note_messages();
  void note_room();
  void on_sack(Instant now, const ChunkView& chunk);
  void on_forward_tsn(Instant now, const ChunkView& chunk);
  void on_reconfig(Instant now, const ChunkView& chunk);
  void on_reset_request(std::uint32_t sequence, Bytes rest);
  void on_reset_response(Instant now, std::uint32_t sequence, Bytes rest);
  void on_heartbeat(const ChunkView& chunk);
  void on_heartbeat_ack(Instant now, const ChunkView& chunk);
  void on_shutdown(Instant now, const ChunkView& chunk);
  void on_shutdown_ack();
  void on_error(Instant now, const ChunkView& chunk);

  void on_second_cookie(Instant now, const Cookie& cookie);
  void adopt(const Cookie& cookie);
  void restart(Instant now, const Cookie& cookie);
  Rto initial_rto() const { return {options_.rto_initial, options_.rto_min, options_.rto_max}; }
  void draw_tie_tags();
  void begin_sending(std::uint32_t a_rwnd, std::uint16_t inbound_streams, Extensions extensions);
  std::uint16_t streams_to(std::uint16_t peer_inbound) const;
  std::uint16_t inbound_streams() const;
  void establish(Instant now);
  void arm_t1(Instant now);
  void on_t1(Instant now);
  void on_t2(Instant now);
  void on_t3(Instant now);
  void on_reconfig_timer(Instant now);
  void finish_resets();
  void count_error(Instant now);
  void advance_shutdown(Instant now);
  void end(const char* why, bool by_peer);
  void close_in_order();
  void drop(Instant now, const char* why, std::size_t size) const;

  std::size_t write_init(MutableBytes out);
  void write_init_fields(Writer& w, std::uint32_t tag, std::uint32_t tsn) const;
  std::size_t write_init_ack(MutableBytes out);
  std::size_t write_stale_cookie(MutableBytes out);
  std::size_t write_abort(MutableBytes out);
  std::size_t write_last(MutableBytes out, ChunkType type, std::uint8_t flags);
  void write_control(Instant now, PacketWriter& packet);
  void write_sack(PacketWriter& packet);
  void write_heartbeat(Instant now, PacketWriter& packet);
  void write_reset_request(Instant now, PacketWriter& packet);
  bool data_may_flow() const;
  bool may_receive_data() const;

  Options options_;
  crypto::Provider& crypto_;
  Env env_;
  State state_ = State::closed;
  std::uint32_t local_tag_ = 0, local_tsn_ = 0, peer_tag_ = 0, peer_tsn_ = 0;
  std::array<std::uint32_t, 2> tie_tags_{};  // of this association [rfc9260#5.2.4]
  Extensions extensions_;                    // that the peer has, as we do
  CookieKey cookie_key_{};
  Receiver receiver_;
  Sender sender_;
  StreamResets resets_;
  TimerTable<Timer> timers_;
  Buffer peer_cookie_;  // to be echoed; at most max_peer_cookie
  std::optional<PendingInitAck> init_ack_;
  std::uint32_t stale_tag_ = 0;  // of whom to tell that its cookie is too old; 0 = nobody
  Duration stale_by_{};
  std::uint32_t no_data_tsn_ = 0;  // what the ABORT names, if abort_for_no_data_
  Buffer heartbeat_info_;          // to be answered, the last one; at most max_heartbeat_info
  std::array<std::byte, 8> heartbeat_nonce_{};
  Instant heartbeat_sent_{}, first_error_{};
  Duration handshake_rto_{}, reconfig_rto_{};
  std::uint8_t handshake_tries_ = 0, errors_ = 0, unacknowledged_packets_ = 0;
  // What write_packet() owes.
  bool send_init_ = false, send_cookie_echo_ = false, send_cookie_ack_ = false, send_sack_ = false;
  bool send_heartbeat_ = false, send_shutdown_ = false, send_shutdown_ack_ = false;
  bool send_shutdown_complete_ = false, send_abort_ = false, send_cookie_in_shutdown_ = false;
  bool abort_for_no_data_ = false;
  bool send_reset_request_ = false, reset_in_progress_ = false;
  // Events that were not fetched; they take no memory, for none may be left to tell of the end.
  bool say_connected_ = false, say_ready_ = false, say_drained_ = false;
  std::optional<Event> say_end_;
  bool said_ready_ = false, was_full_ = false, closed_in_order_ = false;
};

}  // namespace esp_peer::sctp
