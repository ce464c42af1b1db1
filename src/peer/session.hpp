// The life of one handle: attempts to connect, losses and reconnects, each attempt with fresh
// credentials. Sans-I/O: a runner (or the simulator) opens the sockets, resolves the names, carries
// the datagrams and says what time it is.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/address.hpp"
#include "base/env.hpp"
#include "base/result.hpp"
#include "base/state_hash.hpp"
#include "base/timer_table.hpp"
#include "base/tx_batch.hpp"
#include "datachannel/channels.hpp"
#include "peer/backoff.hpp"
#include "peer/outbox.hpp"
#include "peer/server.hpp"
#include "peer/session_types.hpp"
#include "turn/credential.hpp"

namespace esp_peer::peer {

class Connection;

class Session {
 public:
  using Event = peer::Event;
  using Request = peer::Request;

  Session(const SessionOptions& options, const Dependencies& dependencies, Env env);
  Session(const Session&) = delete;
  ~Session();

  // Commands. Errors are the caller's, as design says for the function of the same name in C.
  Status set_servers(Instant now, std::span<const Server> servers);
  Status set_role(Instant now, ice::Role role);
  // For the handshakes of later attempts.
  void set_ciphers(dtls::CipherPreference ciphers) { options_.ciphers = ciphers; }
  // Says new_connection at once; everything else begins with the next on_deadline(now).
  Status new_connection(Instant now);
  Status disconnect(Instant now);
  Status set_remote_description(Instant now, std::string_view sdp);
  Status add_remote_candidate(Instant now, std::string_view line);
  // An ICE restart [rfc8445#9]: offers new credentials, while what is connected goes on.
  // wrong_state before both descriptions are known.
  Status restart_ice(Instant now);
  Result<datachannel::StreamId> create_channel(Instant now,
                                               const datachannel::ChannelOptions& options);
  Status close_channel(Instant now, std::string_view label);
  // stream 0: the channel with id 0 if open, else the first open one.
  Status send_data(Instant now, datachannel::StreamId stream, datachannel::Kind kind,
                   Bytes message);
  // One frame of the codec; goes out with the next poll_transmit(). unsupported: not agreed on, or
  // the direction forbids it.
  Status send_audio(Instant now, std::uint32_t pts_ms, Bytes frame);
  Status send_video(Instant now, std::uint32_t pts_ms, Bytes frame);

  // Inputs of the runner. `sockets`: the bound local addresses, best first; empty = none can be.
  void on_sockets(Instant now, std::span<const Address> sockets);
  void on_resolved(Instant now, std::uint32_t id, std::span<const Address> addresses);
  void on_datagram(Instant now, const Route& route, MutableBytes datagram);
  void on_deadline(Instant now);

  // Outputs.
  // Fills `out` until it is full or all is said; call again while it came back non-empty. It has
  // room for SecurePath::room_for_one bytes at least.
  void poll_transmit(Instant now, TxBatch& out);
  std::optional<Request> poll_request();
  std::optional<Event> poll_event();
  // Messages stay here until they are read, and the peer's window shrinks meanwhile. What ends
  // behind them, be it a channel or the connection, is told when they have been read.
  std::optional<datachannel::Message> read_message(Instant now);
  std::optional<AudioFrame> read_audio();
  std::optional<VideoFrame> read_video(Instant now);

  std::optional<Instant> next_deadline() const;
  // An acknowledgement is due, to a peer that counts them: call poll_transmit() before the next
  // datagram is given, also of those that came together.
  bool owes_ack() const;
  State state() const;                         // of the connection, without the data_* ones
  std::string_view local_description() const;  // valid until the next command or input
  // "candidate:…", of a LocalCandidateFound that was just fetched.
  ice::CandidateText local_candidate(std::uint8_t index) const;
  std::string_view server_name(std::uint32_t id) const;
  // What was agreed on of audio, the peer's wishes for Opus with it; nothing while there is none.
  // Valid until the next command or input.
  const NegotiatedAudio* audio() const;
  // Valid until the command or input after the channel's ChannelClosed.
  std::optional<std::string_view> channel_label(datachannel::StreamId stream) const;
  DataStats data_stats() const;
  // Data that is sent may still arrive: an emptied buffer is room.
  bool carries_data() const;
  std::optional<Route> paired() const;
  void hash_state(StateHash& hash) const;

 private:
  enum class Timer : std::uint8_t { attempt, reconnect, count };
  static constexpr std::size_t max_early_candidates = 32;

  bool active() const;
  bool described() const;
  bool live() const;
  Status keep_description(Instant now, std::string_view sdp);
  void begin_attempt(Instant now);
  void give_early_remote(Instant now);
  void settle(Instant now);
  void schedule_reconnect(Instant now);
  void cut_wait_short(Instant now);
  void fall_back_role();
  void say(State state, Failure why = Failure::none);

  SessionOptions options_;
  Dependencies dependencies_;
  Env env_;
  Outbox outbox_;
  ice::Role role_;
  std::optional<ice::Role> next_role_;  // given too late for this attempt: of the next command's
  Servers servers_;
  turn::Secret accounts_;  // all user names and passwords of servers_
  Owned<Connection> connection_;
  Buffer early_description_;                 // came before there was an attempt to use it
  Vector<ice::Candidate> early_candidates_;  // at most max_early_candidates; further ones refused
  TimerTable<Timer> timers_;
  Backoff backoff_;
  State state_ = State::closed;
  State told_ = State::closed;  // last, by poll_event()
  bool settled_ = true;         // the end of connection_ has been dealt with
};

}  // namespace esp_peer::peer
