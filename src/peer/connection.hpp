// One attempt to connect, from its first socket to its end. Only wires: the path, the data session,
// the negotiation and the gathering each know their own trade.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "peer/data_session.hpp"
#include "peer/gathering.hpp"
#include "peer/media_session.hpp"
#include "peer/negotiation.hpp"
#include "peer/outbox.hpp"
#include "peer/secure_path.hpp"
#include "peer/session_types.hpp"

namespace esp_peer::peer {

class Connection {
 public:
  // `agent`: made by make_agent(), for there may be no memory for it. `options`, `servers` and
  // `dependencies` are the owner's, and stay.
  Connection(const SessionOptions& options, ice::Role role, const Servers& servers,
             const Dependencies& dependencies, dtls::Identity& identity, Owned<ice::Agent> agent,
             Outbox& outbox, Env env);
  static Owned<ice::Agent> make_agent(const SessionOptions& options, ice::Role role,
                                      crypto::Provider& crypto, Env env);

  void start(Instant now);
  void set_role(ice::Role role) { role_ = role; }
  void on_servers(Instant now);  // they have changed
  Status set_remote_description(Instant now, std::string_view sdp);
  // New credentials, candidates and pairs, offered to the peer; what is carried goes on.
  Status restart_ice(Instant now);
  Status add_remote_candidate(Instant now, const ice::Candidate& candidate);
  Result<sctp::StreamId> create_channel(Instant now, const datachannel::ChannelOptions& options);
  Status close_channel(Instant now, std::string_view label);
  Status send_data(Instant now, sctp::StreamId stream, datachannel::Kind kind, Bytes message);
  Status send_audio(Instant now, std::uint32_t pts, Bytes frame);
  Status send_video(Instant now, std::uint32_t pts, Bytes frame);
  // The application leaves: what it has not read is dropped. What tells the peer can still be
  // fetched.
  void close(Instant now);
  // The peer has begun anew, without us.
  void give_up(Instant now) { end(now, State::disconnected, Failure::replaced); }

  void on_sockets(Instant now, std::span<const Address> sockets);
  void on_resolved(Instant now, std::uint32_t id, std::span<const Address> addresses);
  void on_datagram(Instant now, const Route& route, MutableBytes datagram);
  void on_deadline(Instant now);

  void poll_transmit(Instant now, TxBatch& out);
  std::optional<datachannel::Message> read_message(Instant now);
  std::optional<AudioFrame> read_audio();
  std::optional<VideoFrame> read_video(Instant now);

  std::optional<Instant> next_deadline() const;
  State state() const { return state_; }
  // Nothing comes or goes any more.
  bool ended() const { return ended_; }
  // And that has been said: the messages that had come before have been read.
  bool over() const { return ended_ && !last_words_; }
  bool owes_ack() const { return data_ && !ended_ && data_->owes_ack(); }
  // The description that came last was refused: the peer has begun anew, without us.
  bool peer_has_rebuilt() const { return peer_has_rebuilt_; }
  bool described() const { return negotiation_.described(); }
  std::string_view local_description() const { return negotiation_.text(); }
  ice::CandidateText local_candidate(std::uint8_t index) const;
  std::string_view server_name(std::uint32_t id) const { return gathering_.server_name(id); }
  std::optional<std::string_view> channel_label(sctp::StreamId stream) const;
  // An association is there that both sides want.
  bool carries_data() const;
  // Until the end of the association was told.
  DataStats data_stats() const { return data_ && !data_->over() ? data_->stats() : DataStats{}; }
  std::optional<Route> paired() const;
  // As the last description has it; nothing where it is refused or not yet agreed on.
  const std::optional<NegotiatedAudio>& audio() const { return negotiation_.audio(); }
  const std::optional<NegotiatedVideo>& video() const { return negotiation_.video(); }
  void hash_state(StateHash& hash) const;

 private:
  Status apply(Instant now, const sdp::Remote& remote, Negotiation::Incoming kind);
  Status join_restart(Instant now, const RemotePath& remote, bool offered);
  Status renew_agent(Instant now);
  struct Track {  // of the peer, that we take
    bool heard = false;
    FixedString<16> mid;
  };
  struct Heard {  // states 13 to 16 follow it
    Track audio, video;
  };
  Heard hears() const;
  void tell_track(const Track& before, const Track& now, State added, State removed);
  void follow_media(Instant now, const sdp::Remote& remote, Heard before, bool had_data);
  bool carries_media() const;
  void advance(Instant now);
  void on_path_event(Instant now, SecurePath::Event event);
  void on_data_event(const DataSession::Event& event);
  void take_data_events(Instant now);
  void on_secured(Instant now);
  void begin_data(Instant now);
  void begin_media(Instant now);
  void tell_agreed_media();
  void tell_agreed_audio();
  void tell_agreed_video();
  void describe_when_ready(Instant now);
  void tell_candidates(Instant now);
  void on_no_address(Instant now);
  void tell_keyframe_wanted();
  void transmit_media(Instant now, TxBatch& out);
  void transmit_records(Instant now, TxBatch& out);
  void end(Instant now, State how, Failure why);
  void say(State state, Failure why = Failure::none);

  const SessionOptions& options_;
  ice::Role role_;
  const Dependencies& dependencies_;
  dtls::Identity& identity_;
  Outbox& outbox_;
  Env env_;
  SecurePath path_;
  Relays relays_;
  Negotiation negotiation_;
  Gathering gathering_;
  Owned<DataSession> data_;
  DataOptions data_options_;
  Owned<MediaSession> media_;
  std::optional<AudioOptions> told_audio_;
  std::optional<VideoOptions> told_video_;
  State state_ = State::new_connection;
  std::optional<StateChanged> last_words_;  // behind the messages that are not read yet
  bool has_data_ = false;                   // both sides want it
  bool data_again_ = false;                 // refused, and offered again
  bool remote_known_ = false, redescribe_ = false, closing_ = false, ended_ = false;
  bool peer_has_rebuilt_ = false;
  std::size_t told_candidates_ = 0;  // in the description or by events
  bool told_last_candidate_ = false;
  std::optional<Instant> reopen_at_;  // sockets, for an ICE restart
  bool offer_due_ = false;            // a further one of ours
  bool restart_later_ = false;        // the peer's offer comes first
};

}  // namespace esp_peer::peer
